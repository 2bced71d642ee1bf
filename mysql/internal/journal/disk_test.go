package journal

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// lines is a Logger that keeps what it is told.
type lines struct {
	mu  sync.Mutex
	all []string
}

func (l *lines) add(level, format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, level+" "+fmt.Sprintf(format, args...))
}

func (l *lines) Infof(format string, args ...any)  { l.add("info", format, args...) }
func (l *lines) Warnf(format string, args ...any)  { l.add("warn", format, args...) }
func (l *lines) Errorf(format string, args ...any) { l.add("error", format, args...) }

func (l *lines) count(level string) (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, s := range l.all {
		if strings.HasPrefix(s, level+" ") {
			n++
		}
	}
	return n
}

func (l *lines) contains(text string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Contains(strings.Join(l.all, "\n"), text)
}

// open opens a journal for one test, with small defaults, and closes it at its end.
func open(t testing.TB, o Options) *Disk {
	t.Helper()
	if o.Dir == "" {
		o.Dir = filepath.Join(t.TempDir(), "journal")
	}
	if o.MaxBytes == 0 {
		o.MaxBytes = 1 << 20
	}
	d, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	return d
}

// crash ends d as a kill would: nothing more is written, and the lock is free.
func crash(d *Disk) {
	d.mu.Lock()
	if d.closed {
		d.mu.Unlock()
		return
	}
	d.closed = true
	close(d.stop)
	d.wake()
	d.mu.Unlock()
	d.work.Wait()
	d.mu.Lock()
	defer d.mu.Unlock()
	for d.state.writing {
		d.idle.Wait()
	}
	for _, s := range d.segments {
		if s.file != nil {
			_ = s.file.Close()
			s.file = nil
		}
	}
	if d.state.file != nil {
		_ = d.state.file.Close()
		d.state.file = nil
	}
	d.finished = true
	d.endRound()
	_ = d.lock.Close()
}

func put(t testing.TB, q Queue, texts ...string) {
	t.Helper()
	for _, s := range texts {
		if err := q.Append(context.Background(), []byte(s), 1); err != nil {
			t.Fatal(err)
		}
	}
}

func take(t testing.TB, q Queue, want ...string) (got []Message) {
	t.Helper()
	for _, s := range want {
		m, ok := q.Next()
		if !ok || string(m.Data) != s {
			t.Fatalf("Next gave %q %v, want %q", m.Data, ok, s)
		}
		got = append(got, m)
	}
	return got
}

func takeNone(t testing.TB, q Queue) {
	t.Helper()
	if m, ok := q.Next(); ok {
		t.Fatalf("Next gave %q, want nothing", m.Data)
	}
}

// Counted is what rows Inspect, which shares no way with Disk, finds in dir.
func Counted(t testing.TB, dir string) Counts {
	t.Helper()
	in, err := Inspect(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	c := in.Counts
	if (c.PendingBytes > 0) != (c.Pending > in.Unreadable) || c.OldestPending.IsZero() != (c.Pending == in.Unreadable) {
		t.Errorf("the bytes or the age do not fit: %+v", in)
	}
	c.PendingBytes, c.DiskBytes, c.OldestPending = 0, 0, time.Time{}
	return c
}

// checkSums checks that every row has one fate or none, and that the files say the same.
func checkSums(t testing.TB, d *Disk) Counts {
	t.Helper()
	c := d.Counts()
	if c.Received != c.Stored+c.Superseded+c.SetAside+c.Dropped+c.Lost+c.Pending {
		t.Fatalf("the sums are wrong: %+v", c)
	}
	f := Counted(t, d.o.Dir)
	c.PendingBytes, c.DiskBytes, c.OldestPending = 0, 0, time.Time{}
	if f != c {
		t.Fatalf("files: %+v\njournal: %+v", f, c)
	}
	return c
}

// eventually waits for what another goroutine is about to do.
func eventually(t testing.TB, what string, done func() bool) {
	t.Helper()
	end := time.Now().Add(30 * time.Second)
	for !done() {
		if time.Now().After(end) {
			t.Fatalf("not within 30 s: %s", what)
		}
		time.Sleep(time.Millisecond) // polling, not synchronising
	}
}

func segmentFiles(t testing.TB, dir string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*"+segmentSuffix))
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestJournalComesBack(t *testing.T) {
	for _, end := range []struct {
		name string
		end  func(*Disk)
	}{{"closed", func(d *Disk) { _ = d.Close() }}, {"killed", crash}} {
		t.Run(end.name, func(t *testing.T) {
			d := open(t, Options{Identity: "rule a", SyncEvery: time.Hour})
			put(t, d, "a", "b", "c", "d")
			m := take(t, d, "a", "b", "c")
			d.Settle(Stored, one(m[0]))
			d.Settle(SetAside, one(m[2]))
			before := checkSums(t, d)
			id := d.ID()
			end.end(d)

			d = open(t, d.o)
			if got := checkSums(t, d); got != before {
				t.Errorf("counts are %+v, were %+v", got, before)
			}
			if d.ID() != id {
				t.Error("the journal has another id")
			}
			if !d.IsLast([]byte("d")) || d.IsLast([]byte("c")) {
				t.Error("the last message is not known")
			}
			m = take(t, d, "b", "d")
			takeNone(t, d)
			if m[0].Record != 1 || m[1].Record != 3 || !m[0].Replayed || !m[1].Replayed {
				t.Errorf("%+v", m)
			}
			put(t, d, "e")
			if m := take(t, d, "e"); m[0].Record != 4 || m[0].First != 4 || m[0].Replayed {
				t.Errorf("%+v", m[0])
			}
			d.Settle(Stored, Span{0, 99})
			<-d.Empty()
			_ = d.Close()

			d = open(t, d.o)
			takeNone(t, d)
			if c := checkSums(t, d); c.Received != 5 || c.Stored != 4 || c.SetAside != 1 {
				t.Errorf("%+v", c)
			}
			if !d.IsLast([]byte("e")) {
				t.Error("the last message is not known after its segment was freed")
			}
			eventually(t, "all segments are freed", func() bool { return len(segmentFiles(t, d.o.Dir)) == 0 })
		})
	}
}

func TestPartlySettledMessage(t *testing.T) {
	d := open(t, Options{})
	if err := d.Append(t.Context(), []byte("m"), 5); err != nil {
		t.Fatal(err)
	}
	take(t, d, "m")
	d.Settle(Stored, Span{1, 2}, Span{3, 5})
	crash(d)
	d = open(t, d.o)
	m := take(t, d, "m")[0]
	for i, want := range []bool{false, true, false, true, true} {
		if m.Settled(i) != want {
			t.Errorf("row %d: settled is %v", i, !want)
		}
	}
	checkSums(t, d)
}

func TestIdentityAndLock(t *testing.T) {
	d := open(t, Options{Identity: "a"})
	if _, err := Open(d.o); !errors.Is(err, ErrLocked) || !strings.Contains(err.Error(), d.o.Dir) {
		t.Errorf("opened twice: %v", err)
	}
	_ = d.Close()
	_ = d.Close()
	o := d.o
	o.Identity = "b"
	if _, err := Open(o); !errors.Is(err, ErrIdentity) || !strings.Contains(err.Error(), `"a"`) {
		t.Errorf("opened for another: %v", err)
	}
	in, err := Inspect(o.Dir, nil)
	if err != nil || in.Identity != "a" || !in.Closed {
		t.Errorf("%+v, %v", in, err)
	}
	open(t, d.o)
}

func TestFilesAreForTheOwnerAlone(t *testing.T) {
	d := open(t, Options{Dir: filepath.Join(t.TempDir(), "x", "y")})
	put(t, d, "a")
	modes := map[string]os.FileMode{filepath.Dir(d.o.Dir): 0o700, d.o.Dir: 0o700}
	files, _ := filepath.Glob(filepath.Join(d.o.Dir, "*"))
	for _, f := range files {
		modes[f] = 0o600
	}
	if len(files) < 3 {
		t.Fatalf("only %v", files)
	}
	for path, want := range modes {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != want && os.PathSeparator == '/' {
			t.Errorf("%s has mode %v", path, info.Mode())
		}
	}
}

func TestFolderThatCannotBeMade(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(file, "journal")
	_, err := Open(Options{Dir: dir, MaxBytes: 1})
	if err == nil || !strings.Contains(err.Error(), dir) || !strings.Contains(err.Error(), who()) {
		t.Errorf("got %v", err)
	}
}

// TestBacklog writes far more than the cache holds and reads it back, while a
// few rows wait.
func TestBacklog(t *testing.T) {
	d := open(t, Options{MaxBytes: 64 << 20, SegmentBytes: 256 << 10, CacheBytes: 32 << 10, SyncEvery: time.Hour})
	const n = 20_000
	text := func(i uint64) string { return fmt.Sprintf("message %d %0*d", i, i%300, i) }
	for i := range uint64(n) {
		put(t, d, text(i))
	}
	if len(d.cache) > 1000 {
		t.Errorf("%d messages in the cache", len(d.cache))
	}
	for i := range uint64(n) {
		m, ok := d.Next()
		if !ok || m.Record != i || string(m.Data) != text(i) {
			t.Fatalf("message %d: %+v, %v", i, m, ok)
		}
		if i%1000 != 999 {
			d.Settle(Stored, one(m))
		}
		if i%100 == 0 { // live ones beside
			put(t, d, text(n+i/100))
		}
	}
	checkSums(t, d)
	for i := uint64(n); ; i++ {
		m, ok := d.Next()
		if !ok {
			break
		}
		if string(m.Data) != text(i) {
			t.Fatalf("message %d: %+v", i, m)
		}
	}
	crash(d)
	d = open(t, d.o)
	for i := uint64(999); i < n; i += 1000 {
		take(t, d, text(i))
	}
	take(t, d, text(n))
}

// TestStuckRows keeps one row in a hundred waiting for ever: disk space must
// not grow with what passes, and after a kill just those rows come again.
func TestStuckRows(t *testing.T) {
	d := open(t, Options{MaxBytes: 1 << 20, SegmentBytes: 16 << 10, SyncEvery: time.Millisecond})
	var stuck []string
	for i := range 30_000 {
		s := fmt.Sprintf("message %090d", i)
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		if err := d.Append(ctx, []byte(s), 1); err != nil {
			t.Fatalf("message %d: %v, %+v", i, err, d.Counts())
		}
		cancel()
		m := take(t, d, s)[0]
		if i%100 == 7 {
			stuck = append(stuck, s)
			continue
		}
		d.Settle(Stored, one(m))
	}
	c := checkSums(t, d)
	if c.Pending != uint64(len(stuck)) {
		t.Errorf("%d rows pending, want %d", c.Pending, len(stuck))
	}
	eventually(t, "what is settled is freed", func() bool { return d.Counts().DiskBytes < 200<<10 })
	crash(d)
	d = open(t, d.o)
	if r := d.Recovered(); r.Lost != 0 || len(r.Damaged) != 0 {
		t.Errorf("%+v", r)
	}
	take(t, d, stuck...)
	takeNone(t, d)
}
