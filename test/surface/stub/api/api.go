// Package api is the public surface that eKuiper's Go SDK is known to have,
// and nothing more.
package api

import "context"

type Closable interface {
	Close(ctx StreamContext) error
}

type Source interface {
	Open(ctx StreamContext, consumer chan<- SourceTuple, errCh chan<- error)
	Configure(datasource string, props map[string]interface{}) error
	Closable
}

type Sink interface {
	Open(ctx StreamContext) error
	Configure(props map[string]interface{}) error
	Collect(ctx StreamContext, data interface{}) error
	Closable
}

type Function interface {
	Validate(args []interface{}) error
	Exec(args []interface{}, ctx FunctionContext) (interface{}, bool)
	IsAggregate() bool
}

type SourceTuple interface {
	Message() map[string]interface{}
	Meta() map[string]interface{}
}

type DefaultSourceTuple struct {
	Mess map[string]interface{} `json:"message"`
	M    map[string]interface{} `json:"meta"`
}

func NewDefaultSourceTuple(message map[string]interface{}, meta map[string]interface{}) *DefaultSourceTuple {
	return nil
}

func (t *DefaultSourceTuple) Message() map[string]interface{} { return nil }
func (t *DefaultSourceTuple) Meta() map[string]interface{}    { return nil }

type Logger interface {
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

type StreamContext interface {
	context.Context
	GetLogger() Logger
	GetRuleId() string
	GetOpId() string
	GetInstanceId() int
	WithMeta(ruleId string, opId string) StreamContext
	WithInstance(instanceId int) StreamContext
	WithCancel() (StreamContext, context.CancelFunc)
}

type FunctionContext interface {
	StreamContext
	GetFuncId() int
}
