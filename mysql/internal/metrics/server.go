package metrics

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
	"time"
)

// listenAgain is how long to wait before an address that is taken is tried
// again: the process before may be about to let go of it.
const listenAgain = time.Second

// Logger is what a Server needs of a log.
type Logger interface {
	Infof(format string, args ...any)
	Warnf(format string, args ...any)
}

// Server answers GET /metrics at an address, and more where there is more,
// until it is closed.
type Server struct {
	cancel context.CancelFunc
	done   sync.WaitGroup
}

// Serve begins to listen at address, host:port, and does not wait for it:
// while that fails, the log says so once and it is tried again. What is not
// /metrics is for rest, which may be nil. At most 256 connections are served
// at a time.
func Serve(address string, page, rest http.Handler, log Logger) *Server {
	ctx, cancel := context.WithCancel(context.Background())
	s := &Server{cancel: cancel}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", page)
	if rest != nil {
		mux.Handle("/", rest)
	}
	server := &http.Server{Handler: mux, ReadTimeout: 10 * time.Second, WriteTimeout: 30 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10}
	s.done.Go(func() {
		listener := listen(ctx, address, log)
		if listener == nil {
			return
		}
		stop := context.AfterFunc(ctx, func() { _ = server.Close() })
		defer stop()
		log.Infof("metrics are at http://%s/metrics", listener.Addr())
		if err := server.Serve(newCrowd(listener, mostReaders)); !errors.Is(err, http.ErrServerClosed) {
			log.Warnf("metrics are no longer served: %v", err)
		}
	})
	return s
}

// listen returns nil when ctx is done.
func listen(ctx context.Context, address string, log Logger) net.Listener {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for told := false; ; told = true {
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		}
		l, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
		if err == nil {
			return l
		}
		if !told {
			log.Warnf("metrics cannot be served, trying again by itself: %v; EKUIPER_MYSQL_METRICS is to be a free host:port such as 127.0.0.1:9112", err)
		}
		timer.Reset(listenAgain)
	}
}

// Close ends the server and waits for its end. It is safe twice.
func (s *Server) Close() {
	s.cancel()
	s.done.Wait()
}
