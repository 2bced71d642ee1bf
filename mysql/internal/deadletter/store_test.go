package deadletter

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		os.Exit(child(dir))
	}
	goleak.VerifyTestMain(m)
}

func open(t testing.TB, o Options) *Store {
	t.Helper()
	s, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func put(t testing.TB, s *Store, letters ...Letter) {
	t.Helper()
	for _, l := range letters {
		if err := s.Put(context.Background(), l); err != nil {
			t.Fatal(err)
		}
	}
}

// all reads the letters and fails on any error.
func all(t testing.TB, r *Reader, filter Filter) (letters []Letter) {
	t.Helper()
	for l, err := range r.Letters(filter) {
		if err != nil {
			t.Fatal(err)
		}
		letters = append(letters, l)
	}
	return letters
}

func ids(letters []Letter) (all []uint64) {
	for _, l := range letters {
		all = append(all, l.ID)
	}
	return all
}

func letter(i int) Letter {
	return Letter{
		Time: time.Unix(int64(i), 5).UTC(), Accepted: time.Unix(1763000000+int64(i), 0).UTC(), Rule: "rule", Op: "op", Instance: -1, Table: "t", Column: "c", Number: 1062, SQLState: "23000",
		Class: "row", Text: "no", Place: Place{"journal", uint64(i), 7}, Raw: fmt.Appendf(nil, `{"a":%d}`, i), Size: len(fmt.Sprintf(`{"a":%d}`, i)),
	}
}

func TestLettersComeBackAsTheyWere(t *testing.T) {
	for name, every := range map[string]time.Duration{"at once": 0, "later": time.Hour, "never": -1} {
		t.Run(name, func(t *testing.T) {
			o := Options{Dir: t.TempDir(), FsyncEvery: every}
			s := open(t, o)
			want := []Letter{
				letter(1),
				{Time: time.Unix(0, 0).UTC()},
				{Time: time.Date(1969, 1, 1, 0, 0, 0, 0, time.UTC), Rule: "böse\x00\xff\n", Instance: 1 << 30, Number: 65535, Raw: []byte(frameMagic + "\x00\xff"), Place: Place{Record: 1<<64 - 1, Row: 1<<32 - 1}},
			}
			for i := range want {
				want[i].ID, want[i].Size = uint64(i+1), len(want[i].Raw)
				put(t, s, want[i])
			}
			for range 2 {
				got := all(t, s.Reader, Filter{})
				if diff := cmp.Diff(want, got, cmp.Transformer("raw", func(b []byte) string { return string(b) })); diff != "" {
					t.Fatal(diff)
				}
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
				s = open(t, o)
			}
			put(t, s, letter(9))
			if got := all(t, s.Reader, Filter{}); got[3].ID != 4 {
				t.Errorf("the next id is %d", got[3].ID)
			}
		})
	}
}

func TestTimeIsGiven(t *testing.T) {
	s := open(t, Options{Dir: t.TempDir()})
	before := time.Now()
	put(t, s, Letter{})
	if got := all(t, s.Reader, Filter{})[0].Time; got.Before(before.Truncate(0)) || got.After(time.Now()) {
		t.Errorf("time %v", got)
	}
}

func TestFilters(t *testing.T) {
	s := open(t, Options{Dir: t.TempDir(), SegmentBytes: 600})
	for i := range 20 {
		l := letter(i)
		l.Rule, l.Table, l.Number = fmt.Sprint("r", i%2), fmt.Sprint("t", i%3), uint16(1000+i%4)
		put(t, s, l)
	}
	for _, c := range []struct {
		name   string
		filter Filter
		want   []uint64
	}{
		{"ids", Filter{IDs: []uint64{17, 3, 99}}, []uint64{3, 17}},
		{"rule and table", Filter{Rule: "r1", Table: "t2"}, []uint64{6, 12, 18}},
		{"numbers", Filter{Numbers: []uint16{1003, 7}}, []uint64{4, 8, 12, 16, 20}},
		{"since and until", Filter{Since: time.Unix(4, 5), Until: time.Unix(6, 5)}, []uint64{5, 6}},
		{"none", Filter{Rule: "x"}, nil},
	} {
		if got := ids(all(t, s.Reader, c.filter)); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
	for _, l := range all(t, s.Reader, Filter{SkipRaw: true}) {
		if l.Raw != nil || l.Size == 0 {
			t.Errorf("raw %q, size %d", l.Raw, l.Size)
		}
	}
	counts, damaged, err := s.Count(Filter{Rule: "r0"})
	want := []Count{
		{"r0", 1000, 5, 37, time.Unix(0, 5).UTC(), time.Unix(16, 5).UTC()},
		{"r0", 1002, 5, 38, time.Unix(2, 5).UTC(), time.Unix(18, 5).UTC()},
	}
	if diff := cmp.Diff(want, counts); diff != "" || damaged != 0 || err != nil {
		t.Errorf("%v, %v\n%s", damaged, err, diff)
	}
	if l, err := s.Get(7); err != nil || l.ID != 7 || string(l.Raw) != `{"a":6}` {
		t.Errorf("got %+v, %v", l, err)
	}
	if _, err := s.Get(21); !errors.Is(err, ErrNotFound) {
		t.Errorf("error %v", err)
	}
}

func TestReaderStopsWhenToldTo(t *testing.T) {
	s := open(t, Options{Dir: t.TempDir()})
	put(t, s, letter(1), letter(2))
	for l, err := range s.Letters(Filter{}) {
		if l.ID != 1 || err != nil {
			t.Error(l.ID, err)
		}
		break
	}
}

func TestNoFolderHoldsNoLetters(t *testing.T) {
	if got := all(t, NewReader(filepath.Join(t.TempDir(), "absent"), nil), Filter{}); got != nil {
		t.Error(got)
	}
}

func TestOneWriterManyReaders(t *testing.T) {
	o := Options{Dir: t.TempDir()}
	s := open(t, o)
	put(t, s, letter(1))
	if _, err := Open(o); !errors.Is(err, ErrLocked) || !strings.Contains(err.Error(), o.Dir) {
		t.Fatalf("a second writer: %v", err)
	}
	beside := NewReader(o.Dir, nil)
	if got := ids(all(t, beside, Filter{})); !slices.Equal(got, []uint64{1}) {
		t.Fatal(got)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Errorf("the second close: %v", err)
	}
	if err := s.Put(context.Background(), letter(2)); !errors.Is(err, ErrClosed) {
		t.Errorf("put after close: %v", err)
	}
	open(t, o)
}

func TestFilesAreTheOwners(t *testing.T) {
	if os.PathSeparator == '\\' {
		return // Windows has no modes
	}
	dir := filepath.Join(t.TempDir(), "letters")
	s := open(t, Options{Dir: dir})
	put(t, s, letter(1))
	if err := s.Remove([]uint64{1}); err != nil {
		t.Fatal(err)
	}
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if want := map[bool]os.FileMode{true: 0o700, false: 0o600}[d.IsDir()]; err == nil && info.Mode().Perm() != want {
			t.Errorf("%s has mode %v", path, info.Mode())
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

func TestRemovedLettersAreGoneAndTheirSpaceIsFree(t *testing.T) {
	o := Options{Dir: t.TempDir(), SegmentBytes: 2000}
	s := open(t, o)
	for i := range 100 {
		put(t, s, letter(i))
	}
	full := s.Stats()
	if full.Letters != 100 {
		t.Fatalf("%+v", full)
	}
	var gone []uint64
	for id := uint64(1); id <= 100; id++ {
		if id%10 != 0 {
			gone = append(gone, id)
		}
	}
	if err := NewReader(o.Dir, nil).Remove(gone); err != nil { // another process
		t.Fatal(err)
	}
	want := []uint64{10, 20, 30, 40, 50, 60, 70, 80, 90, 100}
	if got := ids(all(t, s.Reader, Filter{})); !slices.Equal(got, want) {
		t.Fatal(got)
	}
	s = reopen(t, s, o) // tidies
	settle(t, s, func(st Stats) bool { return st.Letters == 10 && st.Bytes < full.Bytes/4 })
	if got := ids(all(t, s.Reader, Filter{})); !slices.Equal(got, want) {
		t.Fatal(got)
	}
	if err := s.Remove(want); err != nil {
		t.Fatal(err)
	}
	settle(t, s, func(st Stats) bool { return st.Letters == 0 && st.Bytes == fileHead })
	s = reopen(t, s, o)
	put(t, s, letter(1))
	if got := ids(all(t, s.Reader, Filter{})); !slices.Equal(got, []uint64{101}) {
		t.Errorf("ids are used again: %v", got)
	}
}

func reopen(t *testing.T, s *Store, o Options) *Store {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return open(t, o)
}

// settle waits until the writer has tidied up: its figures say so, and it
// works while we ask.
func settle(t *testing.T, s *Store, ok func(Stats) bool) {
	t.Helper()
	deadline := time.NewTimer(30 * time.Second)
	defer deadline.Stop()
	for !ok(s.Stats()) {
		select {
		case s.tidy <- struct{}{}:
		case <-deadline.C:
			t.Fatalf("%+v", s.Stats())
		}
	}
}

// TestFiguresKnowOfRemovalsByOthers: who asks for figures twice is not told of
// letters that another process has removed before.
func TestFiguresKnowOfRemovalsByOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		s, err := Open(Options{Dir: dir})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		put(t, s, letter(1), letter(2), letter(3))
		if err := NewReader(dir, nil).Remove([]uint64{1, 2}); err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		s.Stats()
		synctest.Wait()
		if n := s.Stats().Letters; n != 1 || !time.Now().Equal(start) {
			t.Errorf("%d letters after %v, want 1 at once", n, time.Since(start))
		}
	})
}

func TestDropOldestKeepsTheBound(t *testing.T) {
	var out lines
	s := open(t, Options{Dir: t.TempDir(), MaxBytes: leastMaxBytes, SegmentBytes: 8000, Full: DropOldest, Logger: &out})
	const n = 3000
	for i := range n {
		put(t, s, letter(i))
		if b := s.Stats().Bytes; b > leastMaxBytes {
			t.Fatalf("%d bytes", b)
		}
	}
	got := all(t, s.Reader, Filter{})
	st := s.Stats()
	if last := got[len(got)-1].ID; last != n || st.Letters+st.Dropped != n || st.Letters != uint64(len(got)) || st.Bytes < leastMaxBytes/2 {
		t.Errorf("last %d, %d read, %+v", last, len(got), st)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if len(out) == 0 || !strings.Contains(out[0], "were dropped") {
		t.Errorf("log %q", out)
	}
	if err := s.Put(context.Background(), Letter{Raw: make([]byte, leastMaxBytes)}); !errors.Is(err, ErrTooLarge) {
		t.Errorf("a letter larger than everything: %v", err)
	}
}

// TestLargestLetter: one is either kept, in the place of all others, or too
// large; none waits for room that there can never be.
func TestLargestLetter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, err := Open(Options{Dir: "d", FS: processOf(newSimDisk(1)), MaxBytes: leastMaxBytes, Full: DropOldest})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		kept, refused := 0, 0
		for size := leastMaxBytes - 160; size <= leastMaxBytes; size++ {
			ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
			switch err := s.Put(ctx, Letter{Raw: make([]byte, size)}); {
			case err == nil:
				kept++
			case errors.Is(err, ErrTooLarge):
				refused++
			default:
				t.Errorf("%d bytes: %v", size, err)
			}
			cancel()
		}
		if kept == 0 || refused == 0 {
			t.Errorf("%d kept, %d refused", kept, refused)
		}
	})
}

func TestBlockWaitsForRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newSimDisk(1)
		s, err := Open(Options{Dir: "d", FS: processOf(m), MaxBytes: leastMaxBytes, SegmentBytes: 1 << 20, Full: Block})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		big := Letter{Raw: make([]byte, 60_000)}
		put(t, s, big, big)
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		start := time.Now()
		if err := s.Put(ctx, big); !errors.Is(err, ErrFull) || time.Since(start) != time.Minute {
			t.Fatalf("%v after %v", err, time.Since(start))
		}
		result := make(chan error)
		go func() { result <- s.Put(context.Background(), big) }()
		synctest.Wait()
		start = time.Now()
		if err := NewReader("d", processOf(m)).Remove([]uint64{2}); err != nil { // another process, which wakes nobody
			t.Fatal(err)
		}
		if err := <-result; err != nil || time.Since(start) > roomCheck {
			t.Fatalf("%v after %v", err, time.Since(start))
		}
		if got := ids(all(t, s.Reader, Filter{})); !slices.Equal(got, []uint64{1, 3}) {
			t.Errorf("ids %v", got)
		}
		go func() { result <- s.Put(context.Background(), big) }()
		synctest.Wait()
		_ = s.Close()
		if err := <-result; !errors.Is(err, ErrClosed) {
			t.Errorf("a put that waits when the store closes: %v", err)
		}
	})
}

func TestHugeRow(t *testing.T) {
	for name, every := range map[string]time.Duration{"at once": 0, "later": time.Hour} {
		t.Run(name, func(t *testing.T) {
			o := Options{Dir: t.TempDir(), FsyncEvery: every}
			s := open(t, o)
			huge := letter(2)
			huge.Raw = make([]byte, 64<<20)
			huge.Raw[0], huge.Raw[len(huge.Raw)-1] = 1, 2
			put(t, s, letter(1), huge, letter(3))
			s = reopen(t, s, o)
			got := all(t, s.Reader, Filter{})
			if len(got) != 3 || !slices.Equal(got[1].Raw, huge.Raw) || got[2].ID != 3 {
				t.Fatalf("%v", ids(got))
			}
			if got := all(t, s.Reader, Filter{SkipRaw: true}); got[1].Size != len(huge.Raw) {
				t.Errorf("size %d", got[1].Size)
			}
		})
	}
}

func TestConcurrentPutsShareWork(t *testing.T) {
	o := Options{Dir: t.TempDir(), SegmentBytes: 4000}
	s := open(t, o)
	var all sync.WaitGroup
	for g := range 8 {
		all.Go(func() {
			for i := range 50 {
				if err := s.Put(context.Background(), letter(g*100+i)); err != nil {
					t.Error(err)
				}
				for range s.Letters(Filter{SkipRaw: true, IDs: []uint64{uint64(i)}}) {
				}
			}
		})
	}
	all.Wait()
	seen := map[uint64]bool{}
	for l, err := range reopen(t, s, o).Letters(Filter{}) {
		if err != nil || seen[l.Place.Record] {
			t.Fatal(l, err)
		}
		seen[l.Place.Record] = true
	}
	if len(seen) != 400 {
		t.Errorf("%d letters", len(seen))
	}
}

func TestDiskFullRefusesAndRecovers(t *testing.T) {
	for name, every := range map[string]time.Duration{"at once": 0, "later": time.Hour, "never": -1} {
		t.Run(name, func(t *testing.T) {
			var out lines
			m := newSimDisk(1)
			o := Options{Dir: "d", FS: processOf(m), FsyncEvery: every, Logger: &out}
			s := open(t, o)
			put(t, s, letter(1))
			m.Space(50)
			for range 3 {
				if err := s.Put(context.Background(), letter(2)); !errors.Is(err, syscall.ENOSPC) {
					t.Fatal(err)
				}
			}
			m.Space(-1)
			put(t, s, letter(3))
			if got := all(t, s.Reader, Filter{}); len(got) != 2 || got[1].Place.Record != 3 || got[1].ID != 2 {
				t.Errorf("%+v", got)
			}
			if st := s.Stats(); st.Letters != 2 {
				t.Errorf("%+v", st)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			if len(out) != 2 || !strings.Contains(out[0], "cannot be written") || !strings.Contains(out[1], "again") {
				t.Errorf("log %q", out)
			}
			if got := all(t, open(t, o).Reader, Filter{}); len(got) != 2 {
				t.Errorf("after opening again %v", ids(got))
			}
		})
	}
}
