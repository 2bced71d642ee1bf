package link

import (
	"fmt"

	"github.com/go-sql-driver/mysql"
)

// Bounds of what a server may answer. The driver believes what it is told: it
// takes memory for as many columns as are announced and joins packets for as
// long as they continue, which the Go runtime ends the process for.
const (
	mostColumns = 4096      // of a table, in every server
	mostJoined  = 256 << 20 // bytes of one row, which may come in several packets
	mostAnswer  = 1 << 30   // bytes in answer to one request
)

// ExcessError says that a server answers more than there can be. The
// connection is closed, and what became of the rows nobody knows.
type ExcessError struct{ problem string }

func (e *ExcessError) Error() string { return "the server's answer makes no sense: " + e.problem }

// Unwrap returns what the driver would have returned.
func (*ExcessError) Unwrap() error { return mysql.ErrMalformPkt }

// Excessive tells this error from others, for who knows no more of this package.
func (*ExcessError) Excessive() bool { return true }

// answers follows what passes over a connection, from the server's greeting on.
type answers struct {
	sum     int64 // bytes since the last request
	sealed  bool  // what passes is encrypted or compressed: its sum is all that is known
	squeeze bool  // it will be compressed from the first request on
	login   bool  // the first packet of ours has gone out

	opening bool // the next packet begins an answer
	head    [packetHeader]byte
	have    int    // bytes of head
	left    int    // bytes of the packet that are to come
	joined  int64  // bytes of the packets that this one continues, with it
	start   []byte // the first bytes of an opening packet that announces a number; nil otherwise
	space   [9]byte
}

// Capabilities that the first packet of ours tells of.
const (
	clientCompress = 1 << 5
	clientSSL      = 1 << 11
	sslRequest     = packetHeader + 32 // bytes, which no other first packet has
	mostPacket     = 1<<24 - 1
)

// asked notes what goes out: the driver writes each packet in one piece.
func (a *answers) asked(b []byte) {
	if len(b) <= packetHeader {
		return
	}
	if !a.login {
		a.login = true
		a.sealed = len(b) == sslRequest && b[packetHeader+1]&(clientSSL>>8) != 0
		a.squeeze = b[packetHeader]&clientCompress != 0
		return
	}
	if a.sealed {
		a.sum = 0
	} else if b[3] == 0 { // requests are counted from 0
		a.sum, a.opening, a.sealed = 0, true, a.squeeze
	}
}

// follow looks at what has come. An error is an *ExcessError.
func (a *answers) follow(b []byte) error {
	if a.sum += int64(len(b)); a.sum > mostAnswer {
		return &ExcessError{fmt.Sprintf("more than %d MiB to one request", mostAnswer>>20)}
	}
	for !a.sealed && len(b) > 0 {
		if a.left == 0 {
			n := copy(a.head[a.have:], b)
			a.have += n
			b = b[n:]
			if a.have == packetHeader {
				if err := a.begin(); err != nil {
					return err
				}
			}
			continue
		}
		n := min(a.left, len(b))
		if a.start != nil {
			if err := a.announced(b[:n]); err != nil {
				return err
			}
		}
		a.left -= n
		b = b[n:]
	}
	return nil
}

// begin notes a packet whose header is here.
func (a *answers) begin() error {
	a.have = 0
	length := lengthOf(a.head[:])
	a.left, a.start = length, nil
	if a.joined += int64(length); a.joined > mostJoined {
		return &ExcessError{fmt.Sprintf("a row of more than %d MiB", mostJoined>>20)}
	}
	if length < mostPacket { // it is the last of those that are joined
		a.joined = 0
	}
	if a.opening && length > 0 {
		a.opening, a.start = false, a.space[:0]
	}
	return nil
}

// announced reads the number of columns at the beginning of an answer, as soon
// as its bytes are here.
func (a *answers) announced(b []byte) error {
	a.start = append(a.start, b[:min(len(b), cap(a.start)-len(a.start))]...)
	size := 0
	switch a.start[0] {
	case 0xfc:
		size = 2
	case 0xfd:
		size = 3
	case 0xfe:
		size = 8
	}
	if size == 0 { // below 251, or no number: the end, an error, a file that is asked for
		a.start = nil
		return nil
	}
	if len(a.start) <= size && a.left > len(b) {
		return nil
	}
	columns := uint64(0)
	for i, c := range a.start[1:min(len(a.start), 1+size)] {
		columns |= uint64(c) << (8 * i)
	}
	a.start = nil
	if columns > mostColumns {
		return &ExcessError{fmt.Sprintf("%d columns", columns)}
	}
	return nil
}
