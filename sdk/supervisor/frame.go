package supervisor

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// Kind tells what a message between supervisor and worker is.
type Kind byte

const (
	Order   Kind = 'o' // to the worker: a command of the host, as it came
	Again   Kind = 'a' // to the worker: a start that the host believes carried out, as it came
	End     Kind = 'e' // to the worker: stop everything in order, then exit
	Done    Kind = 'd' // from the worker: the order has been carried out
	Refused Kind = 'r' // from the worker: it has not, the body says why
)

// Message is what passes through the pipes. Its body is the receiver's own.
type Message struct {
	Kind Kind   // what it is
	Body []byte // what it means depends on the kind
}

const (
	// header is the length of what precedes each body: the kind and the
	// body's length, big endian.
	header = 5
	// maxBody is the largest body in bytes: commands hold configurations.
	maxBody = 1 << 30
)

var (
	errFraming = errors.New("not a message between supervisor and worker")
	errLarge   = fmt.Errorf("a message between supervisor and worker exceeds %d bytes", maxBody)
)

// Write writes one message in one write.
func Write(w io.Writer, m Message) error {
	if len(m.Body) > maxBody {
		return errLarge
	}
	frame := make([]byte, header, header+len(m.Body))
	frame[0] = byte(m.Kind)
	binary.BigEndian.PutUint32(frame[1:], uint32(len(m.Body)))
	_, err := w.Write(append(frame, m.Body...))
	return err
}

// Read reads one message. io.EOF means that the other side is gone.
func Read(r io.Reader) (Message, error) {
	var head [header]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return Message{}, err
	}
	m := Message{Kind: Kind(head[0])}
	switch m.Kind {
	case Order, Again, End, Done, Refused:
	default:
		return Message{}, fmt.Errorf("%w: % x", errFraming, head)
	}
	size := int64(binary.BigEndian.Uint32(head[1:]))
	if size > maxBody {
		return Message{}, errLarge
	}
	// The body's memory grows with what comes, not with what is announced.
	var body bytes.Buffer
	if n, err := io.CopyN(&body, r, size); n < size {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return Message{}, err
	}
	m.Body = body.Bytes()
	return m, nil
}
