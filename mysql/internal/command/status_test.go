package command

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"ekuiper-mysql/mysql/internal/control"
	"ekuiper-mysql/mysql/internal/status"
)

// answering answers in data as a running one.
func answering(t *testing.T, data string, look func() status.Plugin) {
	t.Helper()
	mux := http.NewServeMux()
	mux.Handle("GET /status", status.Handler(look))
	s := control.Serve(data, mux, &terminalLog{to: t.Output()})
	t.Cleanup(s.Close)
	for { // it answers as soon as it listens
		if _, err := control.Status(t.Context(), data, 0); err == nil {
			return
		}
	}
}

func runStatus(t *testing.T, line statusCommand, args ...string) (out, errs string, code int) {
	t.Helper()
	var o, e bytes.Buffer
	code = execute(&commandLine{Status: line}, append([]string{"status"}, args...), &o, &e)
	return o.String(), e.String(), code
}

func in(data string) func() (string, error) { return func() (string, error) { return data, nil } }

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// busy is a plugin with a rule that is well, and what change makes of it.
func busy(change func(*status.Plugin, *status.Rule)) func() status.Plugin {
	return func() status.Plugin {
		p := status.Plugin{Version: "1.2.3", PID: 17, Since: noon.Add(-90 * time.Minute), Now: noon, Data: status.Data{Folder: "/data", Free: 3 << 30, Size: 12 << 30}}
		r := status.Rule{
			Rule: "demo", Op: "mysql_0_0", Table: "test", Server: "db:3306/plant", State: status.Writing, Healthy: true,
			Rates: &status.Rates{Received: 1234.5, Stored: 1200, Seconds: 1}, Rows: status.Rows{Received: 70, Stored: 65}, PendingRows: 5,
			PendingBytes: 2 << 20, OldestPendingSeconds: 3, LaneRows: 4, Road: "insert", BatchRows: 1000,
		}
		if change != nil {
			change(&p, &r)
		}
		p.Rules = []status.Rule{r}
		return p
	}
}

func TestStatus(t *testing.T) {
	trouble := &status.Error{Time: noon, Since: noon.Add(-2 * time.Minute), Class: "passing", Text: "connect: \x1b[31mrefused", Count: 9}
	for name, c := range map[string]struct {
		change func(*status.Plugin, *status.Rule)
		out    []string
		errs   string
		code   int
	}{
		"well": {nil, []string{"mysql 1.2.3, process 17, running for 1h30m", "3 GiB of 12 GiB free", "demo test writing 1234 1200 5 2 MiB 3s 4 insert 1000 65 0 0 db:3306/plant"}, "", 0},
		"waiting": {
			func(_ *status.Plugin, r *status.Rule) {
				r.State, r.Healthy, r.LastError = status.Waiting, false, trouble
			},
			[]string{"demo test waiting", "failed 9 times, for 2m0s (passing): connect: ·[31mrefused"},
			"rule demo, table test waits for the server, for 2m0s: connect: ·[31mrefused", 1,
		},
		"waiting not for long": {func(_ *status.Plugin, r *status.Rule) { r.State, r.Healthy = status.Waiting, false }, []string{"demo test waiting"}, "", 0},
		"paused": {
			func(_ *status.Plugin, r *status.Rule) { r.State, r.Healthy = status.Paused, false },
			[]string{"demo test paused"},
			"waits for somebody to mend something, for 3s", 1,
		},
		"paused, then stopped": {
			func(_ *status.Plugin, r *status.Rule) {
				e := *trouble
				e.Class, e.Text = "operator", "no such table"
				r.State, r.Healthy, r.LastError = status.Stopped, false, &e
			},
			[]string{"demo test stopped"},
			"rule demo, table test waits for somebody to mend something, for 2m0s: no such table", 1,
		},
		"full": {
			func(_ *status.Plugin, r *status.Rule) { r.Blocked, r.QueueBytes, r.QueueLimit = true, 1<<30-7, 1<<30 },
			[]string{"demo, test: the queue is full, 1 GiB of at most 1 GiB: eKuiper is made to wait"},
			"", 0,
		},
		"over": {
			func(_ *status.Plugin, r *status.Rule) {
				e := *trouble
				e.Over, e.Time = true, noon.Add(-time.Hour)
				r.LastError = &e
			},
			[]string{"1h0m ago, and works since"},
			"", 0,
		},
		"dead letters": {func(p *status.Plugin, _ *status.Rule) {
			p.DeadLetters = status.DeadLetters{Count: 3, Bytes: 100, Limit: 1 << 20}
		}, []string{"3 dead letters, 100 B of at most 1 MiB"}, "3 dead letters: mysql deadletters list", 1},
		"orphans":      {func(p *status.Plugin, _ *status.Rule) { p.Orphans = status.Orphans{Journals: 2, Rows: 7} }, []string{"7 rows in 2 journals"}, "7 rows in 2 journals", 1},
		"no rates yet": {func(_ *status.Plugin, r *status.Rule) { r.Rates, r.PendingRows, r.Road = nil, 0, "" }, []string{"demo test writing - - 0 2 MiB - 4 - 1000"}, "", 0},
	} {
		t.Run(name, func(t *testing.T) {
			data := t.TempDir()
			answering(t, data, busy(c.change))
			out, errs, code := runStatus(t, statusCommand{dataDir: in(data)})
			flat := strings.Join(strings.Fields(out), " ")
			for _, want := range c.out {
				if !strings.Contains(flat, want) {
					t.Errorf("no %q in\n%s", want, out)
				}
			}
			if code != c.code || !strings.Contains(errs, c.errs) || c.code == 0 && errs != "" {
				t.Errorf("code %d, %s; want %d, %s", code, errs, c.code, c.errs)
			}
			if strings.Contains(out+errs, "\x1b") {
				t.Errorf("what the server says reaches the terminal: %q %q", out, errs)
			}
			out, _, code = runStatus(t, statusCommand{dataDir: in(t.TempDir())}, "--json", "--data", data)
			var r report
			if err := json.Unmarshal([]byte(out), &r); err != nil || !r.Running || r.Files != nil || r.Plugin == nil || len(r.Rules) != 1 || code != c.code || len(r.Problems) > 0 != (code == 1) {
				t.Errorf("code %d, %s, %v", code, out, err)
			}
		})
	}
}

// TestStatusWithoutThePlugin is what the files tell.
func TestStatusWithoutThePlugin(t *testing.T) {
	data := t.TempDir()
	out, errs, code := runStatus(t, statusCommand{dataDir: in(data)})
	if code != 1 || !strings.Contains(out, "No plugin answers") || !strings.Contains(out, "no journals") || !strings.Contains(errs, "no plugin answers") {
		t.Errorf("code %d, %s, %s", code, out, errs)
	}
	_, name := waiting(t, data, "demo", `[{"id":1},{"id":2}]`)
	out, errs, code = runStatus(t, statusCommand{dataDir: in(data)})
	if code != 1 || !strings.Contains(strings.Join(strings.Fields(out), " "), name+" open 2 ") || !strings.Contains(errs, "2 rows wait in journals") {
		t.Errorf("code %d, %s, %s", code, out, errs)
	}
	out, _, code = runStatus(t, statusCommand{dataDir: in(data)}, "--json")
	var r report
	if err := json.Unmarshal([]byte(out), &r); err != nil || r.Running || r.Plugin != nil || r.Files == nil || len(r.Files.Journals) != 1 || r.Files.Journals[0].Pending != 2 || code != 1 {
		t.Errorf("code %d, %s, %v", code, out, err)
	}
}

// TestStatusWatched tells it again and again until Ctrl-C, which is no error.
func TestStatusWatched(t *testing.T) {
	data := t.TempDir()
	var looks atomic.Int64
	answering(t, data, func() status.Plugin {
		looks.Add(1)
		return busy(nil)()
	})
	for _, flag := range []string{"", "--json"} {
		looks.Store(0)
		ctx, cancel := context.WithCancel(t.Context())
		line := statusCommand{
			dataDir: in(data),
			watched: func() (context.Context, context.CancelFunc) { return ctx, cancel },
			ticks: func(context.Context, time.Duration) bool {
				if looks.Load() >= 3 {
					cancel()
				}
				return ctx.Err() == nil
			},
		}
		out, errs, code := runStatus(t, line, strings.Fields("--watch "+flag)...)
		if n := strings.Count(out, "demo"); code != 0 || errs != "" || n != 3 || looks.Load() != 3 || strings.Contains(out, "\x1b") {
			t.Errorf("%s: code %d, %s, %d looks, %d times:\n%s", flag, code, errs, looks.Load(), n, out)
		}
	}
}

func TestShortTexts(t *testing.T) {
	for got, want := range map[string]string{
		age(-1): "0s", age(1234 * time.Millisecond): "1.2s", age(90 * time.Second): "1m30s", age(3*time.Hour + 4*time.Minute + 5*time.Second): "3h4m", age(50 * time.Hour): "2d2h",
		size(0): "0 B", size(1023): "1023 B", size(1536): "1.5 KiB", size(5 << 40): "5 TiB", rate(0): "0", rate(2.34): "2.3", rate(12345.6): "12346",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
