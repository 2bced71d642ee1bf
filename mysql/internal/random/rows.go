package random

import (
	"crypto/sha256"
	"encoding/json"
	"math/rand/v2"
	"time"
)

// triesPerRow is how many rows may be drawn to find one that deduplicate
// allows.
const triesPerRow = 1000

// rows draws whole rows. Use by one goroutine.
type rows struct {
	record  record
	draw    *draw
	history *history
}

func newRows(set *settings, d *draw) *rows {
	return &rows{record: startRecord(set.fields), draw: d, history: newHistory(set.deduplicate)}
}

// next returns a row, or nil where triesPerRow drew nothing but duplicates.
func (r *rows) next() map[string]any {
	for range triesPerRow {
		r.draw.at = time.Time{}
		row := r.record.make(r.draw)
		if r.history.admit(row) {
			return row
		}
	}
	return nil
}

// draw is what values are made from: the random numbers and the row's time.
type draw struct {
	*rand.Rand
	clock func() time.Time
	at    time.Time // zero until a field of this row asked
}

// newDraw seeds the random numbers. Each instance of a stream with concurrency
// draws its own.
func newDraw(seed int64, instance int, clock func() time.Time) *draw {
	return &draw{Rand: rand.New(rand.NewPCG(uint64(seed), uint64(instance))), clock: clock}
}

// now returns the row's generation time in UTC, the same for all its fields.
func (d *draw) now() time.Time {
	if d.at.IsZero() {
		d.at = d.clock().UTC()
	}
	return d.at
}

// record makes objects: a row, or a nested one.
type record struct {
	names  []string
	values []value
}

func startRecord(fields []field) record {
	r := record{}
	for _, f := range fields {
		r.names = append(r.names, f.name)
		r.values = append(r.values, f.start())
	}
	return r
}

func (r *record) make(d *draw) map[string]any {
	row := make(map[string]any, len(r.names))
	for i, name := range r.names {
		row[name] = r.values[i](d)
	}
	return row
}

// digest stands for a row in the history. Two rows share one with a
// probability of 2^-128.
type digest [16]byte

// history remembers the rows sent. Its memory is about 60 bytes per row that
// it remembers, without bound where size is negative.
type history struct {
	size int // rows remembered: 0 none, below 0 all
	seen map[digest]struct{}
	ring []digest // the last size rows, oldest at next, once full
	next int
}

func newHistory(size int) *history {
	return &history{size: size, seen: map[digest]struct{}{}}
}

// admit tells whether row differs from those remembered, and remembers it.
func (h *history) admit(row map[string]any) bool {
	if h.size == 0 {
		return true
	}
	text, err := json.Marshal(row) // sorts the keys
	if err != nil {
		return true // no kind makes what JSON cannot hold
	}
	sum := sha256.Sum256(text)
	key := digest(sum[:16])
	if _, dup := h.seen[key]; dup {
		return false
	}
	h.seen[key] = struct{}{}
	switch {
	case h.size < 0:
	case len(h.ring) < h.size:
		h.ring = append(h.ring, key)
	default:
		delete(h.seen, h.ring[h.next])
		h.ring[h.next] = key
		h.next = (h.next + 1) % h.size
	}
	return true
}
