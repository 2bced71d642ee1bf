package journal

import (
	"bytes"
	"errors"
	"io"
	"os"
)

// windowSize is how much a scanner reads at once, in bytes.
const windowSize = 256 << 10

// scanner finds the records of one segment, one after the other, and goes on
// at the next valid one where something else stands between them. It holds one
// window of the file in memory, whatever the records' lengths claim.
type scanner struct {
	file io.ReaderAt
	salt uint32
	off  int64 // where the next record should begin
	end  int64 // what lies at end or beyond is not looked at

	// salvage reads what the disk refuses to give as zeros, sector by sector:
	// it costs the records there, not all.
	salvage bool

	window []byte
	start  int64 // offset of window in the file
}

// reset starts over at off in a file.
func (s *scanner) reset(file io.ReaderAt, salt uint32, off, end int64) {
	s.file, s.salt, s.off, s.end = file, salt, off, end
	s.window, s.start = s.window[:0], 0
}

// extend makes what was written since visible.
func (s *scanner) extend(end int64) { s.end = end }

// peek returns up to n bytes at off, at least one unless off is the end, or
// the error of reading them.
func (s *scanner) peek(off int64, n int) ([]byte, error) {
	n = int(min(int64(n), s.end-off))
	if n <= 0 {
		return nil, nil
	}
	if off < s.start || off+int64(n) > s.start+int64(len(s.window)) {
		if cap(s.window) == 0 {
			s.window = make([]byte, windowSize)
		}
		n = min(n, cap(s.window))
		w := s.window[:min(int64(cap(s.window)), s.end-off)]
		got, err := s.file.ReadAt(w, off)
		s.window, s.start = w[:got], off
		if got < n && err != nil && !errors.Is(err, io.EOF) {
			if !s.salvage || errors.Is(err, os.ErrClosed) {
				return nil, err
			}
			got = s.sectors(off, n)
		}
		n = min(n, got)
	}
	i := int(off - s.start)
	return s.window[i : i+n], nil
}

// sectors fills the window with n bytes from off, with zeros for what cannot be read.
func (s *scanner) sectors(off int64, n int) int {
	s.window = s.window[:n]
	for i := 0; i < n; {
		piece := s.window[i:min(n, i+4096-int((off+int64(i))%4096))]
		if _, err := s.file.ReadAt(piece, off+int64(i)); err != nil {
			clear(piece)
		}
		i += len(piece)
	}
	return n
}

// next returns the next valid record and where it begins. What lies between
// the former off and there is no record. Without one it returns io.EOF and
// leaves off where the last one ended; any other error is the disk's.
func (s *scanner) next() (r record, at int64, err error) {
	for at = s.off; ; at++ {
		if at, err = s.candidate(at); err != nil {
			return record{}, 0, err
		}
		head, err := s.peek(at, recordHead)
		if err != nil {
			return record{}, 0, err
		}
		r, ok := parseRecord(head, s.salt)
		if !ok || at+r.size() > s.end {
			continue
		}
		whole, err := s.verify(r, at)
		if err != nil {
			return record{}, 0, err
		}
		if whole {
			s.off = at + r.size()
			return r, at, nil
		}
	}
}

// candidate returns the offset of the first record magic at off or after it.
func (s *scanner) candidate(off int64) (int64, error) {
	for off+recordHead <= s.end {
		if b, err := s.peek(off, len(recordMagic)); err != nil || bytes.Equal(b, recordMagic[:]) {
			return off, err
		}
		b, err := s.peek(off, 4096)
		if err != nil {
			return 0, err
		}
		if len(b) < len(recordMagic) {
			break
		}
		if i := bytes.Index(b, recordMagic[:]); i >= 0 {
			return off + int64(i), nil
		}
		off += int64(len(b) - len(recordMagic) + 1)
	}
	return 0, io.EOF
}

// verify checks the data of the record at at.
func (s *scanner) verify(r record, at int64) (bool, error) {
	crc, left := s.salt, int64(r.length)
	for off := at + recordHead; left > 0; {
		b, err := s.peek(off, int(min(left, windowSize)))
		if err != nil || len(b) == 0 {
			return false, err
		}
		crc = update(crc, b)
		off, left = off+int64(len(b)), left-int64(len(b))
	}
	return crc == r.crc, nil
}

// data copies the data of the record at at, which next has just returned, to dst.
func (s *scanner) data(r record, at int64, dst []byte) error {
	from := at + recordHead
	if from >= s.start && from+int64(len(dst)) <= s.start+int64(len(s.window)) {
		copy(dst, s.window[from-s.start:])
		return nil
	}
	if _, err := s.file.ReadAt(dst, from); err != nil {
		return err
	}
	if checksum(s.salt, dst) != r.crc {
		return errors.New("the data changed while they were read")
	}
	return nil
}

// tornTail tells whether what lies between the last record and the end is the
// beginning of one: what a kill leaves of a write.
func (s *scanner) tornTail() bool {
	b, err := s.peek(s.off, recordHead)
	if err != nil || len(b) == 0 {
		return false
	}
	if len(b) < recordHead {
		return bytes.HasPrefix(b, recordMagic[:min(len(b), len(recordMagic))])
	}
	r, ok := parseRecord(b, s.salt)
	return ok && s.off+r.size() > s.end
}
