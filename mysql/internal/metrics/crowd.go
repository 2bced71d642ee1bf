package metrics

import (
	"net"
	"sync"
)

// mostReaders is how many connections are served at a time. Each costs memory
// and a descriptor, which the rows need.
const mostReaders = 256

// crowd is a listener that lets so many in; others wait until one leaves.
type crowd struct {
	net.Listener
	places chan struct{}
	closed chan struct{}
	close  sync.Once
}

func newCrowd(l net.Listener, most int) *crowd {
	return &crowd{Listener: l, places: make(chan struct{}, most), closed: make(chan struct{})}
}

// Accept implements net.Listener.
func (c *crowd) Accept() (net.Conn, error) {
	select {
	case c.places <- struct{}{}:
	case <-c.closed:
		return nil, net.ErrClosed
	}
	conn, err := c.Listener.Accept()
	if err != nil {
		<-c.places
		return nil, err
	}
	return &reader{Conn: conn, leave: sync.OnceFunc(func() { <-c.places })}, nil
}

// Close implements net.Listener.
func (c *crowd) Close() error {
	c.close.Do(func() { close(c.closed) })
	return c.Listener.Close()
}

// reader is a connection of a crowd.
type reader struct {
	net.Conn
	leave func()
}

// Close implements net.Conn.
func (r *reader) Close() error {
	defer r.leave()
	return r.Conn.Close()
}
