// Package memory bounds what the rules of a process keep in memory together:
// messages on their way to the table, records that are not synced, batches. It
// is no allocator. Each user says what it uses, and asks what it may use: a
// part of what is left, so that the more there are the less each takes, and
// nobody waits for another. Nothing depends on having more: messages come back from
// disk, records are synced sooner. It imports nothing of ours.
package memory

import (
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
)

const (
	// Usual is how many bytes all rules have together unless the operator says
	// otherwise.
	Usual = 64 << 20

	least = 1 << 20
	most  = 1 << 40

	// parts is how small a part of what is left one user may have. With n of
	// them, all in need, each comes to Usual/(n+parts).
	parts = 16
)

// Setting is the environment variable that sets how many bytes all rules keep
// in memory together, as a number or as text such as 256MiB.
const Setting = "EKUIPER_MYSQL_MEMORY"

// Budget is how many bytes its users have together. Its methods may be called
// from any goroutine.
type Budget struct {
	limit int64
	used  atomic.Int64
}

// New returns a budget of limit bytes.
func New(limit int64) *Budget { return &Budget{limit: limit} }

// Use notes that somebody uses so many bytes more, or fewer if negative. It
// does not refuse: what somebody must have counts, and leaves less to others.
func (b *Budget) Use(bytes int64) { b.used.Add(bytes) }

// Share returns how many bytes one user may have in all, with what it uses already; 0 if
// all is spent.
func (b *Budget) Share() int64 { return max(b.limit-b.used.Load(), 0) / parts }

// Limit returns how many bytes all users should stay below.
func (b *Budget) Limit() int64 { return b.limit }

// Used returns how many bytes are in use.
func (b *Budget) Used() int64 { return b.used.Load() }

// units in which Setting may be given.
var units = []struct {
	name  string
	bytes int64
}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"", 1}}

// ParseLimit reads Setting's value; where it is empty, or an error, the limit
// is the usual one.
func ParseLimit(text string) (bytes int64, err error) {
	if text == "" {
		return Usual, nil
	}
	for _, u := range units {
		digits, ok := strings.CutSuffix(text, u.name)
		if !ok {
			continue
		}
		if n, err := strconv.ParseInt(strings.TrimSpace(digits), 10, 64); err == nil && n > 0 && n <= most/u.bytes && n*u.bytes >= least {
			return n * u.bytes, nil
		}
		break
	}
	return Usual, fmt.Errorf("environment variable %s: %q is not a number of bytes, 1MiB to 1024GiB, such as 256MiB: %dMiB is used", Setting, text, Usual>>20)
}
