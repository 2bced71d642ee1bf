package connection

import (
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/Microsoft/go-winio"
	"golang.org/x/sys/windows"
)

// pipePrefix precedes the address's path in the name of a named pipe.
const pipePrefix = `\\.\pipe\`

func listen(url string) (net.Listener, error) {
	p, err := path(url)
	if err != nil {
		return nil, err
	}
	ln, err := winio.ListenPipe(pipePrefix+p, &winio.PipeConfig{SecurityDescriptor: onlyUs(), InputBufferSize: 65536, OutputBufferSize: 4096})
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", p, err)
	}
	return ln, nil
}

// inUse reports whether err says that another listens on the address.
func inUse(err error) bool {
	return errors.Is(err, windows.ERROR_ACCESS_DENIED) || errors.Is(err, windows.ERROR_PIPE_BUSY)
}

func dial(url string) (net.Conn, error) {
	p, err := path(url)
	if err != nil {
		return nil, err
	}
	within := 500 * time.Millisecond
	conn, err := winio.DialPipe(pipePrefix+p, &within)
	if err != nil {
		return nil, err
	}
	if err := vet(conn); err != nil {
		_ = conn.Close()
		return nil, err
	}
	return conn, nil
}

// SocketFile tells one socket file from its successors of the same name.
// Named pipes are not files: it is always none.
type SocketFile struct{}

// LookUpSocket returns none.
func LookUpSocket(string) SocketFile { return SocketFile{} }

// Identity returns 0: nothing tells one pipe from its successor.
func (SocketFile) Identity() uint64 { return 0 }

// Age returns that it is not known.
func (SocketFile) Age() (time.Duration, bool) { return 0, false }

// Since reports that it is not known.
func (SocketFile) Since(SocketFile) bool { return false }

// Remove reports that nothing was removed.
func (SocketFile) Remove() bool { return false }

// RemoveSocket removes the socket file of url, so that another listener can
// take its name although the old one lives. It reports whether the name is
// free, which it never is where sockets are not files (Windows).
func RemoveSocket(string) bool { return false }
