// Package api holds the interfaces that an eKuiper portable plugin
// implements (Source, Sink, Function) and those that its runtime hands to it
// (StreamContext, FunctionContext, Logger).
//
// Names and signatures are those of eKuiper's Go SDK, so that a plugin
// compiles against either.
package api

import "context"

// Closable is what the runtime releases when a rule stops.
type Closable interface {
	// Close releases the symbol's resources. The runtime calls it once for
	// every symbol whose Open was called, also when Open failed.
	Close(ctx StreamContext) error
}

// Source reads from outside and feeds a rule.
type Source interface {
	// Open reads until ctx is done and sends each row to consumer. It runs in
	// a goroutine of its own and may block; consumer blocks while the host
	// does not take rows. An error that ends the source goes to errCh.
	Open(ctx StreamContext, consumer chan<- SourceTuple, errCh chan<- error)
	// Configure is called once, before Open, with the stream's DATASOURCE and
	// the merged configuration. An error refuses the start.
	Configure(datasource string, props map[string]interface{}) error
	Closable
}

// Sink takes a rule's results out of eKuiper.
type Sink interface {
	// Open is called once after Configure. An error refuses the start.
	Open(ctx StreamContext) error
	// Configure receives the action's properties. An error refuses the start.
	Configure(props map[string]interface{}) error
	// Collect takes one message of the host; data is a []byte that the sink
	// may keep. Where the rule sets requireAck, ctx carries the deadline by
	// which Collect must have returned, nil acknowledges the message and an
	// error asks the host to send it again.
	Collect(ctx StreamContext, data interface{}) error
	Closable
}

// Function is an SQL function, scalar or aggregate.
type Function interface {
	// Validate checks the arguments when a rule is made.
	Validate(args []interface{}) error
	// Exec computes the result; false says that the result is an error.
	Exec(args []interface{}, ctx FunctionContext) (interface{}, bool)
	// IsAggregate tells whether Exec receives whole columns.
	IsAggregate() bool
}

// SourceTuple is one row of a source.
type SourceTuple interface {
	// Message returns the row's fields. Values are those that encoding/json can
	// write; nil is an empty row.
	Message() map[string]interface{}
	// Meta returns what SQL reads by meta(): where the row is from. It may be nil.
	Meta() map[string]interface{}
}

// DefaultSourceTuple is a SourceTuple made of two maps.
type DefaultSourceTuple struct {
	Mess map[string]interface{} `json:"message"` // what Message returns
	M    map[string]interface{} `json:"meta"`    // what Meta returns
}

// NewDefaultSourceTuple returns a tuple of a row and its metadata.
func NewDefaultSourceTuple(message map[string]interface{}, meta map[string]interface{}) *DefaultSourceTuple {
	return &DefaultSourceTuple{Mess: message, M: meta}
}

// Message returns the row's fields.
func (t *DefaultSourceTuple) Message() map[string]interface{} { return t.Mess }

// Meta returns the row's metadata.
func (t *DefaultSourceTuple) Meta() map[string]interface{} { return t.M }

// Logger writes to the host's log, with rule and operator.
type Logger interface {
	// Each writes one line. Those without a suffix put their arguments together
	// as fmt.Sprint does, those in ln as fmt.Sprintln, with a space between all,
	// and those in f by a format.
	Debug(args ...interface{})
	Info(args ...interface{})
	Warn(args ...interface{})
	Error(args ...interface{})
	Debugln(args ...interface{})
	Infoln(args ...interface{})
	Warnln(args ...interface{})
	Errorln(args ...interface{})
	Debugf(format string, args ...interface{})
	Infof(format string, args ...interface{})
	Warnf(format string, args ...interface{})
	Errorf(format string, args ...interface{})
}

// StreamContext is the context of one symbol instance of one rule. It is done
// when the rule stops.
type StreamContext interface {
	context.Context
	// GetLogger returns a logger whose lines name rule, operator and instance.
	GetLogger() Logger
	// GetRuleId returns the id of the rule, which stays the same over restarts.
	GetRuleId() string
	// GetOpId returns the id of the operator within the rule, such as mysql_0
	// for the first action.
	GetOpId() string
	// GetInstanceId returns the operator's instance, from 0; there is more than
	// one where the rule's concurrency is above 1.
	GetInstanceId() int
	// WithMeta returns this context for another rule and operator.
	WithMeta(ruleId string, opId string) StreamContext
	// WithInstance returns this context for another instance.
	WithInstance(instanceId int) StreamContext
	// WithCancel returns a context that is also done when the function is called.
	WithCancel() (StreamContext, context.CancelFunc)
}

// FunctionContext is the context of one call site of a function.
type FunctionContext interface {
	StreamContext
	// GetFuncId returns the number of the call site within the rule.
	GetFuncId() int
}
