package connection

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// stream reads framed messages. A message that has been received as a whole
// is handed out where it was received: small messages share one allocation,
// of the buffer's size, and none is copied. What was handed out is never
// written again, so a message lives as long as somebody holds it. A message
// of more than a quarter of the buffer that is not there as a whole gets
// memory of its own. Where more comes at once than a buffer holds the next is
// larger, so that one read, and one call of the handler, takes it.
type stream struct {
	source io.Reader
	least  int  // bytes of a buffer
	size   int  // of the next one: up to growth times as many
	most   int  // what one read has brought since the buffer was made
	filled bool // a larger buffer had taken more

	buf      []byte // nil until the first read
	kept     int    // bytes below are handed out
	from, to int    // received and not handed out
}

// growth is how much larger than at first a buffer may be.
const growth = 2

func newStream(source io.Reader, size int) stream {
	return stream{source: source, least: size, size: size}
}

// header returns the length of the message that begins at from, whose header
// has been received.
func (s *stream) header() (int64, error) {
	head := s.buf[s.from : s.from+header]
	size := int64(binary.BigEndian.Uint64(head[1:]))
	if head[0] != 1 || size < 0 {
		return 0, fmt.Errorf("%w: % x", errFraming, head)
	}
	return size, nil
}

// begin waits for the next message and returns its length in bytes. io.EOF
// means that the peer closed between messages.
func (s *stream) begin() (int64, error) {
	for s.to-s.from < header {
		if err := s.fill(); err != nil {
			if errors.Is(err, io.EOF) && s.to > s.from {
				return 0, io.ErrUnexpectedEOF
			}
			return 0, err
		}
	}
	size, err := s.header()
	if err == nil {
		s.from += header
	}
	return size, err
}

// body reads the message that begin announced. The bytes are the caller's. A
// message over limit (if positive) is read past and reported as a
// *TooLargeError.
func (s *stream) body(size, limit int64) ([]byte, error) {
	if limit > 0 && size > limit {
		if err := s.skip(size); err != nil {
			return nil, unexpected(err)
		}
		return nil, &TooLargeError{Size: size, Limit: limit}
	}
	for size > int64(s.to-s.from) {
		if size > int64(s.size/4) {
			// A larger buffer had taken it, or one that is not half used up.
			s.filled = s.filled || size <= int64(growth*s.least/4) || size <= int64(s.size/2) && s.kept >= s.size/2
			return s.own(size)
		}
		if err := s.fill(); err != nil {
			return nil, unexpected(err)
		}
	}
	return s.give(int(size)), nil
}

// another returns the next message if it has been received as a whole and is
// within limit (if positive). It waits for nothing.
func (s *stream) another(limit int64) ([]byte, bool) {
	if s.to-s.from < header {
		return nil, false
	}
	size, err := s.header()
	if err != nil || limit > 0 && size > limit || size > int64(s.to-s.from-header) {
		return nil, false
	}
	s.from += header
	return s.give(int(size)), true
}

// give hands out the next n bytes, which have been received.
func (s *stream) give(n int) []byte {
	b := s.buf[s.from : s.from+n : s.from+n]
	s.from += n
	s.kept = s.from
	return b
}

// own reads a message of size bytes into memory of its own.
func (s *stream) own(size int64) ([]byte, error) {
	data := make([]byte, size)
	n := copy(data, s.buf[s.from:s.to])
	s.from, s.to = s.kept, s.kept
	if _, err := io.ReadFull(s.source, data[n:]); err != nil {
		return nil, unexpected(err)
	}
	return data, nil
}

// skip reads past the next n bytes.
func (s *stream) skip(n int64) error {
	here := min(n, int64(s.to-s.from))
	s.from += int(here)
	if n == here {
		return nil
	}
	s.from, s.to = s.kept, s.kept
	_, err := io.CopyN(io.Discard, s.source, n-here)
	return err
}

// fill reads what there is, at least one byte. What is not handed out moves
// to a new buffer when the old one has no room for a read worth its call.
func (s *stream) fill() error {
	if s.from == s.to {
		s.from, s.to = s.kept, s.kept
	}
	enough := max(s.size/8, 1)
	if s.filled {
		enough = s.size / 2
	}
	if len(s.buf)-s.to < enough {
		s.renew()
	}
	for range 100 {
		room := len(s.buf) - s.to
		n, err := s.source.Read(s.buf[s.to:])
		s.to += n
		s.most = max(s.most, n)
		s.filled = s.filled || n == room && room >= len(s.buf)/2
		if n > 0 || err != nil {
			if n > 0 {
				err = nil // it comes again
			}
			return err
		}
	}
	return io.ErrNoProgress
}

// renew takes a new buffer: a larger one where a read had most of the old one to
// fill, and filled it, or a message was too large for it; a smaller one where all
// reads were small.
func (s *stream) renew() {
	switch {
	case s.filled:
		s.size = min(2*s.size, growth*s.least)
	case s.most < s.size/8:
		s.size = max(s.size/2, s.least)
	}
	s.most, s.filled = 0, false
	fresh := make([]byte, s.size)
	s.to = copy(fresh, s.buf[s.from:s.to])
	s.buf, s.kept, s.from = fresh, 0, 0
}

func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
