// Package acks proves, with real processes and real kills, that the host's
// messages and their acknowledgements stay together when the plugin dies.
package acks

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lf-edge/ekuiper/sdk/go/fakehost"

	"ekuiper-mysql/test/ekuiper"
	"ekuiper-mysql/test/suite"
)

// limit ends a test that hangs; nothing here takes nearly as long.
const limit = time.Minute

var program string

func TestMain(m *testing.M) {
	os.Exit(suite.Run(m, func(dir string) (func() error, error) {
		program = filepath.Join(dir, "acks")
		if out, err := exec.Command("go", "build", "-o", program, "./plugin").CombinedOutput(); err != nil {
			return nil, fmt.Errorf("go build: %w\n%s", err, out)
		}
		return nil, nil
	}))
}

// seen reads a record: what the sink kept and refused, in order.
func seen(t *testing.T, record string) []string {
	t.Helper()
	text, err := os.ReadFile(record)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return strings.Fields(string(bytes.ReplaceAll(text, []byte(" "), []byte("="))))
}

// away is one case of TestKillAtEveryPoint: rows are numbered from lead on,
// the plugin dies of the fifth and refuses the ninth once.
type away struct {
	name   string
	config map[string]any
	notes  bool // the sink keeps notes
	alike  bool // three in a row are equal, the one to die of and two more
	lead   int  // rows before, all of them unlike
}

const doomed, refused, all = 4, 8, 12

func (c away) id(i int) int {
	if c.alike && i > doomed && i < doomed+3 {
		i = doomed
	}
	return c.lead + i
}

func (c away) resends() bool {
	return c.config["resendInterval"] != nil || c.config["enableCache"] != nil
}

// TestKillAtEveryPoint kills the plugin at each point of a message's way. The
// host must not wait for ever; what is refused afterwards, and only that, must
// come again.
func TestKillAtEveryPoint(t *testing.T) {
	for _, c := range []away{
		{name: "resend", config: map[string]any{"resendInterval": 50}, notes: true},
		{name: "never alike", config: map[string]any{"resendInterval": 50}, notes: true, lead: 1010},
		{name: "cache, alike", config: map[string]any{"enableCache": true}, notes: true, alike: true},
		{name: "no notes", config: map[string]any{"resendInterval": 50}},
		{name: "dropped", config: map[string]any{}, notes: true},
	} {
		for _, point := range []string{"collecting", "collected", "note1", "noted1", "note2", "noted2"} {
			if c.notes || strings.HasPrefix(point, "coll") {
				t.Run(c.name+", "+point, func(t *testing.T) { c.kill(t, point) })
			}
		}
	}
}

// kill runs one case with a death at that point.
func (c away) kill(t *testing.T, point string) {
	t.Parallel()
	name := fmt.Sprintf("acks%d_%d", os.Getpid(), time.Now().UnixNano())
	host, err := fakehost.New(name)
	must(t, err)
	t.Cleanup(func() { _ = host.Close() })
	options := fakehost.LaunchOptions{Env: []string{"ACKS_NAME=" + name, "EKUIPER_PLUGIN_SUPERVISOR=off"}}
	plugin, err := host.Launch(program, options)
	must(t, err)
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(plugin.Log())
		}
		_ = plugin.Kill()
	})
	record := filepath.Join(t.TempDir(), "record")
	config := map[string]any{
		"requireAck": true, "record": record, "notes": c.notes,
		"refuse": fmt.Sprintf(`:%d}`, c.id(refused)), "die": fmt.Sprintf(`%s :%d}`, point, c.id(doomed)),
	}
	maps.Copy(config, c.config)
	rule, err := host.RunRule(fakehost.Sink(name, "acks", config))
	must(t, err)
	emit := func(from, to int) {
		for i := from; i < to; i++ {
			must(t, rule.Emit(map[string]any{"n": c.id(i)}))
			if i < 0 { // the rule's buffer is small
				must(t, ekuiper.Wait(limit, func() (bool, error) { return rule.Counts().In-rule.Counts().Out < 500, nil }))
			}
		}
	}
	emit(-c.lead, doomed+1)
	if _, err := plugin.Wait(limit); err != nil {
		t.Fatal(err)
	}
	emit(doomed+1, all)
	plugin, err = host.Launch(program, options)
	must(t, err)
	err = ekuiper.Wait(limit, func() (bool, error) {
		n := rule.Counts()
		return n.Out == c.lead+all || !c.resends() && n.Out+n.Exceptions == all, nil
	})
	if err != nil {
		t.Fatalf("the host waits: %+v, %q: %v", rule.Counts(), seen(t, record), err)
	}
	c.check(t, point, seen(t, record)[c.lead:])
	t.Logf("%+v", rule.Counts())
	must(t, rule.Stop())
}

// check compares what the sink saw with what it should have.
func (c away) check(t *testing.T, point string, got []string) {
	t.Helper()
	var want []string
	add := func(what string, i int) { want = append(want, fmt.Sprintf(`%s=[{"n":%d}]`, what, c.id(i))) }
	for i := range all {
		if i == refused {
			add("r", i)
		}
		if c.resends() || i != refused && (i != doomed || point != "collecting") { // dropped by the host
			add("k", i)
		}
		if i == doomed && !c.notes && point == "collected" {
			add("k", i) // nobody knows that it was kept
		}
	}
	double := slices.Insert(slices.Clone(want), doomed, want[doomed])
	// Whether the ok went out nobody knows, and messages may be alike.
	doubt := point == "noted1" && c.lead == 0 && c.resends()
	if !slices.Equal(got, want) && !(doubt && slices.Equal(got, double)) {
		t.Errorf("the sink saw\n%q\nwant\n%q", got, want)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
