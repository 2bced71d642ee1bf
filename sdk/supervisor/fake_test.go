package supervisor

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// fake is a worker in the test's process.
type fake struct {
	b       *bundle
	pid     int
	answers chan Message
	dead    chan struct{}
	once    sync.Once
	fate    string
}

func (f *fake) Pid() int                { return f.pid }
func (f *fake) Answers() <-chan Message { return f.answers }
func (f *fake) Dead() <-chan struct{}   { return f.dead }
func (f *fake) Fate() string            { return f.fate }
func (f *fake) Killed() bool            { return f.fate == "signal: killed" }
func (f *fake) Kill()                   { f.die("signal: killed") }
func (f *fake) die(fate string)         { f.once.Do(func() { f.fate = fate; close(f.dead) }) }
func (f *fake) lives() bool             { return !(&worker{Process: f}).dead() }

func (f *fake) Send(m Message) error {
	if !f.lives() {
		return errors.New("broken pipe")
	}
	if m.Kind == End {
		f.b.note("end")
		if !f.b.deafToEnd {
			f.die("exit status 0")
		}
		return nil
	}
	order := string(m.Body)
	f.b.note(order)
	what := f.b.reaction(order)
	if what == nil {
		f.answers <- Message{Kind: Done}
		return nil
	}
	what(f)
	return nil
}

// Reactions of a worker to an order; none is to carry it out.
func dies(f *fake)    { f.die("exit status 2") }
func hangs(*fake)     {}
func refuses(f *fake) { f.answers <- Message{Kind: Refused, Body: []byte("no")} }
func diesSoon(f *fake) {
	f.answers <- Message{Kind: Done}
	f.b.later.Go(func() { time.Sleep(20 * time.Millisecond); f.die("exit status 2") }) // the bubble's clock
}

// bundle is a supervisor under test. What the workers were told is in orders,
// each worker beginning with its number.
type bundle struct {
	*Supervisor
	t         *testing.T
	cancel    context.CancelFunc
	ended     chan struct{}
	err       error
	deafToEnd bool
	later     sync.WaitGroup

	mu       sync.Mutex
	orders   []string
	workers  []*fake
	born     []time.Time
	reacts   map[string]func(*fake)
	spawning func(n int) error // the error of the n-th spawn
	log      strings.Builder
}

func (b *bundle) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.log.Write(p)
}

func (b *bundle) logged() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.log.String()
}

func (b *bundle) note(what string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.orders = append(b.orders, what)
}

func (b *bundle) reaction(order string) func(*fake) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.reacts[order]
}

// react sets how workers react to a start or stop from now on.
func (b *bundle) react(order string, what func(*fake)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.reacts[order] = what
}

func (b *bundle) spawn() (Process, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := len(b.born) + 1
	b.born = append(b.born, time.Now())
	if b.spawning != nil {
		if err := b.spawning(n); err != nil {
			return nil, err
		}
	}
	f := &fake{b: b, pid: n, answers: make(chan Message, 1), dead: make(chan struct{})}
	b.workers = append(b.workers, f)
	b.orders = append(b.orders, fmt.Sprint("#", n))
	return f, nil
}

// current is the worker that was started last.
func (b *bundle) current() *fake {
	synctest.Wait()
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.workers[len(b.workers)-1]
}

// told returns what workers were told since it was last asked.
func (b *bundle) told() string {
	synctest.Wait()
	b.mu.Lock()
	defer b.mu.Unlock()
	text := strings.Join(b.orders, " ")
	b.orders = nil
	return text
}

func (b *bundle) expect(want string) {
	b.t.Helper()
	if got := b.told(); got != want {
		b.t.Fatalf("the workers were told %q, want %q\n%s", got, want, b.logged())
	}
}

func (b *bundle) command(name string, start bool) error {
	raw := "stop-" + name
	if start {
		raw = name
	}
	return b.Do(context.Background(), Command{Key: name, Start: start, Raw: []byte(raw), Log: slog.New(slog.NewTextHandler(b, nil)).With("rule", name)})
}

func (b *bundle) start(names ...string) {
	b.t.Helper()
	for _, n := range names {
		if err := b.command(n, true); err != nil {
			b.t.Fatal(err)
		}
	}
}

func (b *bundle) stop(name string) {
	b.t.Helper()
	if err := b.command(name, false); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bundle) end() {
	b.cancel()
	<-b.ended
	b.later.Wait()
}

// test runs f with a supervisor, in time that passes at once.
func test(t *testing.T, prepare, f func(b *bundle)) {
	synctest.Test(t, func(t *testing.T) {
		b := &bundle{t: t, ended: make(chan struct{}), reacts: map[string]func(*fake){}}
		if prepare != nil {
			prepare(b)
		}
		b.Supervisor = New(b.spawn, Usual(4500*time.Millisecond, 1350*time.Millisecond), slog.New(slog.NewTextHandler(b, nil)))
		ctx, cancel := context.WithCancel(context.Background())
		b.cancel = cancel
		go func() {
			defer close(b.ended)
			b.err = b.Run(ctx)
		}()
		defer b.end()
		f(b)
	})
}
