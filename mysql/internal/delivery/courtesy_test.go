package delivery

import (
	"testing"
	"testing/synctest"
	"time"
)

// TestCourtesy: the feeder gives way once for each so many rows while it keeps up,
// and not where it is behind.
func TestCourtesy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		given := 0
		c := courtesy{giveWay: func() { given++ }}
		came := time.Now().UnixNano()
		rows := func(n int) {
			for range n {
				c.row(came)
			}
		}
		for _, step := range []struct {
			rows int
			late time.Duration
			want int
		}{
			{courteous - 1, 0, 0},
			{1, 0, 1},
			{10 * courteous, 0, 10},
			{courteous, recent, 1},
			{10 * courteous, 1, 0}, // behind
		} {
			time.Sleep(step.late) // of the bubble
			given = 0
			if rows(step.rows); given != step.want {
				t.Errorf("%d rows, %v after they came: it gave way %d times, want %d", step.rows, time.Duration(time.Now().UnixNano()-came), given, step.want)
			}
		}
	})
}
