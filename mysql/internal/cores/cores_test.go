package cores

import (
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// TestCoresFollowWhatIsUsed: one core while little is used, twice as many at
// each look while they are not enough, half as many once few are used for long.
// While a fifth of one is enough, it is background work.
func TestCoresFollowWhatIsUsed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var set []int
		background := false
		rate, spent, at := 0.1, time.Duration(0), time.Now()
		g := governor{
			most: 6,
			used: func() time.Duration {
				mu.Lock()
				defer mu.Unlock()
				spent += time.Duration(rate * float64(time.Since(at)))
				at = time.Now()
				return spent
			},
			set: func(n int) {
				mu.Lock()
				defer mu.Unlock()
				set = append(set, n)
			},
			setBackground: func(on bool) {
				mu.Lock()
				defer mu.Unlock()
				background = on
			},
		}
		stop, ended := make(chan struct{}), make(chan struct{})
		go func() { g.run(stop); close(ended) }()
		for _, step := range []struct {
			cores float64 // used
			looks int
			want  []int // are set
		}{
			{0.7, 100, []int{1}},
			{0.9, 1, []int{2}},
			{1.4, 100, nil},
			{1.9, 1, []int{4}},
			{5, 3, []int{6}},
			{1.9, 100, nil},
			{1, calm - 1, nil},
			{1.9, 1, nil}, // once more than few, and it begins anew
			{1, calm - 1, nil},
			{1, 1, []int{3}},
			{0, 2 * calm, []int{1}},
			{0, 1000, nil},
			{least, 1000, nil},
			{0.9, int(longest / every), []int{2}}, // noticed when it is looked at again
			{1.9, 1, []int{4}},
		} {
			mu.Lock()
			rate = step.cores
			mu.Unlock()
			time.Sleep(time.Duration(step.looks) * every) // of the bubble
			synctest.Wait()
			mu.Lock()
			if !slices.Equal(set, step.want) {
				t.Errorf("%d looks with %g cores used: %v are set, want %v", step.looks, step.cores, set, step.want)
			}
			if want := step.cores <= least; background != want {
				t.Errorf("%d looks with %g cores used: background work is %t", step.looks, step.cores, background)
			}
			set = nil
			mu.Unlock()
		}
		close(stop)
		<-ended
	})
}

// TestUsed: what is used is counted, upwards.
func TestUsed(t *testing.T) {
	before := used()
	after := before
	for after == before {
		after = used()
	}
	if after < before {
		t.Errorf("%v, and %v before", after, before)
	}
}
