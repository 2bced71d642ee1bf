package metrics

import (
	"bufio"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// scrape returns the page's samples by name and labels, and its types by name.
func scrape(t *testing.T, p *Page) (samples map[string]float64, types map[string]string) {
	t.Helper()
	w := httptest.NewRecorder()
	p.ServeHTTP(w, nil)
	samples, types = map[string]float64{}, map[string]string{}
	helped := map[string]bool{}
	line := regexp.MustCompile(`^([a-z_]+)(\{(?:[a-z]+="(?:[^"\\\n]|\\[\\"n])*",?)+\})? (\S+)$`)
	for lines := bufio.NewScanner(w.Body); lines.Scan(); {
		text := lines.Text()
		if name, help, ok := strings.Cut(strings.TrimPrefix(text, "# HELP "), " "); ok && strings.HasPrefix(text, "# HELP ") {
			if helped[name] || help == "" {
				t.Errorf("%s: helped twice, or not", name)
			}
			helped[name] = true
			continue
		}
		if name, kind, ok := strings.Cut(strings.TrimPrefix(text, "# TYPE "), " "); ok && strings.HasPrefix(text, "# TYPE ") {
			types[name] = kind
			continue
		}
		m := line.FindStringSubmatch(text)
		if m == nil {
			t.Fatalf("no sample: %s", text)
		}
		v, err := strconv.ParseFloat(m[3], 64)
		if err != nil {
			t.Errorf("%s: %v", text, err)
		}
		if _, twice := samples[m[1]+m[2]]; twice {
			t.Errorf("twice: %s", text)
		}
		samples[m[1]+m[2]] = v
	}
	return samples, types
}

const labels = `rule="a \"b\\\n",op="op",instance="1",table="t",server="db:3306/plant",queue="disk"`

func TestPage(t *testing.T) {
	var p Page
	r := &Rule{}
	received := time.Now().Add(-time.Minute)
	r.Watch(func() Standing {
		return Standing{Rows: Rows{Received: 12, Stored: 9, Pending: 3}, PendingBytes: 300, OldestPending: received, QueueBytes: 500, QueueLimit: 1000, LaneRows: 2, Connections: 1, Healthy: true}
	})
	p.Show(Labels{"a \"b\\\n", "op", 1, "t", "db:3306/plant", "disk"}, r)
	before, _ := scrape(t, &p)
	for _, name := range []string{"last_stored_timestamp_seconds", "road_info"} {
		for s := range before {
			if strings.Contains(s, name) {
				t.Errorf("nothing was stored, but there is %s", s)
			}
		}
	}
	at := time.Now()
	r.Committed(5, false, at, 3*time.Millisecond)
	r.Committed(4000, true, at, 2*time.Second)
	r.Accepted(50 * time.Microsecond)
	r.Prepared(time.Second, time.Millisecond)
	r.Retried("outcome unknown")
	r.Retried("passing")
	r.Retried("passing")
	r.Connected(false)
	r.Connected(true)
	p.Describe(func() Plugin {
		return Plugin{Version: "1.2.3", DeadLetters: 7, DeadLetterBytes: 70, DeadLetterLimit: 700, DataFree: 10, DataSize: 20}
	})
	got, types := scrape(t, &p)
	for name, want := range map[string]float64{
		"rows_received_total":         12,
		"rows_pending":                3,
		"pending_bytes":               300,
		"journal_bytes":               500,
		"journal_limit_bytes":         1000,
		"lane_rows":                   2,
		"connections":                 1,
		"healthy":                     1,
		"batches_total":               2,
		"batches_loaded_total":        1,
		"connects_total":              2,
		"reconnects_total":            1,
		`batch_rows_bucket;le="1"`:    0,
		`batch_rows_bucket;le="10"`:   1,
		`batch_rows_bucket;le="4000"`: 2,
		`batch_rows_bucket;le="+Inf"`: 2,
		"batch_rows_sum":              4005,
		"batch_rows_count":            2,
		`stage_seconds_bucket;stage="accept",le="0.0001"`: 1,
		`stage_seconds_bucket;stage="wait",le="0.5"`:      0,
		`stage_seconds_bucket;stage="wait",le="1"`:        1,
		`stage_seconds_sum;stage="write"`:                 2.003,
		`stage_seconds_count;stage="write"`:               2,
		`stage_seconds_count;stage="prepare"`:             1,
		`retries_total;class="passing"`:                   2,
		`retries_total;class="outcome_unknown"`:           1,
		`retries_total;class="operator"`:                  0,
		`road_info;road="load"`:                           1,
		"last_stored_timestamp_seconds":                   float64(at.UnixMilli()) / 1e3,
	} {
		name, more, _ := strings.Cut(name, ";")
		key := prefix + name + "{" + labels
		if more != "" {
			key += "," + more
		}
		if v, ok := got[key+"}"]; !ok || v != want {
			t.Errorf("%s} is %v, %v; want %v", key, v, ok, want)
		}
	}
	if age := got[prefix+"oldest_pending_age_seconds{"+labels+"}"]; age < 60 || age > 3600 {
		t.Errorf("the oldest row is %v s old", age)
	}
	for name, want := range map[string]float64{
		prefix + "dead_letters": 7, prefix + "dead_letters_bytes": 70, prefix + "dead_letters_limit_bytes": 700,
		prefix + "data_free_bytes": 10, prefix + "data_size_bytes": 20, prefix + "orphan_rows": 0,
	} {
		if got[name] != want {
			t.Errorf("%s is %v, want %v", name, got[name], want)
		}
	}
	if got["go_goroutines"] < 1 {
		t.Error("no goroutines")
	}
	for _, f := range Figures() {
		if types[f.Name] != f.Kind {
			t.Errorf("%s is a %q, want %q", f.Name, types[f.Name], f.Kind)
		}
	}
	if s := r.Snapshot(); s.Retries != 3 || s.Road != "load" {
		t.Errorf("snapshot %+v", s)
	}
	p.Hide(Labels{"a \"b\\\n", "op", 1, "t", "db:3306/plant", "disk"}, r)
	after, _ := scrape(t, &p)
	for s := range after {
		if strings.Contains(s, "rule=") {
			t.Errorf("hidden, but %s", s)
		}
	}
}

// TestCountingAllocatesNothing: what is done for each batch and message.
func TestCountingAllocatesNothing(t *testing.T) {
	r := &Rule{}
	now := time.Now()
	if n := testing.AllocsPerRun(100, func() {
		r.Accepted(time.Microsecond)
		r.Prepared(time.Second, time.Millisecond)
		r.Committed(1000, false, now, time.Millisecond)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkBatch(b *testing.B) {
	r := &Rule{}
	for b.Loop() {
		began := time.Now()
		r.Prepared(time.Second, time.Millisecond)
		took := time.Since(began)
		r.Committed(1000, false, began.Add(took), took)
	}
}

func BenchmarkAccepted(b *testing.B) {
	r := &Rule{}
	for b.Loop() {
		began := time.Now()
		r.Accepted(time.Since(began))
	}
}
