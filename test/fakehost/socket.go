package fakehost

import (
	"errors"
	"fmt"
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

// listen opens a socket that listens. It tries a few times, as eKuiper does.
func listen(make func() (mangos.Socket, error), url string, options map[string]any) (mangos.Socket, error) {
	sock, err := socket(make, options)
	if err != nil {
		return nil, err
	}
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
