package metrics

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"testing"
	"time"
)

// TestACrowdIsBounded: who comes when all places are taken is served when one
// is free, and a crowd that waits does not keep the server from ending.
func TestACrowdIsBounded(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := newCrowd(l, 2)
	inside := make(chan struct{}, 10)
	server := &http.Server{Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}), ConnState: func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			inside <- struct{}{}
		}
	}}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = server.Serve(c)
	}()
	var all []net.Conn
	for range 4 {
		conn, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		all = append(all, conn)
	}
	ask := func(conn net.Conn) error {
		_ = conn.SetDeadline(time.Now().Add(time.Minute)) // only ends a test that fails
		if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
			return err
		}
		_, err := http.ReadResponse(bufio.NewReader(conn), nil)
		return err
	}
	<-inside
	<-inside
	if n := len(c.places); n != 2 {
		t.Errorf("%d inside", n)
	}
	select {
	case <-inside:
		t.Error("a third is inside")
	default:
	}
	all[0].Close()
	if err := ask(all[2]); err != nil {
		t.Error(err)
	}
	if err := server.Close(); err != nil {
		t.Error(err)
	}
	<-ended
}
