// Package control is the local socket by which the command line asks the
// running plugin: HTTP over a unix socket in a folder of its own, below the
// one that outlives the plugin, that only its user and root can enter. It says
// what is answered to nobody else, so it needs no password. It knows nothing
// of rules and rows.
//
// The socket of a process that was killed stays behind. Which process may
// remove it is decided by a lock, which the system takes back with the
// process, so that of several plugins with one data folder one answers, and
// the next when that has ended. Windows has such sockets since 10.
package control

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"ekuiper-mysql/mysql/internal/journal"
)

const (
	folder     = "control"
	socketName = "socket"
	lockName   = "lock"

	// firstAgain and lastAgain are how long to wait, longer each time, before
	// the lock that another process has is tried again.
	firstAgain = time.Second
	lastAgain  = 30 * time.Second
)

// Logger is what a Server needs of a log.
type Logger interface {
	Infof(format string, args ...any)
	Warnf(format string, args ...any)
}

// Server answers over the socket until it is closed.
type Server struct {
	cancel context.CancelFunc
	done   sync.WaitGroup
	ready  chan struct{} // closed when it listens, or never will
}

// Serve begins to answer requests with handler over a socket below the folder
// data, and does not wait for it. Where that is not possible the log says so
// once, and nothing else depends on it.
func Serve(data string, handler http.Handler, log Logger) *Server {
	ctx, cancel := context.WithCancel(context.Background())
	s := &Server{cancel: cancel, ready: make(chan struct{})}
	s.done.Go(func() { s.run(ctx, data, handler, log) })
	return s
}

func (s *Server) run(ctx context.Context, data string, handler http.Handler, log Logger) {
	ready := sync.OnceFunc(func() { close(s.ready) })
	defer ready()
	l, err := await(ctx, data, log)
	if err != nil {
		if ctx.Err() == nil {
			log.Infof("mysql status cannot ask this process, and tells what the files do: %v", err)
		}
		return
	}
	defer l.close()
	server := &http.Server{Handler: handler, ReadTimeout: 10 * time.Second, WriteTimeout: 30 * time.Second, IdleTimeout: 30 * time.Second, MaxHeaderBytes: 16 << 10}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	ready()
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		log.Warnf("mysql status is no longer answered: %v", err)
	}
}

// await listens once no other process does.
func await(ctx context.Context, data string, log Logger) (*listener, error) {
	for again := firstAgain; ; again = min(2*again, lastAgain) {
		l, err := listen(data)
		if !errors.Is(err, journal.ErrLocked) {
			return l, err
		}
		if again == firstAgain {
			log.Infof("another process answers mysql status for %s; this one will when that has ended", data)
		}
		timer := time.NewTimer(again)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return nil, ctx.Err()
		}
	}
}

// Close ends the server and waits for its end. It is safe twice.
func (s *Server) Close() {
	s.cancel()
	s.done.Wait()
}

// listener is the socket with what it needs: the lock, and where its path is
// too long a way to it.
type listener struct {
	net.Listener
	path string
	lock io.Closer
	way  io.Closer
}

func listen(data string) (*listener, error) {
	dir := filepath.Join(data, folder)
	if err := os.MkdirAll(data, 0o700); err != nil {
		return nil, err
	}
	if err := makePrivate(dir); err != nil {
		return nil, err
	}
	lock, err := journal.OS.Lock(filepath.Join(dir, lockName))
	if err != nil {
		return nil, err
	}
	l := &listener{path: filepath.Join(dir, socketName), lock: lock}
	if err := l.bind(dir); err != nil {
		l.release()
		return nil, err
	}
	return l, nil
}

// bind makes the socket in place of what a killed process has left.
func (l *listener) bind(dir string) error {
	if err := os.Remove(l.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	address, way, err := addressOf(dir)
	if err != nil {
		return err
	}
	l.way = way
	if l.Listener, err = net.Listen("unix", address); err != nil {
		return err
	}
	if u, ok := l.Listener.(*net.UnixListener); ok {
		u.SetUnlinkOnClose(false) // that is done with the lock held, by its own name
	}
	if err := os.Chmod(l.path, 0o600); err != nil {
		_ = l.Listener.Close()
		return err
	}
	return nil
}

func (l *listener) close() {
	_ = l.Listener.Close()
	_ = os.Remove(l.path)
	l.release()
}

func (l *listener) release() {
	if l.way != nil {
		_ = l.way.Close()
	}
	_ = l.lock.Close()
}

// makePrivate makes dir, or sees to it that nobody else can reach into it.
func makePrivate(dir string) error {
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	if checkPrivate(dir) == nil {
		return nil
	}
	if info, err := os.Lstat(dir); err == nil && info.IsDir() { // a link is left alone
		_ = os.Chmod(dir, 0o700)
	}
	return checkPrivate(dir)
}

// maxAddress is how long a socket's path may be on every system, in bytes.
const maxAddress = 103

// tooLong says that a socket's path is.
func tooLong(dir string) error {
	return fmt.Errorf("the path of the socket in %s is longer than %d bytes: set EKUIPER_MYSQL_DATA to a shorter one", dir, maxAddress)
}
