// Package journal is the queue between eKuiper and the table: what it has
// accepted is delivered, in order, and leaves only when it is settled. This
// release keeps it in memory, bounded; a restart of the process loses it.
package journal

import (
	"context"
	"errors"
	"math"
	"sync"
)

// ErrFull says that the queue had no room in time: nothing of the message was kept.
var ErrFull = errors.New("the queue is full")

// ErrClosed says that the queue takes no more: nothing of the message was kept.
var ErrClosed = errors.New("the queue is closed")

// recordOverhead is what a record costs beside its bytes, in bytes.
const recordOverhead = 64

type record struct {
	data []byte
	rows int // not settled yet
}

// Memory is a bounded queue of messages in memory. Append may be called by
// one goroutine at a time, Next by another, everything else by any.
type Memory struct {
	maxBytes int64
	ready    chan struct{} // one slot: something to read

	mu      sync.Mutex
	records []record // records[0] has position first
	first   uint64
	next    uint64 // position that Next returns next
	bytes   int64
	rows    int
	room    chan struct{} // closed and remade whenever bytes shrink
	empty   chan struct{} // closed while there are no records
	closed  bool
}

// NewMemory returns a queue that holds up to maxBytes bytes of messages. One
// message larger than that is taken while the queue is empty.
func NewMemory(maxBytes int64) *Memory {
	m := &Memory{
		maxBytes: maxBytes, ready: make(chan struct{}, 1),
		room: make(chan struct{}), empty: make(chan struct{}),
	}
	close(m.empty)
	return m
}

// Append takes data, which the caller must not touch again, as a message of
// rows rows. It waits for room until ctx is done and then returns ErrFull.
func (m *Memory) Append(ctx context.Context, data []byte, rows int) error {
	for {
		room, err := m.append(data, rows, m.maxBytes)
		if room == nil {
			return err
		}
		select {
		case <-room:
		case <-ctx.Done():
			return ErrFull
		}
	}
}

// Force is Append without a bound, for what has arrived and has nowhere else to go.
func (m *Memory) Force(data []byte, rows int) error {
	_, err := m.append(data, rows, math.MaxInt64)
	return err
}

// append takes data if that leaves at most limit bytes; otherwise it returns
// the channel that tells of room.
func (m *Memory) append(data []byte, rows int, limit int64) (<-chan struct{}, error) {
	size := int64(len(data)) + recordOverhead
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return nil, ErrClosed
	}
	if len(m.records) > 0 && m.bytes+size > limit {
		return m.room, nil
	}
	if len(m.records) == 0 {
		m.empty = make(chan struct{})
	}
	m.records = append(m.records, record{data, rows})
	m.bytes += size
	m.rows += rows
	select {
	case m.ready <- struct{}{}:
	default:
	}
	return nil, nil
}

// HasRoom tells whether Append would take a message of size bytes at once.
func (m *Memory) HasRoom(size int) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.records) == 0 || m.bytes+int64(size)+recordOverhead <= m.maxBytes
}

// Next returns the oldest message not returned before, or false.
func (m *Memory) Next() (position uint64, data []byte, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	i := m.next - m.first
	if i >= uint64(len(m.records)) {
		return 0, nil, false
	}
	position = m.next
	m.next++
	return position, m.records[i].data, true
}

// Ready receives after an Append that Next has not been asked about since.
func (m *Memory) Ready() <-chan struct{} { return m.ready }

// Settle says that rows rows of the message at position need no more work.
// Messages leave in order: one whose rows are all settled waits for those before it.
func (m *Memory) Settle(position uint64, rows int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.records[position-m.first].rows -= rows
	m.rows -= rows
	n := 0
	for n < len(m.records) && m.records[n].rows <= 0 && m.first+uint64(n) < m.next {
		m.bytes -= int64(len(m.records[n].data)) + recordOverhead
		m.records[n] = record{}
		n++
	}
	if n == 0 {
		return
	}
	m.records = m.records[n:]
	m.first += uint64(n)
	close(m.room)
	m.room = make(chan struct{})
	if len(m.records) == 0 {
		m.records = nil
		close(m.empty)
	}
}

// Pending returns what is accepted and not settled: rows, and the bytes of
// the messages that hold them.
func (m *Memory) Pending() (rows int, bytes int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.rows, m.bytes
}

// Empty returns a channel that is closed once everything accepted so far is settled.
func (m *Memory) Empty() <-chan struct{} {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.empty
}

// Close refuses every further Append. What is in the queue stays readable.
func (m *Memory) Close() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return
	}
	m.closed = true
	close(m.room)
	m.room = make(chan struct{})
}
