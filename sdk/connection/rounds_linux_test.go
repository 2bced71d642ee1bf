package connection

import (
	"fmt"
	"net"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestRounds: in rounds the poller does not tell of what arrives, which is read
// when the round is over; where nothing came in one they end, and the reader is
// woken up by what is there already as by what arrives later.
func TestRounds(t *testing.T) {
	t.Parallel()
	a, b := connected(t)
	r, ok := inRounds(b).(*rounds)
	if !ok {
		t.Fatal("it is not read in rounds")
	}
	defer r.Close()
	// begin puts r into a round that began so long ago.
	begin := func(ago time.Duration) {
		r.looked = time.Now()
		r.pace = pace{fast: true, round: leastRound, since: r.looked.Add(-ago)}
		r.drained = true
		if err := r.mute(true); err != nil {
			t.Fatal(err)
		}
	}
	tells := func() bool {
		n := 0
		if err := r.events.Control(func(ep uintptr) { n, _ = unix.EpollWait(int(ep), make([]unix.EpollEvent, 1), 0) }); err != nil {
			t.Fatal(err)
		}
		return n > 0
	}
	number := 0
	buf := make([]byte, 64)
	read := func(write func(conn net.Conn, text string)) {
		t.Helper()
		want := fmt.Sprint(number)
		number++
		write(a, want)
		if err := r.poller.SetReadDeadline(time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
		if n, err := r.Read(buf); err != nil || string(buf[:n]) != want {
			t.Fatalf("%q and %v, want %s", buf[:n], err, want)
		}
	}
	now := func(conn net.Conn, text string) {
		if _, err := conn.Write([]byte(text)); err != nil {
			t.Error(err)
		}
	}
	meanwhile := func(conn net.Conn, text string) { go now(conn, text) }
	for range 100 {
		begin(0)
		read(func(conn net.Conn, text string) {
			now(conn, text)
			if tells() {
				t.Error("in rounds the poller tells of an arrival")
			}
		})

		begin(leastRound) // in which nothing came
		read(now)
		if r.fast || r.muted {
			t.Fatalf("after a round without messages: fast %v, muted %v", r.fast, r.muted)
		}

		begin(leastRound)
		read(meanwhile)
		read(meanwhile)
		if r.muted {
			t.Fatal("muted after a round without messages")
		}
	}
	now(a, "told")
	if !tells() {
		t.Error("out of rounds the poller does not tell of an arrival")
	}
}
