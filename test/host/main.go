//go:debug x509negativeserial=1

// The real eKuiper, pinned by this module's go.sum, as a tool for tests and
// the demo. eKuiper's native sql sink and sources are registered beside its
// defaults, so that the native sink can be compared with ours in one process.
package main

import (
	"runtime/debug"
	"strings"

	"github.com/lf-edge/ekuiper/v2/cmd"
	"github.com/lf-edge/ekuiper/v2/extensions/impl/sql"
	"github.com/lf-edge/ekuiper/v2/pkg/modules"
)

func main() {
	modules.RegisterSource("sql", sql.GetSource)
	modules.RegisterLookupSource("sql", sql.GetLookupSource)
	modules.RegisterSink("sql", sql.GetSink)
	cmd.Version = hostVersion()
	cmd.Main()
}

// hostVersion is the version that this module requires, for GET / to report.
func hostVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	for _, dep := range info.Deps {
		if dep.Path == "github.com/lf-edge/ekuiper/v2" {
			return strings.TrimPrefix(dep.Version, "v")
		}
	}
	return "unknown"
}
