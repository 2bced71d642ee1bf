// Package context implements the contexts that a symbol receives: a
// context.Context that also knows its rule, operator and instance, and whose
// logger writes them into every line.
package context

import (
	"context"
	"log/slog"
	"time"

	"github.com/lf-edge/ekuiper/sdk/go/api"
)

// Stream is an api.StreamContext.
type Stream struct {
	context.Context
	base     *slog.Logger // without rule, operator and instance
	log      api.Logger
	rule, op string
	instance int
}

var _ api.StreamContext = (*Stream)(nil)

// New returns the context of no rule, done when parent is. base receives what
// its logger is given.
func New(parent context.Context, base *slog.Logger) *Stream {
	s := Stream{Context: parent, base: base}
	return s.labelled()
}

// Background returns the context of no rule, never done, whose logger is
// slog's default.
func Background() *Stream { return New(context.Background(), slog.Default()) }

// labelled gives s a logger of its labels.
func (s Stream) labelled() *Stream {
	l := s.base
	if s.rule != "" || s.op != "" {
		l = l.With("rule", s.rule, "op", s.op, "instance", s.instance)
	}
	s.log = NewLogger(l)
	return &s
}

// GetLogger returns the logger of this rule, operator and instance.
func (s *Stream) GetLogger() api.Logger { return s.log }

// GetRuleId returns the rule's id.
func (s *Stream) GetRuleId() string { return s.rule }

// GetOpId returns the operator's id within the rule.
func (s *Stream) GetOpId() string { return s.op }

// GetInstanceId returns the operator's instance, from 0.
func (s *Stream) GetInstanceId() int { return s.instance }

// WithMeta returns a context of that rule and operator.
func (s *Stream) WithMeta(ruleId string, opId string) api.StreamContext {
	return s.Labelled(ruleId, opId, s.instance)
}

// WithInstance returns a context of that instance.
func (s *Stream) WithInstance(instanceId int) api.StreamContext {
	return s.Labelled(s.rule, s.op, instanceId)
}

// Labelled returns a context of that rule, operator and instance.
func (s *Stream) Labelled(rule, op string, instance int) *Stream {
	c := *s
	c.rule, c.op, c.instance = rule, op, instance
	return c.labelled()
}

// WithCancel returns a context that is also done when cancel is called.
func (s *Stream) WithCancel() (api.StreamContext, context.CancelFunc) {
	c, cancel := s.Cancellable()
	return c, cancel
}

// Cancellable is WithCancel with its concrete type.
func (s *Stream) Cancellable() (*Stream, context.CancelFunc) {
	ctx, cancel := context.WithCancel(s.Context)
	return s.over(ctx), cancel
}

// Until returns a context that is also done at the deadline.
func (s *Stream) Until(deadline time.Time) (*Stream, context.CancelFunc) {
	ctx, cancel := context.WithDeadline(s.Context, deadline)
	return s.over(ctx), cancel
}

func (s *Stream) over(ctx context.Context) *Stream {
	c := *s
	c.Context = ctx
	return &c
}

// Function is an api.FunctionContext.
type Function struct {
	*Stream
	id int
}

var _ api.FunctionContext = Function{}

// ForFunction returns the context of a function's call site in s.
func ForFunction(s *Stream, id int) Function { return Function{Stream: s, id: id} }

// GetFuncId returns the number of the call site within the rule.
func (f Function) GetFuncId() int { return f.id }
