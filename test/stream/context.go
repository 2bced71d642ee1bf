// Package stream has what a symbol is handed by its runtime, for tests that
// call one without.
package stream

import (
	"context"

	"github.com/lf-edge/ekuiper/sdk/go/api"
)

// Context is that of the operator "op" of a rule, its only instance.
type Context struct {
	context.Context
	Rule string
	Log  api.Logger
}

// GetLogger implements api.StreamContext.
func (c *Context) GetLogger() api.Logger { return c.Log }

// GetRuleId implements api.StreamContext.
func (c *Context) GetRuleId() string { return c.Rule }

// GetOpId implements api.StreamContext.
func (c *Context) GetOpId() string { return "op" }

// GetInstanceId implements api.StreamContext.
func (c *Context) GetInstanceId() int { return 0 }

// WithMeta implements api.StreamContext.
func (c *Context) WithMeta(string, string) api.StreamContext { return c }

// WithInstance implements api.StreamContext.
func (c *Context) WithInstance(int) api.StreamContext { return c }

// WithCancel implements api.StreamContext.
func (c *Context) WithCancel() (api.StreamContext, context.CancelFunc) {
	child, cancel := context.WithCancel(c.Context)
	return &Context{child, c.Rule, c.Log}, cancel
}
