package command

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"

	plugin "ekuiper-mysql"
	"ekuiper-mysql/mysql/internal/config"
)

type versionCommand struct {
	JSON bool `name:"json" help:"Print JSON."`
}

// Help adds to the command's help.
func (versionCommand) Help() string {
	return `The commit is known of what package.sh has built, and of builds by go build in a checkout.

Examples:
  mysql version
  mysql version --json

Exit codes: 0 printed; 1 an error; 2 a mistake in the command line.`
}

// commit is what the program was built from; package.sh sets it.
var commit string

// build is what version tells.
type build struct {
	Version  string   `json:"version"`
	Commit   string   `json:"commit,omitempty"` // with -dirty where the sources were changed
	Go       string   `json:"go"`
	SDK      string   `json:"sdk"`
	Platform string   `json:"platform"`
	Protocol string   `json:"protocol"`
	Features features `json:"features"`
}

// features are what rules may ask for, as the properties have it.
type features struct {
	Sinks      []string `json:"sinks"`
	Sources    []string `json:"sources"`
	Modes      []string `json:"modes"`
	Roads      []string `json:"roads"`
	Deliveries []string `json:"deliveries"`
	TLS        []string `json:"tls"`
}

// protocol is what the plugin speaks with eKuiper.
const protocol = "eKuiper portable plugin, nanomsg over IPC, eKuiper 1.14 and 2.x"

// sdkModule is the SDK's.
const sdkModule = "github.com/lf-edge/ekuiper/sdk/go"

// Run prints the version.
func (c versionCommand) Run(s streams) error {
	b := build{
		Version: plugin.Version(), Commit: commit, Go: runtime.Version(), SDK: sdkModule, Platform: runtime.GOOS + "/" + runtime.GOARCH,
		Protocol: protocol, Features: featuresOf(config.Properties()),
	}
	if d, err := plugin.ReadDescriptor(); err == nil {
		b.Features.Sinks, b.Features.Sources = d.Sinks, d.Sources
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		b.read(info)
	}
	if c.JSON {
		return jsonLines(s.out).Encode(b)
	}
	of := b.Commit
	if of == "" {
		of = "not known"
	}
	_, err := fmt.Fprintf(s.out, "mysql %s, %s, %s\ncommit %s\nSDK %s\nprotocol %s\nsinks %s; sources %s\nmodes %s\nroads %s; deliveries %s\n",
		b.Version, b.Go, b.Platform, of, b.SDK, b.Protocol, list(b.Features.Sinks), list(b.Features.Sources), list(b.Features.Modes),
		list(b.Features.Roads), list(b.Features.Deliveries))
	return err
}

func list(all []string) string { return strings.Join(all, ", ") }

// read completes b by what Go notes in a program.
func (b *build) read(info *debug.BuildInfo) {
	revision, changed := "", false
	for _, setting := range info.Settings {
		switch setting.Key {
		case "vcs.revision":
			revision = setting.Value
		case "vcs.modified":
			changed = setting.Value == "true"
		}
	}
	if b.Commit == "" && revision != "" {
		b.Commit = revision
		if changed {
			b.Commit += "-dirty"
		}
	}
	for _, d := range info.Deps {
		if d.Path != sdkModule {
			continue
		}
		b.SDK += " " + d.Version
		if d.Replace != nil {
			b.SDK += ", in place of which " + d.Replace.Path
		}
	}
}

func featuresOf(properties []config.Property) (f features) {
	for _, p := range properties {
		switch p.Name {
		case "mode":
			f.Modes = p.Values
		case "road":
			f.Roads = p.Values
		case "delivery":
			f.Deliveries = p.Values
		case "tls":
			f.TLS = p.Values
		}
	}
	return f
}
