package ekuiper

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// RuleStatus is a rule's state and metrics as eKuiper reports them.
type RuleStatus map[string]any

// RuleStatus asks for a rule's status.
func (h *Host) RuleStatus(id string) (RuleStatus, error) {
	status, err := h.getMap("/rules/" + url.PathEscape(id) + "/status")
	return RuleStatus(status), err
}

// State is "running", "stopped", "stopped by error" and the like.
func (s RuleStatus) State() string {
	state, _ := s["status"].(string)
	return state
}

// Count is a metric by its full name, such as "sink_mysql_0_0_records_in_total".
// The second result is false if the rule has no such metric (yet).
func (s RuleStatus) Count(name string) (int64, bool) {
	number, ok := s[name].(json.Number)
	if !ok {
		return 0, false
	}
	n, err := number.Int64()
	return n, err == nil
}

// Sum adds up the metrics of all instances of a kind of operator: with
// ("sink_mysql", "records_in_total") all of sink_mysql_0_0_records_in_total,
// sink_mysql_0_1_records_in_total and so on.
func (s RuleStatus) Sum(operator, metric string) int64 {
	var total int64
	for name := range s {
		if strings.HasPrefix(name, operator+"_") && strings.HasSuffix(name, "_"+metric) {
			n, _ := s.Count(name)
			total += n
		}
	}
	return total
}

// SinkIn is the number of messages given to the sinks of a type.
func (s RuleStatus) SinkIn(sink string) int64 { return s.Sum("sink_"+sink, "records_in_total") }

// SinkOut is the number of messages that the sinks of a type took.
func (s RuleStatus) SinkOut(sink string) int64 { return s.Sum("sink_"+sink, "records_out_total") }

// SinkExceptions is the number of errors of the sinks of a type.
func (s RuleStatus) SinkExceptions(sink string) int64 {
	return s.Sum("sink_"+sink, "exceptions_total")
}

// String lists the status in order of names, one a line.
func (s RuleStatus) String() string {
	var lines []string
	for name, value := range s {
		lines = append(lines, fmt.Sprintf("%s = %v", name, value))
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// WaitRule asks for a rule's status until it is as wanted; the error of a
// failed wait holds the last status seen.
func (h *Host) WaitRule(id string, limit time.Duration, wanted func(RuleStatus) bool) (RuleStatus, error) {
	var last RuleStatus
	err := Wait(limit, func() (bool, error) {
		status, err := h.RuleStatus(id)
		if err != nil {
			return false, err
		}
		last = status
		return wanted(status), nil
	})
	if err != nil {
		return last, fmt.Errorf("wait for rule %s: %w; last status:\n%s", id, err, last)
	}
	return last, nil
}

// Wait asks until done or an error, every 20 ms; after the limit it fails.
func Wait(limit time.Duration, done func() (bool, error)) error {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	err := poll(ctx, done)
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("not so after %s: %w", limit, err)
	}
	return err
}

// Log is all that the host and its plugins have written: the log, then what
// went to standard output and error.
func (h *Host) Log() string {
	files, _ := filepath.Glob(filepath.Join(h.Base, "log", "stream.*.log"))
	slices.Sort(files) // named by their time
	var all strings.Builder
	for _, file := range append(files, filepath.Join(h.Base, "log", "output.txt")) {
		text, err := os.ReadFile(file)
		if err == nil {
			all.Write(text)
		}
	}
	return all.String()
}

// WaitLog waits until the log matches the pattern and returns the match with
// its groups.
func (h *Host) WaitLog(limit time.Duration, pattern string) ([]string, error) {
	expression, err := regexp.Compile(pattern)
	if err != nil {
		return nil, fmt.Errorf("wait for the log: %w", err)
	}
	var match []string
	err = Wait(limit, func() (bool, error) {
		match = expression.FindStringSubmatch(h.Log())
		return match != nil, nil
	})
	if err != nil {
		return nil, fmt.Errorf("wait for %q in the log: %w", pattern, err)
	}
	return match, nil
}

var pluginStarted = regexp.MustCompile(`plugin started pid: (\d+)`)

// PluginPid is the process that the host started last as a plugin, 0 if none
// was. It may have ended since; PluginPids tells what lives.
func (h *Host) PluginPid() int {
	matches := pluginStarted.FindAllStringSubmatch(h.Log(), -1)
	if len(matches) == 0 {
		return 0
	}
	var pid int
	_, _ = fmt.Sscan(matches[len(matches)-1][1], &pid)
	return pid
}
