package journal

import (
	"context"
	"math/rand/v2"
	"testing"
	"testing/synctest"
)

// A sender whose message was not acknowledged before a kill sends it again, and
// is told at once that it is kept. From then on it must be, over power cuts
// too, wherever the kill has come.
func TestKeptMessageOfAKilledRunIsDurable(t *testing.T) {
	told := 0
	for kill, more := 1, true; more; kill++ {
		more = false
		for seed := range uint64(8) {
			synctest.Test(t, func(t *testing.T) {
				killed, kept := sendAgain(t, kill, seed)
				more = more || killed
				if kept {
					told++
				}
			})
		}
	}
	if told == 0 {
		t.Error("no kill came between writing and syncing: the test tested nothing")
	}
}

// sendAgain kills a run at the kill-th operation of its last append, and cuts
// the power when the next has said whether it knows the message.
func sendAgain(t *testing.T, kill int, seed uint64) (killed, kept bool) {
	t.Helper()
	message := []byte("the last")
	disk := newSimFS(rand.New(rand.NewPCG(seed, uint64(kill))))
	o := Options{Dir: "j", Identity: "i", MaxBytes: 1 << 20, FS: disk}
	d := mustOpen(t, o)
	if err := d.Append(t.Context(), []byte("before"), 1); err != nil {
		t.Fatal(err)
	}
	disk.Fuse(kill)
	ctx, cancel := context.WithCancel(t.Context())
	dead := disk.Dead()
	go func() { // a dead disk does not answer: nobody waits for it
		select {
		case <-dead:
			cancel()
		case <-ctx.Done():
		}
	}()
	_ = d.Append(ctx, message, 1)
	cancel()
	killed = disk.IsDead()
	crash(d)
	disk.Restart(false)

	d = mustOpen(t, o)
	kept = d.IsLast(message)
	disk.Fuse(1) // what comes next is too late
	crash(d)
	disk.Restart(true)
	if !kept {
		return killed, false
	}
	d = mustOpen(t, o)
	defer crash(d)
	for {
		m, ok := d.Next()
		if !ok {
			t.Fatalf("killed at %d, seed %d: the sender was told that the message is kept, and it is gone", kill, seed)
		}
		if string(m.Data) == string(message) {
			return killed, true
		}
	}
}

func mustOpen(t *testing.T, o Options) *Disk {
	t.Helper()
	d, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	return d
}
