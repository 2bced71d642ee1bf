package e2e

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"ekuiper-mysql/test/ekuiper"
	"ekuiper-mysql/test/proxy"
)

// TestShutdownWhileTheDatabaseDoesNotAnswer: commands are serial, and the host
// gives all of them 10 s together before it kills the plugin.
func TestShutdownWhileTheDatabaseDoesNotAnswer(t *testing.T) {
	b := newBundle(t, "CREATE TABLE numbers (id BIGINT, name VARCHAR(50), x DOUBLE)")
	hole := proxy.Start(t, server.Addr())
	hole.BlackHole()
	b.stream("numbers", 100, 0)
	const rules = 20
	for i := range rules {
		b.rule(fmt.Sprint("rule", i), "SELECT * FROM numbers", map[string]any{"url": b.url(hole.Addr()), "table": "numbers"})
	}
	for i := range rules {
		_, err := b.host.WaitRule(fmt.Sprint("rule", i), limit, func(s ekuiper.RuleStatus) bool { return s.SinkOut("mysql") >= 10 })
		b.must(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	b.must(b.host.Terminate(ctx))
	log := b.host.Log()
	for i := range rules {
		if !strings.Contains(log, fmt.Sprintf("rule=rule%d", i)) {
			t.Errorf("rule%d is not in the log", i)
		}
	}
	if n := strings.Count(log, "still to be written; writing goes on"); n != rules {
		t.Errorf("%d of %d rules were stopped in order", n, rules)
	}
	b.waitNoPlugin()
}

func TestPluginEndsWithItsHost(t *testing.T) {
	b := newBundle(t)
	if b.host.PluginPid() == 0 {
		t.Fatal("no plugin process")
	}
	b.must(b.host.Kill())
	b.waitNoPlugin()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	b.must(b.host.Restart(ctx))
	err := ekuiper.Wait(limit, func() (bool, error) {
		status, err := b.host.PluginStatus("mysql")
		return status.Status == "running", err
	})
	b.must(err)
	b.must(b.host.KillPlugin("mysql"))
	b.waitNoPlugin()
}

// waitNoPlugin waits for the plugin's processes to end by themselves.
func (b *bundle) waitNoPlugin() {
	b.Helper()
	start := time.Now()
	b.must(ekuiper.Wait(limit, func() (bool, error) { return len(b.host.PluginPids("mysql")) == 0, nil }))
	if took := time.Since(start); took > 2*time.Second {
		b.Errorf("the plugin outlived its host by %v, want at most 2 s", took)
	}
}

// TestIdlePluginUsesNoCPU reads the kernel's account of the plugin's CPU time.
func TestIdlePluginUsesNoCPU(t *testing.T) {
	b := newBundle(t, "CREATE TABLE numbers (id BIGINT, name VARCHAR(50), x DOUBLE)")
	b.stream("numbers", 0, 1000)
	b.rule("numbers", "SELECT * FROM numbers", map[string]any{"url": b.url(""), "table": "numbers"})
	b.waitCount(1000, "SELECT COUNT(*) FROM numbers")
	b.must(b.host.StopRule("numbers"))
	b.waitFinished("numbers", 1)
	const window = 3 * time.Second
	before := b.cpuTicks()
	<-time.After(window) // what is measured is this time
	const ticksPerSecond = 100
	if used := b.cpuTicks() - before; used > int64(window.Seconds()*ticksPerSecond/100) {
		t.Errorf("idle for %v the plugin used %d0 ms of CPU, more than 1 %%", window, used)
	}
}

// cpuTicks is the CPU time of the plugin's processes.
func (b *bundle) cpuTicks() (sum int64) {
	b.Helper()
	pids := b.host.PluginPids("mysql")
	if len(pids) != 2 {
		b.Fatalf("processes %v of the plugin, want a supervisor and a worker", pids)
	}
	for _, pid := range pids {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		b.must(err)
		fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
		for _, field := range fields[11:13] { // in the program, in the kernel
			ticks, err := strconv.ParseInt(field, 10, 64)
			b.must(err)
			sum += ticks
		}
	}
	return sum
}

// TestWorkerKilled: nobody touches the host, and rows flow again.
func TestWorkerKilled(t *testing.T) {
	b := newBundle(t, "CREATE TABLE numbers (id BIGINT, name VARCHAR(50), x DOUBLE)")
	b.stream("numbers", 500, 0)
	b.rule("numbers", "SELECT * FROM numbers", map[string]any{"url": b.url(""), "table": "numbers"})
	b.waitCount(100, "SELECT COUNT(*) FROM numbers")
	supervisor := b.host.PluginPid()
	for range 5 {
		b.must(b.host.KillWorker("mysql"))
		killed := time.Now()
		before := b.count("SELECT COUNT(*) FROM numbers")
		b.waitCount(before+100, "SELECT COUNT(*) FROM numbers")
		t.Logf("100 more rows %v after the kill", time.Since(killed).Round(time.Millisecond))
	}
	b.must(b.host.StopRule("numbers"))
	b.waitFinished("numbers", 1)
	if pids := b.host.PluginPids("mysql"); len(pids) != 2 || !slices.Contains(pids, supervisor) {
		t.Errorf("processes %v, want two, one of them %d", pids, supervisor)
	}
	if n, different := b.count("SELECT COUNT(*) FROM numbers"), b.count("SELECT COUNT(DISTINCT id) FROM numbers"); n <= different {
		t.Errorf("%d rows, %d different: the source, which died too, begins again", n, different)
	}
}
