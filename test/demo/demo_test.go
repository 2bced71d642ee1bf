package main

import (
	"strings"
	"testing"
	"time"
)

func TestSettings(t *testing.T) {
	for _, test := range []struct {
		env   map[string]string
		want  settings
		wrong string // part of the error
	}{
		{env: nil, want: settings{table: "test", rate: 1000, rows: 8000}},
		{env: map[string]string{"KEEP": "1"}, want: settings{table: "test", keep: true, rate: 100, rows: 800}},
		{env: map[string]string{"KEEP": "0", "RATE": "5"}, want: settings{table: "test", rate: 5, rows: 40}},
		{
			env:  map[string]string{"DSN": "u:p@tcp(h)/d", "TABLE": "d.t", "CREATE": "1"},
			want: settings{dsn: "u:p@tcp(h)/d", table: "d.t", create: true, rate: 1000, rows: 8000},
		},
		{env: map[string]string{"KEEP": "yes"}, wrong: `KEEP is "yes"`},
		{env: map[string]string{"CREATE": "2", "RATE": "0"}, wrong: `RATE is "0"`},
		{env: map[string]string{"RATE": "fast"}, wrong: `RATE is "fast"`},
	} {
		got, err := readSettings(func(name string) string { return test.env[name] })
		switch {
		case test.wrong == "" && err != nil:
			t.Errorf("%v: %v", test.env, err)
		case test.wrong != "" && (err == nil || !strings.Contains(err.Error(), test.wrong)):
			t.Errorf("%v: error %v, want one with %q", test.env, err, test.wrong)
		case test.wrong == "" && got != test.want:
			t.Errorf("%v: %+v, want %+v", test.env, got, test.want)
		}
	}
}

func TestMeter(t *testing.T) {
	began := time.Unix(0, 0)
	m := newMeter(began)
	for second := 1; second <= 5; second++ {
		m.note(began.Add(time.Duration(second)*time.Second), int64(min(second, 3)*100))
	}
	if got := m.elapsed(); got != 5*time.Second {
		t.Errorf("elapsed is %v", got)
	}
	if got := m.still(); got != 2*time.Second {
		t.Errorf("still for %v", got)
	}
	if got := m.rate(); got != 0 {
		t.Errorf("%d rows/s after the rows have stopped", got)
	}
	m.note(began.Add(6*time.Second), 700)
	if got := m.rate(); got != 200 {
		t.Errorf("%d rows/s over the last two seconds, want 200", got)
	}
}

func TestWords(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567", -1000: "-1,000", -100: "-100"} {
		if got := thousands(n); got != want {
			t.Errorf("thousands(%d) is %s, want %s", n, got, want)
		}
	}
	for name, want := range map[string]string{"test": "`test`", "d.t": "`d`.`t`", "a`b": "`a``b`"} {
		if got := quote(name); got != want {
			t.Errorf("quote(%s) is %s, want %s", name, got, want)
		}
	}
}
