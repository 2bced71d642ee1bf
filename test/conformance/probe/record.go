package main

import (
	"encoding/json"
	"fmt"
	"os"
)

// event is a line of the record. Which fields are set depends on Event.
type event struct {
	Event    string         `json:"event"`
	Source   string         `json:"source,omitempty"`
	Config   map[string]any `json:"config,omitempty"`
	Rule     string         `json:"rule,omitempty"`
	Op       string         `json:"op,omitempty"`
	Instance *int           `json:"instance,omitempty"`
	Text     *string        `json:"text,omitempty"`
}

// record appends to a file. Each line is one write, so that several instances
// may share a file and a reader sees whole lines.
type record struct{ file *os.File }

// open opens the file that the property "record" names.
func (r *record) open(props map[string]any) error {
	path, _ := props["record"].(string)
	if path == "" {
		return fmt.Errorf("property record %v: want the name of a file", props["record"])
	}
	file, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("open record: %w", err)
	}
	r.file = file
	return nil
}

func (r *record) write(e event) error {
	line, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("encode event: %w", err)
	}
	if _, err := r.file.Write(append(line, '\n')); err != nil {
		return fmt.Errorf("write event: %w", err)
	}
	return nil
}
