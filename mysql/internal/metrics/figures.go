package metrics

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// prefix of all names but those that every Go program uses.
const prefix = "ekuiper_mysql_"

// Kinds, as Prometheus calls them.
const (
	counter = "counter"
	gauge   = "gauge"
	history = "histogram"
)

// Figure describes a metric.
type Figure struct {
	Name   string // whole
	Kind   string
	Labels []string // beside those of a rule, if it has those
	OfRule bool     // it has the labels of RuleLabels
	Help   string   // what it is, with its unit
	Advice string   // what to do when it moves
}

// RuleLabels are what tells one action's figures from another's.
var RuleLabels = []string{"rule", "op", "instance", "table", "server", "queue"}

// ruleFigure is a metric of each action.
type ruleFigure struct {
	name, kind string
	labels     []string
	help       string
	advice     string
	samples    func(*series, *Snapshot)
}

// value is a ruleFigure's samples where there is always one.
func value(of func(*Snapshot) float64) func(*series, *Snapshot) {
	return func(s *series, n *Snapshot) { s.sample("", "", of(n)) }
}

// ruleFigures are all metrics of an action.
var ruleFigures = []ruleFigure{
	{
		"rows_received_total", counter, nil, "Rows accepted from eKuiper, over restarts. They are stored, superseded, set aside, dropped, lost or pending.",
		"stands still: eKuiper sends nothing; look at the stream, the rule's SQL and the rule's status",
		value(func(s *Snapshot) float64 { return float64(s.Received) }),
	},
	{
		"rows_stored_total", counter, nil, "Rows that the server has committed.",
		"stands still while rows are pending: see healthy and retries_total",
		value(func(s *Snapshot) float64 { return float64(s.Stored) }),
	},
	{
		"rows_superseded_total", counter, nil, "Rows in whose place the table has a newer or equal one.",
		"grows in modes that pass rows over, and after kills; nothing is missing",
		value(func(s *Snapshot) float64 { return float64(s.Superseded) }),
	},
	{
		"rows_set_aside_total", counter, nil, "Rows that are dead letters.",
		"grows: the table refuses rows; `mysql deadletters list` has the reasons, `mysql deadletters replay` brings them back once that is mended",
		value(func(s *Snapshot) float64 { return float64(s.SetAside) }),
	},
	{
		"rows_dropped_total", counter, nil, "Rows given up by whenFull: dropOldest or by maxJournalAge.",
		"grows: the database is away for longer, or slower, than the journal may be large or old; raise the bound or mend the database",
		value(func(s *Snapshot) float64 { return float64(s.Dropped) }),
	},
	{
		"rows_lost_total", counter, nil, "Rows accepted and gone: a damaged file, a power cut.",
		"grows: `mysql journal verify` names the damage; look at the disk",
		value(func(s *Snapshot) float64 { return float64(s.Lost) }),
	},
	{
		"rows_pending", gauge, nil, "Rows that wait for the table.",
		"grows: the database takes rows slower than they come, or not at all; see healthy and stage_seconds",
		value(func(s *Snapshot) float64 { return float64(s.Pending) }),
	},
	{
		"pending_bytes", gauge, nil, "Bytes of the messages that hold the pending rows.",
		"as rows_pending; journal_bytes has what they take on disk",
		value(func(s *Snapshot) float64 { return float64(s.PendingBytes) }),
	},
	{
		"oldest_pending_age_seconds", gauge, nil, "How long the oldest pending row has waited since it was accepted, over restarts, to the second; 0 if none is pending.",
		"grows: rows do not reach the table; the best single figure to alert on",
		value(func(s *Snapshot) float64 { return s.OldestPendingAge().Seconds() }),
	},
	{
		"healthy", gauge, nil, "1 while rows are delivered or none wait, 0 while they wait for the server or for somebody to mend something.",
		"0: `mysql status` and eKuiper's log have the server's error",
		value(func(s *Snapshot) float64 {
			if s.Healthy {
				return 1
			}
			return 0
		}),
	},
	{
		"last_stored_timestamp_seconds", gauge, nil, "When the server last committed rows, Unix time; missing until it has since the plugin started.",
		"long ago while rows are pending: as oldest_pending_age_seconds",
		func(out *series, s *Snapshot) {
			if !s.LastStored.IsZero() {
				out.sample("", "", float64(s.LastStored.UnixMilli())/1e3)
			}
		},
	},
	{
		"journal_bytes", gauge, nil, "Bytes that the queue takes: the journal on disk, or memory where queue is memory.",
		"near journal_limit_bytes: rows are soon refused, dropped or made to wait, as whenFull says",
		value(func(s *Snapshot) float64 { return float64(s.QueueBytes) }),
	},
	{
		"journal_limit_bytes", gauge, nil, "Bytes that it may take: maxJournalBytes, or maxQueueBytes.",
		"-",
		value(func(s *Snapshot) float64 { return float64(s.QueueLimit) }),
	},
	{
		"lane_rows", gauge, nil, "Rows that are decoded and in memory: they wait for the writer, or are being written.",
		"at the size of two batches all the time: the server is what limits; at 0 while rows are pending: the plugin waits for the server or its disk",
		value(func(s *Snapshot) float64 { return float64(s.LaneRows) }),
	},
	{
		"batch_rows", history, nil, "Rows in one batch that the server has committed.",
		"small batches at a high rate cost the server much: see maxBatchDelay; they shrink on conflicts with other clients",
		func(out *series, s *Snapshot) { out.distribution("", s.BatchRows) },
	},
	{
		"stage_seconds", history,
		[]string{"stage"},
		"Time of each stage. accept: one observation is a message, or several taken with one write, until the journal has them, waiting for room included. " +
			"wait: a batch, how long its first row has waited in the queue and, when the batch was made, for the writer. prepare: a batch, making it of messages: decode and convert. " +
			"write: a batch, the transaction that was committed, its statements rendered; attempts that failed are in no stage.",
		"accept grows: the disk is slow; wait grows and write does not: rows come faster than one writer writes; write grows: the server or the way to it is slow; prepare grows: the box has no CPU time left",
		func(out *series, s *Snapshot) {
			for i := range s.Stages {
				out.distribution(`stage="`+Stage(i).String()+`"`, s.Stages[i])
			}
		},
	},
	{
		"batches_total", counter, nil, "Batches that the server has committed.", "-",
		value(func(s *Snapshot) float64 { return float64(s.Batches) }),
	},
	{
		"batches_loaded_total", counter, nil, "Those of the batches that went by LOAD DATA LOCAL; the others went by INSERT.", "-",
		value(func(s *Snapshot) float64 { return float64(s.Loaded) }),
	},
	{
		"road_info", gauge,
		[]string{"road"},
		"1, with the road of the last batch, insert or load, as a label; missing before the first.", "-",
		func(out *series, s *Snapshot) {
			if s.Road != "" {
				out.sample("", `road="`+s.Road+`"`, 1)
			}
		},
	},
	{
		"retries_total", counter,
		[]string{"class"},
		"Attempts that were repeated, by the class of the error.",
		"passing: the server or the network comes and goes; operator: somebody has to mend something, eKuiper's log says what; row, too_large: batches are halved to find refused rows; unlisted: an error that this version does not know",
		func(out *series, s *Snapshot) {
			for _, class := range sortedKeys(s.RetriesByClass) {
				out.sample("", `class="`+escape(class)+`"`, float64(s.RetriesByClass[class]))
			}
		},
	},
	{
		"connects_total", counter, nil, "Connections made for writing.",
		"grows steadily: rules wait for one another's connections; see EKUIPER_MYSQL_MAX_CONNECTIONS",
		value(func(s *Snapshot) float64 { return float64(s.Connects) }),
	},
	{
		"reconnects_total", counter, nil, "Those of them that took the place of one that was lost.",
		"grows: something between here and the server cuts connections, or the server does",
		value(func(s *Snapshot) float64 { return float64(s.Reconnects) }),
	},
	{
		"connections", gauge, nil, "Connections to the server that the action has now.", "-",
		value(func(s *Snapshot) float64 { return float64(s.Connections) }),
	},
	{
		"schema_loads_total", counter, nil, "Times that the table's columns were read.",
		"grows with set aside rows: the table is looked at again before rows are refused",
		value(func(s *Snapshot) float64 { return float64(s.SchemaLoads) }),
	},
	{
		"extra_fields_total", counter, nil, "Fields dropped because the table has no such column.",
		"grows: the rows have fields that extraFields: ignore passes over; add columns if they are wanted",
		value(func(s *Snapshot) float64 { return float64(s.ExtraFields) }),
	},
	{
		"messages_too_large_total", counter, nil, "Messages too large to be received; their rows are in no other figure.",
		"grows: make the rule's windows or batches smaller",
		value(func(s *Snapshot) float64 { return float64(s.TooLarge) }),
	},
	{
		"blocked_seconds_total", counter, nil, "Time that eKuiper was made to wait for room.",
		"grows: the queue is full; eKuiper drops rows unless the rule has requireAck with enableCache or resendInterval",
		value(func(s *Snapshot) float64 { return s.BlockedSeconds }),
	},
}

// series writes the samples of one metric.
type series struct {
	out  io.Writer
	name string
	rule string // its labels, with a comma after each; empty for the plugin's
}

func (s *series) sample(suffix, labels string, v float64) {
	all := s.rule + labels
	if all = strings.TrimSuffix(all, ","); all != "" {
		all = "{" + all + "}"
	}
	fmt.Fprintf(s.out, "%s%s%s %s\n", s.name, suffix, all, number(v))
}

func (s *series) distribution(labels string, d Distribution) {
	join := labels
	if join != "" {
		join += ","
	}
	for i, bound := range d.Bounds {
		s.sample("_bucket", join+`le="`+number(bound)+`"`, float64(d.Below[i]))
	}
	s.sample("_bucket", join+`le="+Inf"`, float64(d.Count))
	s.sample("_sum", labels, d.Sum)
	s.sample("_count", labels, float64(d.Count))
}

func number(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }

func (s *series) head(kind, help string) {
	help = strings.NewReplacer(`\`, `\\`, "\n", `\n`).Replace(help)
	fmt.Fprintf(s.out, "# HELP %s %s\n# TYPE %s %s\n", s.name, help, s.name, kind)
}

func sortedKeys(m map[string]int64) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// Figures describes every metric of the page, in its order.
func Figures() []Figure {
	var all []Figure
	for _, f := range ruleFigures {
		all = append(all, Figure{prefix + f.name, f.kind, f.labels, true, f.help, f.advice})
	}
	for _, f := range pluginFigures {
		all = append(all, Figure{f.name, f.kind, f.labels, false, f.help, f.advice})
	}
	return all
}
