package deadletter

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

func TestRecallRecognisesWhatWasPut(t *testing.T) {
	o := Options{Dir: t.TempDir()}
	s := open(t, o)
	for i := range 10 {
		put(t, s, letter(i))
	}
	other := letter(3)
	other.Place.Journal = "other"
	put(t, s, other)
	if err := s.Remove([]uint64{6}); err != nil { // purged before the row came again
		t.Fatal(err)
	}
	s = reopen(t, s, o)
	at := func(record uint64, row uint32) Place { return Place{"journal", record, row} }
	if s.Has(at(5, 7)) {
		t.Error("has a place of a journal that was not recalled")
	}
	s.Recall("journal", 5, 21)
	for i := range 10 {
		put(t, s, letter(20+i))
	}
	for p, want := range map[Place]bool{at(4, 7): false, at(5, 7): true, at(5, 6): false, at(9, 7): true, at(10, 7): false, at(20, 7): true, at(21, 7): false, {"other", 3, 7}: false} {
		if got := s.Has(p); got != want {
			t.Errorf("%v: %v", p, got)
		}
	}
	if n := len(s.recall["journal"].at); n != 6 {
		t.Errorf("%d places are remembered, want those of 5 to 9 and 20: more would come with each letter", n)
	}
}

// reads counts the segments that are opened to be read.
type reads struct {
	OS
	n *atomic.Int64
}

func (r reads) Open(name string, flag int) (File, error) {
	if flag == os.O_RDONLY && strings.HasSuffix(name, segmentEnd) {
		r.n.Add(1)
	}
	return r.OS.Open(name, flag)
}

// TestRecallOfManyJournals: all rules of a process may have rows that come again
// when it starts. Asking reads nothing, and the letters are read once for all.
func TestRecallOfManyJournals(t *testing.T) {
	n := &atomic.Int64{}
	s := open(t, Options{Dir: t.TempDir(), FS: reads{n: n}})
	name := func(i int) string { return fmt.Sprint("journal", i) }
	for i := range 100 {
		l := letter(i)
		l.Place.Journal = name(i % 50)
		put(t, s, l)
	}
	n.Store(0)
	for i := range 50 {
		s.Recall(name(i), 0, 1000)
	}
	if n.Load() != 0 {
		t.Errorf("%d files were read before anybody needed it", n.Load())
	}
	var all sync.WaitGroup
	for i := range 100 {
		all.Go(func() {
			if p := letter(i).Place; !s.Has(Place{name(i % 50), p.Record, p.Row}) || s.Has(Place{name((i + 1) % 50), p.Record, p.Row}) {
				t.Errorf("the places of %s are not known", name(i%50))
			}
		})
	}
	all.Wait()
	if n.Load() != 1 {
		t.Errorf("the one file was read %d times", n.Load())
	}
}

// TestRecallFails: it is told, once, and letters that cannot be read are not waited for.
func TestRecallFails(t *testing.T) {
	var out lines
	dir := t.TempDir()
	s := open(t, Options{Dir: dir, Logger: &out})
	put(t, s, letter(0), letter(1))
	if err := os.Mkdir(filepath.Join(dir, removalName), 0o700); err != nil {
		t.Fatal(err)
	}
	s.Recall("journal", 0, 10)
	if s.Has(letter(1).Place) || s.Has(letter(0).Place) || s.Recalled("journal") == nil {
		t.Error("what cannot be read is known")
	}
	if s.Recalled("other") != nil {
		t.Error("of a journal that was not asked for")
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if told := strings.Join(out, "\n"); strings.Count(told, "may be set aside again") != 1 {
		t.Errorf("log %q", out)
	}
}
