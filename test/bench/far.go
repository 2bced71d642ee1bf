//go:build linux

package main

import (
	"net"
	"strings"
	"sync"
	"time"
)

// oneWay is how long a byte travels to the far server, and back.
const oneWay = 10 * time.Millisecond

// far makes the plugin's server one that is far away, on a fast line.
func (s *stage) far(more props) road {
	return func(rows int) (sample, error) {
		line, err := stretch(s.server.Addr(), oneWay)
		if err != nil {
			return sample{}, err
		}
		defer line.close()
		p := props{"url": strings.Replace(s.server.DSN("bench"), s.server.Addr(), line.listener.Addr().String(), 1)}
		for name, value := range more {
			p[name] = value
		}
		return s.plugin(100, p)(rows)
	}
}

// longLine delays what passes it, and nothing else: there is room for all that
// is under way.
type longLine struct {
	listener net.Listener
	to       string
	delay    time.Duration
	work     sync.WaitGroup

	mu     sync.Mutex
	ends   []net.Conn
	closed bool
}

func stretch(to string, delay time.Duration) (*longLine, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	l := &longLine{listener: listener, to: to, delay: delay}
	l.work.Go(l.serve)
	return l, nil
}

func (l *longLine) serve() {
	for {
		client, err := l.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", l.to)
		if err != nil {
			_ = client.Close()
			continue
		}
		l.mu.Lock()
		l.ends = append(l.ends, client, server)
		closed := l.closed
		l.mu.Unlock()
		if closed {
			_, _ = client.Close(), server.Close()
		}
		l.work.Go(func() { l.pass(server, client) })
		l.work.Go(func() { l.pass(client, server) })
	}
}

// parcel is what was read at once, and when it is to arrive.
type parcel struct {
	b   []byte
	due time.Time
}

func (l *longLine) pass(to, from net.Conn) {
	parcels := make(chan parcel, 1<<12)
	l.work.Go(func() {
		for p := range parcels {
			time.Sleep(time.Until(p.due))
			if _, err := to.Write(p.b); err != nil {
				_ = from.Close()
			}
		}
		_ = to.Close()
	})
	defer close(parcels)
	for {
		b := make([]byte, 64<<10)
		n, err := from.Read(b)
		if n > 0 {
			parcels <- parcel{b[:n], time.Now().Add(l.delay)}
		}
		if err != nil {
			return
		}
	}
}

func (l *longLine) close() {
	l.mu.Lock()
	l.closed = true
	for _, end := range l.ends {
		_ = end.Close()
	}
	l.mu.Unlock()
	_ = l.listener.Close()
	l.work.Wait()
}
