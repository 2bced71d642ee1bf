package journal

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

func TestInspect(t *testing.T) {
	d := open(t, Options{Identity: "rule a, table t", SegmentBytes: 2000, SyncEvery: time.Hour})
	for i := range 60 {
		if err := d.Append(t.Context(), message(i, 100), 1+i%3); err != nil {
			t.Fatal(err)
		}
	}
	var out []Message
	for {
		m, ok := d.Next()
		if !ok {
			break
		}
		out = append(out, m)
	}
	d.Settle(Stored, Span{0, 40})
	d.Settle(SetAside, Span{41, 42}, Span{44, 47})
	d.Settle(Dropped, Span{45, 50}) // 45 and 46 have their fate
	if err := d.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
	crash(d)
	d = open(t, d.o) // a second state file
	d.Settle(Superseded, Span{50, 51})

	var got []string
	in, err := Inspect(d.o.Dir, func(e Entry) error {
		want := out[e.Record]
		if string(e.Data) != string(want.Data) || e.First != want.First || e.Rows != want.Rows || time.Since(e.Accepted) > time.Hour {
			t.Errorf("%+v, want %+v", e, want)
		}
		if len(e.Pending) > 0 && e.First < 60 {
			got = append(got, fmt.Sprint(e.Pending))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"[{40 41}]", "[{42 43}]", "[{43 44}]", "[{51 54}]", "[{54 55}]", "[{55 57}]", "[{57 60}]"}
	if !slices.Equal(got[:len(want)], want) {
		t.Errorf("pending %v, want %v", got, want)
	}
	id := d.ID()
	if in.Identity != "rule a, table t" || in.ID != fmt.Sprintf("%x", id) || in.Closed || in.Unreadable != 0 || in.Segments == 0 {
		t.Errorf("%+v", in)
	}
	c := checkSums(t, d)
	if c.Received != 120 || c.Stored != 40 || c.SetAside != 4 || c.Dropped != 3 || c.Superseded != 1 {
		t.Errorf("%+v", c)
	}
	stop := errors.New("stop")
	if _, err := Inspect(d.o.Dir, func(Entry) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("got %v", err)
	}
	if _, err := Inspect(filepath.Join(d.o.Dir, "none"), nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}
