package fakehost

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"go.nanomsg.org/mangos/v3"
	"go.nanomsg.org/mangos/v3/protocol/pull"
	"go.nanomsg.org/mangos/v3/protocol/push"
)

// SinkConn is a running sink of a rule, seen from the host. Sending and
// reading acknowledgements may happen at the same time.
type SinkConn struct {
	Control Control // what it was started with
	host    *Host
	data    mangos.Socket
	ack     *listener
}

// OpenSink starts a sink in eKuiper's order: listen for acknowledgements,
// send the start, dial the data socket. A refused start is a *RefusedError,
// and leaves the acknowledgement socket behind as eKuiper does: the next
// start of the same rule fails unless the plugin has freed its name.
func (h *Host) OpenSink(c Control) (*SinkConn, error) {
	// eKuiper waits in turns of a second; here ReadAck says how long.
	ack, err := listen(pull.NewSocket, ackURL(c.Meta), map[string]any{})
	if err != nil {
		return nil, err
	}
	if err := h.Start(c); err != nil {
		h.mu.Lock()
		h.leaked = append(h.leaked, ack)
		h.mu.Unlock()
		return nil, err
	}
	if h.BeforeDial != nil {
		h.BeforeDial(dataURL(c.Meta))
	}
	s := &SinkConn{Control: c, host: h, ack: ack}
	s.data, err = socket(push.NewSocket, map[string]any{mangos.OptionSendDeadline: sendLimit})
	if err == nil {
		err = s.data.DialOptions(dataURL(c.Meta), dialOptions)
	}
	if err != nil {
		_ = h.Stop(c)
		_ = ack.Close()
		return nil, fmt.Errorf("dial the sink's data socket: %w", err)
	}
	return s, nil
}

// Send sends one message. Like eKuiper it has queued the message when it
// returns (up to 128 of them), and fails after 5 s when the queue is full.
func (s *SinkConn) Send(message []byte) error {
	if err := s.data.Send(message); err != nil {
		return fmt.Errorf("send message: %w", err)
	}
	return nil
}

// ErrNoAck says that no acknowledgement came in time.
var ErrNoAck = errors.New("no acknowledgement")

// AckError is an acknowledgement with an error.
type AckError struct{ Text string }

func (e *AckError) Error() string { return "the sink answers: " + e.Text }

// ReadAck waits for an acknowledgement: nil, an *AckError, or ErrNoAck when
// none came within the limit.
func (s *SinkConn) ReadAck(limit time.Duration) error {
	if err := s.ack.SetOption(mangos.OptionRecvDeadline, limit); err != nil {
		return fmt.Errorf("set acknowledgement limit: %w", err)
	}
	raw, err := s.ack.Recv()
	if errors.Is(err, mangos.ErrRecvTimeout) {
		return fmt.Errorf("%w within %v", ErrNoAck, limit)
	}
	if err != nil {
		return fmt.Errorf("read acknowledgement: %w", err)
	}
	var answer struct {
		Error *string `json:"error"`
	}
	if err := json.Unmarshal(raw, &answer); err != nil || answer.Error == nil {
		return fmt.Errorf("acknowledgement %q is not of the form {\"error\":\"...\"}", raw)
	}
	if *answer.Error != "" {
		return &AckError{Text: *answer.Error}
	}
	return nil
}

// Collect sends one message and waits for its acknowledgement, as eKuiper
// does for a rule with requireAck.
func (s *SinkConn) Collect(message []byte, limit time.Duration) error {
	if err := s.Send(message); err != nil {
		return err
	}
	return s.ReadAck(limit)
}

// Disconnect closes the rule's sockets without a stop: the first half of
// Close, or all that a host that is killed still does.
func (s *SinkConn) Disconnect() error {
	if s.Control.Config["requireAck"] == true {
		s.ack.meet()
	}
	return errors.Join(closed(s.data), closed(s.ack))
}

// Close ends the rule in eKuiper's order: close the data socket, close the
// acknowledgement socket, send the stop. Messages still queued in the socket
// are lost, as they are in eKuiper.
func (s *SinkConn) Close() error {
	return errors.Join(s.Disconnect(), s.host.Stop(s.Control))
}

// CloseLeaking ends the rule as eKuiper 1.14 does: the acknowledgement socket
// stays open, and the next start of the same rule fails unless the plugin has
// freed its name.
func (s *SinkConn) CloseLeaking() error {
	s.host.mu.Lock()
	s.host.leaked = append(s.host.leaked, s.ack)
	s.host.mu.Unlock()
	return errors.Join(closed(s.data), s.host.Stop(s.Control))
}

func closed(sock mangos.Socket) error {
	if err := sock.Close(); err != nil && !errors.Is(err, mangos.ErrClosed) {
		return fmt.Errorf("close socket: %w", err)
	}
	return nil
}
