package fault

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"ekuiper-mysql/test/ekuiper"
)

// realScenarios are those that are about eKuiper itself: what it does with its
// plugins, and what it loses when it dies.
func realScenarios() []scenario {
	all := []scenario{
		{name: "eKuiper: plugin killed", short: 1, long: 20, round: func(a *arena, random *rand.Rand) {
			a.stream(random, func() {
				a.real.killPlugin()
				a.real.wake()
			})
		}},
		{name: "eKuiper: worker killed", short: 0, long: 10, round: func(a *arena, random *rand.Rand) {
			a.stream(random, func() {
				a.must(a.real.host.KillWorker("mysql"))
				a.awake(-1)
			})
		}},
		{name: "eKuiper: killed itself", short: 1, long: 10, round: func(a *arena, random *rand.Rand) {
			a.stream(random, a.real.killHost)
		}},
		{name: "eKuiper: plugin and database killed", short: 0, long: 5, round: func(a *arena, random *rand.Rand) {
			first := random.IntN(2) == 0
			a.stream(random, func() {
				if first {
					a.must(a.server.Kill())
				}
				a.real.killPlugin()
				a.must(a.server.Kill())
				a.real.wake()
				a.must(a.server.Restart())
				a.healed = time.Now()
			})
		}},
		{name: "eKuiper: plugin updated with rows pending", short: 1, long: 10, round: func(a *arena, random *rand.Rand) {
			pending := int64(20 + random.IntN(200))
			a.stream(random, func() {
				a.must(a.server.Kill())
				a.must(ekuiper.Wait(limit, func() (bool, error) { return a.counts().Pending >= pending, nil }))
				a.must(a.real.host.UpdatePlugin("mysql", zip))
				a.awake(-1)
				a.must(a.server.Restart())
				a.healed = time.Now()
			})
		}},
	}
	for i := range all {
		all[i].single, all[i].modes = true, allModes
	}
	return all
}

func TestRealFaults(t *testing.T) {
	for _, s := range realScenarios() {
		if number(s.short, s.long) == 0 {
			continue
		}
		for _, m := range s.chosen() {
			t.Run(s.name+", "+m.name, func(t *testing.T) { s.proveOn(newRealArena(t, m)) })
		}
	}
}

// real is the real eKuiper with one rule, fed by HTTP.
type real struct {
	a     *arena
	host  *ekuiper.Host
	push  string // where rows are posted
	woken int    // how often

	unstarted int // how often eKuiper did not start the rule by itself
}

func newRealArena(t *testing.T, m mode) *arena {
	t.Helper()
	a := &arena{T: t, mode: m, server: server}
	a.prepareDatabase()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	a.must(err)
	port := strconv.Itoa(listener.Addr().(*net.TCPAddr).Port)
	a.must(listener.Close())
	host := ekuiper.Start(t, ekuiper.Options{Env: []string{"KUIPER__SOURCE__HTTPSERVERPORT=" + port}})
	a.data = filepath.Join(host.Base, "data", "mysql")
	a.real = &real{a: a, host: host, push: "http://127.0.0.1:" + port + "/push"}
	a.must(host.InstallPlugin("mysql", zip))
	// Without a method named the host answers every request with 405.
	a.must(host.PutSourceConfig("httppush", "post", map[string]any{"method": "POST"}))
	for _, name := range []string{"push", "silent"} {
		a.must(host.CreateStream(fmt.Sprintf(`CREATE STREAM %s () WITH (TYPE="httppush", DATASOURCE="/%s", FORMAT="json", CONF_KEY="post")`, name, name)))
	}
	a.must(host.CreateRule(a.real.rule(ruleName, "push")))
	return a
}

// rule is a rule's document. The host loses nothing of what it can keep: it
// tries again for ever, and holds more than a round brings.
func (r *real) rule(id, stream string) any {
	action := r.a.action(r.a.server.Addr())
	action["resendInterval"] = 50
	return map[string]any{
		"id": id, "sql": "SELECT * FROM " + stream, "actions": []any{map[string]any{"mysql": action}},
		"options": map[string]any{"disableBufferFullDiscard": true, "bufferLength": 100_000},
	}
}

// deliver posts one message of rows. eKuiper takes each row for itself.
func (r *real) deliver(message []byte) error {
	status := "nothing"
	for begin := time.Now(); time.Since(begin) < limit; {
		response, err := http.Post(r.push, "application/json", bytes.NewReader(message))
		switch {
		case errors.Is(err, syscall.ECONNREFUSED):
		case err != nil:
			return nil // died with it in hand: it was handed over, and that is all that is known
		default:
			_, _ = io.Copy(io.Discard, response.Body)
			_ = response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return nil
			}
			status = response.Status
		}
		<-time.After(20 * time.Millisecond) // it is down, or not yet up
	}
	return fmt.Errorf("eKuiper takes no rows within %v, and answers %s", limit, status)
}

// stream does harm at a random moment while rows are posted at a steady rate.
func (a *arena) stream(random *rand.Rand, harm func()) {
	a.Helper()
	l := a.send(0, random)
	l.reach(10 + random.IntN(150))
	select {
	case <-l.done:
		a.Fatal(l.err)
	default:
	}
	harm()
	l.finish()
}

// killPlugin kills both processes of the plugin. It waits until the host has
// noticed: a rule that starts before is sent to the dead process, and stuck.
func (r *real) killPlugin() {
	r.a.Helper()
	const noticed = "stops with error signal: killed"
	before := strings.Count(r.host.Log(), noticed)
	r.a.must(r.host.KillPlugin("mysql"))
	r.a.must(ekuiper.Wait(limit, func() (bool, error) {
		return strings.Count(r.host.Log(), noticed) > before, nil
	}))
}

// wake makes the host start the plugin again: it does so when a rule starts.
func (r *real) wake() {
	r.a.Helper()
	received := r.a.counts().Received
	r.woken++
	id := fmt.Sprint("wake", r.woken)
	r.a.must(r.host.CreateRule(r.rule(id, "silent")))
	r.a.awake(received)
	r.a.must(r.host.DeleteRule(id))
}

// killHost kills eKuiper, whose plugin then ends by itself, and starts it again.
func (r *real) killHost() {
	r.a.Helper()
	r.a.must(r.host.Kill())
	r.a.must(ekuiper.Wait(limit, func() (bool, error) { return len(r.host.PluginPids("mysql")) == 0, nil }))
	r.a.hostDied = true
	received := r.a.counts().Received
	if r.a.mode.acks {
		received = -1 // what came twice is counted twice
	}
	ctx, cancel := context.WithTimeout(r.a.Context(), limit)
	defer cancel()
	r.a.must(r.host.Restart(ctx))
	r.startRule()
	r.a.awake(received)
}

// startRule starts the rule where eKuiper did not: at its own start 2.4.0 may
// come to a rule before it knows the plugins, and then leaves it stopped.
func (r *real) startRule() {
	r.a.Helper()
	r.a.must(ekuiper.Wait(limit, func() (bool, error) {
		status, err := r.host.RuleStatus(ruleName)
		if err != nil || !strings.HasPrefix(status.State(), "stopped") {
			return status.State() == "running", err
		}
		r.unstarted++
		r.a.Logf("eKuiper left the rule %s", status.State())
		return false, r.host.StartRule(ruleName)
	}))
}
