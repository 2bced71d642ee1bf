package random

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lf-edge/ekuiper/sdk/go/api"
)

func TestRate(t *testing.T) {
	for _, c := range []struct {
		props  map[string]any
		after  time.Duration
		want   int
		within int // rows that may be missing between two wake-ups
	}{
		{map[string]any{}, 10 * time.Second, 11, 0},
		{map[string]any{"rate": 1}, 3 * time.Second, 4, 0},
		{map[string]any{"rate": 0.1}, time.Minute, 7, 0},
		{map[string]any{"rate": 10}, time.Second, 11, 0},
		{map[string]any{"rate": "10"}, time.Hour, 36001, 0},
		{map[string]any{"rate": 3}, 100 * time.Second, 301, 0},
		{map[string]any{"rate": 1000}, 2 * time.Second, 2001, 0},
		{map[string]any{"rate": 100000}, time.Second, 100001, 100},
		{map[string]any{"interval": 100}, time.Second, 11, 0},
		{map[string]any{"interval": "2s", "rate": 50}, 10 * time.Second, 6, 0},
	} {
		t.Run(fmt.Sprint(c.props), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := open(t, configured(t, c.props), c.want+1)
				time.Sleep(c.after)
				synctest.Wait()
				if got := len(o.waiting()); got > c.want || got < c.want-c.within {
					t.Errorf("%d rows after %v, want %d", got, c.after, c.want)
				}
			})
		})
	}
}

func TestRateIsSteady(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := open(t, configured(t, map[string]any{"rate": 7}), 0)
		start := time.Now()
		for n := range 1000 {
			<-o.consumer
			late := time.Since(start) - time.Duration(float64(n)/7*float64(time.Second))
			if late < 0 || late > 2*time.Millisecond {
				t.Fatalf("row %d came %v after its time", n, late)
			}
		}
	})
}

func TestSlowConsumerOwesNoMoreThanASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := open(t, configured(t, map[string]any{"rate": 100, "fields": map[string]any{"id": "sequence"}}), 0)
		time.Sleep(time.Minute) // the first row waits for its reader
		synctest.Wait()
		start, n := time.Now(), int64(0)
		for time.Since(start) < time.Second {
			n++
			if got := (<-o.consumer).Message()["id"]; got != n {
				t.Fatalf("row %d has id %v: what is skipped must not be made", n, got)
			}
		}
		if n < 190 || n > 210 {
			t.Errorf("%d rows in the second after a stall, want a second's worth of debt and a second's worth of rows: 200", n)
		}
		if got := o.ctx.log.warnings("more slowly"); len(got) != 1 {
			t.Errorf("warned %d times: %q", len(got), got)
		}
	})
}

func TestShortStallIsMadeUpFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := open(t, configured(t, map[string]any{"rate": 100}), 0)
		o.take(1)
		time.Sleep(900 * time.Millisecond)
		start := time.Now()
		o.take(90)
		if late := time.Since(start); late > 20*time.Millisecond {
			t.Errorf("90 rows owed took %v", late)
		}
		if got := o.ctx.log.warnings(""); len(got) != 0 {
			t.Errorf("warned: %q", got)
		}
	})
}

func TestStopsAtOnce(t *testing.T) {
	for name, props := range map[string]map[string]any{
		"blocked on the consumer":       {"rate": "max"},
		"blocked on the consumer, slow": {"rate": 1},
		"waiting for the next row":      {"rate": 0.00001},
		"idle after count":              {"rate": 0, "count": 1},
		"nothing left to send":          {"rate": 0, "deduplicate": -1, "pattern": map[string]any{"a": 1}},
		"nothing left to send, slow":    {"rate": 5, "deduplicate": -1, "pattern": map[string]any{"a": 1}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := open(t, configured(t, props), 1)
				time.Sleep(3 * time.Second)
				synctest.Wait()
				start := time.Now()
				o.stop()
				if took := time.Since(start); took != 0 {
					t.Errorf("stopped after %v", took)
				}
			})
		})
	}
}

func TestCountThenIdle(t *testing.T) {
	for _, rate := range []any{"max", 0, 5, 100000} {
		t.Run(fmt.Sprint(rate), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := open(t, configured(t, map[string]any{"rate": rate, "count": 25}), 100)
				time.Sleep(time.Hour)
				synctest.Wait()
				if got := len(o.waiting()); got != 25 {
					t.Errorf("%d rows, want 25", got)
				}
				select {
				case <-o.ended:
					t.Error("Open ended before its context")
				case err := <-o.errCh:
					t.Errorf("reported %v", err)
				default:
				}
			})
		})
	}
}

func TestUnpacedFollowsTheConsumer(t *testing.T) {
	o := open(t, configured(t, map[string]any{"rate": "max", "fields": map[string]any{"id": "sequence"}}), 0)
	for i, row := range o.take(50_000) {
		if row["id"] != int64(i+1) {
			t.Fatalf("row %d is %v", i, row)
		}
	}
}

func TestSameSeedSameRows(t *testing.T) {
	props := map[string]any{"rate": "max", "randomSeed": 42, "fields": []any{
		map[string]any{"name": "i", "type": "int"},
		map[string]any{"name": "f", "type": "float"},
		map[string]any{"name": "u", "type": "uuid"},
		map[string]any{"name": "s", "type": "string", "charset": "unicode", "nulls": 0.2},
		map[string]any{"name": "w", "type": "walk"},
		map[string]any{"name": "n", "type": "sequence"},
		map[string]any{"name": "t", "type": "timestamp", "start": 0},
	}}
	take := func(s *Source, instance int) []map[string]any {
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		fake := newFakeContext(ctx)
		fake.instance = instance
		consumer, ended := make(chan api.SourceTuple), make(chan struct{})
		go func() { defer close(ended); s.Open(fake, consumer, nil) }()
		rows := (&opened{consumer: consumer}).take(200)
		cancel()
		<-ended
		return rows
	}
	s := configured(t, props)
	first := take(s, 0)
	if again := take(s, 0); !reflect.DeepEqual(first, again) {
		t.Error("the same source opened again makes other rows")
	}
	if other := take(configured(t, props), 0); !reflect.DeepEqual(first, other) {
		t.Error("another source with the same seed makes other rows")
	}
	if other := take(s, 1); reflect.DeepEqual(first, other) {
		t.Error("another instance makes the same rows")
	}
	props["randomSeed"] = 43
	if other := take(configured(t, props), 0); reflect.DeepEqual(first, other) {
		t.Error("another seed makes the same rows")
	}
}

func TestLoggedSeedRepeatsTheRun(t *testing.T) {
	props := map[string]any{"rate": "max", "fields": map[string]any{"a": "uuid"}}
	o := open(t, configured(t, props), 0)
	rows := o.take(5)
	o.stop()
	if got := o.ctx.log.lines[0]; !strings.HasSuffix(got, "randomSeed 7") {
		t.Fatalf("the log does not tell the seed: %q", got)
	}
	props["randomSeed"] = 7
	if again := open(t, configured(t, props), 0).take(5); !reflect.DeepEqual(rows, again) {
		t.Errorf("got %v, want %v", again, rows)
	}
}

func TestDeduplicate(t *testing.T) {
	pattern := map[string]any{"count": 50}
	rows := func(t *testing.T, deduplicate, n int) (values []int64, o *opened) {
		o = open(t, configured(t, map[string]any{
			"rate": "max", "pattern": pattern, "seed": 10, "deduplicate": deduplicate, "count": n,
		}), n)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		for _, row := range o.waiting() {
			values = append(values, row["count"].(int64))
		}
		return values, o
	}
	t.Run("all", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			values, o := rows(t, -1, 100)
			seen := map[int64]bool{}
			for _, v := range values {
				if v < 50 || v >= 60 {
					t.Errorf("%d is not in [50, 60)", v)
				}
				seen[v] = true
			}
			if len(values) != 10 || len(seen) != 10 {
				t.Errorf("got %v, want each of ten values once", values)
			}
			if got := o.ctx.log.warnings("duplicates"); len(got) != 1 {
				t.Errorf("warned %q", got)
			}
		})
	})
	t.Run("last 3", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			values, _ := rows(t, 3, 500)
			repeats := 0
			for i, v := range values {
				for back := 1; back <= 3 && back <= i; back++ {
					if values[i-back] == v {
						t.Fatalf("row %d repeats one %d before", i, back)
					}
				}
				if i >= 4 && values[i-4] == v {
					repeats++
				}
			}
			if len(values) != 500 || repeats == 0 {
				t.Errorf("%d rows, %d repeats after 4: history is longer than 3", len(values), repeats)
			}
		})
	})
	t.Run("off", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			if values, _ := rows(t, 0, 500); len(values) != 500 {
				t.Errorf("%d rows", len(values))
			}
		})
	})
}

func TestWarnings(t *testing.T) {
	host := map[string]any{}
	for _, name := range hostProperties {
		host[name] = "x"
	}
	for _, c := range []struct {
		name  string
		props map[string]any
		want  []string
	}{
		{"host's own", host, nil},
		{"interval", map[string]any{"interval": 250}, []string{"loses rows in doing so; use rate: 4 "}},
		{"interval of 0", map[string]any{"interval": 0}, nil},
		{"misspelt", map[string]any{"Dedupliate": 1}, []string{`property "Dedupliate" is unknown and ignored; did you mean "deduplicate"?`}},
		{"foreign", map[string]any{"topic": 1}, []string{`property "topic" is unknown and ignored`}},
		{"two spellings", map[string]any{"randomseed": 1, "randomSeed": 2}, []string{"randomSeed and randomseed"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := open(t, configured(t, c.props), 1)
			o.take(1)
			o.stop()
			got := o.ctx.log.warnings("")
			if len(got) != len(c.want) {
				t.Fatalf("got %q, want %q", got, c.want)
			}
			for i := range got {
				if !strings.Contains(got[i], c.want[i]) {
					t.Errorf("got %q, want %q", got[i], c.want[i])
				}
			}
		})
	}
}

func TestOpenUnconfigured(t *testing.T) {
	s := newSource(time.Now, fixedEntropy)
	if err := s.Configure("", map[string]any{"rate": "soon"}); err == nil {
		t.Fatal("accepted")
	}
	o := open(t, s, 0)
	if err := <-o.errCh; !strings.Contains(err.Error(), "before it was configured") {
		t.Error(err)
	}
	<-o.ended
}

func TestCloseAtAnyTime(t *testing.T) {
	s := New()
	for range 2 {
		if err := s.Close(newFakeContext(context.Background())); err != nil {
			t.Error(err)
		}
	}
}
