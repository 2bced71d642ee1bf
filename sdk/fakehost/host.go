// Package fakehost is the host's half of eKuiper's portable-plugin protocol,
// in process and over real sockets: a test kit for plugins.
//
// A Host listens on a plugin's control socket. The plugin is either a child
// process (Launch) or anything else in reach that dials, such as a runtime in
// the test's own process (WaitPlugin; the example shows it whole). Then
// OpenSink, OpenSource and OpenFunc stand for a rule each:
//
//	host, _ := fakehost.New("mine")
//	defer host.Close()
//	plugin, _ := host.Launch("build/mine", fakehost.LaunchOptions{})
//	defer plugin.Kill()
//	rule, _ := host.OpenSink(fakehost.Sink("rule1", "mine", map[string]any{"table": "t"}))
//	_ = rule.Send([]byte(`[{"a":1}]`))
//	_ = rule.Close()
//
// RunRule goes one step further: it encodes rows by the action's properties and
// sends again what was not acknowledged, as a rule of eKuiper does. A Process
// that is killed (KillWorker, Kill, KillPlugin) and launched again shows what a
// plugin is worth when it dies.
//
// It does what eKuiper 2.4.0 does, with the same sockets and options, in the
// same order, its faults included: a start that is refused leaks the rule's
// acknowledgement socket; an acknowledgement is waited for as long as the
// caller likes; commands are serial. Whoever changes it checks it against the
// real host: the conformance tests run the same table against both.
//
// Sockets live in /tmp, whose names cannot be configured: plugins, functions
// and rules of tests that run at the same time must have different names, and
// none that a real eKuiper on the machine uses.
package fakehost

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"go.nanomsg.org/mangos/v3"
	"go.nanomsg.org/mangos/v3/protocol/rep"
	_ "go.nanomsg.org/mangos/v3/transport/ipc" // the one transport of the protocol
)

// Meta says which instance of which operator of which rule.
type Meta struct {
	RuleID     string `json:"ruleId"`     // a sink's or source's sockets are named after all three
	OpID       string `json:"opId"`       // the operator within the rule
	InstanceID int    `json:"instanceId"` // from 0, where a rule has several at once
}

// Control is the argument of a start or stop.
type Control struct {
	SymbolName string         `json:"symbolName"` // as in the plugin's descriptor
	Meta       Meta           `json:"meta"`       // empty for a function
	PluginType string         `json:"pluginType"` // source, sink or func
	DataSource string         `json:"dataSource,omitempty"`
	Config     map[string]any `json:"config,omitempty"`
}

// Sink is the control of a rule's only sink.
func Sink(rule, symbol string, config map[string]any) Control {
	return Control{SymbolName: symbol, Meta: Meta{RuleID: rule, OpID: symbol + "_0"}, PluginType: "sink", Config: config}
}

// Source is the control of a rule's only source.
func Source(rule, symbol string, config map[string]any) Control {
	return Control{SymbolName: symbol, Meta: Meta{RuleID: rule, OpID: symbol}, PluginType: "source", Config: config}
}

// Func is the control of a function.
func Func(symbol string) Control { return Control{SymbolName: symbol, PluginType: "func"} }

// Command returns the command as it goes over the wire.
func Command(verb string, c Control) ([]byte, error) {
	arg, err := json.Marshal(c)
	if err != nil {
		return nil, fmt.Errorf("encode argument of %s: %w", verb, err)
	}
	return json.Marshal(map[string]string{"cmd": verb, "arg": string(arg)})
}

// Default limits of a Host.
const (
	HandshakeLimit = 30 * time.Second
	ReplyLimit     = 30 * time.Second // eKuiper waits an hour
)

// RefusedError is a command's answer that is not ok.
type RefusedError struct{ Reply string }

func (e *RefusedError) Error() string { return "the plugin answers: " + e.Reply }

// Host stands for one eKuiper as one plugin sees it. Its methods may be
// called from several goroutines; commands wait for each other.
type Host struct {
	// BeforeDial, where it is set, is called with the address of a sink's data
	// socket when the sink listens there and before it is dialled.
	BeforeDial func(url string)

	name string

	serial sync.Mutex // one command at a time
	sock   mangos.Socket

	mu     sync.Mutex
	starts []started       // to replay, in order
	leaked []mangos.Socket // acknowledgement sockets of refused starts
}

type started struct {
	meta    Meta
	command []byte
}

// New listens on the control socket of the plugin of that name.
func New(plugin string) (*Host, error) {
	sock, err := listen(rep.NewSocket, controlURL(plugin), map[string]any{
		mangos.OptionRecvDeadline: ReplyLimit,
	})
	if err != nil {
		return nil, err
	}
	return &Host{name: plugin, sock: sock}, nil
}

// Name returns the plugin's name.
func (h *Host) Name() string { return h.name }

// WaitPlugin waits for a plugin's handshake.
func (h *Host) WaitPlugin() error {
	h.serial.Lock()
	defer h.serial.Unlock()
	hello, err := h.sock.Recv()
	if err != nil {
		return fmt.Errorf("wait for the handshake of plugin %s: %w", h.name, err)
	}
	if string(hello) != "handshake" {
		return fmt.Errorf("plugin %s begins with %q, not with a handshake", h.name, hello)
	}
	return nil
}

// Send sends raw bytes as a command and returns the reply, as eKuiper does:
// what looks like a handshake is not a reply, and the command is sent again.
func (h *Host) Send(raw []byte) (reply string, err error) {
	h.serial.Lock()
	defer h.serial.Unlock()
	for {
		err := h.sock.Send(raw)
		if errors.Is(err, mangos.ErrProtoState) {
			// The plugin is new: its handshake comes first.
			if _, err = h.sock.Recv(); err == nil {
				err = h.sock.Send(raw)
			}
		}
		if err != nil {
			return "", fmt.Errorf("send command to plugin %s: %w", h.name, err)
		}
		answer, err := h.sock.Recv()
		if err != nil {
			return "", fmt.Errorf("wait for the reply of plugin %s: %w", h.name, err)
		}
		if len(answer) > 0 && answer[0] == 'h' {
			continue
		}
		return string(answer), nil
	}
}

// Start sends a start and remembers it for Replay if it is answered ok.
func (h *Host) Start(c Control) error {
	raw, err := h.order("start", c)
	if err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.forget(c.Meta)
	h.starts = append(h.starts, started{c.Meta, raw})
	return nil
}

// Stop sends a stop and forgets the start.
func (h *Host) Stop(c Control) error {
	if _, err := h.order("stop", c); err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.forget(c.Meta)
	return nil
}

func (h *Host) forget(m Meta) {
	h.starts = slices.DeleteFunc(h.starts, func(s started) bool { return s.meta == m })
}

func (h *Host) order(verb string, c Control) ([]byte, error) {
	raw, err := Command(verb, c)
	if err != nil {
		return nil, err
	}
	reply, err := h.Send(raw)
	if err != nil {
		return nil, err
	}
	if reply != "ok" {
		return nil, &RefusedError{Reply: reply}
	}
	return raw, nil
}

// Replay sends every start again, in random order, as eKuiper does for a
// plugin that it has started anew. The errors are joined.
func (h *Host) Replay() error {
	h.mu.Lock()
	starts := slices.Clone(h.starts)
	h.mu.Unlock()
	rand.Shuffle(len(starts), func(i, j int) { starts[i], starts[j] = starts[j], starts[i] })
	var failed []error
	for _, s := range starts {
		if reply, err := h.Send(s.command); err != nil {
			failed = append(failed, err)
		} else if reply != "ok" {
			failed = append(failed, &RefusedError{Reply: reply})
		}
	}
	return errors.Join(failed...)
}

// Close ends the host as if its process died: no command is sent, sockets
// just close. Rules' own sockets are closed by their owners.
func (h *Host) Close() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, s := range h.leaked {
		_ = s.Close()
	}
	h.leaked = nil
	if err := h.sock.Close(); err != nil && !errors.Is(err, mangos.ErrClosed) {
		return fmt.Errorf("close control socket: %w", err)
	}
	return nil
}
