//go:build linux

package main

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/lf-edge/ekuiper/sdk/go/connection"
	"github.com/lf-edge/ekuiper/sdk/go/fakehost"
)

// sample is one run's figures.
type sample struct {
	rate   float64 // rows/s, from the first row's sending to the last one's being visible
	cpu    float64 // microseconds of CPU time per row, of the plugin, or of the road's own process
	memory float64 // MB that the plugin's worker had resident at most, where the road asks
	all    float64 // the same of all parties, where the road knows
	note   string  // more that the road has seen
}

// road takes so many rows into the table.
type road func(rows int) (sample, error)

type props map[string]any

// value is row i's.
func value(i int) (name string, x, y float64, at int64) {
	return fmt.Sprintf("sensor-%d", i%100), float64(i) * 0.37, float64(i) * 1.5, 1763634617123 + int64(i)
}

// plugin is the executable, started anew, that the mock host feeds with
// messages of so many rows as fast as it takes them.
func (s *stage) plugin(perMessage int, more props) road {
	return s.pluginWith(nil, perMessage, more)
}

// pluginWith is the same with more of an environment.
func (s *stage) pluginWith(env []string, perMessage int, more props) road {
	return s.pluginAt(0, env, perMessage, more)
}

// pluginAt is the same where the host sends so many rows/s, or with 0 as many
// as are taken.
func (s *stage) pluginAt(pace int, env []string, perMessage int, more props) road {
	return func(rows int) (sample, error) {
		rows -= rows % 1000
		messages := s.render(rows, perMessage)
		f, err := s.launch(more, env...)
		if err != nil {
			return sample{}, err
		}
		defer f.end()
		before, err := treeCPU(f.plugin.Pid())
		if err != nil {
			return sample{}, err
		}
		start := time.Now()
		if err := f.send(messages, pace/perMessage); err != nil {
			return sample{}, err
		}
		if err := s.await(rows); err != nil {
			return sample{}, err
		}
		took := time.Since(start)
		cpu, err := treeCPU(f.plugin.Pid())
		if err != nil {
			return sample{}, err
		}
		if err := f.close(); err != nil {
			return sample{}, err
		}
		return sample{rate: float64(rows) / took.Seconds(), cpu: (cpu - before) / float64(rows)}, s.check(rows)
	}
}

// fed is a plugin with one rule, over an empty table.
type fed struct {
	plugin *fakehost.Process
	rule   *fakehost.SinkConn
	wire   *connection.Outlet // to the rule's sink, beside the mock host's own connection
	data   string             // the folder of its journal
}

// launch starts the executable with a journal of its own, and a rule.
func (s *stage) launch(more props, env ...string) (*fed, error) {
	if err := s.clear(); err != nil {
		return nil, err
	}
	host, err := s.mock()
	if err != nil {
		return nil, err
	}
	s.runs++
	f := &fed{data: filepath.Join(s.dir, fmt.Sprintf("data%d", s.runs))}
	control := fakehost.Sink("bench", "mysql", nil)
	f.wire = connection.NewOutlet(fmt.Sprintf("ipc:///tmp/%s_%s_%d.ipc", control.Meta.RuleID, control.Meta.OpID, control.Meta.InstanceID))
	f.plugin, err = host.Launch(s.executable, fakehost.LaunchOptions{Env: append(env, "EKUIPER_MYSQL_DATA="+f.data)})
	if err != nil {
		return nil, err
	}
	action := props{"url": s.server.DSN("bench"), "table": "t"}
	maps.Copy(action, more)
	control.Config = action
	if f.rule, err = host.OpenSink(control); err != nil {
		f.end()
		return nil, err
	}
	return f, nil
}

// send hands over messages, pace of them each second if that is not 0, and
// waits for the acknowledgement of each where the rule asks for them. Else each
// is one write to the socket, the least that a host can do: the mock host's
// queue and goroutines took 7 microseconds of CPU time for a message, more than
// the plugin, on the cores that they share.
func (f *fed) send(messages [][]byte, pace int) error {
	start := time.Now()
	var frames connection.Frames
	acks := f.rule.Control.Config["requireAck"] == true
	for i, m := range messages {
		if pace > 0 {
			time.Sleep(time.Until(start.Add(time.Duration(i) * time.Second / time.Duration(pace))))
		}
		var err error
		if acks {
			err = f.rule.Collect(m, 10*time.Second)
		} else {
			frames.Reset()
			frames.Add(m)
			err = f.wire.Send(&frames)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// close ends the rule, once the sink has taken all that was sent.
func (f *fed) close() error {
	f.wire.Close()
	return f.rule.Close()
}

// end kills the plugin and removes its journal.
func (f *fed) end() {
	f.wire.Close()
	_ = f.plugin.KillPlugin()
	_ = os.RemoveAll(f.data)
}

// render makes the messages of so many rows, once.
func (s *stage) render(rows, perMessage int) [][]byte {
	if m := s.messages[perMessage]; len(m)*perMessage >= rows {
		return m[:rows/perMessage]
	}
	var messages [][]byte
	for i := 0; i < rows; {
		b := []byte{'['}
		for range perMessage {
			name, x, y, at := value(i)
			b = fmt.Appendf(b, `{"at":%d,"id":%d,"name":"%s","x":%g,"y":%g},`, at, i, name, x, y)
			i++
		}
		b[len(b)-1] = ']'
		messages = append(messages, slices.Clip(b))
	}
	s.messages[perMessage] = messages
	return messages
}
