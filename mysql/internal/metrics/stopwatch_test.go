package metrics

import (
	"testing"
	"testing/synctest"
	"time"
)

// TestBlockedMeanwhile: a wait counts while it lasts, as through an outage in
// which the first message that found no room waits for hours.
func TestBlockedMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r Rule
		want := func(seconds float64) {
			t.Helper()
			if got := r.Snapshot().BlockedSeconds; got != seconds {
				t.Errorf("%v s, want %v", got, seconds)
			}
		}
		want(0)
		over := r.Block()
		time.Sleep(time.Hour)
		want(3600)
		other := r.Block()
		time.Sleep(time.Minute)
		want(3720)
		over()
		time.Sleep(time.Second)
		want(3721)
		other()
		time.Sleep(time.Hour)
		want(3721)
	})
}
