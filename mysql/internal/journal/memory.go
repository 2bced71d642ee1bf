package journal

import (
	"bytes"
	"context"
	"sync"
	"time"
)

// recordOverhead is what a message costs in memory beside its bytes, in bytes.
const recordOverhead = 64

type held struct {
	data  []byte // nil once it is handed out
	first uint64
	size  int32
	rows  int32
	nanos int64 // when it was accepted, Unix time
}

// Memory is a queue in memory, bounded in bytes: a restart of the process
// loses what is in it.
type Memory struct {
	ready chan struct{} // one slot: something to read

	mu       sync.Mutex
	maxBytes int64
	held     []held // held[head] has number first
	head     int
	first    uint64 // message
	next     uint64 // message that Next returns next
	row      uint64 // number of the next row
	bytes    int64
	settled  spanSet
	counts   [fates]uint64
	last     []byte
	any      bool          // there was a message
	changed  chan struct{} // made on demand, closed when there may be room, or at the end
	empty    chan struct{} // made on demand, closed when there are no messages
	closed   bool
}

// NewMemory returns a queue that holds up to maxBytes bytes of messages. One
// message larger than that is taken while the queue is empty.
func NewMemory(maxBytes int64) *Memory {
	return &Memory{maxBytes: maxBytes, ready: make(chan struct{}, 1)}
}

// Append implements Queue. While there is no room it waits.
func (m *Memory) Append(ctx context.Context, data []byte, rows int) error {
	if err := checkMessage(data, rows); err != nil {
		return err
	}
	for {
		changed, err := m.append(data, rows, false)
		if changed == nil {
			return err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ErrFull
		}
	}
}

// AppendAll implements Queue.
func (m *Memory) AppendAll(_ context.Context, all []Arrival) error {
	size := int64(0)
	for i := range all {
		if err := checkMessage(all[i].Data, all[i].Rows); err != nil {
			return err
		}
		size += int64(len(all[i].Data)) + recordOverhead
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return ErrClosed
	}
	if m.bytes+size > m.maxBytes {
		return ErrFull
	}
	for i := range all {
		m.put(all[i].Data, all[i].Rows)
	}
	return nil
}

// Force implements Queue.
func (m *Memory) Force(data []byte, rows int) error {
	if err := checkMessage(data, rows); err != nil {
		return err
	}
	_, err := m.append(data, rows, true)
	return err
}

// append takes data if there is room, or unbounded; otherwise it returns
// a channel that is closed when to try again.
func (m *Memory) append(data []byte, rows int, unbounded bool) (changed <-chan struct{}, err error) {
	size := int64(len(data)) + recordOverhead
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return nil, ErrClosed
	}
	if m.count() > 0 && m.bytes+size > m.maxBytes && !unbounded {
		if m.changed == nil {
			m.changed = make(chan struct{})
		}
		return m.changed, nil
	}
	m.put(data, rows)
	return nil, nil
}

// put adds a message. mu is held.
func (m *Memory) put(data []byte, rows int) {
	m.held = append(m.held, held{data: data, first: m.row, size: int32(len(data)), rows: int32(rows), nanos: time.Now().UnixNano()})
	m.bytes += int64(len(data)) + recordOverhead
	m.row += uint64(rows)
	m.last, m.any = data, true
	signal(m.ready)
}

func (m *Memory) count() int { return len(m.held) - m.head }

// signal fills a channel of one slot.
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
	m.wake()
}

// HasRoom implements Queue.
func (m *Memory) HasRoom(size int) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.count() == 0 || m.bytes+int64(size)+recordOverhead <= m.maxBytes
}

// IsLast implements Queue, for this run.
func (m *Memory) IsLast(data []byte) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.any && bytes.Equal(m.last, data)
}

// Next implements Queue.
func (m *Memory) Next() (Message, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	i := m.next - m.first
	if i >= uint64(m.count()) {
		return Message{}, false
	}
	h := &m.held[m.head+int(i)]
	message := Message{Record: m.next, First: h.first, Rows: int(h.rows), Data: h.data, seconds: uint32(h.nanos / int64(time.Second)), nanos: h.nanos}
	h.data = nil // the reader has it now
	m.next++
	return message, true
}

// Ready implements Queue.
func (m *Memory) Ready() <-chan struct{} { return m.ready }

// Settle implements Queue. Messages leave in order: one whose rows are all
// settled counts against the bound until those before it are.
func (m *Memory) Settle(fate Fate, spans ...Span) {
	if fate > Dropped {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, s := range spans {
		s.To = min(s.To, m.row)
		m.settled.add(s, func(part Span) { m.counts[fate] += part.To - part.From })
	}
	low, freed := m.settled.watermark(), false
	for m.count() > 0 && m.first < m.next && m.held[m.head].first+uint64(m.held[m.head].rows) <= low {
		m.bytes -= int64(m.held[m.head].size) + recordOverhead
		m.head++
		m.first++
		freed = true
	}
	if freed {
		m.afterFree()
	}
}

// afterFree tells who waits for room or the end. mu is held.
func (m *Memory) afterFree() {
	m.wake()
	if m.head > len(m.held)/2 { // move what is left to the front, at most once per message
		left := copy(m.held, m.held[m.head:])
		m.held, m.head = m.held[:left], 0
	}
	if m.count() == 0 && m.empty != nil {
		close(m.empty)
		m.empty = nil
	}
}

func (m *Memory) wake() {
	if m.changed != nil {
		close(m.changed)
		m.changed = nil
	}
}

// Counts implements Queue.
func (m *Memory) Counts() Counts {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := Counts{
		Received: m.row, Stored: m.counts[Stored], Superseded: m.counts[Superseded],
		SetAside: m.counts[SetAside], Dropped: m.counts[Dropped], PendingBytes: m.bytes,
	}
	c.Pending = c.Received - c.Stored - c.Superseded - c.SetAside - c.Dropped
	if m.count() > 0 {
		c.OldestPending = time.Unix(m.held[m.head].nanos/int64(time.Second), 0)
	}
	return c
}

// Empty implements Queue.
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

// Close implements Queue. What is in the queue stays readable; there is no error.
func (m *Memory) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	m.wake()
	return nil
}
