package connection

import (
	"errors"
	"net"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// rounds is a source that is not woken up by messages that come fast: to wake
// a thread up costs more CPU time than to take a dozen small messages, most of
// all on a virtual machine.
//
// A connection of package net cannot be left alone: the runtime's poller is
// woken by each arrival, whether anybody waits for it or not. So the socket is
// in a poller of its own, which is in the runtime's in its place, and does not
// tell of arrivals while there are rounds.
type rounds struct {
	pace
	socket *os.File
	poller *os.File
	events syscall.RawConn // of the poller
	muted  bool            // it does not tell

	drained bool      // the last Read took all that there was
	looked  time.Time // when the last round ended

	into   []byte // what arrived reads into
	n      int    // and what came of it
	err    error
	arrive func(uintptr) bool
}

// inRounds takes conn over. Where the system has no descriptors left for it,
// conn is woken up as usual.
func inRounds(conn net.Conn) source {
	r, err := newRounds(conn)
	if err != nil {
		return plain{conn}
	}
	_ = conn.Close() // r has another descriptor of the same socket
	return r
}

func newRounds(conn net.Conn) (*rounds, error) {
	c, ok := conn.(syscall.Conn)
	if !ok {
		return nil, errors.ErrUnsupported
	}
	raw, err := c.SyscallConn()
	if err != nil {
		return nil, err
	}
	var fd int
	var failed error
	if err := raw.Control(func(old uintptr) { fd, failed = unix.FcntlInt(old, unix.F_DUPFD_CLOEXEC, 3) }); err != nil {
		return nil, err
	}
	if failed != nil {
		return nil, failed
	}
	poller, err := pollerOf(fd)
	if err != nil {
		_ = unix.Close(fd)
		return nil, err
	}
	events, err := poller.SyscallConn()
	if err != nil {
		_, _ = poller.Close(), unix.Close(fd)
		return nil, err
	}
	// As long as it blocks, a file is kept out of the runtime's poller; after
	// that a read that finds nothing says so.
	_ = unix.SetNonblock(fd, false)
	r := &rounds{pace: pace{since: time.Now()}, socket: os.NewFile(uintptr(fd), "socket"), poller: poller, events: events}
	_ = unix.SetNonblock(fd, true)
	r.arrive = func(uintptr) bool {
		r.n, r.err = r.socket.Read(r.into)
		return !errors.Is(r.err, unix.EAGAIN)
	}
	return r, nil
}

// pollerOf returns a poller that tells of what arrives at fd. The runtime's
// poller has it.
func pollerOf(fd int) (*os.File, error) {
	ep, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, err
	}
	err = unix.EpollCtl(ep, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN})
	if err == nil {
		err = unix.SetNonblock(ep, true)
	}
	if err != nil {
		_ = unix.Close(ep)
		return nil, err
	}
	poller := os.NewFile(uintptr(ep), "poller")
	if err := poller.SetDeadline(time.Time{}); err != nil { // the runtime's poller has not taken it
		_ = poller.Close()
		return nil, err
	}
	return poller, nil
}

// Read waits for the next arrival or, where they come fast, the next round.
func (r *rounds) Read(b []byte) (n int, err error) {
	if !r.drained { // there may be more
		n, err = r.socket.Read(b)
	}
	for r.drained || errors.Is(err, unix.EAGAIN) {
		r.drained = false
		n, err = r.next(b)
	}
	if err == nil {
		r.bytes += n
		r.drained = n < len(b)
	}
	return n, err
}

// next is a Read of what is not there yet, which has not come either where it
// returns EAGAIN.
func (r *rounds) next(b []byte) (int, error) {
	now := time.Now()
	if r.fast { // what came while it was taken is not read yet
		r.judge(r.looked)
	} else {
		r.judge(now)
	}
	if r.fast != r.muted {
		if err := r.mute(r.fast); err != nil {
			return 0, err
		}
	}
	if r.fast {
		// What the messages before took is a part of the round: where that is all
		// of it the sender fills the socket meanwhile.
		time.Sleep(r.round - now.Sub(r.looked))
		r.looked = time.Now()
		return r.socket.Read(b)
	}
	r.into = b
	if err := r.events.Read(r.arrive); err != nil {
		return 0, err
	}
	return r.n, r.err
}

// mute makes the poller tell of arrivals, or not.
func (r *rounds) mute(muted bool) error {
	event := unix.EpollEvent{Events: unix.EPOLLIN}
	if muted {
		event.Events = 0
	}
	raw, err := r.socket.SyscallConn()
	if err != nil {
		return err
	}
	failed := os.ErrClosed
	err = raw.Control(func(fd uintptr) {
		err := r.events.Control(func(ep uintptr) { failed = unix.EpollCtl(int(ep), unix.EPOLL_CTL_MOD, int(fd), &event) })
		failed = errors.Join(err, failed)
	})
	if err = errors.Join(err, failed); err == nil {
		r.muted = muted
	}
	return err
}

func (r *rounds) took(messages int) { r.came += messages }

// Close ends the connection, and a Read that waits.
func (r *rounds) Close() error { return errors.Join(r.poller.Close(), r.socket.Close()) }
