//go:build linux

package main

import (
	"encoding/xml"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// curve is a figure every ten seconds for an hour.
func curve(of func(minute float64) float64) []point {
	var points []point
	for at := time.Duration(0); at < time.Hour; at += 10 * time.Second {
		points = append(points, point{at, of(at.Minutes())})
	}
	return points
}

func TestJudge(t *testing.T) {
	const mib = 1 << 20
	for _, c := range []struct {
		name  string
		of    func(minute float64) float64
		grows bool
	}{
		{"always the same", func(float64) float64 { return 40 * mib }, false},
		{"a backlog every day", func(m float64) float64 { return 40*mib + 20*mib*math.Abs(math.Sin(m)) }, false},
		{"warming up", func(m float64) float64 { return 40*mib + min(m, 1)*3*mib }, false},
		{"a leak", func(m float64) float64 { return 40*mib + m/60*12*mib }, true},
		{"a leak below waves", func(m float64) float64 { return 40*mib + 20*mib*math.Abs(math.Sin(m)) + m/60*20*mib }, true},
		{"falling", func(m float64) float64 { return 80*mib - m/60*40*mib }, false},
		{"one peak at the end", func(m float64) float64 { return 40*mib + math.Floor(m/59)*100*mib }, false},
	} {
		got := judge(c.name, "MiB", curve(c.of), bound{part: 0.10, least: 4 * mib})
		if got.grows != c.grows || !got.judged {
			t.Errorf("%s: %+v", c.name, got)
		}
	}
	if got := judge("short", "MiB", curve(func(m float64) float64 { return m * mib })[:fewest-1], bound{}); got.judged || got.grows {
		t.Errorf("too few points were judged: %+v", got)
	}
}

func TestCalendar(t *testing.T) {
	for length, want := range map[time.Duration]calendar{
		time.Hour:        {day: 150 * time.Second, rough: 9, calm: 15},
		10 * time.Minute: {day: 50 * time.Second, rough: 6, calm: 6},
		20 * time.Second: {day: 20 * time.Second, rough: 1},
		24 * time.Hour:   {day: time.Hour, rough: 9, calm: 15},
	} {
		got := newCalendar(length)
		if got != want {
			t.Errorf("%v: %+v, want %+v", length, got, want)
		}
		for day := range got.days() {
			events := got.events(day)
			if !slices.IsSortedFunc(events, func(a, b event) int { return int(math.Copysign(1, a.at-b.at)) }) {
				t.Errorf("%v: the events of day %d are not in order", length, day)
			}
			kills := slices.ContainsFunc(events, func(e event) bool { return strings.HasPrefix(e.name, "worker killed") })
			if kills != (day < got.rough) {
				t.Errorf("%v: day %d kills workers: %v", length, day, kills)
			}
		}
	}
}

// hour is what a run of an hour has seen: of samples as change leaves them.
func hour(change func(*sample)) *result {
	r := &result{calendar: newCalendar(time.Hour), start: time.Now(), calmFrom: 22 * time.Minute, deeds: deeds{rows: 7_000_000}}
	for at := 10 * time.Second; at < time.Hour; at += 10 * time.Second {
		look := process{1, 50e6 + float64(at%7)*1e5, 60, 12}
		s := sample{at: at, worker: look, supervisor: look, host: look, goroutines: 90, disk: 1e6, pending: float64(at % 13)}
		change(&s)
		r.samples = append(r.samples, s)
	}
	r.judge()
	return r
}

// TestVerdicts: a run is flat only where all of it was seen, in one worker.
func TestVerdicts(t *testing.T) {
	none := process{0, -1, -1, -1}
	for name, c := range map[string]struct {
		change func(*sample)
		want   string
		wrong  bool
	}{
		"one worker":                 {func(*sample) {}, "flat", false},
		"killed in the first days":   {func(s *sample) { s.worker.pid += int(min(s.at, 20*time.Minute) / (4 * time.Minute)) }, "flat", false},
		"a worker that died":         {func(s *sample) { s.worker.pid += int(s.at / (40 * time.Minute)) }, "2 workers where one should live on", true},
		"no worker at all":           {func(s *sample) { s.worker = none }, "worker memory was never seen", true},
		"a figure that is not there": {func(s *sample) { s.goroutines = -1 }, "worker goroutines was never seen", true},
		"seen for two minutes": {func(s *sample) {
			if s.at < 58*time.Minute {
				s.goroutines = -1
			}
		}, tooShort, false},
		"a leak": {func(s *sample) { s.worker.memory *= 1 + s.at.Hours() }, "growing", true},
	} {
		r := hour(c.change)
		if got := r.word(); got != c.want || (r.wrong() != nil) != c.wrong || !strings.HasSuffix(r.line(), ": "+c.want) {
			t.Errorf("%s: %s; %v", name, r.line(), r.wrong())
		}
	}
}

func TestReport(t *testing.T) {
	r := hour(func(s *sample) { s.goroutines = -1 })
	if line := r.line(); r.growing() || !strings.HasPrefix(line, "soak: 7000000 rows, ") {
		t.Error(line)
	}
	path := filepath.Join(t.TempDir(), "soak.md")
	for _, before := range []string{"before\n" + begin + end + "after\n", ""} {
		if before != "" {
			if err := os.WriteFile(path, []byte(before), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if err := r.write(path); err != nil { // twice: what it has written it finds again
			t.Fatal(err)
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{"before\n" + begin, end + "after\n", "![The curves](soak.svg)", "| worker memory | 4", "| flat |", "not judged"} {
			if !strings.Contains(string(text), want) {
				t.Errorf("the report lacks %q:\n%s", want, text)
			}
		}
	}
	chart, err := os.Open(filepath.Join(filepath.Dir(path), "soak.svg"))
	if err != nil {
		t.Fatal(err)
	}
	defer chart.Close()
	paths := 0
	for decoder := xml.NewDecoder(chart); ; {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("the chart: %v", err)
		}
		if start, ok := token.(xml.StartElement); ok && start.Name.Local == "path" {
			paths++
		}
	}
	if want := 3 * 6; paths != want { // goroutines were never read
		t.Errorf("%d lines in the chart, want %d", paths, want)
	}
}

func TestFigure(t *testing.T) {
	page := []byte("# HELP rows_pending x\nrows_pending{rule=\"a b\"} 3\nrows_pending{rule=\"c\"} 4\nrows_pending_bytes 9\ngo_goroutines 27\n")
	if n, ok := figure(page, "rows_pending"); !ok || n != 7 {
		t.Errorf("rows_pending: %v, %v", n, ok)
	}
	if n, ok := figure(page, "go_goroutines"); !ok || n != 27 {
		t.Errorf("go_goroutines: %v, %v", n, ok)
	}
	if _, ok := figure(page, "absent"); ok {
		t.Error("an absent figure was found")
	}
}

// TestShortDay lives one day with all that happens in one, in the real eKuiper.
func TestShortDay(t *testing.T) {
	if err := run(t.Context(), 20*time.Second, "", ""); err != nil {
		t.Fatal(err)
	}
}
