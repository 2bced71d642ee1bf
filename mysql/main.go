// Command mysql is an eKuiper portable plugin: the sink "mysql" and the source
// "random". eKuiper starts it with one argument, a JSON object; started by a
// person it is a command line.
package main

import (
	"os"
	"strings"

	"github.com/lf-edge/ekuiper/sdk/go/api"
	"github.com/lf-edge/ekuiper/sdk/go/runtime"

	plugin "ekuiper-mysql"
	"ekuiper-mysql/mysql/internal/command"
	"ekuiper-mysql/mysql/internal/cores"
	"ekuiper-mysql/mysql/internal/page"
	"ekuiper-mysql/mysql/internal/random"
	"ekuiper-mysql/mysql/internal/settings"
	"ekuiper-mysql/mysql/internal/sink"
	"ekuiper-mysql/mysql/internal/storage"
)

// workerMark is in the environment of a worker whose supervisor is the SDK's own.
const workerMark = "EKUIPER_PLUGIN_WORKER"

func main() {
	if !startedByHost(os.Args) {
		os.Exit(command.Run(os.Args[1:], os.Stdout, os.Stderr))
	}
	cores.Govern(os.Getenv(workerMark) != "")
	folder := func() (string, error) { return storage.Folder(os.Getenv, os.Getwd) }
	decided, wrong := settings.Read(os.Getenv, folder)
	outboxes := sink.NewOutboxes(folder)
	outboxes.Warn(wrong...)
	outboxes.ServeMetrics(decided.Metrics)
	outboxes.ServeBeside(page.New(page.Options{
		Status: outboxes.Status, Letters: outboxes.Letters, Replays: outboxes.Replays(),
		Token: string(decided.Token), Listen: decided.Metrics,
	}))
	outboxes.ShareConnections(decided.MaxConnections)
	outboxes.ShareMemory(decided.Memory)
	runtime.Start(os.Args, &runtime.PluginConfig{
		Name: plugin.Name,
		Sources: map[string]runtime.NewSourceFunc{
			"random": func() api.Source { return random.New() },
			// eKuiper's own random source, where it is installed, wins over a
			// plugin's of the same name: this name is never taken.
			"randomrows": func() api.Source { return random.New() },
		},
		Sinks: map[string]runtime.NewSinkFunc{
			"mysql": func() api.Sink { return sink.New(outboxes) },
		},
	})
}

// startedByHost tells whether args are those that eKuiper gives: the program
// and one JSON object.
func startedByHost(args []string) bool {
	return len(args) == 2 && strings.HasPrefix(strings.TrimSpace(args[1]), "{")
}
