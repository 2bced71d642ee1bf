package deadletter

import (
	"fmt"
	"sync/atomic"
	"testing"
)

// slowFS holds the first sync that follows arm, and counts those after it.
type slowFS struct {
	FS
	armed   atomic.Bool
	syncing chan struct{} // receives when the held sync has begun
	proceed chan struct{}
	syncs   atomic.Int64
}

type slowFile struct {
	File
	fs *slowFS
}

func (s *slowFS) Open(name string, flag int) (File, error) {
	f, err := s.FS.Open(name, flag)
	if err != nil {
		return nil, err
	}
	return &slowFile{f, s}, nil
}

func (f *slowFile) Sync() error {
	if f.fs.armed.Swap(false) {
		f.fs.syncing <- struct{}{}
		<-f.fs.proceed
		f.fs.syncs.Store(0)
	}
	f.fs.syncs.Add(1)
	return f.File.Sync()
}

// TestSubmittedLettersShareASync: what is submitted while the disk is busy is
// kept in that order, and waits for one sync.
func TestSubmittedLettersShareASync(t *testing.T) {
	fs := &slowFS{FS: OS{}, syncing: make(chan struct{}), proceed: make(chan struct{})}
	s := open(t, Options{Dir: t.TempDir(), FS: fs})
	put(t, s, Letter{Rule: "r", Raw: []byte("first")}) // makes the segment
	fs.armed.Store(true)
	const letters = 200
	var kept []func() error
	for i := range letters {
		k, err := s.Submit(t.Context(), Letter{Rule: "r", Raw: fmt.Appendf(nil, "%d", i)})
		if err != nil {
			t.Fatal(err)
		}
		kept = append(kept, k)
		if i == 0 {
			<-fs.syncing
		}
	}
	close(fs.proceed)
	for _, k := range kept {
		if err := k(); err != nil {
			t.Fatal(err)
		}
	}
	for i, l := range all(t, s.Reader, Filter{})[1:] {
		if string(l.Raw) != fmt.Sprint(i) {
			t.Fatalf("letter %d is %s", i, l.Raw)
		}
	}
	if n := fs.syncs.Load(); n != 2 {
		t.Errorf("%d letters took %d syncs, want one for the first and one for the others", letters, n)
	}
}
