package journal

import (
	"math/rand/v2"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestBitRot flips bits, clears and cuts in the files of journals with and
// without summaries, between their lives. Whatever damage costs is counted:
// each row comes, or has its fate, or is lost, and comes as it was sent. A
// segment that is known to be damaged is kept.
func TestBitRot(t *testing.T) {
	var sum rotted
	for i := range numberOfRounds() {
		s := *seed + uint64(i)
		ok := t.Run(strconv.FormatUint(s, 10), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { rot(t, rand.New(rand.NewPCG(s, 9)), &sum) })
		})
		if !ok {
			t.Fatalf("again with: go test -run '%s$' -seed %d -rounds 1", t.Name(), s)
		}
	}
	t.Logf("%d rounds: %d rows, %d lost, of them %d found by reading; %d segments opened by their summaries, %d scanned",
		numberOfRounds(), sum.rows, sum.lost, sum.late, sum.summarised, sum.scanned)
}

type rotted struct {
	rows, lost, late    uint64
	summarised, scanned int
}

func rot(t *testing.T, rng *rand.Rand, sum *rotted) {
	fs := newSimFS(rand.New(rand.NewPCG(rng.Uint64(), 1)))
	log := &lines{}
	o := Options{Dir: "j", Identity: "rot", MaxBytes: 1 << 20, SegmentBytes: 500 + rng.Int64N(1500), CacheBytes: 1, SyncEvery: time.Second, FS: fs, Log: log, linger: -1}
	texts := map[uint64]string{} // by row
	fail := func(format string, args ...any) {
		t.Helper()
		t.Fatalf(format+"\nlog:\n%s", append(args, strings.Join(log.all, "\n"))...)
	}
	for range 3 {
		d, err := Open(o)
		if err != nil {
			fail("%v", err)
		}
		d.mu.Lock()
		sum.summarised, sum.scanned = sum.summarised+len(d.segments)-d.report.Scanned, sum.scanned+d.report.Scanned
		d.mu.Unlock()
		before := d.Counts().Lost
		readRot(t, rng, d, texts, fail)
		sum.late += d.Counts().Lost - before
		for range rng.IntN(60) {
			rows, next := 1+rng.IntN(3), d.NextRow()
			text := string(message(rng.Int(), 20+rng.IntN(200)))
			for i := range uint64(rows) {
				texts[next+i] = text // the newest may have been cut off, as by a kill: their numbers come again
			}
			if err := d.Append(t.Context(), []byte(text), rows); err != nil {
				fail("%v", err)
			}
		}
		if rng.IntN(2) == 0 {
			time.Sleep(2 * time.Second) // of the bubble: all is synced and summarised
		}
		if rng.IntN(3) == 0 {
			if err := d.Close(); err != nil {
				fail("%v", err)
			}
		}
		crash(d)
		harm(rng, fs)
		fs.Restart(false)
	}
	d, err := Open(o)
	if err != nil {
		fail("%v", err)
	}
	defer func() { _ = d.Close() }()
	for _, m := range readRot(t, rng, d, texts, fail) {
		d.Settle(Stored, one(m))
	}
	c := d.Counts()
	if c.Pending != 0 || c.Received != c.Stored+c.Lost {
		fail("%+v", c)
	}
	sum.rows, sum.lost = sum.rows+c.Received, sum.lost+c.Lost
}

// readRot reads everything and settles some of it.
func readRot(t *testing.T, rng *rand.Rand, d *Disk, texts map[uint64]string, fail func(string, ...any)) (out []Message) {
	t.Helper()
	pending := uint64(0)
	for {
		m, ok := d.Next()
		if !ok {
			break
		}
		out = append(out, m)
		for i := range m.Rows {
			row := m.First + uint64(i)
			if texts[row] != string(m.Data) {
				fail("row %d of message %d is %q, which nobody sent there", row, m.Record, m.Data)
			}
			if !m.Settled(i) {
				pending++
			}
		}
	}
	c := d.Counts()
	if c.Pending != pending || c.Received != c.Stored+c.Lost+c.Pending {
		fail("%d rows came; %+v", pending, c)
	}
	d.mu.Lock()
	for _, s := range d.segments {
		if s.damaged && s.summarised && int64(len(d.fs.(*simFS).Files()[s.path])) != s.size {
			fail("%s is damaged and keeps its summary", s.path)
		}
	}
	d.mu.Unlock()
	for _, m := range out {
		if rng.IntN(3) == 0 {
			d.Settle(Stored, one(m))
		}
	}
	return out
}

// harm damages some of the segments.
func harm(rng *rand.Rand, fs *simFS) {
	for path, data := range fs.Files() {
		if filepath.Ext(path) != segmentSuffix || len(data) == 0 || rng.IntN(4) > 0 {
			continue
		}
		at := rng.IntN(len(data))
		switch rng.IntN(5) {
		case 0:
			clear(data[at:min(len(data), at+1+rng.IntN(600))])
		case 1:
			data = data[:at]
		case 2:
			data = append(data[:at:at], data[min(len(data), at+1+rng.IntN(20)):]...)
		default:
			data[at] ^= 1 << rng.IntN(8)
		}
		fs.Put(path, data)
	}
}
