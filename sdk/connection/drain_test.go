package connection

import (
	"testing"
	"time"
)

// A pause of the whole process is no time in which nothing came.
func TestPauseIsNotQuiet(t *testing.T) {
	const ms = time.Millisecond
	limits := DrainLimits{First: 50 * ms, Quiet: 100 * ms, Stall: 600 * ms, Usual: time.Second, Longer: 3 * time.Second}
	for name, s := range map[string]inletState{
		"no message":    {ever: true, open: 1, idle: true},
		"no connection": {idle: true},
		"a slow one":    {ever: true, open: 1},
	} {
		d := drainage{limits: limits}
		for range 2 { // what came before the pause, and the one sample after it
			if ended, _ := d.look(s, 900*ms); ended {
				t.Errorf("%s: ended after a pause", name)
			}
			d.seen += sample
		}
		samples := 0
		for ; ; samples++ {
			if ended, _ := d.look(s, 900*ms); ended {
				break
			}
			d.seen += sample
		}
		if seen := d.seen; seen != map[string]time.Duration{"no message": 100 * ms, "no connection": 60 * ms, "a slow one": 600 * ms}[name] {
			t.Errorf("%s: ended after samples of %v", name, seen)
		}
	}
}
