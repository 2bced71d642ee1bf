package random

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/lf-edge/ekuiper/sdk/go/api"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fakeContext is a StreamContext that keeps what is logged.
type fakeContext struct {
	context.Context
	instance int
	log      *fakeLog
}

func newFakeContext(ctx context.Context) *fakeContext {
	return &fakeContext{Context: ctx, log: &fakeLog{}}
}

func (c *fakeContext) GetLogger() api.Logger                       { return c.log }
func (c *fakeContext) GetRuleId() string                           { return "rule" }
func (c *fakeContext) GetOpId() string                             { return "op" }
func (c *fakeContext) GetInstanceId() int                          { return c.instance }
func (c *fakeContext) WithMeta(string, string) api.StreamContext   { return c }
func (c *fakeContext) WithInstance(instance int) api.StreamContext { c.instance = instance; return c }

func (c *fakeContext) WithCancel() (api.StreamContext, context.CancelFunc) {
	ctx, cancel := context.WithCancel(c.Context)
	return &fakeContext{Context: ctx, instance: c.instance, log: c.log}, cancel
}

type fakeLog struct {
	api.Logger // nil: a method not below panics
	mu         sync.Mutex
	lines      []string
}

func (l *fakeLog) Infof(format string, args ...interface{}) { l.add("info ", format, args) }
func (l *fakeLog) Warnf(format string, args ...interface{}) { l.add("warn ", format, args) }

func (l *fakeLog) add(level, format string, args []interface{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, level+fmt.Sprintf(format, args...))
}

// warnings returns the lines at warn level that contain text.
func (l *fakeLog) warnings(text string) (found []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, line := range l.lines {
		if strings.HasPrefix(line, "warn ") && strings.Contains(line, text) {
			found = append(found, line)
		}
	}
	return found
}

func fixedEntropy() uint64 { return 7 << 11 }

// configured returns a source that has accepted props.
func configured(t testing.TB, props map[string]any) *Source {
	t.Helper()
	s := newSource(time.Now, fixedEntropy)
	if err := s.Configure("ignored", props); err != nil {
		t.Fatal(err)
	}
	return s
}

// opened is a source that runs until stop.
type opened struct {
	ctx      *fakeContext
	consumer chan api.SourceTuple
	errCh    chan error
	stop     func()        // cancels and waits for Open to return
	ended    chan struct{} // closed when Open has returned
}

func open(t testing.TB, s *Source, buffer int) *opened {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	o := &opened{
		ctx:      newFakeContext(ctx),
		consumer: make(chan api.SourceTuple, buffer),
		errCh:    make(chan error, 1),
		ended:    make(chan struct{}),
	}
	go func() {
		defer close(o.ended)
		s.Open(o.ctx, o.consumer, o.errCh)
	}()
	o.stop = func() { cancel(); <-o.ended }
	t.Cleanup(o.stop)
	return o
}

// waiting drains what is in the consumer's buffer.
func (o *opened) waiting() (rows []map[string]any) {
	for {
		select {
		case tuple := <-o.consumer:
			rows = append(rows, tuple.Message())
		default:
			return rows
		}
	}
}

// take reads n rows.
func (o *opened) take(n int) (rows []map[string]any) {
	for range n {
		rows = append(rows, (<-o.consumer).Message())
	}
	return rows
}
