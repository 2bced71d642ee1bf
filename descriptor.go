// Package plugin holds the plugin's descriptor, the one place where its
// version and the names of its symbols are written down: plugin.json. The
// packer puts the file into the zip as mysql.json, where eKuiper reads it.
package plugin

import (
	_ "embed"
	"encoding/json"
	"fmt"
)

// Name is the plugin's name in eKuiper. It names the descriptor in the zip,
// the executable and the control socket.
const Name = "mysql"

//go:embed plugin.json
var document []byte

// Descriptor is what eKuiper reads from mysql.json.
type Descriptor struct {
	Version    string   `json:"version"`
	Language   string   `json:"language"`
	Executable string   `json:"executable"`
	Sources    []string `json:"sources"`
	Sinks      []string `json:"sinks"`
	Functions  []string `json:"functions,omitempty"`
}

// ReadDescriptor parses the plugin.json that is built in. It fails only if
// that file is not valid, which a test rules out.
func ReadDescriptor() (Descriptor, error) {
	var d Descriptor
	if err := json.Unmarshal(document, &d); err != nil {
		return Descriptor{}, fmt.Errorf("parse plugin.json: %w", err)
	}
	return d, nil
}

// Version is the plugin's version without a leading v, such as "0.1.0", or
// "unknown" if plugin.json is not valid.
func Version() string {
	d, err := ReadDescriptor()
	if err != nil || d.Version == "" {
		return "unknown"
	}
	return d.Version
}
