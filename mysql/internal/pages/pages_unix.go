//go:build unix

package pages

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"sync/atomic"
	"syscall"
	"unsafe"
)

// Pages is a part of a file in memory.
type Pages struct{ memory []byte }

// Map maps size bytes of f from off on, which is a multiple of the system's
// page size. The file has to be as long, and can be closed.
func Map(f *os.File, off int64, size int) (*Pages, error) {
	memory, err := syscall.Mmap(int(f.Fd()), off, size, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
	if err != nil {
		return nil, fmt.Errorf("map: %w", err)
	}
	return &Pages{memory}, nil
}

var errDisk = errors.New("the disk is full or failing")

// Store copies b to off. It turns the signal that a full or failing disk is into
// an error: some file systems look for new space whenever a page is written again.
func (p *Pages) Store(b []byte, off int) error {
	to := p.memory[off : off+len(b)]
	return guard(func() { copy(to, b) })
}

// StoreWord writes n, little-endian, to off, a multiple of 4: at once, so that
// a kill leaves what was there or n.
func (p *Pages) StoreWord(n uint32, off int) error {
	word := p.word(off)
	return guard(func() { atomic.StoreUint32(word, littleEndian(n)) })
}

// Commit is Store, and then StoreWord: a kill leaves the word as it was unless
// all of b is there.
func (p *Pages) Commit(b []byte, off int, n uint32, wordOff int) error {
	to, word := p.memory[off:off+len(b)], p.word(wordOff)
	return guard(func() {
		copy(to, b)
		atomic.StoreUint32(word, littleEndian(n))
	})
}

func (p *Pages) word(off int) *uint32 { return (*uint32)(unsafe.Pointer(&p.memory[off : off+4][0])) }

// littleEndian returns the number that this machine stores as it would be stored little-endian.
func littleEndian(n uint32) uint32 {
	var b [4]byte
	binary.LittleEndian.PutUint32(b[:], n)
	return binary.NativeEndian.Uint32(b[:])
}

// guard makes an error of a page that the disk does not give. What it panics with
// has the address, but not where qemu runs the program: that tells none.
func guard(write func()) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		switch r := recover(); r.(type) {
		case nil:
		case runtime.Error:
			err = errDisk
		default:
			panic(r)
		}
	}()
	write()
	return nil
}

// Close gives the memory back; what was written stays in the file.
func (p *Pages) Close() error { return syscall.Munmap(p.memory) }
