package fakehost

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"go.nanomsg.org/mangos/v3"
)

func controlURL(plugin string) string { return "ipc:///tmp/plugin_" + plugin + ".ipc" }

func functionURL(symbol string) string { return "ipc:///tmp/func_" + symbol + ".ipc" }

func dataURL(m Meta) string {
	return fmt.Sprintf("ipc:///tmp/%s_%s_%d.ipc", m.RuleID, m.OpID, m.InstanceID)
}

func ackURL(m Meta) string {
	return fmt.Sprintf("ipc:///tmp/%s_%s_%d_ack.ipc", m.RuleID, m.OpID, m.InstanceID)
}

// sendLimit is eKuiper's send timeout on data sockets.
const sendLimit = 5 * time.Second

// dialOptions are those that eKuiper dials data sockets with.
var dialOptions = map[string]any{
	mangos.OptionDialAsynch:       false,
	mangos.OptionMaxReconnectTime: 5 * time.Second,
	mangos.OptionReconnectTime:    100 * time.Millisecond,
}

func socket(make func() (mangos.Socket, error), options map[string]any) (mangos.Socket, error) {
	sock, err := make()
	if err != nil {
		return nil, fmt.Errorf("make socket: %w", err)
	}
	options[mangos.OptionMaxRecvSize] = 0
	for name, value := range options {
		if err := sock.SetOption(name, value); err != nil && !errors.Is(err, mangos.ErrBadOption) {
			_ = sock.Close()
			return nil, fmt.Errorf("set socket option %s: %w", name, err)
		}
	}
	return sock, nil
}

// meetLimit bounds how long a listener waits for its first peer before it is
// closed.
const meetLimit = 200 * time.Millisecond

// listener is a socket that listens and knows whether a peer has come.
type listener struct {
	mangos.Socket
	once sync.Once
	met  chan struct{}
}

// meet waits for the first peer. mangos has a data race between the close of
// a listener and a handshake under way, which is what a peer that was just
// told to dial is in.
func (l *listener) meet() {
	timer := time.NewTimer(meetLimit)
	defer timer.Stop()
	select {
	case <-l.met:
	case <-timer.C:
	}
}

// listen opens a socket that listens. It tries a few times, as eKuiper does.
func listen(open func() (mangos.Socket, error), url string, options map[string]any) (*listener, error) {
	plain, err := socket(open, options)
	if err != nil {
		return nil, err
	}
	sock := &listener{Socket: plain, met: make(chan struct{})}
	sock.SetPipeEventHook(func(event mangos.PipeEvent, _ mangos.Pipe) {
		if event == mangos.PipeEventAttached {
			sock.once.Do(func() { close(sock.met) })
		}
	})
	retry := time.NewTicker(100 * time.Millisecond)
	defer retry.Stop()
	for try := 0; ; try++ {
		if err = sock.Listen(url); err == nil {
			return sock, nil
		}
		if try == 5 {
			_ = sock.Close()
			return nil, fmt.Errorf("listen on %s: %w", url, err)
		}
		<-retry.C
	}
}
