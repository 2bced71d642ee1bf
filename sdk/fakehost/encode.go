package fakehost

import (
	"encoding/json"
	"fmt"
)

// Encoder turns a rule's results into messages as eKuiper 2.4.0 does by the
// action's properties sendSingle and batchSize.
type Encoder struct {
	sendSingle bool
	batchSize  int
	held       []any // of the batch so far
	results    int   // that the batch counts
}

// NewEncoder reads an action's properties.
func NewEncoder(action map[string]any) *Encoder {
	e := &Encoder{}
	e.sendSingle, _ = action["sendSingle"].(bool)
	switch n := action["batchSize"].(type) {
	case int:
		e.batchSize = n
	case float64:
		e.batchSize = int(n)
	}
	return e
}

// Result takes one result of the rule, a row or a window's rows, and returns
// the messages that are ready.
func (e *Encoder) Result(rows ...map[string]any) ([][]byte, error) {
	if rows == nil {
		rows = []map[string]any{}
	}
	var parts []any
	if e.sendSingle {
		for _, r := range rows {
			parts = append(parts, r)
		}
	} else {
		parts = []any{rows}
	}
	if e.batchSize <= 0 {
		return marshal(parts...)
	}
	e.held = append(e.held, parts...)
	if e.results++; e.results < e.batchSize {
		return nil, nil
	}
	return e.Flush()
}

// Flush returns the batch so far, as lingerInterval does when it is over.
func (e *Encoder) Flush() ([][]byte, error) {
	held := e.held
	e.held, e.results = nil, 0
	if len(held) == 0 {
		return nil, nil
	}
	return marshal(held)
}

// marshal encodes as the host does: compact, keys sorted, HTML escaped.
func marshal(values ...any) ([][]byte, error) {
	messages := make([][]byte, len(values))
	for i, v := range values {
		m, err := json.Marshal(v)
		if err != nil {
			return nil, fmt.Errorf("encode result: %w", err)
		}
		messages[i] = m
	}
	return messages, nil
}
