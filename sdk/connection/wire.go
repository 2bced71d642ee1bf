// Package connection speaks eKuiper's side of the plugin sockets: whole
// messages over unix sockets (named pipes on Windows), framed as nanomsg's
// "ipc" transport frames them, between the protocol pairs PUSH/PULL and
// REQ/REP.
//
// The framing is written here, not taken from a messaging library, for what
// the runtime promises about messages:
//   - Outlet.Send returns when the message is in the kernel, so that closing
//     afterwards cannot drop it; there is no queue in the process.
//   - Inlet sees the end of a connection only after every message that was
//     sent on it, so that a stop can drain.
//   - A message over the limit is read past without being held in memory, is
//     reported with its size, and the next message arrives as usual.
//   - Requester sends a request once and never again by itself.
//
// The package knows nothing of rules, symbols or commands.
package connection

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"time"
)

// A protocol number of the scalability protocols; its peer differs in the
// lowest bit.
type protocol uint16

const (
	protoReq  protocol = 48
	protoPush protocol = 80
	protoPull protocol = 81
)

func (p protocol) peer() protocol { return p ^ 1 }

const (
	// greeting is the length of what both ends send first.
	greeting = 8
	// header is the length of what precedes each message: the byte 1 and
	// the message's length, big endian.
	header = 9
	// greetWithin bounds the wait for the peer's greeting.
	greetWithin = 2 * time.Second
)

// ErrClosed is returned by operations on something already closed.
var ErrClosed = errors.New("connection closed")

// errFraming says that the peer does not speak the protocol.
var errFraming = errors.New("not a message header")

// TooLargeError reports a message over the limit. The message has been read
// past: the connection goes on with the next one.
type TooLargeError struct {
	Size, Limit int64 // bytes
}

func (e *TooLargeError) Error() string {
	return fmt.Sprintf("message of %d bytes exceeds the limit of %d", e.Size, e.Limit)
}

// pipe is one connection after the greeting. Reading and writing may happen
// at the same time, each from one goroutine.
type pipe struct {
	net.Conn
	stream
}

// greet exchanges greetings on a new connection and takes it over; it closes
// the connection when that fails. buffer is the read buffer's size in bytes.
func greet(conn net.Conn, self protocol, buffer int) (*pipe, error) {
	if err := exchangeGreetings(conn, self); err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("greet peer: %w", err)
	}
	return &pipe{conn, newStream(conn, buffer)}, nil
}

func exchangeGreetings(conn net.Conn, self protocol) error {
	if err := conn.SetDeadline(time.Now().Add(greetWithin)); err != nil {
		return err
	}
	hello := [greeting]byte{1: 'S', 2: 'P'}
	binary.BigEndian.PutUint16(hello[4:], uint16(self))
	if _, err := conn.Write(hello[:]); err != nil {
		return err
	}
	var got [greeting]byte
	if _, err := io.ReadFull(conn, got[:]); err != nil {
		return err
	}
	binary.BigEndian.PutUint16(hello[4:], uint16(self.peer()))
	if got != hello {
		return fmt.Errorf("unexpected greeting % x, want % x", got, hello)
	}
	return conn.SetDeadline(time.Time{})
}

// Frames is a reusable run of framed messages. The zero value is empty.
// Between Begin and End, Write appends to the message; Drop takes it back.
type Frames struct {
	buf  []byte
	ends []int
}

// Begin starts a message.
func (f *Frames) Begin() {
	f.buf = append(f.buf[:f.tail()], 1, 0, 0, 0, 0, 0, 0, 0, 0)
}

// Write appends to the message begun last.
func (f *Frames) Write(b []byte) (int, error) {
	f.buf = append(f.buf, b...)
	return len(b), nil
}

// End completes the message begun last, without the trim last bytes.
func (f *Frames) End(trim int) {
	start := f.tail()
	f.buf = f.buf[:len(f.buf)-trim]
	binary.BigEndian.PutUint64(f.buf[start+1:], uint64(len(f.buf)-start-header))
	f.ends = append(f.ends, len(f.buf))
}

// Drop takes back the message begun last.
func (f *Frames) Drop() { f.buf = f.buf[:f.tail()] }

// Add appends one whole message.
func (f *Frames) Add(data []byte) {
	f.Begin()
	f.buf = append(f.buf, data...)
	f.End(0)
}

// Reset empties f. A buffer that one huge message has grown is let go.
func (f *Frames) Reset() {
	const keep = 1 << 20
	if cap(f.buf) > keep {
		f.buf = nil
	}
	f.buf, f.ends = f.buf[:0], f.ends[:0]
}

// Len returns the number of complete messages.
func (f *Frames) Len() int { return len(f.ends) }

// Size returns the number of bytes, headers included.
func (f *Frames) Size() int { return len(f.buf) }

func (f *Frames) tail() int {
	if n := len(f.ends); n > 0 {
		return f.ends[n-1]
	}
	return 0
}

// whole returns the offset of the first message that is not wholly within
// the first n bytes: where to resume on a new connection.
func (f *Frames) whole(n int) int {
	start := 0
	for _, end := range f.ends {
		if end > n {
			break
		}
		start = end
	}
	return start
}
