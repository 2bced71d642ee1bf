//go:build linux

package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// sample is what the processes take at a moment. What could not be read is
// not a number of anything: negative.
type sample struct {
	at                 time.Duration // since the start
	worker, supervisor process
	host               process
	goroutines         float64 // of the worker
	disk               float64 // bytes in the plugin's data folder
	pending            float64 // rows
}

// process is what one takes: resident memory in bytes, open files, threads.
type process struct {
	pid            int
	memory         float64
	files, threads float64
}

// watch takes samples until ctx ends.
func (s *stage) watch(ctx context.Context, r *result) {
	client := &http.Client{Timeout: 5 * time.Second}
	defer client.CloseIdleConnections()
	ticker := time.NewTicker(r.calendar.sampleEvery())
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		r.samples = append(r.samples, s.sample(client, time.Since(r.start)))
	}
}

func (s *stage) sample(client *http.Client, at time.Duration) sample {
	worker := s.host.WorkerPid("mysql")
	supervisor := 0
	for _, pid := range s.host.PluginPids("mysql") {
		if pid != worker {
			supervisor = pid
		}
	}
	now := sample{
		at: at, worker: look(worker), supervisor: look(supervisor), host: look(s.host.Pid()),
		disk: size(s.data()), goroutines: -1, pending: -1,
	}
	response, err := client.Get("http://" + s.metrics + "/metrics")
	if err != nil {
		return now // no rule has begun in this worker
	}
	defer response.Body.Close()
	page, err := io.ReadAll(response.Body)
	if err != nil {
		return now
	}
	if n, ok := figure(page, "go_goroutines"); ok {
		now.goroutines = n
	}
	if n, ok := figure(page, "ekuiper_mysql_rows_pending"); ok {
		now.pending = n
	}
	return now
}

// look reads what a process takes; nothing of one that is gone.
func look(pid int) process {
	p := process{pid, -1, -1, -1}
	if pid == 0 {
		return p
	}
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return p
	}
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(line, ":")
		words := strings.Fields(value)
		if len(words) == 0 {
			continue
		}
		n, err := strconv.ParseFloat(words[0], 64)
		switch {
		case err != nil:
		case name == "VmRSS":
			p.memory = n * 1024
		case name == "Threads":
			p.threads = n
		}
	}
	if open, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid)); err == nil {
		p.files = float64(len(open))
	}
	return p
}

// size is what the files below a folder take.
func size(folder string) (sum float64) {
	_ = filepath.WalkDir(folder, func(_ string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return nil // gone meanwhile
		}
		if info, err := entry.Info(); err == nil {
			sum += float64(info.Size())
		}
		return nil
	})
	return sum
}

// figure adds up all that a metrics page says under a name.
func figure(page []byte, name string) (sum float64, found bool) {
	for line := range bytes.Lines(page) {
		rest, ok := bytes.CutPrefix(line, []byte(name))
		if !ok || len(rest) == 0 || rest[0] != ' ' && rest[0] != '{' {
			continue
		}
		words := bytes.Fields(rest)
		n, err := strconv.ParseFloat(string(words[len(words)-1]), 64)
		if err == nil {
			sum, found = sum+n, true
		}
	}
	return sum, found
}
