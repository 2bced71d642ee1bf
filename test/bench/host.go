//go:build linux

package main

import (
	"archive/zip"
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"ekuiper-mysql/test/ekuiper"
)

// hosted is a real eKuiper with our plugin and one whose sink does nothing.
// Its rules read a file of rows as fast as their sink takes them: that needs no
// broker, no second rule, and is held back by no clock.
type hosted struct {
	*stage
	*ekuiper.Host
	rules int
	files map[string]bool // that streams read
}

// inEKuiper is a stage with the real eKuiper, where it is built.
func inEKuiper(o options) (*stage, error) {
	s, err := onMariaDB(o)
	if err != nil {
		return nil, err
	}
	if err := s.host240(); err != nil {
		s.close()
		if strings.Contains(err.Error(), "make host") {
			err = fmt.Errorf("%w: %w", errAbsent, err)
		}
		return nil, err
	}
	return s, nil
}

// together is how many rules, two for a pair, share a server and an eKuiper.
const together = 8

// anew starts another server and another eKuiper in the place of these, so that
// no ratio is of one start alone.
func (s *stage) anew() error {
	if err := errors.Join(s.real.Close(), s.server.Close()); err != nil {
		return err
	}
	s.real, s.server = nil, nil
	dir, err := os.MkdirTemp(s.dir, "anew")
	if err != nil {
		return err
	}
	if s.server, err = startServer(nil, dir); err != nil {
		return err
	}
	s.versions = s.versions[:1] // eKuiper's comes again
	return s.host240()
}

// host240 starts eKuiper and installs the plugins.
func (s *stage) host240() error {
	zips, err := packed(s.dir, s.executable)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), stalled)
	defer cancel()
	host, err := ekuiper.New(ctx, ekuiper.Options{})
	if err != nil {
		return err
	}
	s.real = &hosted{stage: s, Host: host, files: map[string]bool{}}
	version, err := host.Version()
	if err != nil {
		return err
	}
	s.versions = append(s.versions, "eKuiper "+version)
	for name, file := range zips {
		if err := host.InstallPlugin(name, file); err != nil {
			return err
		}
	}
	return nil
}

// insideEKuiper compares sinks of the same rule in the real eKuiper, by rate
// and by what a row costs the machine. Where all cores are busy the one follows
// from the other; where they are not, a costly sink still keeps up. The native
// sink gets its batches from the rule too: that was not slower than its own
// batchSize, with which 2.4.0 overwrites rows that wait for a portable sink.
func insideEKuiper(s *stage, _ options) []measurement {
	acks := props{"requireAck": true}
	compare := func(name, sink, other string, perMessage int, more props, goal, rows float64) measurement {
		return manifold{s.rule(sink, perMessage, more), s.rule(other, perMessage, more), rows, []line{{name, faster, goal}, {name + "_cpu", cheaperInAll, 0}}}
	}
	return []measurement{
		compare("host_vs_nothing", "mysql", "nothing", 1, nil, 0.95, 1),
		compare("host_vs_native_sql", "mysql", "sql", 1, nil, 4, 0.1),
		compare("host_batches_of_100_ack_vs_nothing", "mysql", "nothing", 100, acks, 0.95, 2),
		compare("host_batches_of_500_vs_native_sql", "mysql", "sql", 500, nil, 1, 2),
		// What is left for a table, a journal and a database outside of eKuiper's process.
		compare("host_batches_of_500_nothing_vs_native_sql", "nothing", "sql", 500, nil, 0, 2),
	}
}

// cheaperInAll is the CPU time of all parties on the other road as a part of
// that on ours.
func cheaperInAll(ours, against sample) float64 { return against.all / ours.all }

// packed makes the plugins' zips.
func packed(dir, executable string) (map[string]string, error) {
	root, err := ekuiper.Root()
	if err != nil {
		return nil, err
	}
	ours, nothing := filepath.Join(dir, "mysql.zip"), filepath.Join(dir, "nothing")
	for _, args := range [][]string{
		{"run", "./packaging/pack", "-o", ours, "-executable", executable},
		{"build", "-trimpath", "-ldflags", "-s -w", "-o", nothing, "./test/bench/nothing"},
	} {
		command := exec.Command("go", args...)
		command.Dir = root
		if out, err := command.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("go %s: %w\n%s", args[0], err, out)
		}
	}
	program, err := os.ReadFile(nothing)
	if err != nil {
		return nil, err
	}
	file, err := os.Create(nothing + ".zip")
	if err != nil {
		return nil, err
	}
	defer file.Close()
	z := zip.NewWriter(file)
	for _, entry := range []struct {
		name    string
		mode    os.FileMode
		content []byte
	}{
		{"nothing.json", 0o644, []byte(`{"version":"v1.0.0","language":"go","executable":"nothing","sinks":["nothing"]}`)},
		{"nothing", 0o755, program},
	} {
		header := &zip.FileHeader{Name: entry.name, Method: zip.Deflate}
		header.SetMode(entry.mode)
		w, err := z.CreateHeader(header)
		if err != nil {
			return nil, err
		}
		if _, err := w.Write(entry.content); err != nil {
			return nil, err
		}
	}
	return map[string]string{"mysql": ours, "nothing": file.Name()}, z.Close()
}

// rule is a road through the real eKuiper: a rule as people write it, with a
// message for each row or, where perMessage is more than one, for each window
// of so many rows.
func (s *stage) rule(sink string, perMessage int, more props) road {
	return func(rows int) (sample, error) {
		if s.real.rules == together {
			if err := s.anew(); err != nil {
				return sample{}, err
			}
		}
		h := s.real
		rows -= rows % 1000
		if err := s.clear(); err != nil {
			return sample{}, err
		}
		stream, err := h.stream(rows)
		if err != nil {
			return sample{}, err
		}
		query := "SELECT * FROM " + stream
		if perMessage > 1 {
			query += fmt.Sprintf(" GROUP BY COUNTWINDOW(%d)", perMessage)
		}
		h.rules++
		id := fmt.Sprintf("rule%d", h.rules) // a new one has no history
		done := filepath.Join(h.Base, id+".done")
		action := map[string]props{
			"nothing": {"done": done, "last": fmt.Sprintf(`"id":%d,`, rows-1)},
			"sql":     {"dburl": fmt.Sprintf("mysql://root@%s/bench", s.server.Addr()), "table": "t"},
			"mysql":   {"url": s.server.DSN("bench"), "table": "t"},
		}[sink]
		maps.Copy(action, more)
		before, start := h.costs(), time.Now()
		err = h.CreateRule(map[string]any{
			"id": id, "sql": query, "actions": []any{map[string]any{sink: action}},
			// Left to itself eKuiper throws away what its queues cannot hold.
			"options": map[string]any{"disableBufferFullDiscard": true},
		})
		if err != nil {
			return sample{}, err
		}
		if sink == "nothing" {
			err = exists(done)
		} else {
			err = s.await(rows)
		}
		took, spent := time.Since(start), h.costs().less(before)
		if sink != "nothing" && err == nil {
			err = s.check(rows)
		}
		return h.finish(id, sink, rows, took, spent, err)
	}
}

// finish ends a rule, and says what it has cost everybody.
func (h *hosted) finish(id, sink string, rows int, took time.Duration, spent costs, failed error) (sample, error) {
	spent = spent.per(rows)
	status, err := h.RuleStatus(id)
	if n := status.SinkExceptions(sink); n > 0 {
		failed = errors.Join(failed, fmt.Errorf("eKuiper counts %d exceptions of the sink", n))
	}
	if failed != nil {
		failed = fmt.Errorf("rule with %s: %w\n%v", sink, failed, status)
	}
	if err = errors.Join(failed, err, h.DeleteRule(id)); err != nil {
		return sample{}, err
	}
	got := sample{rate: float64(rows) / took.Seconds(), cpu: spent.plugins, all: spent.all()}
	fmt.Fprintf(os.Stderr, "  %s: %.0f rows/s, %s\n", sink, got.rate, spent)
	return got, nil
}

// stream makes a file with so many rows and a stream that reads it, once.
func (h *hosted) stream(rows int) (string, error) {
	name := fmt.Sprintf("rows%d", rows)
	if h.files[name] {
		return name, nil
	}
	h.files[name] = true
	file, err := os.Create(filepath.Join(h.Base, name+".json"))
	if err != nil {
		return "", err
	}
	defer file.Close()
	w := bufio.NewWriter(file)
	for i := range rows {
		sensor, x, y, at := value(i)
		// The native sink knows times as text alone.
		text := time.UnixMilli(at).UTC().Format("2006-01-02 15:04:05.000")
		fmt.Fprintf(w, `{"id":%d,"name":"%s","x":%s,"y":%s,"at":"%s"}`+"\n", i, sensor, plain(x), plain(y), text)
	}
	if err := w.Flush(); err != nil {
		return "", err
	}
	// An interval keeps the rule running when the file is at its end.
	err = h.PutSourceConfig("file", "lines", map[string]any{"path": h.Base, "fileType": "lines", "interval": "1h"})
	if err != nil {
		return "", err
	}
	return name, h.CreateStream(fmt.Sprintf(`CREATE STREAM %s () WITH (TYPE="file", DATASOURCE="%s.json", CONF_KEY="lines", FORMAT="json")`, name, name))
}

// exists waits for a file.
func exists(name string) error {
	deadline := time.Now().Add(stalled)
	for range time.Tick(2 * time.Millisecond) {
		_, err := os.Stat(name)
		if err == nil || !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if time.Now().After(deadline) {
			return err
		}
	}
	return nil
}

// plain is a number without an exponent: eKuiper 2.4.0 reads 1.0000515e+06 as 1000051.5000000001.
func plain(x float64) string { return strconv.FormatFloat(x, 'f', -1, 64) }
