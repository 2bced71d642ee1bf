// Package proxy is a TCP proxy for tests that makes a network fail on demand.
package proxy

import (
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"testing"
)

// Proxy forwards connections to a server, until told otherwise.
type Proxy struct {
	listener net.Listener
	upstream string
	wait     sync.WaitGroup
	end      chan struct{} // closed at the end: nothing waits any more
	sent     atomic.Int64  // bytes that clients have sent

	mu    sync.Mutex
	conns map[net.Conn]side
	hole  chan struct{} // not nil: what arrives is held back until it is closed
	slow  slowness
	trap  *trap // not nil: waits for a reply to lose
	ended bool
}

// side is whose connection one is.
type side bool

const (
	clients side = false
	servers side = true
)

// Start forwards a free port of the loopback to upstream until the test ends.
func Start(tb testing.TB, upstream string) *Proxy {
	tb.Helper()
	p, err := Run(upstream)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(p.Close)
	return p
}

// Run is Start for who has no test to hang a cleanup on: the caller calls
// Close.
func Run(upstream string) (*Proxy, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for a proxy: %w", err)
	}
	p := &Proxy{listener: listener, upstream: upstream, end: make(chan struct{}), conns: map[net.Conn]side{}}
	p.wait.Go(p.accept)
	return p, nil
}

// Addr is where the proxy listens, host:port.
func (p *Proxy) Addr() string { return p.listener.Addr().String() }

// Sent is how many bytes clients have sent to the server, over all connections.
func (p *Proxy) Sent() int64 { return p.sent.Load() }

// Cut ends every open connection.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		_ = c.Close()
	}
}

// BlackHole lets connections be, and passes nothing on, in neither direction.
func (p *Proxy) BlackHole() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.hole == nil {
		p.hole = make(chan struct{})
	}
}

// Pass ends a black hole: what was held back goes on.
func (p *Proxy) Pass() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.hole != nil {
		close(p.hole)
		p.hole = nil
	}
}

// Close ends every connection and the proxy. It is to be called once.
func (p *Proxy) Close() {
	p.mu.Lock()
	p.ended = true
	close(p.end)
	p.mu.Unlock()
	_ = p.listener.Close()
	p.Pass()
	p.Cut()
	p.wait.Wait()
}

func (p *Proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.wait.Go(func() { p.serve(client) })
	}
}

func (p *Proxy) serve(client net.Conn) {
	if !p.keep(client, clients) {
		return
	}
	defer p.drop(client)
	p.blocked()
	server, err := net.Dial("tcp", p.upstream)
	if err != nil || !p.keep(server, servers) {
		return
	}
	defer p.drop(server)
	var both sync.WaitGroup
	var t transaction
	both.Go(func() {
		p.pass(server, client, func(b []byte) bool {
			p.sent.Add(int64(len(b)))
			p.spring(&t, b)
			return true
		})
	})
	both.Go(func() { p.pass(client, server, func([]byte) bool { return !p.sprung(&t, client, server) }) })
	both.Wait()
}

// pass forwards what comes, piece by piece, while look agrees.
func (p *Proxy) pass(to, from net.Conn, look func([]byte) bool) {
	defer to.Close()
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		p.blocked()
		if n > 0 && (!look(buffer[:n]) || !p.write(to, buffer[:n])) {
			return
		}
		if err != nil {
			p.pause(p.slowness().closing)
			return
		}
	}
}

// blocked waits while there is a black hole.
func (p *Proxy) blocked() {
	p.mu.Lock()
	hole := p.hole
	p.mu.Unlock()
	if hole != nil {
		<-hole
	}
}

func (p *Proxy) keep(c net.Conn, s side) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended {
		_ = c.Close()
		return false
	}
	p.conns[c] = s
	return true
}

func (p *Proxy) drop(c net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.conns, c)
	_ = c.Close()
}
