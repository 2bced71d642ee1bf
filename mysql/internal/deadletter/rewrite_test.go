package deadletter

import (
	"context"
	"syscall"
	"testing"
)

// unsyncedNames is a disk that makes no name durable.
type unsyncedNames struct{ simFS }

func (unsyncedNames) SyncDir(string) error { return syscall.EIO }

// A file that leaves removed letters out takes the place of the one that has
// all of them. Whenever a process is killed while that goes on, on a disk that
// fails to sync names or on a sound one, and whenever the power is cut while the
// next one begins, one of the two is there.
func TestARewrittenFileIsThereBeforeTheOldOneGoes(t *testing.T) {
	for _, sound := range []bool{true, false} {
		for kill := 1; ; kill++ {
			killed := false
			for cut := 1; ; cut++ {
				isCut := false
				for seed := range uint64(4) {
					var k bool
					k, isCut = rewriteOnce(t, sound, kill, cut, seed)
					killed = killed || k
				}
				if !isCut {
					break
				}
			}
			if !killed {
				break
			}
		}
	}
}

// rewriteOnce lets the kill-th operation of a process that rewrites a file be
// its last, and the cut-th of the next one be the machine's. It reports whether
// they came to so many.
func rewriteOnce(t *testing.T, sound bool, kill, cut int, seed uint64) (killed, isCut bool) {
	t.Helper()
	disk := newSimDisk(seed)
	o := Options{Dir: "d", MaxBytes: 1 << 30, SegmentBytes: 600, FS: processOf(disk)}
	s := mustOpen(t, o)
	const letters = 12
	var first []uint64
	for r := uint64(1); r <= letters; r++ {
		if err := s.Put(context.Background(), Letter{Place: Place{"j", r, 0}, Raw: make([]byte, 50)}); err != nil {
			t.Fatal(err)
		}
		if r <= 4 {
			first = append(first, r) // ids are given in this order
		}
	}
	if err := s.Reader.Remove(first); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	disk.Fuse(kill)
	fs := processOf(disk)
	o.FS = fs
	if !sound {
		o.FS = unsyncedNames{fs}
	}
	tidyOnce(o)
	killed = disk.IsDead()
	disk.Restart(false)

	disk.Fuse(cut)
	o.FS = processOf(disk)
	tidyOnce(o)
	isCut = disk.IsDead()
	disk.Restart(true)

	o.FS = processOf(disk)
	s = mustOpen(t, o)
	defer s.Close()
	seen := map[uint64]bool{}
	for l, err := range s.Letters(Filter{}) {
		if err != nil {
			t.Fatal(err)
		}
		seen[l.Place.Record] = true
	}
	for r := uint64(1); r <= letters; r++ {
		if seen[r] != (r > 4) {
			t.Fatalf("sound %v, killed at %d, cut at %d, seed %d: record %d is there: %v", sound, kill, cut, seed, r, seen[r])
		}
	}
	return killed, isCut
}

// tidyOnce opens and closes a store, which is when it tidies.
func tidyOnce(o Options) {
	if s, err := Open(o); err == nil {
		_ = s.Close()
	}
}

func mustOpen(t *testing.T, o Options) *Store {
	t.Helper()
	s, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// A power cut takes nothing that was acknowledged, also after a process was
// killed that had just given a file its name.
func TestPowerCutAfterAKill(t *testing.T) {
	for kill := 1; ; kill++ {
		killed := false
		for seed := range uint64(8) {
			disk := newSimDisk(seed)
			m := &machine{t: t, disk: disk, fates: map[uint64]fate{}, next: 1, sound: true, options: Options{Dir: "d", MaxBytes: 1 << 30, SegmentBytes: 600}}
			m.open()
			disk.Fuse(kill)
			for range 12 {
				m.put()
			}
			killed = killed || disk.IsDead()
			m.kill()
			m.put()
			m.cut()
			m.check()
			_ = m.store.Close()
		}
		if !killed {
			break
		}
	}
}
