package fault

import (
	"maps"
	"slices"
	"testing"
)

// TestJudge: the judge must see what is missing; a harness that finds nothing
// proves nothing.
func TestJudge(t *testing.T) {
	all := func(except ...int64) map[int64]int {
		found := map[int64]int{}
		for id := range int64(100) {
			if !slices.Contains(except, id) {
				found[id] = 1
			}
		}
		return found
	}
	twice := all()
	twice[7] = 3
	for name, c := range map[string]struct {
		found   map[int64]int
		acks    bool
		crashes []crash
		want    judgement
	}{
		"all there":                    {all(), true, nil, judgement{rows: 100}},
		"one lost in spite of acks":    {all(40), true, []crash{{100, -1}}, judgement{rows: 100, lost: 1}},
		"copies":                       {twice, true, nil, judgement{rows: 100, copies: 2}},
		"lost without a crash":         {all(40, 41), false, nil, judgement{rows: 100, lost: 2}},
		"in flight":                    {all(40, 41), false, []crash{{60, 40}}, judgement{rows: 100, inFlight: 2}},
		"not where the journal ended":  {all(40, 41), false, []crash{{60, 39}}, judgement{rows: 100, lost: 2}},
		"after the successor was here": {all(40, 41), false, []crash{{41, 40}}, judgement{rows: 100, lost: 2}},
		"two pieces for one crash":     {all(40, 42), false, []crash{{60, -1}}, judgement{rows: 100, inFlight: 1, lost: 1}},
		"two pieces for two crashes":   {all(40, 50), false, []crash{{45, 40}, {60, 49}}, judgement{rows: 100, inFlight: 2}},
		"a crash that cost nothing":    {all(50), false, []crash{{45, 40}, {60, 50}}, judgement{rows: 100, inFlight: 1}},
		"an unknown end of journal":    {all(40), false, []crash{{60, -1}}, judgement{rows: 100, inFlight: 1}},
		"the end is missing":           {all(98, 99), false, []crash{{60, -1}}, judgement{rows: 100, lost: 2}},
	} {
		t.Run(name, func(t *testing.T) {
			var l ledger
			l.open()
			for range 20 {
				l.hand(5)
			}
			l.crashes = c.crashes
			got := l.judge(maps.Clone(c.found), c.acks, 0)
			if (got.why != "") != (c.want.lost > 0) {
				t.Errorf("the reason is %q", got.why)
			}
			if got.why = ""; got != c.want {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
		})
	}
}
