package connection

import (
	"encoding/binary"
	"fmt"
	"net"
	"sync"
)

// Requester dials as REQ: it sends a request and waits for its reply. One
// goroutine exchanges; Close may come from any.
//
// A request goes out once. (REQ as usually implemented repeats its last
// request after a minute without a reply, which on eKuiper's control socket
// answers the wrong command.)
type Requester struct {
	url   string
	limit int64

	mu     sync.Mutex
	conn   net.Conn
	closed bool

	wire *pipe // of conn; the exchanging goroutine's
	id   uint32
	out  Frames
}

const requesterBuffer = 4 << 10

// NewRequester returns a Requester that takes replies up to limit bytes, 0
// for any.
func NewRequester(url string, limit int64) *Requester {
	return &Requester{url: url, limit: limit}
}

// Dial connects, once, in place of an earlier connection.
func (r *Requester) Dial() error {
	conn, err := dial(r.url)
	if err != nil {
		return fmt.Errorf("dial %s: %w", r.url, err)
	}
	wire, err := greet(conn, protoReq, requesterBuffer)
	if err != nil {
		return fmt.Errorf("dial %s: %w", r.url, err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		_ = conn.Close()
		return ErrClosed
	}
	if r.conn != nil {
		_ = r.conn.Close()
	}
	r.conn, r.wire = conn, wire
	return nil
}

// Exchange sends a request and waits for its reply for as long as the
// connection lasts. After a *TooLargeError the next Exchange goes on;
// after any other error Dial must make a new connection.
func (r *Requester) Exchange(request []byte) ([]byte, error) {
	if r.wire == nil {
		return nil, ErrClosed
	}
	r.id++
	id := r.id | 1<<31 // the bit marks the end of the routing header
	r.out.Reset()
	r.out.Begin()
	_, _ = r.out.Write(binary.BigEndian.AppendUint32(nil, id))
	_, _ = r.out.Write(request)
	r.out.End(0)
	if _, err := r.wire.Write(r.out.buf); err != nil {
		return nil, fmt.Errorf("request to %s: %w", r.url, err)
	}
	for {
		size, err := r.wire.begin()
		if err != nil {
			return nil, fmt.Errorf("reply from %s: %w", r.url, err)
		}
		reply, err := r.wire.body(size, r.limit)
		if err != nil {
			// A message that was too large stands for the reply: no other
			// request is under way.
			return nil, fmt.Errorf("reply from %s: %w", r.url, err)
		}
		if len(reply) >= 4 && binary.BigEndian.Uint32(reply) == id {
			return reply[4:], nil
		}
	}
}

// Close ends the requester and aborts an Exchange. Closing twice is fine.
func (r *Requester) Close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	if r.conn != nil {
		_ = r.conn.Close()
	}
}
