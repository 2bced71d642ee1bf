package sink

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"ekuiper-mysql/mysql/internal/journal"
	"ekuiper-mysql/mysql/internal/metrics"
)

// leave makes a journal with so many rows waiting and nobody who has it open.
func leave(t *testing.T, folder, rule string, rows int) string {
	t.Helper()
	d := openLeft(t, folder, rule)
	for range rows {
		if err := d.Append(context.Background(), []byte(`{"id":1}`), 1); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	return journal.DirName(rule, "op", 0, "target")
}

// openLeft opens that journal, as a drain does.
func openLeft(t *testing.T, folder, rule string) *journal.Disk {
	t.Helper()
	d, err := journal.Open(journal.Options{
		Dir: filepath.Join(folder, journal.DirName(rule, "op", 0, "target")), Identity: fmt.Sprintf(identityText, rule, "op", 0, "target"),
		MaxBytes: 1 << 20, SyncEvery: time.Hour,
	})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestOrphansAreToldOf(t *testing.T) {
	folder := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		gauge, log := &metrics.Orphans{}, &logLines{}
		w := orphanWatch{gauge: gauge}
		late, gone := leave(t, folder, "late", 2), leave(t, folder, "gone", 3)
		leave(t, folder, "empty", 0)
		expect := func(when string, journals, rows int64, lines int) {
			t.Helper()
			synctest.Wait()
			if j, r := gauge.Get(); j != journals || r != rows || log.count("no rule uses") != lines {
				t.Errorf("%s: %d journals with %d rows, want %d with %d; log:\n%s", when, j, r, journals, rows, log)
			}
		}
		// Rules come in for longer than the calm that is waited for.
		for i := range 5 {
			w.note(filepath.Join(folder, fmt.Sprint("rule", i)), log)
			time.Sleep(calm - time.Second)
			expect("while rules start", 0, 0, 0)
		}
		w.note(filepath.Join(folder, late), log)
		time.Sleep(calm + time.Second)
		expect("when none start any more", 1, 3, 1)
		if log.count("warn 3 rows") != 1 || log.count("rule gone, op op") != 1 || log.count("its rule is stopped, was deleted, or writes elsewhere now; start it, or deliver them with: mysql journal drain "+gone) != 1 || log.count("waiting for 2m") != 1 {
			t.Errorf("log:\n%s", log)
		}
		time.Sleep(lookEvery)
		expect("a day later", 1, 3, 2)
		w.note(filepath.Join(folder, gone), log)
		expect("when its rule comes back", 0, 0, 2)
		time.Sleep(lookEvery)
		expect("another day later", 0, 0, 2)
		w.close()
		w.close()
		w.note(filepath.Join(folder, "after the end"), log)
	})
}

// TestOrphansAreFollowed: what a person has drained or purged is an orphan no
// more, and does not wait for the next day to be none.
func TestOrphansAreFollowed(t *testing.T) {
	folder := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		gauge, log := &metrics.Orphans{}, &logLines{}
		w := orphanWatch{gauge: gauge}
		defer w.close()
		left := map[string]string{}
		for i, rule := range []string{"purged", "drained", "half", "as it was"} {
			left[rule] = leave(t, folder, rule, 1<<i)
		}
		w.note(filepath.Join(folder, "rule"), log)
		expect := func(when string, journals, rows int64) {
			t.Helper()
			synctest.Wait()
			if j, r := gauge.Get(); j != journals || r != rows || log.count("no rule uses") != 4 {
				t.Errorf("%s: %d journals with %d rows, want %d with %d; log:\n%s", when, j, r, journals, rows, log)
			}
		}
		time.Sleep(calm + followEvery)
		expect("at first", 4, 15)
		if err := journal.Purge(filepath.Join(folder, left["purged"]), func() error { return nil }); err != nil {
			t.Fatal(err)
		}
		drained, half := openLeft(t, folder, "drained"), openLeft(t, folder, "half")
		drained.Settle(journal.Stored, journal.Span{From: 0, To: 1})
		time.Sleep(followEvery)
		expect("while they are drained", 3, 14)
		drained.Settle(journal.SetAside, journal.Span{From: 1, To: 2})
		half.Settle(journal.Stored, journal.Span{From: 0, To: 3})
		for _, d := range []*journal.Disk{drained, half} {
			if err := d.Close(); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(followEvery)
		expect("afterwards", 2, 9)
		time.Sleep(followEvery)
		expect("when nothing moves", 2, 9)
	})
}

// TestOrphansAreToldOfWhileRulesComeAndGo: a rule that starts again and again
// does not put the look off for ever.
func TestOrphansAreToldOfWhileRulesComeAndGo(t *testing.T) {
	folder := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		gauge, log := &metrics.Orphans{}, &logLines{}
		w := orphanWatch{gauge: gauge}
		leave(t, folder, "gone", 3)
		for start := time.Now(); time.Since(start) < longestCalm+2*calm; time.Sleep(time.Second) {
			w.note(filepath.Join(folder, "flaps"), log)
		}
		w.close()
		if j, r := gauge.Get(); j != 1 || r != 3 {
			t.Errorf("%d journals with %d rows", j, r)
		}
	})
	w := orphanWatch{gauge: &metrics.Orphans{}}
	w.close() // never begun
}

func TestIdentify(t *testing.T) {
	for _, want := range []identity{
		{rule: "demo", op: "sink_0", instance: 0, target: "localhost:3306/d/t"},
		{rule: "a, op b, instance 1, to c", op: "x, instance 2, to y", instance: -3, target: "h:1/d/t, op z, instance 4, to w"},
		{},
	} {
		text := fmt.Sprintf(identityText, want.rule, want.op, want.instance, want.target)
		if got := identify(journal.DirName(want.rule, want.op, want.instance, want.target), text); got != want {
			t.Errorf("%q: %+v, want %+v", text, got, want)
		}
		if got := identify("renamed", text); got != (identity{rule: text}) {
			t.Errorf("renamed: %+v", got)
		}
	}
}
