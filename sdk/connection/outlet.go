package connection

import (
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"time"
)

// Outlet dials as PUSH and sends messages. A broken connection is dialled
// again. One goroutine sends; Close and Expire may come from any.
type Outlet struct {
	// Stranger, if set, is told of each dial that is ErrStranger. It is called
	// by who sends, and to be set before.
	Stranger func(error)

	url  string
	done chan struct{} // closed by Close
	last chan struct{} // closed by Expire

	mu      sync.Mutex
	conn    net.Conn // nil while not connected
	expires time.Time
	closed  bool

	bound time.Time // of TrySend's writes; the sender's own
}

const (
	redialFirst = 20 * time.Millisecond
	redialMost  = time.Second

	// tryWithin bounds a write of TrySend, from below: it may take twice as long,
	// and is tried so often.
	tryWithin = 250 * time.Millisecond
	tries     = 3
)

// NewOutlet returns an Outlet that will dial url when it is first used.
func NewOutlet(url string) *Outlet {
	return &Outlet{url: url, done: make(chan struct{}), last: make(chan struct{})}
}

// Send returns when all messages of f are in the kernel, so that they arrive
// even if the outlet is closed at once. It blocks while the peer does not
// read or is not there; it fails only after Close or Expire.
func (o *Outlet) Send(f *Frames) error {
	wait := redialFirst
	for from := 0; ; {
		conn, err := o.connect()
		if err == nil {
			if from, err = o.write(conn, f, from); err == nil {
				return nil
			}
			wait = redialFirst
		}
		if errors.Is(err, ErrClosed) || !o.sleep(wait) {
			return err
		}
		wait = min(2*wait, redialMost)
	}
}

// ErrUnread says that the peer listens and has not read for so long that the
// kernel takes no more.
var ErrUnread = errors.New("the peer does not read")

// TrySend is Send for when nobody may wait: it dials at most once, and fails
// where nobody listens, or with ErrUnread within 1.5 s.
func (o *Outlet) TrySend(f *Frames) error {
	from := 0
	conn, fresh, err := o.current()
	if err != nil {
		return err
	}
	if !fresh {
		if from, err = o.writeBounded(conn, f, from); err == nil || errors.Is(err, ErrUnread) {
			return err
		}
	}
	if conn, err = o.connect(); err != nil {
		return err
	}
	o.bound = time.Time{}
	_, err = o.writeBounded(conn, f, from)
	return err
}

// writeBounded is write with a bound, which is not set anew each time. Where the
// process stood still until it had passed nothing was tried, so one that has
// passed says little.
func (o *Outlet) writeBounded(conn net.Conn, f *Frames, from int) (int, error) {
	for try := 1; ; try++ {
		if now := time.Now(); try > 1 || o.bound.Sub(now) < tryWithin {
			o.bound = now.Add(2 * tryWithin)
			if err := conn.SetWriteDeadline(o.bound); err != nil {
				return from, err
			}
		}
		n, err := conn.Write(f.buf[from:])
		from += n
		late := errors.Is(err, os.ErrDeadlineExceeded)
		switch {
		case err == nil:
			return from, nil
		case !late:
			return o.broken(conn, f, from, err)
		case try == tries:
			return o.broken(conn, f, from, fmt.Errorf("%w: %w", ErrUnread, err))
		}
	}
}

// Connect dials once if there is no connection.
func (o *Outlet) Connect() error {
	_, err := o.connect()
	return err
}

// Connected reports whether there is a connection, as far as is known.
func (o *Outlet) Connected() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.conn != nil
}

// Expire lets a Send go on until t, but a connection that breaks from now on
// is not dialled again.
func (o *Outlet) Expire(t time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.expires.IsZero() {
		close(o.last)
	}
	o.expires = t
	if o.conn != nil {
		_ = o.conn.SetWriteDeadline(t)
	}
}

// Close ends the outlet and aborts a Send. Closing twice is fine.
func (o *Outlet) Close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed {
		return
	}
	o.closed = true
	close(o.done)
	if o.conn != nil {
		_ = o.conn.Close()
		o.conn = nil
	}
}

// current returns the connection, or fresh if there is none.
func (o *Outlet) current() (conn net.Conn, fresh bool, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed {
		return nil, false, ErrClosed
	}
	return o.conn, o.conn == nil, nil
}

func (o *Outlet) connect() (net.Conn, error) {
	conn, fresh, err := o.current()
	if err != nil || !fresh {
		return conn, err
	}
	if conn, err = dial(o.url); err != nil {
		if o.Stranger != nil && errors.Is(err, ErrStranger) {
			o.Stranger(err)
		}
		return nil, err
	}
	p, err := greet(conn, protoPush, 16)
	if err != nil {
		return nil, err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed {
		_ = p.Close()
		return nil, ErrClosed
	}
	o.conn = p.Conn
	return o.conn, o.conn.SetWriteDeadline(o.expires)
}

// write sends f from the offset on and returns where to resume.
func (o *Outlet) write(conn net.Conn, f *Frames, from int) (int, error) {
	n, err := conn.Write(f.buf[from:])
	if err == nil {
		return from + n, nil
	}
	return o.broken(conn, f, from+n, err)
}

// broken gives up the connection on which f was sent up to the offset sent, and
// returns where to resume, and why.
func (o *Outlet) broken(conn net.Conn, f *Frames, sent int, err error) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.conn == conn {
		_ = conn.Close()
		o.conn = nil
	}
	if o.closed {
		err = ErrClosed
	}
	return f.whole(sent), fmt.Errorf("send to %s: %w", o.url, err)
}

// sleep waits before the next dial and reports whether there may be one.
func (o *Outlet) sleep(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-o.done:
	case <-o.last:
	case <-timer.C:
		return true
	}
	return false
}
