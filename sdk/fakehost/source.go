package fakehost

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"go.nanomsg.org/mangos/v3"
	"go.nanomsg.org/mangos/v3/protocol/pull"
)

// SourceConn is a running source of a rule, seen from the host.
type SourceConn struct {
	Control Control // what it was started with
	host    *Host
	data    *listener
}

// OpenSource starts a source in eKuiper's order: listen for its data, send
// the start.
func (h *Host) OpenSource(c Control) (*SourceConn, error) {
	data, err := listen(pull.NewSocket, dataURL(c.Meta), map[string]any{})
	if err != nil {
		return nil, err
	}
	if err := h.Start(c); err != nil {
		_ = data.Close()
		return nil, err
	}
	return &SourceConn{Control: c, host: h, data: data}, nil
}

// Row is what a source sends.
type Row struct {
	Message map[string]any `json:"message"` // its fields; numbers are float64
	Meta    map[string]any `json:"meta"`    // where it is from
}

// ErrNoRow says that a source has sent nothing in time.
var ErrNoRow = errors.New("no row")

// SourceError is a message of a source that is not a row: eKuiper reports it
// as an error of the stream.
type SourceError struct{ Text string }

func (e *SourceError) Error() string { return "the source says: " + e.Text }

// Read waits for a row: ErrNoRow when none came within the limit, a
// *SourceError for what is not a row.
func (s *SourceConn) Read(limit time.Duration) (Row, error) {
	if err := s.data.SetOption(mangos.OptionRecvDeadline, limit); err != nil {
		return Row{}, fmt.Errorf("set read limit: %w", err)
	}
	raw, err := s.data.Recv()
	if errors.Is(err, mangos.ErrRecvTimeout) {
		return Row{}, fmt.Errorf("%w within %v", ErrNoRow, limit)
	}
	if err != nil {
		return Row{}, fmt.Errorf("read row: %w", err)
	}
	var row Row
	if err := json.Unmarshal(raw, &row); err != nil {
		return Row{}, &SourceError{Text: string(raw)}
	}
	return row, nil
}

// Disconnect closes the rule's socket without a stop.
func (s *SourceConn) Disconnect() error {
	s.data.meet()
	return closed(s.data)
}

// Close ends the rule in eKuiper's order: close the data socket, send the
// stop.
func (s *SourceConn) Close() error {
	return errors.Join(s.Disconnect(), s.host.Stop(s.Control))
}
