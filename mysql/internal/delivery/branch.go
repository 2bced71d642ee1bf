package delivery

import (
	"context"
	"sync"
	"time"
)

// branch is the rows of one table as its Delivery's queue. All but the
// constants is guarded by the Router's mu.
type branch struct {
	router   *Router
	delivery *Delivery
	ready    chan struct{} // one slot: there is a row

	waiting []Message      // not handed out yet
	sizes   map[uint64]int // of all rows that are not settled, by number
	bytes   int
	used    time.Time
	allowed bool   // the rule still lets rows choose it
	chunk   []byte // what the last rows are copied to: a message has rows of many tables, and would stay for the last of them
}

// chunkBytes is how much memory a row can hold that waits alone.
const chunkBytes = 16 << 10

// isFull tells whether the table has its share of the rows that wait.
func (b *branch) isFull(size int) bool {
	return len(b.sizes) >= maxParked || len(b.sizes) > 0 && b.bytes+size > maxParkedBytes
}

// put adds a row that was accepted at nanos. The router's mu is held.
func (b *branch) put(ref rowRef, nanos int64) {
	size := len(ref.raw)
	if size > cap(b.chunk)-len(b.chunk) {
		b.chunk = make([]byte, 0, max(size, min(chunkBytes, 2*cap(b.chunk), 8*size)))
	}
	from := len(b.chunk)
	b.chunk = append(b.chunk, ref.raw...)
	b.waiting = append(b.waiting, Message{First: ref.number, Data: b.chunk[from:len(b.chunk):len(b.chunk)], Accepted: ref.accepted, Nanos: nanos, Replayed: ref.replayed})
	b.sizes[ref.number] = size
	b.bytes += size
	b.used = time.Now()
	b.router.rows++
	b.router.bytes += size
	select {
	case b.ready <- struct{}{}:
	default:
	}
}

// takeBack returns the rows that were not handed out, which are the caller's
// then. The router's mu is held.
func (b *branch) takeBack() []Message {
	back := b.waiting
	b.waiting = nil
	for _, m := range back {
		b.drop(m.First)
	}
	return back
}

// drop forgets a row. The router's mu is held.
func (b *branch) drop(number uint64) {
	size, ok := b.sizes[number]
	if !ok {
		return
	}
	delete(b.sizes, number)
	b.bytes -= size
	b.router.rows--
	b.router.bytes -= size
}

// Next implements Queue.
func (b *branch) Next() (Message, bool) {
	b.router.mu.Lock()
	defer b.router.mu.Unlock()
	if len(b.waiting) == 0 {
		b.waiting = nil
		return Message{}, false
	}
	m := b.waiting[0]
	b.waiting[0] = Message{}
	b.waiting = b.waiting[1:]
	return m, true
}

// Ready implements Queue.
func (b *branch) Ready() <-chan struct{} { return b.ready }

// Settle implements Queue.
func (b *branch) Settle(fate Fate, from, to uint64) {
	b.router.fates.add(fate, from, to)
	b.router.mu.Lock()
	defer b.router.mu.Unlock()
	for n := from; n < to; n++ {
		b.drop(n)
	}
	if len(b.sizes) == 0 && cap(b.chunk) >= chunkBytes {
		b.sizes, b.chunk = map[uint64]int{}, nil // as small as they began
	}
	b.router.fewer.Broadcast()
}

// Settlement is a fate of the rows numbered From up to, not including, To.
type Settlement struct {
	Fate     Fate
	From, To uint64
}

// bulkQueue is a queue that takes many fates at once, which costs it less.
type bulkQueue interface{ SettleAll(all []Settlement) }

// fates gathers what tables settle meanwhile, since the rows of each lie apart.
type fates struct {
	queue Queue
	kick  chan struct{} // one slot

	mu    sync.Mutex
	news  []Settlement
	spare []Settlement
	order sync.Mutex // held while news are told
}

func (f *fates) add(fate Fate, from, to uint64) {
	f.mu.Lock()
	if n := len(f.news); n > 0 && f.news[n-1].Fate == fate && f.news[n-1].To == from {
		f.news[n-1].To = to
	} else {
		f.news = append(f.news, Settlement{fate, from, to})
	}
	f.mu.Unlock()
	select {
	case f.kick <- struct{}{}:
	default:
	}
}

func (f *fates) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-f.kick:
			f.flush()
		}
	}
}

func (f *fates) flush() {
	f.order.Lock()
	defer f.order.Unlock()
	f.mu.Lock()
	news := f.news
	f.news, f.spare = f.spare[:0], nil
	f.mu.Unlock()
	if all, ok := f.queue.(bulkQueue); ok && len(news) > 0 {
		all.SettleAll(news)
	} else {
		for _, s := range news {
			f.queue.Settle(s.Fate, s.From, s.To)
		}
	}
	if cap(news) <= maxRouted {
		f.mu.Lock()
		f.spare = news
		f.mu.Unlock()
	}
}
