package sink

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// TestWrongRowsAreFoundInFewStatements: halving costs two statements a level
// for one wrong row, and two a row where all are wrong.
func TestWrongRowsAreFoundInFewStatements(t *testing.T) {
	const rows, levels = 512, 9
	every := make([]int, rows)
	for i := range every {
		every[i] = i
	}
	for _, c := range []struct {
		name  string
		wrong []int
		most  int // statements
	}{
		{"none", nil, 1},
		{"one", []int{137}, 1 + 2*levels},
		{"the first and the last", []int{0, rows - 1}, 1 + 4*levels},
		{"all", every, 2*rows - 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBundle(t, "CREATE TABLE t (id BIGINT, x INT CHECK (x < 1000))")
			s := b.open(b.props("", "t"))
			b.collect(s, `{"id":-1,"x":1}`) // connects, and reads the columns
			b.settle(s)
			message := make([]string, rows)
			for i := range message {
				x := 1
				if slices.Contains(c.wrong, i) {
					x = 5000 // only the server's check knows
				}
				message[i] = fmt.Sprintf(`{"id":%d,"x":%d}`, i, x)
			}
			before := b.executed()
			b.collect(s, "["+strings.Join(message, ",")+"]")
			b.settle(s)
			if n := b.executed() - before; n > c.most {
				t.Errorf("%d statements, want %d at most", n, c.most)
			}
			b.wantFate(s, uint64(1+rows-len(c.wrong)), uint64(len(c.wrong)))
		})
	}
}
