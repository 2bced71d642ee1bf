package metrics

import (
	"runtime"
	"time"
)

// Plugin is what is not of one action, at one moment.
type Plugin struct {
	Version         string
	Started         time.Time
	DeadLetters     uint64
	DeadLetterBytes int64
	DeadLetterLimit int64 // 0: there is no store, and nothing is known of the two above
	DataFree        uint64
	DataSize        uint64 // 0: not known
	RowMemory       int64
	RowMemoryLimit  int64

	orphanJournals, orphanRows int64
	process                    process
}

// process is what the system tells of this process; what it does not is negative.
type process struct{ resident, descriptors int64 }

// Resident is how much memory the process has, in bytes; negative where the
// system does not tell.
func Resident() int64 { return readProcess().resident }

// pluginFigure is a metric that is not of one action. Its name is whole.
type pluginFigure struct {
	name, kind string
	labels     []string
	help       string
	advice     string
	samples    func(*series, *Plugin)
}

// known is a pluginFigure's sample where it is known.
func known(of func(*Plugin) (float64, bool)) func(*series, *Plugin) {
	return func(s *series, p *Plugin) {
		if v, ok := of(p); ok {
			s.sample("", "", v)
		}
	}
}

// always is one that is always known.
func always(of func(*Plugin) float64) func(*series, *Plugin) {
	return known(func(p *Plugin) (float64, bool) { return of(p), true })
}

// pluginFigures are all metrics that are not of one action.
var pluginFigures = []pluginFigure{
	{
		prefix + "build_info", gauge,
		[]string{"version", "goversion"},
		"1, with the plugin's version and Go's as labels.", "-",
		func(s *series, p *Plugin) {
			s.sample("", `version="`+escape(p.Version)+`",goversion="`+escape(runtime.Version())+`"`, 1)
		},
	},
	{
		prefix + "dead_letters", gauge, nil, "Dead letters of all rules that are kept on disk.",
		"not 0: rows that somebody has to look at, see rows_set_aside_total",
		known(func(p *Plugin) (float64, bool) { return float64(p.DeadLetters), p.DeadLetterLimit > 0 }),
	},
	{
		prefix + "dead_letters_bytes", gauge, nil, "Bytes that they take on disk.",
		"near dead_letters_limit_bytes: the oldest soon go; replay, export or purge them",
		known(func(p *Plugin) (float64, bool) { return float64(p.DeadLetterBytes), p.DeadLetterLimit > 0 }),
	},
	{
		prefix + "dead_letters_limit_bytes", gauge, nil, "Bytes that they may take; beyond that the oldest go.", "-",
		known(func(p *Plugin) (float64, bool) { return float64(p.DeadLetterLimit), p.DeadLetterLimit > 0 }),
	},
	{
		prefix + "orphan_journals", gauge, nil, "Journals with rows that no rule uses, as of the last look.",
		"not 0: `mysql journal list`, then drain or purge them",
		always(func(p *Plugin) float64 { return float64(p.orphanJournals) }),
	},
	{
		prefix + "orphan_rows", gauge, nil, "Rows in journals that no rule uses.", "as orphan_journals",
		always(func(p *Plugin) float64 { return float64(p.orphanRows) }),
	},
	{
		prefix + "data_free_bytes", gauge, nil, "Bytes that are free to the plugin on the disk of its data folder.",
		"near 0: messages wait until there is room; make room, or move the folder with EKUIPER_MYSQL_DATA",
		known(func(p *Plugin) (float64, bool) { return float64(p.DataFree), p.DataSize > 0 }),
	},
	{
		prefix + "data_size_bytes", gauge, nil, "Bytes of that disk.", "-",
		known(func(p *Plugin) (float64, bool) { return float64(p.DataSize), p.DataSize > 0 }),
	},
	{
		prefix + "row_memory_bytes", gauge, nil, "Bytes of messages and batches that all rules keep in memory.",
		"at its limit all the time: rules take turns with the disk; see EKUIPER_MYSQL_MEMORY",
		always(func(p *Plugin) float64 { return float64(p.RowMemory) }),
	},
	{
		prefix + "row_memory_limit_bytes", gauge, nil, "Bytes that those should stay below.", "-",
		always(func(p *Plugin) float64 { return float64(p.RowMemoryLimit) }),
	},
	{
		"process_resident_memory_bytes", gauge, nil, "Resident memory size in bytes. Linux only.", "grows for hours at a steady load: tell us, with a profile",
		known(func(p *Plugin) (float64, bool) { return float64(p.process.resident), p.process.resident >= 0 }),
	},
	{
		"process_open_fds", gauge, nil, "Number of open file descriptors. Linux only.", "as process_resident_memory_bytes",
		known(func(p *Plugin) (float64, bool) { return float64(p.process.descriptors), p.process.descriptors >= 0 }),
	},
	{
		"process_start_time_seconds", gauge, nil, "Start time of the process since the Unix epoch in seconds.", "changes: the plugin was started anew; eKuiper's log says why",
		always(func(p *Plugin) float64 { return float64(p.Started.UnixMilli()) / 1e3 }),
	},
	{
		"go_goroutines", gauge, nil, "Number of goroutines that currently exist.", "as process_resident_memory_bytes",
		always(func(*Plugin) float64 { return float64(runtime.NumGoroutine()) }),
	},
}
