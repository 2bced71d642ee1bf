package deadletter

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"
)

// CorruptError is a piece of a file that is no letter of ours: damaged, torn
// or foreign. Reading goes on behind it.
type CorruptError struct {
	File          string
	Offset, Bytes int64
}

func (e *CorruptError) Error() string {
	return fmt.Sprintf("%d bytes at offset %d of %s are damaged and were skipped", e.Bytes, e.Offset, e.File)
}

// ErrVersion says that a newer version of this program wrote the files.
var ErrVersion = errors.New("the dead letters were written by a newer version")

// window is how much of a file is read at once, in bytes.
const window = 64 << 10

// scanner reads frames of one file in order. It belongs to one goroutine.
type scanner struct {
	r    io.ReaderAt
	name string // for errors
	off  int64  // of the next frame
	end  int64  // nothing is read from here on
	// Ids of letters ascend, and those from below on belong to the next file.
	last, below uint64

	buf   []byte // the file from bufAt on
	bufAt int64
}

func newScanner(r io.ReaderAt, name string, end int64) *scanner {
	return &scanner{r: r, name: name, end: end, below: math.MaxUint64}
}

// frame is one record as read. Meta and raw are valid until the next call;
// raw is nil where it was not asked for.
type frame struct {
	head
	off       int64
	meta, raw []byte
}

// open checks the file's head and stands before the first frame. A head that
// is not ours is a piece like any other.
func (s *scanner) open() error {
	b, err := s.peek(0, fileHead)
	if err != nil {
		return err
	}
	version, ok := readFileHead(b)
	if ok && version > fileVersion {
		return fmt.Errorf("%w: %s has version %d", ErrVersion, s.name, version)
	}
	if ok {
		s.off = fileHead
	}
	return nil
}

// next returns the next frame, io.EOF behind the last, or a *CorruptError for
// a piece that it has skipped.
func (s *scanner) next(withRaw bool) (frame, error) {
	if s.off >= s.end {
		return frame{}, io.EOF
	}
	b, err := s.peek(s.off, frameHead)
	if err != nil {
		return frame{}, err
	}
	h, ok := readHead(b)
	if !ok || h.size() > s.end-s.off {
		return frame{}, s.skip()
	}
	f := frame{head: h, off: s.off}
	if h.kind == kindLetter {
		if h.id >= s.below {
			s.off = s.end
			return frame{}, io.EOF
		}
		if h.id <= s.last {
			return frame{}, s.pass(h.size())
		}
	}
	if f.meta, err = s.peek(s.off+frameHead, int(h.metaLen)); err != nil {
		return frame{}, err
	}
	if crc32.Checksum(f.meta, castagnoli) != h.crcMeta {
		return frame{}, s.pass(h.size())
	}
	if withRaw {
		f.meta = bytes.Clone(f.meta) // the window may move
		if f.raw, err = s.raw(s.off+frameHead+int64(h.metaLen), int(h.rawLen)); err != nil {
			return frame{}, err
		}
		if crc32.Checksum(f.raw, castagnoli) != h.crcData {
			return frame{}, s.pass(h.size())
		}
	}
	if h.kind == kindLetter {
		s.last = h.id
	}
	s.off += h.size()
	return f, nil
}

// pass goes n bytes on and reports them as damaged.
func (s *scanner) pass(n int64) error {
	e := &CorruptError{s.name, s.off, n}
	s.off += n
	return e
}

// skip goes on to the next head of a frame, or to the end.
func (s *scanner) skip() error {
	for at := s.off + 1; ; {
		b, err := s.peek(at, window/2)
		if err != nil {
			return err
		}
		if len(b) < len(frameMagic) {
			return s.pass(s.end - s.off)
		}
		i := bytes.Index(b, []byte(frameMagic))
		if i < 0 {
			at += int64(len(b) - len(frameMagic) + 1)
			continue
		}
		at += int64(i)
		if b, err = s.peek(at, frameHead); err != nil {
			return err
		}
		if h, ok := readHead(b); ok && h.size() <= s.end-at {
			return s.pass(at - s.off)
		}
		at++
	}
}

// peek returns up to n bytes at off, fewer where the file ends; they are valid
// until the next call.
func (s *scanner) peek(off int64, n int) ([]byte, error) {
	n = int(min(int64(n), max(s.end-off, 0)))
	if at := off - s.bufAt; at >= 0 && at+int64(n) <= int64(len(s.buf)) {
		return s.buf[at:][:n], nil
	}
	size := int(min(int64(max(n, window)), s.end-off))
	if cap(s.buf) < size {
		s.buf = make([]byte, size)
	}
	s.buf = s.buf[:size]
	if err := readFull(s.r, s.buf, off); err != nil {
		s.buf = s.buf[:0]
		return nil, fmt.Errorf("read %s: %w", s.name, err)
	}
	s.bufAt = off
	return s.buf[:n], nil
}

// raw returns n bytes at off that the caller may keep.
func (s *scanner) raw(off int64, n int) ([]byte, error) {
	if n <= window/2 {
		b, err := s.peek(off, n)
		return bytes.Clone(b), err
	}
	b := make([]byte, n)
	if err := readFull(s.r, b, off); err != nil {
		return nil, fmt.Errorf("read %s: %w", s.name, err)
	}
	return b, nil
}

func readFull(r io.ReaderAt, b []byte, off int64) error {
	n, err := r.ReadAt(b, off)
	if n == len(b) {
		return nil
	}
	if err == nil || err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// letter reads what the frame holds.
func (f *frame) letter() (Letter, error) {
	l := Letter{ID: f.id, Raw: f.raw, Size: int(f.rawLen)}
	return l, readMeta(f.meta, &l)
}

// wholeFrames reads s to its end and returns where the last whole frame ends.
// It calls damaged for each piece before that.
func wholeFrames(s *scanner, damaged func(*CorruptError)) (end int64, err error) {
	end = s.off
	for {
		_, err := s.next(true)
		var corrupt *CorruptError
		switch {
		case err == nil:
			end = s.off
		case errors.Is(err, io.EOF):
			return end, nil
		case !errors.As(err, &corrupt):
			return 0, err
		case s.off < s.end:
			damaged(corrupt)
		}
	}
}
