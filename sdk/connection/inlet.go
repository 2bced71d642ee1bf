package connection

import (
	"errors"
	"io"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// Handler takes what arrives on an Inlet, one call at a time, in order per
// connection. While a call lasts nothing is read: the sender feels it.
type Handler interface {
	// Message takes one message. The bytes are the handler's own.
	Message(data []byte)
	// TooLarge tells of a message that was read past and thrown away.
	TooLarge(e *TooLargeError)
}

// Gatherer is a Handler that takes several messages in one call, where more
// than one has come already. Nothing waits for company.
type Gatherer interface {
	// Messages takes messages that came one after the other, at least two. The
	// bytes are the handler's own, the slice that holds them is not.
	Messages(batch [][]byte)
}

// Greeter is a Handler that is told of every new connection, before its
// first message.
type Greeter interface {
	// Connected must not block: the connection is not read before it returns.
	Connected()
}

// Inlet listens as PULL and hands each message to its handler.
type Inlet struct {
	ln    net.Listener
	limit int64
	log   *slog.Logger

	turn    chan struct{} // holds a token while the handler works, or is changed
	handler Handler       // read and changed in turn
	steps   atomic.Uint64 // messages begun and finished, for Drain
	done    chan struct{} // closed by Close

	mu      sync.Mutex
	pipes   map[*inPipe]struct{}
	ever    bool          // a peer has connected
	closed  bool          // deliver nothing more
	changed chan struct{} // closed and replaced when the above changes

	running sync.WaitGroup
}

// inPipe is a connection of the inlet.
type inPipe struct {
	conn  source
	busy  atomic.Bool // inside a message, or handing it over
	batch [][]byte    // what is being handed over; reused
}

const inletBuffer = 32 << 10

const (
	// leaving bounds the wait for a listener that holds the address: a former
	// process of the same plugin leaves within a tenth of a second of its end.
	leaving = 500 * time.Millisecond
	again   = 10 * time.Millisecond
)

// Listen opens an Inlet at url, once a former process has let go of it. limit
// is the largest message in bytes that the handler gets, 0 means any.
func Listen(url string, limit int64, log *slog.Logger, h Handler) (*Inlet, error) {
	ln, err := listen(url)
	for end := time.Now().Add(leaving); err != nil && inUse(err) && time.Now().Before(end); {
		<-time.After(again)
		ln, err = listen(url)
	}
	if err != nil {
		return nil, err
	}
	in := &Inlet{
		ln: ln, handler: h, limit: limit, log: log,
		turn: make(chan struct{}, 1), done: make(chan struct{}),
		pipes:   make(map[*inPipe]struct{}),
		changed: make(chan struct{}),
	}
	in.running.Add(1)
	go in.accept()
	return in, nil
}

// Close ends the inlet without draining. It does not wait for a handler that
// is at work, but none is called after it. Closing twice is fine.
func (in *Inlet) Close() {
	in.mu.Lock()
	if in.closed {
		in.mu.Unlock()
		return
	}
	in.closed = true
	close(in.done)
	for p := range in.pipes {
		_ = p.conn.Close()
	}
	in.signal()
	in.mu.Unlock()
	_ = in.ln.Close()
}

// Hold waits until the handler is not at work, at most for limit, and keeps
// it from being called until Resume. It reports whether that is so.
// Connections stay open meanwhile, and nothing is lost.
func (in *Inlet) Hold(limit time.Duration) bool {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case in.turn <- struct{}{}:
		return true
	case <-timer.C:
		return false
	}
}

// Resume ends a Hold: what follows goes to h.
func (in *Inlet) Resume(h Handler) {
	in.handler = h
	<-in.turn
}

// Wait returns after Close when the last handler has returned.
func (in *Inlet) Wait() { in.running.Wait() }

func (in *Inlet) accept() {
	defer in.running.Done()
	for told := false; ; {
		conn, err := in.ln.Accept()
		if err != nil {
			if in.isClosed() {
				return
			}
			if !told {
				told = true
				in.log.Error("cannot accept a connection of the host, and tries on", "error", err)
			}
			// Out of descriptors, most likely: it may pass.
			if in.pause(100 * time.Millisecond) {
				continue
			}
			return
		}
		told = false
		if err := vet(conn); err != nil {
			// Only between the making of a socket's file and its mode, where the
			// system has no way to do both at once.
			in.log.Warn("connection refused", "error", err)
			_ = conn.Close()
			continue
		}
		p := &inPipe{conn: plain{conn}}
		if !in.add(p) {
			_ = conn.Close()
			return
		}
		go in.serve(p, conn)
	}
}

func (in *Inlet) add(p *inPipe) bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.closed {
		return false
	}
	in.pipes[p] = struct{}{}
	in.ever = true
	in.running.Add(1)
	in.signal()
	return true
}

func (in *Inlet) serve(p *inPipe, conn net.Conn) {
	defer in.running.Done()
	defer func() {
		in.mu.Lock()
		_ = p.conn.Close()
		delete(in.pipes, p)
		in.signal()
		in.mu.Unlock()
	}()
	wire, err := greet(conn, protoPull, inletBuffer)
	if err == nil {
		in.greeted(p, wire)
	}
	for err == nil {
		err = in.one(p, wire)
	}
	if !errors.Is(err, io.EOF) && !in.isClosed() {
		in.log.Warn("connection of the host broke", "error", err)
	}
}

// greeted tells the handler of a new connection. Where it takes several messages
// at once, they may be read in rounds.
func (in *Inlet) greeted(p *inPipe, wire *pipe) {
	select {
	case in.turn <- struct{}{}:
		defer func() { <-in.turn }()
	case <-in.done:
		return
	}
	if _, ok := in.handler.(Gatherer); ok {
		in.mu.Lock()
		if !in.closed {
			p.conn = inRounds(wire.Conn)
			wire.source = p.conn
		}
		in.mu.Unlock()
	}
	if g, ok := in.handler.(Greeter); ok && !in.isClosed() {
		g.Connected()
	}
}

// one reads one message and hands it over, with those that have come with it
// where the handler takes several.
func (in *Inlet) one(p *inPipe, wire *pipe) error {
	size, err := wire.begin()
	if err != nil {
		return err
	}
	p.busy.Store(true)
	in.steps.Add(1)
	handed := 1
	defer func() {
		p.busy.Store(false)
		in.steps.Add(uint64(2*handed - 1)) // each of them begun and finished
	}()
	data, err := wire.body(size, in.limit)
	large := tooLarge(err)
	if err != nil && large == nil {
		return err
	}
	select {
	case in.turn <- struct{}{}:
		defer func() { <-in.turn }()
	case <-in.done:
	}
	if in.isClosed() {
		return ErrClosed
	}
	if large != nil {
		in.handler.TooLarge(large)
		return nil
	}
	handed = in.hand(p, wire, data)
	return nil
}

// hand gives the handler data, with all that has come after it where it takes
// that, and returns how many messages that were.
func (in *Inlet) hand(p *inPipe, wire *pipe, data []byte) int {
	g, gathers := in.handler.(Gatherer)
	if !gathers {
		in.handler.Message(data)
		return 1
	}
	more, several := wire.another(in.limit)
	if !several {
		p.conn.took(1)
		in.handler.Message(data)
		return 1
	}
	p.batch = append(p.batch[:0], data)
	for ; several; more, several = wire.another(in.limit) {
		p.batch = append(p.batch, more)
	}
	n := len(p.batch)
	p.conn.took(n)
	g.Messages(p.batch)
	clear(p.batch)
	return n
}

// tooLarge returns err if it is that.
func tooLarge(err error) *TooLargeError {
	if err == nil {
		return nil
	}
	var large *TooLargeError
	errors.As(err, &large)
	return large
}

func (in *Inlet) isClosed() bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.closed
}

// signal wakes Drain and pause. The caller holds mu.
func (in *Inlet) signal() {
	close(in.changed)
	in.changed = make(chan struct{})
}

// pause waits for d and reports whether the inlet is still open.
func (in *Inlet) pause(d time.Duration) bool {
	end := time.NewTimer(d)
	defer end.Stop()
	for {
		in.mu.Lock()
		closed, changed := in.closed, in.changed
		in.mu.Unlock()
		if closed {
			return false
		}
		select {
		case <-changed:
		case <-end.C:
			return true
		}
	}
}
