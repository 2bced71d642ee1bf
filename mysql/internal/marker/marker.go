// Package marker keeps one small record in a file, so that a SIGKILL does not
// undo what was stored last, at a cost of some ten nanoseconds. It never syncs:
// a power cut may take the record. It imports nothing of ours.
//
// The file has two slots that are written in turn, each with a number and a
// checksum: a kill in the middle of a write leaves the record before.
package marker

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"sync"
)

const (
	// MaxRecord is the largest record, in bytes.
	MaxRecord = 48
	slotHead  = 4 + 4 + 8 // checksum, length, number
	slotSize  = slotHead + MaxRecord
	fileSize  = 2 * slotSize
)

// ErrClosed says that the file takes no more.
var ErrClosed = errors.New("the marker is closed")

// File is a marker. Its methods may be called from several goroutines; two
// Files of one path must not be used at a time.
type File struct {
	path string

	mu     sync.Mutex
	area   area // nil when closed or given up
	closed bool
	number uint64
	last   []byte
	slot   [slotSize]byte
}

// area is where the slots are.
type area interface {
	// Store puts b at the offset; a fault of the disk is an error.
	Store(b []byte, at int) error
	Close() error
}

// Open opens the marker at path, or makes one.
func Open(path string) (*File, error) {
	m := &File{path: path}
	if err := m.open(); err != nil {
		return nil, fmt.Errorf("open marker %s: %w", path, err)
	}
	return m, nil
}

func (m *File) open() error {
	f, err := os.OpenFile(m.path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	var b [fileSize]byte
	n, _ := f.ReadAt(b[:], 0)
	m.number, m.last = 0, nil
	for at := 0; at+slotSize <= n; at += slotSize {
		if number, record, ok := parse(b[at : at+slotSize]); ok && number > m.number {
			m.number, m.last = number, record
		}
	}
	if m.last == nil || n < fileSize {
		// The space has to be there before the file is mapped: a hole that
		// finds the disk full would be a fault of memory.
		b = [fileSize]byte{}
		_, err = f.WriteAt(b[:], 0)
	}
	if err == nil {
		m.area, err = newArea(f)
	}
	if err != nil {
		_ = f.Close()
	}
	return err
}

func parse(b []byte) (number uint64, record []byte, ok bool) {
	n := binary.LittleEndian.Uint32(b[4:])
	if n > MaxRecord || binary.LittleEndian.Uint32(b) != crc32.ChecksumIEEE(b[4:slotHead+n]) {
		return 0, nil, false
	}
	return binary.LittleEndian.Uint64(b[8:]), append([]byte{}, b[slotHead:slotHead+n]...), true
}

// Last returns the record that was stored last, or nil. It is not to be written to.
func (m *File) Last() []byte {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.last
}

// Store puts a record in place of the last. Where that fails the file is
// removed, as what it holds is not true any more, and made anew by the next
// Store.
func (m *File) Store(record []byte) error {
	if len(record) > MaxRecord {
		return fmt.Errorf("marker %s: a record of %d bytes, at most %d", m.path, len(record), MaxRecord)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return ErrClosed
	}
	if m.area == nil {
		if err := m.open(); err != nil {
			return fmt.Errorf("open marker %s: %w", m.path, err)
		}
	}
	m.number++
	b := m.slot[:slotHead+len(record)]
	binary.LittleEndian.PutUint32(b[4:], uint32(len(record)))
	binary.LittleEndian.PutUint64(b[8:], m.number)
	copy(b[slotHead:], record)
	binary.LittleEndian.PutUint32(b, crc32.ChecksumIEEE(b[4:]))
	if err := m.area.Store(b, int(m.number%2)*slotSize); err != nil {
		_ = m.area.Close()
		m.area = nil
		if e := os.Remove(m.path); e != nil {
			err = errors.Join(err, e)
		}
		return fmt.Errorf("marker %s: %w", m.path, err)
	}
	m.last = append(m.last[:0], record...)
	return nil
}

// Close lets go of the file, which stays. Closing twice is fine.
func (m *File) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	if m.area == nil {
		return nil
	}
	err := m.area.Close()
	m.area = nil
	return err
}
