package command

import (
	"encoding/json"
	"fmt"
	"runtime"
	"runtime/debug"

	plugin "ekuiper-mysql"
)

type versionCommand struct {
	JSON bool `name:"json" help:"Print JSON."`
}

// build is what version tells.
type build struct {
	Version  string `json:"version"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
	Commit   string `json:"commit,omitempty"`
}

// Run prints the version.
func (c versionCommand) Run(s streams) error {
	b := build{Version: plugin.Version(), Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, setting := range info.Settings {
			if setting.Key == "vcs.revision" {
				b.Commit = setting.Value
			}
		}
	}
	if c.JSON {
		return json.NewEncoder(s.out).Encode(b)
	}
	_, err := fmt.Fprintf(s.out, "mysql %s, %s, %s\n", b.Version, b.Go, b.Platform)
	return err
}
