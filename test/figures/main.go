// Command figures measures what the plugin costs and prints a line for each
// figure: the binary's size, the time from start to handshake, and of its two
// processes memory under load, CPU time and the time that a new worker takes. It runs the packaged executable against the mock
// host and a private MariaDB. Run it by `make figures`; it takes 90 seconds.
package main

import (
	"flag"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lf-edge/ekuiper/sdk/go/fakehost"

	"ekuiper-mysql/test/mariadb"
	"ekuiper-mysql/test/proc"
)

func main() {
	executable := flag.String("plugin", "build/mysql", "the plugin's executable")
	rate := flag.Int("rate", 30_000, "rows per second of the memory figure")
	length := flag.Duration("time", time.Minute, "how long the memory figure runs")
	journal := flag.String("journal", "on", "the property journal")
	flag.Parse()
	path, err := filepath.Abs(*executable)
	if err == nil {
		err = run(path, *rate, *length, *journal)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "figures:", err)
		os.Exit(1)
	}
}

func run(executable string, rate int, length time.Duration, journal string) error {
	if runtime.GOOS != "linux" {
		return fmt.Errorf("reads /proc: Linux only")
	}
	info, err := os.Stat(executable)
	if err != nil {
		return fmt.Errorf("%w: run `make build`", err)
	}
	fmt.Printf("figure binary_size_mb %.1f goal below 15\n", float64(info.Size())/1e6)
	if err := handshakes(executable); err != nil {
		return err
	}
	if err := revivals(executable); err != nil {
		return err
	}
	return load(executable, rate, length, journal)
}

// revivals times the kill of a worker to the next one's listening.
func revivals(executable string) error {
	dir, err := os.MkdirTemp("", "figures")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	host, err := fakehost.New("mysql")
	if err != nil {
		return err
	}
	defer host.Close()
	plugin, err := host.Launch(executable, fakehost.LaunchOptions{Env: []string{"EKUIPER_MYSQL_DATA=" + dir}})
	if err != nil {
		return err
	}
	defer plugin.Kill()
	rule, err := host.OpenSink(fakehost.Sink("figures", "mysql", map[string]any{"url": "root@tcp(127.0.0.1:1)/d", "table": "t"}))
	if err != nil {
		return err
	}
	defer rule.Close()
	var times []time.Duration
	for range 11 {
		<-time.After(1100 * time.Millisecond) // a worker that dies sooner is replaced with less haste
		start := time.Now()
		if _, err := plugin.KillWorker(); err != nil {
			return err
		}
		for {
			conn, err := net.Dial("unix", "/tmp/figures_mysql_0_0.ipc")
			if err == nil {
				times = append(times, time.Since(start))
				_ = conn.Close()
				break
			}
			if time.Since(start) > time.Minute {
				return fmt.Errorf("wait for the next worker: %w", err)
			}
			<-time.After(time.Millisecond / 2)
		}
	}
	slices.Sort(times)
	fmt.Printf("figure worker_killed_to_listening_ms median %.1f max %.1f goal below 1000\n", ms(times[5]), ms(times[10]))
	return nil
}

// handshakes times the start of the process to its handshake.
func handshakes(executable string) error {
	host, err := fakehost.New("mysql")
	if err != nil {
		return err
	}
	defer host.Close()
	var times []time.Duration
	for range 21 {
		start := time.Now()
		plugin, err := host.Launch(executable, fakehost.LaunchOptions{})
		if err != nil {
			return err
		}
		times = append(times, time.Since(start))
		if err := plugin.Kill(); err != nil {
			return err
		}
	}
	slices.Sort(times)
	fmt.Printf("figure start_to_handshake_ms median %.1f max %.1f goal below 100\n", ms(times[10]), ms(times[20]))
	return nil
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// load sends single-row messages at the rate and reads what the kernel says of
// the plugin's memory and CPU time.
func load(executable string, rate int, length time.Duration, journal string) error {
	dir, err := os.MkdirTemp("", "figures")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	server, err := mariadb.Run(dir)
	if err != nil {
		return err
	}
	defer server.Close()
	if err := server.CreateDatabase("f"); err != nil {
		return err
	}
	if err := server.Exec("CREATE TABLE f.t (id BIGINT PRIMARY KEY, name VARCHAR(20), x DOUBLE, y DOUBLE, at DATETIME(3))"); err != nil {
		return err
	}
	host, err := fakehost.New("mysql")
	if err != nil {
		return err
	}
	defer host.Close()
	plugin, err := host.Launch(executable, fakehost.LaunchOptions{Env: []string{"EKUIPER_MYSQL_DATA=" + filepath.Join(dir, "data")}})
	if err != nil {
		return err
	}
	defer plugin.Kill()
	rule, err := host.OpenSink(fakehost.Sink("figures", "mysql", map[string]any{"url": server.DSN("f"), "table": "t", "journal": journal}))
	if err != nil {
		return err
	}
	worker, err := plugin.WorkerPid()
	if err != nil {
		return err
	}
	before, err := ticks(plugin.Pid(), worker)
	if err != nil {
		return err
	}
	start := time.Now()
	sent := 0
	for tick := range time.Tick(2 * time.Millisecond) {
		due := min(int(tick.Sub(start).Seconds()*float64(rate)), int(length.Seconds()*float64(rate)))
		for ; sent < due; sent++ {
			row := fmt.Appendf(nil, `[{"at":%d,"id":%d,"name":"sensor-%d","x":%g,"y":%g}]`, 1763634617123+int64(sent), sent, sent%100, float64(sent)*0.37, float64(sent)*1.5)
			if err := rule.Send(row); err != nil {
				return err
			}
		}
		if tick.Sub(start) >= length {
			break
		}
	}
	took := time.Since(start)
	stored, err := await(server, sent)
	if err != nil {
		return err
	}
	if err := rule.Close(); err != nil {
		return err
	}
	after, err := ticks(plugin.Pid(), worker)
	if err != nil {
		return err
	}
	small, err := peakMemory(plugin.Pid())
	if err != nil {
		return err
	}
	large, err := peakMemory(worker)
	if err != nil {
		return err
	}
	fmt.Printf("figure rows sent %d stored %d in %.1f s: %.0f rows/s\n", sent, stored, took.Seconds(), float64(sent)/took.Seconds())
	fmt.Printf("figure peak_resident_mb worker %.1f supervisor %.1f goal below 64 and 15\n", large, small)
	fmt.Printf("figure cpu_us_per_row %.2f (single-row messages)\n", float64(after-before)*10_000/float64(sent))
	<-time.After(time.Second) // let the runtime's own work after the load end: what follows is measured
	before, err = ticks(plugin.Pid(), worker)
	if err != nil {
		return err
	}
	const rest = 10 * time.Second
	<-time.After(rest)
	if after, err = ticks(plugin.Pid(), worker); err != nil {
		return err
	}
	fmt.Printf("figure idle_cpu_percent %.2f goal below 1\n", float64(after-before)/rest.Seconds())
	return nil
}

// await waits until the table holds all rows, for a minute at most.
func await(server *mariadb.Server, want int) (stored int, err error) {
	deadline := time.Now().Add(time.Minute)
	for range time.Tick(100 * time.Millisecond) {
		if err = server.DB().QueryRow("SELECT COUNT(*) FROM f.t").Scan(&stored); err != nil || stored >= want || time.Now().After(deadline) {
			break
		}
	}
	return stored, err
}

// ticks is the CPU time of processes in hundredths of a second.
func ticks(pids ...int) (sum int64, err error) {
	for _, pid := range pids {
		one, err := ticksOf(pid)
		if err != nil {
			return 0, err
		}
		sum += one
	}
	return sum, nil
}

func ticksOf(pid int) (int64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	user, err := strconv.ParseInt(fields[11], 10, 64)
	if err != nil {
		return 0, err
	}
	system, err := strconv.ParseInt(fields[12], 10, 64)
	return user + system, err
}

// peakMemory is the most resident memory that a process has had, in MB.
func peakMemory(pid int) (float64, error) {
	bytes, err := proc.PeakMemory(pid)
	return bytes / 1e6, err
}
