package connection

import (
	"errors"
	"log/slog"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// fullListener has no descriptors left until it is closed.
type fullListener struct {
	net.Listener
	tries int
}

func (l *fullListener) Accept() (net.Conn, error) {
	l.tries++
	return nil, errors.New("too many open files")
}

func (l *fullListener) Close() error { return nil }

// A listener that cannot accept tries on, and says so once.
func TestAcceptFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log strings.Builder
		l := &fullListener{}
		in := &Inlet{
			ln: l, log: slog.New(slog.NewTextHandler(&log, nil)),
			done: make(chan struct{}), changed: make(chan struct{}), pipes: map[*inPipe]struct{}{},
		}
		in.running.Add(1)
		go in.accept()
		time.Sleep(time.Minute) // of the bubble
		in.Close()
		in.Wait()
		if n := strings.Count(log.String(), "too many open files"); n != 1 || l.tries < 100 {
			t.Errorf("told %d times of %d tries", n, l.tries)
		}
	})
}
