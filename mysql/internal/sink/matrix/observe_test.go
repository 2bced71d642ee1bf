package matrix_test

import (
	"bufio"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// figures are what became of a rule's rows, by the names of the metrics, without their prefix.
type figures map[string]int

var served = regexp.MustCompile(`metrics are at http://(\S+)/metrics`)

func (t *trial) metricsAddress() string {
	t.Helper()
	line := t.log.await(t, "metrics are at")
	return served.FindStringSubmatch(line)[1]
}

// scrape reads a rule's figures as Prometheus would.
func scrape(address, rule string) (figures, error) {
	answer, err := http.Get("http://" + address + "/metrics")
	if err != nil {
		return nil, err
	}
	defer http.DefaultClient.CloseIdleConnections()
	defer answer.Body.Close()
	f := figures{}
	for lines := bufio.NewScanner(answer.Body); lines.Scan(); {
		name, rest, ok := strings.Cut(lines.Text(), "{")
		labels, value, ok2 := strings.Cut(rest, "} ")
		if !ok || !ok2 || !strings.Contains(labels, `rule="`+rule+`"`) {
			continue
		}
		n, err := strconv.ParseFloat(value, 64)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", lines.Text(), err)
		}
		name = strings.TrimPrefix(strings.TrimPrefix(name, "ekuiper_mysql_"), "rows_")
		f[name] += int(n)
	}
	return f, nil
}

// settled waits until no row of a rule is pending.
func (t *trial) settled(address, rule string) figures {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	end := time.After(limit)
	for {
		f, err := scrape(address, rule)
		if err != nil {
			t.Fatal(err)
		}
		if n, ok := f["pending"]; ok && n == 0 {
			if sum := f["stored_total"] + f["superseded_total"] + f["set_aside_total"] + f["dropped_total"] + f["lost_total"]; sum != f["received_total"] {
				t.Errorf("the sums do not add up: %v", f)
			}
			return f
		}
		select {
		case <-tick.C:
		case <-end:
			t.Fatalf("after %v: %v", limit, f)
		}
	}
}

// logLines keeps what is logged, and lets a test wait for a line.
type logLines struct {
	mu      sync.Mutex
	lines   []string
	old     int // lines that await does not look at
	changed chan struct{}
}

func (l *logLines) add(level, text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, level+" "+text)
	if l.changed != nil {
		close(l.changed)
		l.changed = nil
	}
}

// forget makes await wait for a new line, where there is one with part.
func (l *logLines) forget(part string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if slices.ContainsFunc(l.lines, func(line string) bool { return strings.Contains(line, part) }) {
		l.old = len(l.lines)
	}
}

// await is find for a test.
func (l *logLines) await(t *trial, part string) string {
	t.Helper()
	line, err := l.find(part, limit)
	if err != nil {
		t.Fatal(err)
	}
	return line
}

// find returns the first line that holds part, once there is one.
func (l *logLines) find(part string, limit time.Duration) (string, error) {
	end := time.After(limit)
	for {
		l.mu.Lock()
		i := slices.IndexFunc(l.lines[l.old:], func(line string) bool { return strings.Contains(line, part) })
		if i >= 0 {
			defer l.mu.Unlock()
			return l.lines[l.old+i], nil
		}
		if l.changed == nil {
			l.changed = make(chan struct{})
		}
		changed := l.changed
		l.mu.Unlock()
		select {
		case <-changed:
		case <-end:
			return "", fmt.Errorf("after %v the log does not say %q", limit, part)
		}
	}
}

// end is the last n lines, each cut.
func (l *logLines) end(n int) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var b strings.Builder
	for _, line := range l.lines[max(0, len(l.lines)-n):] {
		fmt.Fprintf(&b, "%.400s\n", line)
	}
	return b.String()
}

func (l *logLines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.lines, "\n")
}

func (l *logLines) Debug(a ...any)            { l.add("debug", fmt.Sprint(a...)) }
func (l *logLines) Info(a ...any)             { l.add("info", fmt.Sprint(a...)) }
func (l *logLines) Warn(a ...any)             { l.add("warn", fmt.Sprint(a...)) }
func (l *logLines) Error(a ...any)            { l.add("error", fmt.Sprint(a...)) }
func (l *logLines) Debugln(a ...any)          { l.Debug(a...) }
func (l *logLines) Infoln(a ...any)           { l.Info(a...) }
func (l *logLines) Warnln(a ...any)           { l.Warn(a...) }
func (l *logLines) Errorln(a ...any)          { l.Error(a...) }
func (l *logLines) Debugf(f string, a ...any) { l.add("debug", fmt.Sprintf(f, a...)) }
func (l *logLines) Infof(f string, a ...any)  { l.add("info", fmt.Sprintf(f, a...)) }
func (l *logLines) Warnf(f string, a ...any)  { l.add("warn", fmt.Sprintf(f, a...)) }
func (l *logLines) Errorf(f string, a ...any) { l.add("error", fmt.Sprintf(f, a...)) }
