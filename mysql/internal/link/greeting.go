package link

import (
	"bytes"
	"net"
	"syscall"
)

// greeted is a connection whose first packet is looked at before the driver
// reads it: what answers may be something else than a server of MySQL's, to
// which the driver has no better answer than a panic or a minute's wait. What
// follows is bounded.
type greeted struct {
	transport
	head    []byte // of what was read; nil once it is known to be a greeting
	version string // the server's, of that greeting
	strange bool
	answers answers
	excess  error // why nothing more is read
}

// transport is what the driver needs of a connection: it looks whether an idle
// one was closed.
type transport interface {
	net.Conn
	syscall.Conn
}

// errNoGreeting says that who answers is no server. It is an error of the url:
// waiting does not mend it.
var errNoGreeting = &SettingError{"url", "what answers there does not speak MySQL's protocol; is it the right port? MySQL's own X Protocol, usually on port 33060, is another one"}

func greet(conn transport) *greeted { return &greeted{transport: conn, head: []byte{}} }

// Read implements net.Conn.
func (g *greeted) Read(b []byte) (int, error) {
	n, err := g.transport.Read(b)
	if g.head == nil {
		return g.followed(b[:n], err)
	}
	g.head = append(g.head, b[:n]...)
	switch greets(g.head) {
	case isGreeting:
		// What comes with it no server sends, but it is to be followed from its beginning.
		rest := g.head[packetHeader+lengthOf(g.head):]
		g.version, g.head = versionIn(g.head), nil
		if e := g.answers.follow(rest); e != nil {
			g.excess = e
			return 0, e
		}
	case noGreeting:
		g.strange = true
		return 0, errNoGreeting
	}
	return n, err
}

// followed bounds what was read after the greeting.
func (g *greeted) followed(b []byte, err error) (int, error) {
	if e := g.answers.follow(b); e != nil {
		g.excess = e
		return 0, e
	}
	return len(b), err
}

// Write implements net.Conn.
func (g *greeted) Write(b []byte) (int, error) {
	g.answers.asked(b)
	return g.transport.Write(b)
}

// lengthOf is the length that a packet's header tells.
func lengthOf(b []byte) int { return int(b[0]) | int(b[1])<<8 | int(b[2])<<16 }

// mostVersion bounds what is kept of a server's version, in bytes.
const mostVersion = 100

// versionIn is the server's version in a greeting, "" of an error that stands in its place.
func versionIn(greeting []byte) string {
	b := greeting[packetHeader:]
	if b[0] == 0xff {
		return ""
	}
	b = b[1:]
	if end := bytes.IndexByte(b, 0); end >= 0 {
		b = b[:end]
	}
	return string(b[:min(len(b), mostVersion)])
}

// greeting is what a connection's first bytes are.
type greeting uint8

const (
	halfGreeting greeting = iota // more is needed to tell
	isGreeting
	noGreeting
)

// Sizes of a greeting, in bytes.
const (
	packetHeader = 4
	mostGreeting = 64 << 10
	shortTail    = 4 + 8 + 1 + 2               // of before MySQL 4.1, behind the version
	longTail     = shortTail + 3 + 2 + 11 + 13 // of all since
)

// greets tells what the first bytes of a server are.
func greets(b []byte) greeting {
	if len(b) < packetHeader {
		return halfGreeting
	}
	length := lengthOf(b)
	if b[3] != 0 || length == 0 || length > mostGreeting { // packets are counted from 0
		return noGreeting
	}
	if len(b) < packetHeader+length {
		return halfGreeting
	}
	b = b[packetHeader : packetHeader+length]
	switch {
	case b[0] == 0xff: // an error: its number, and perhaps a state
		if len(b) < 4 || b[3] == '#' && len(b) < 9 {
			return noGreeting
		}
		return isGreeting
	case b[0] < 10: // an old server, of which the driver tells
		return isGreeting
	}
	end := bytes.IndexByte(b[1:], 0)
	if end < 0 {
		return noGreeting
	}
	if tail := len(b) - 1 - end - 1; tail != shortTail && tail < longTail {
		return noGreeting
	}
	return isGreeting
}
