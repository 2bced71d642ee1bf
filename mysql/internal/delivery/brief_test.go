package delivery

import (
	"sync/atomic"
	"testing"
)

// TestFeederGivesWayToABriefRequest: it makes no row while the writer waits for
// an answer that comes at once, and goes on after it.
func TestFeederGivesWayToABriefRequest(t *testing.T) {
	var b brief
	b.giveWay() // nobody waits
	for range 1000 {
		var answered atomic.Bool
		asked, done := make(chan struct{}), make(chan struct{})
		b.begin()
		go func() {
			defer close(done)
			close(asked)
			b.giveWay()
			if !answered.Load() {
				t.Error("it went on before the answer")
			}
		}()
		<-asked
		answered.Store(true)
		b.end()
		<-done
	}
}
