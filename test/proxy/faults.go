package proxy

import (
	"bytes"
	"net"
	"sync"
	"time"
)

// slowness is how much slower than the network the proxy is.
type slowness struct {
	latency time.Duration // before each piece, in each direction
	rate    int           // bytes per second in each direction and connection, 0: no bound
	closing time.Duration // before the end of one side is passed on
}

// Slow makes the proxy slow: each piece is held for latency, no more than rate
// bytes per second pass in a direction (0: no bound), and the end of a
// connection is told to the other side after closing. Zeros end it.
func (p *Proxy) Slow(latency time.Duration, rate int, closing time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.slow = slowness{latency, rate, closing}
}

func (p *Proxy) slowness() slowness {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.slow
}

// write writes b as fast as the proxy now is.
func (p *Proxy) write(to net.Conn, b []byte) bool {
	p.pause(p.slowness().latency)
	for len(b) > 0 {
		n := len(b)
		rate := p.slowness().rate
		if rate > 0 {
			n = min(n, max(1, rate/50))
			p.pause(time.Duration(n) * time.Second / time.Duration(rate))
		}
		if _, err := to.Write(b[:n]); err != nil {
			return false
		}
		b = b[n:]
	}
	return true
}

// pause waits, unless the proxy ends.
func (p *Proxy) pause(d time.Duration) {
	if d <= 0 {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-p.end:
	}
}

// ResetClients ends every open connection so that the client gets a reset
// (RST), and the server an ordinary end.
func (p *Proxy) ResetClients() { p.reset(clients) }

// ResetServers ends every open connection so that the server gets a reset
// (RST), and the client an ordinary end.
func (p *Proxy) ResetServers() { p.reset(servers) }

func (p *Proxy) reset(hit side) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c, s := range p.conns {
		if s == hit {
			linger(c)
		}
		_ = c.Close()
	}
}

// linger makes the close of c a reset.
func linger(c net.Conn) {
	if tcp, ok := c.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
}

// trap waits for a piece that commits; sprung is closed when its reply is lost.
type trap struct{ sprung chan struct{} }

// transaction is what one connection is about, as the proxy sees it.
type transaction struct {
	mu    sync.Mutex
	open  bool  // begun, and neither committed nor rolled back
	holds bool  // each statement begins one
	by    *trap // not nil: the next reply is to be lost
}

// LoseCommit waits for a client to commit: by COMMIT, or by a prepared
// statement outside a transaction. The server does it and answers; the answer
// is lost and the client gets a reset. Then the returned channel is closed.
// One answer is lost for each call.
func (p *Proxy) LoseCommit() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.trap = &trap{make(chan struct{})}
	return p.trap.sprung
}

// Commands of the MySQL protocol, the byte after a packet's head.
const (
	comQuery   = 0x03
	comExecute = 0x17
)

// commits follows the transaction and tells whether piece ends it well.
func (t *transaction) commits(piece []byte) bool {
	if len(piece) < 5 || piece[3] != 0 { // not the first packet of a command
		return false
	}
	begins := func(text string) bool { return piece[4] == comQuery && bytes.HasPrefix(piece[5:], []byte(text)) }
	switch {
	case begins("START TRANSACTION"):
		t.open = true
	case begins("SET autocommit"):
		t.holds = begins("SET autocommit = 0")
	case begins("ROLLBACK"):
		t.open = false
	case begins("COMMIT"):
		t.open = false
		return true
	}
	return piece[4] == comExecute && !t.open && !t.holds
}

// spring looks at a piece from the client before the server gets it.
func (p *Proxy) spring(t *transaction, piece []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.commits(piece) {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	t.by, p.trap = p.trap, nil
}

// sprung tells whether the piece that came from the server is the reply to
// lose, and then ends both connections.
func (p *Proxy) sprung(t *transaction, client, server net.Conn) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.by == nil {
		return false
	}
	linger(client)
	_ = client.Close()
	_ = server.Close()
	close(t.by.sprung)
	t.by = nil
	return true
}
