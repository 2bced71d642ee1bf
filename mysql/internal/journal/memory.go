// Package journal is the queue between eKuiper and the table: what it has
// accepted is delivered, in order, and leaves only when it is settled. This
// release keeps it in memory, bounded; a restart of the process loses it.
package journal

import (
	"context"
	"errors"
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
	ready chan struct{} // one slot: something to read
	room  chan struct{} // one slot: there may be room, or the end

	mu       sync.Mutex
	maxBytes int64
	records  []record // records[head] has position first
	head     int
	first    uint64
	next     uint64 // position that Next returns next
	bytes    int64
	rows     int
	empty    chan struct{} // made on demand, closed when there are no records
	closed   bool
}

// NewMemory returns a queue that holds up to maxBytes bytes of messages. One
// message larger than that is taken while the queue is empty.
func NewMemory(maxBytes int64) *Memory {
	return &Memory{maxBytes: maxBytes, ready: make(chan struct{}, 1), room: make(chan struct{}, 1)}
}

// Append takes data, which the caller must not touch again, as a message of
// rows rows. It waits for room until ctx is done and then returns ErrFull.
func (m *Memory) Append(ctx context.Context, data []byte, rows int) error {
	for {
		taken, err := m.append(data, rows, false)
		if taken || err != nil {
			return err
		}
		select {
		case <-m.room:
		case <-ctx.Done():
			return ErrFull
		}
	}
}

// Force is Append without a bound, for what has arrived and has nowhere else to go.
func (m *Memory) Force(data []byte, rows int) error {
	_, err := m.append(data, rows, true)
	return err
}

// append takes data if there is room, or unbounded.
func (m *Memory) append(data []byte, rows int, unbounded bool) (taken bool, err error) {
	size := int64(len(data)) + recordOverhead
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return false, ErrClosed
	}
	if m.count() > 0 && m.bytes+size > m.maxBytes && !unbounded {
		return false, nil
	}
	m.records = append(m.records, record{data, rows})
	m.bytes += size
	m.rows += rows
	signal(m.ready)
	return true, nil
}

func (m *Memory) count() int { return len(m.records) - m.head }

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// SetLimit changes how many bytes of messages the queue holds.
func (m *Memory) SetLimit(maxBytes int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.maxBytes = maxBytes
	signal(m.room)
}

// HasRoom tells whether Append would take a message of size bytes at once.
func (m *Memory) HasRoom(size int) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.count() == 0 || m.bytes+int64(size)+recordOverhead <= m.maxBytes
}

// Next returns the oldest message not returned before, or false.
func (m *Memory) Next() (position uint64, data []byte, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	i := m.next - m.first
	if i >= uint64(m.count()) {
		return 0, nil, false
	}
	position = m.next
	m.next++
	return position, m.records[m.head+int(i)].data, true
}

// Ready receives after an Append that Next has not been asked about since.
func (m *Memory) Ready() <-chan struct{} { return m.ready }

// Settle says that rows rows of the message at position need no more work.
// Messages leave in order: one whose rows are all settled waits for those before it.
func (m *Memory) Settle(position uint64, rows int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.records[m.head+int(position-m.first)].rows -= rows
	m.rows -= rows
	freed := false
	for m.count() > 0 && m.records[m.head].rows <= 0 && m.first < m.next {
		m.bytes -= int64(len(m.records[m.head].data)) + recordOverhead
		m.records[m.head] = record{}
		m.head++
		m.first++
		freed = true
	}
	if !freed {
		return
	}
	signal(m.room)
	if m.head > len(m.records)/2 { // move what is left to the front, at most once per record
		left := copy(m.records, m.records[m.head:])
		clear(m.records[left:])
		m.records, m.head = m.records[:left], 0
	}
	if m.count() == 0 && m.empty != nil {
		close(m.empty)
		m.empty = nil
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
	if m.count() == 0 {
		return closed
	}
	if m.empty == nil {
		m.empty = make(chan struct{})
	}
	return m.empty
}

var closed = func() chan struct{} { c := make(chan struct{}); close(c); return c }()

// Close refuses every further Append. What is in the queue stays readable.
func (m *Memory) Close() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	signal(m.room)
}
