//go:build linux

package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// withPeers is a stage on MariaDB, where the peers are built.
func withPeers(o options) (*stage, error) {
	versions := []string{}
	for _, p := range []struct{ executable, name, module string }{
		{"redpanda", "Redpanda Connect", "github.com/redpanda-data/connect/v4"},
		{"redpanda", "benthos", "github.com/redpanda-data/benthos/v4"},
		{"telegraf", "Telegraf", "github.com/influxdata/telegraf"},
	} {
		version, err := moduleVersion(filepath.Join(o.peers, p.executable), p.module)
		if err != nil {
			return nil, fmt.Errorf("%w: %w: run `make peers`", errAbsent, err)
		}
		versions = append(versions, p.name+" "+version)
	}
	s, err := onMariaDB(o)
	if err == nil {
		s.versions = append(s.versions, versions...)
	}
	return s, err
}

// againstPeers compares with programs that do a part of the same work. Telegraf
// is slow: it gets fewer rows.
func againstPeers(s *stage, _ options) []measurement {
	ours := s.running(100)
	return []measurement{
		comparison{"vs_redpanda_connect", ours, fastest(s.redpanda(1), s.redpanda(4)), faster, 5, 1},
		comparison{"vs_telegraf", ours, fewer(s.telegraf(), 0.1), faster, 20, 1},
	}
}

// running is the plugin by the peers' clock, which does not count a start: its
// first rows are visible before the others are sent.
func (s *stage) running(perMessage int) road {
	return func(rows int) (sample, error) {
		const first = 1000
		if rows -= rows % first; rows < 2*first {
			return sample{}, fmt.Errorf("it takes %d rows at least", 2*first)
		}
		messages := s.render(rows, perMessage)
		f, err := s.launch(nil)
		if err != nil {
			return sample{}, err
		}
		defer f.end()
		if err = f.send(messages[:first/perMessage], 0); err == nil {
			err = s.await(first)
		}
		if err != nil {
			return sample{}, err
		}
		before, err := treeCPU(f.plugin.Pid())
		if err != nil {
			return sample{}, err
		}
		start := time.Now()
		if err = f.send(messages[first/perMessage:], 0); err == nil {
			_, err = s.filled(rows)
		}
		took := time.Since(start)
		after, failed := treeCPU(f.plugin.Pid())
		if err = errors.Join(err, failed, f.close()); err != nil {
			return sample{}, err
		}
		left := float64(rows - first)
		return sample{rate: left / took.Seconds(), cpu: (after - before) / left}, s.check(rows)
	}
}

// lines writes a file of so many rows, one JSON object per line, once. The
// time is written by at, as the peer likes it best.
func (s *stage) lines(rows int, kind string, at func(millis int64) string) (string, error) {
	path := filepath.Join(s.dir, fmt.Sprintf("%s-%d.json", kind, rows))
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	f, err := os.Create(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	w := bufio.NewWriter(f)
	for i := range rows {
		name, x, y, millis := value(i)
		fmt.Fprintf(w, `{"at":%s,"id":%d,"name":"%s","x":%g,"y":%g}`+"\n", at(millis), i, name, x, y)
	}
	if err := w.Flush(); err != nil {
		return "", err
	}
	return path, f.Close()
}

// peer runs another program until the rows are in the table. What it takes to
// start counts neither as time nor as CPU: both are measured from when its
// first rows are visible, and those are not counted.
func (s *stage) peer(rows int, name string, args ...string) (sample, error) {
	if err := s.clear(); err != nil {
		return sample{}, err
	}
	var log bytes.Buffer
	cmd := exec.Command(filepath.Join(s.peers, name), args...)
	cmd.Dir = s.dir
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		return sample{}, err
	}
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait() // how it ended stands in the table
		close(ended)
	}()
	start, err := s.grown(0, ended)
	var before float64
	if err == nil {
		before, err = treeCPU(cmd.Process.Pid)
	}
	var took time.Duration
	if err == nil {
		took, err = s.filled(rows)
	}
	// It ends by itself or so: the kernel then tells all that it has used.
	_ = cmd.Process.Kill()
	<-ended
	if err != nil {
		return sample{}, fmt.Errorf("%s: %w\n%.2000s", name, err, log.Bytes())
	}
	cpu := float64((cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Microseconds()) - before
	left := float64(rows - start)
	if left <= 0 {
		return sample{}, fmt.Errorf("%s: all rows came before the clock began: more of them are needed", name)
	}
	return sample{rate: left / took.Seconds(), cpu: cpu / left}, s.check(rows)
}

// filled waits until no row is missing, and returns how long that took.
// Several batches in flight may put the last row in before others.
func (s *stage) filled(rows int) (time.Duration, error) {
	start := time.Now()
	err := s.await(rows)
	if err == nil {
		err = s.complete(rows)
	}
	return time.Since(start), err
}

// complete waits until no row is missing.
func (s *stage) complete(rows int) error {
	since := time.Now()
	var now int
	for range time.Tick(20 * time.Millisecond) {
		if err := s.server.DB().QueryRow("SELECT COUNT(*) FROM bench.t").Scan(&now); err != nil || now >= rows {
			return err
		}
		if time.Since(since) > stalled {
			break
		}
	}
	return fmt.Errorf("%d rows of %d are in the table after %v", now, rows, stalled)
}

// config writes a peer's configuration.
func (s *stage) config(name, text string) (string, error) {
	path := filepath.Join(s.dir, name)
	return path, os.WriteFile(path, []byte(text), 0o600)
}
