package delivery

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestCourtesy: the feeder gives way once for each so many rows while it keeps up,
// and not where it is behind.
func TestCourtesy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		given := 0
		d := New(testOptions, nil, emptyQueue{}, nil, quietMeter{}, &logged{}, &Health{})
		f := &feeder{Delivery: d, batch: &batch{}, courtesy: courtesy{giveWay: func() { given++ }}}
		came := time.Now().UnixNano()
		rows := func(n int) { // which are settled already: giving way is all that is left to do
			data := []byte("[" + strings.Repeat("{},", n-1) + "{}]")
			if err := f.message(t.Context(), Message{Data: data, Nanos: came, Settled: func(int) bool { return true }}); err != nil {
				t.Fatal(err)
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
