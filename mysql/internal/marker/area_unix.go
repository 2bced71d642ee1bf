//go:build unix

package marker

import (
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"syscall"
)

// mapped is an area in shared memory: what is written there is in the
// kernel's hands at once, whatever becomes of the process.
type mapped struct{ memory []byte }

func newArea(f *os.File) (area, error) {
	memory, err := syscall.Mmap(int(f.Fd()), 0, fileSize, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
	if err != nil {
		return nil, fmt.Errorf("map: %w", err)
	}
	return &mapped{memory}, f.Close()
}

// store turns the signal that a full or failing disk is into an error: some
// file systems look for new space whenever a page is written again.
func (m *mapped) store(b []byte, at int) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if recover() != nil {
			err = errors.New("the disk is full or failing")
		}
	}()
	copy(m.memory[at:], b)
	return nil
}

func (m *mapped) close() error { return syscall.Munmap(m.memory) }
