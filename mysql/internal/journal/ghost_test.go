package journal

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"testing"
)

// namelessFS cannot sync names while it is told to.
type namelessFS struct {
	FS
	failing atomic.Bool
}

var errNames = errors.New("the names cannot be synced")

func (f *namelessFS) SyncDir(dir string) error {
	if f.failing.Load() {
		return errNames
	}
	return f.FS.SyncDir(dir)
}

// TestSegmentWithoutItsNameStaysAway: of a segment that was finished, but
// whose name was not synced, a power cut may leave the name. What it holds
// would then stand before what was rewritten later.
func TestSegmentWithoutItsNameStaysAway(t *testing.T) {
	for seed := range uint64(50) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			sim := newSimFS(rand.New(rand.NewPCG(seed, 1)))
			disk := &namelessFS{FS: sim}
			d, err := Open(Options{Dir: "j", Identity: "i", MaxBytes: 1 << 20, FS: disk})
			if err != nil {
				t.Fatal(err)
			}
			disk.failing.Store(true)
			_, err = d.buildSegment(position{7, 7}, header{end: 7}, func(s *segment, to File) error {
				_, err := to.WriteAt(make([]byte, 100), s.size)
				return err
			})
			if !errors.Is(err, errNames) {
				t.Fatal(err)
			}
			crash(d)
			sim.Restart(true)
			for name, data := range sim.Files() {
				if h, intact, _ := parseHeader(data); intact && h.end == 7 {
					t.Errorf("%s is back, %d bytes", name, len(data))
				}
			}
		})
	}
}
