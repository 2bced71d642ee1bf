// Package marker keeps one small record in a file, so that a SIGKILL does not
// undo what was stored last, at a cost of some ten nanoseconds. It never syncs:
// a power cut may take the record. It imports nothing of ours.
//
// The file has two slots that are written in turn, each with a number and a
// checksum, and a word that names the one stored last: a kill in the middle of a
// write leaves the record before. Damage leaves the last record or none, but
// never one that was replaced.
package marker

import (
	"errors"
	"fmt"
	"os"
	"sync"
)

// ErrClosed says that the file takes no more.
var ErrClosed = errors.New("the marker is closed")

// File is a marker. Its methods may be called from several goroutines; two
// Files of one path must not be used at a time.
type File struct {
	path string

	damaged bool // when it was opened

	mu     sync.Mutex
	area   area // nil when closed or given up
	closed bool
	number uint64
	last   []byte
	slot   [slotSize]byte
}

// area is where the slots are.
type area interface {
	// Commit puts b at the offset at and, where a kill may leave a part of that,
	// then the word at its own. A fault of the disk is an error.
	Commit(b []byte, at int, word uint32, wordAt int) error
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
	is := newest(b[:n])
	m.number, m.last, m.damaged = is.number, is.record, is.damage
	if !is.sound {
		// The space has to be there before the file is mapped: a hole that
		// finds the disk full would be a fault of memory.
		anew := make([]byte, fileSize)
		if m.last != nil {
			m.number += 2
			anew = image(m.number, m.last)
		}
		_, err = f.WriteAt(anew, 0)
	}
	if err == nil {
		m.area, err = newArea(f)
	}
	if err != nil {
		_ = f.Close()
	}
	return err
}

// Damaged tells whether the file had been harmed by something else than a kill
// when it was opened. Then Last is nil, whatever was stored.
func (m *File) Damaged() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.damaged
}

// Last returns the record that was stored last, or nil where there is none or
// it is not known. It is not to be written to.
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
	b := appendSlot(m.slot[:0], m.number, record)
	if err := m.area.Commit(b, int(m.number%2)*slotSize, word(m.number), wordAt); err != nil {
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
