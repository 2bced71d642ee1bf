package fakehost

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"go.nanomsg.org/mangos/v3"
	"go.nanomsg.org/mangos/v3/protocol/rep"
)

// callLimit is eKuiper's receive timeout on function sockets.
const callLimit = 5 * time.Second

// FuncConn is a running function, seen from the host: one for all rules.
type FuncConn struct {
	Control Control // what it was started with
	host    *Host
	serial  sync.Mutex
	sock    mangos.Socket
}

// OpenFunc starts a function in eKuiper's order: listen, send the start.
func (h *Host) OpenFunc(symbol string) (*FuncConn, error) {
	sock, err := listen(rep.NewSocket, functionURL(symbol), map[string]any{
		mangos.OptionRecvDeadline: callLimit,
		mangos.OptionSendDeadline: sendLimit,
	})
	if err != nil {
		return nil, err
	}
	c := Func(symbol)
	if err := h.Start(c); err != nil {
		_ = sock.Close()
		return nil, err
	}
	return &FuncConn{Control: c, host: h, sock: sock}, nil
}

// Outcome is a function's answer to a call.
type Outcome struct {
	State  bool `json:"state"`  // false: the result is an error's text
	Result any  `json:"result"` // numbers are float64
}

// Validate asks whether the arguments are good.
func (f *FuncConn) Validate(args ...any) (Outcome, error) { return f.call("Validate", args) }

// IsAggregate asks whether the function takes whole columns.
func (f *FuncConn) IsAggregate() (Outcome, error) { return f.call("IsAggregate", nil) }

// Exec calls the function from a call site of a rule.
func (f *FuncConn) Exec(site Meta, funcID int, args ...any) (Outcome, error) {
	ctx, err := json.Marshal(struct {
		Meta
		FuncID int `json:"funcId"`
	}{site, funcID})
	if err != nil {
		return Outcome{}, fmt.Errorf("encode the call's context: %w", err)
	}
	return f.call("Exec", append(slices.Clone(args), string(ctx)))
}

func (f *FuncConn) call(name string, args []any) (Outcome, error) {
	raw, err := json.Marshal(map[string]any{"func": name, "arg": args})
	if err != nil {
		return Outcome{}, fmt.Errorf("encode call of %s: %w", name, err)
	}
	reply, err := f.Send(raw)
	if err != nil {
		return Outcome{}, err
	}
	var o Outcome
	if err := json.Unmarshal(reply, &o); err != nil {
		return Outcome{}, fmt.Errorf("answer %q to %s is not JSON: %w", reply, name, err)
	}
	return o, nil
}

// Send sends raw bytes as a call and returns the raw answer.
func (f *FuncConn) Send(raw []byte) ([]byte, error) {
	f.serial.Lock()
	defer f.serial.Unlock()
	for {
		err := f.sock.Send(raw)
		if errors.Is(err, mangos.ErrProtoState) {
			// The plugin is new: its handshake comes first.
			if _, err = f.sock.Recv(); err == nil {
				err = f.sock.Send(raw)
			}
		}
		if err != nil {
			return nil, fmt.Errorf("call: %w", err)
		}
		answer, err := f.sock.Recv()
		if err != nil {
			return nil, fmt.Errorf("wait for the answer: %w", err)
		}
		if len(answer) > 0 && answer[0] == 'h' {
			continue
		}
		return answer, nil
	}
}

// Close closes the function's socket. eKuiper stops no functions.
func (f *FuncConn) Close() error { return closed(f.sock) }
