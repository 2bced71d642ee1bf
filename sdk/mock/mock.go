// Package mock tests a plugin's symbols without a host.
package mock

import (
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/lf-edge/ekuiper/sdk/go/api"
	"github.com/lf-edge/ekuiper/sdk/go/context"
)

// rowWithin bounds the wait for a source's next row.
const rowWithin = 10 * time.Second

// TestSourceOpen opens a configured source, compares the first rows it sends
// with exp, and closes it.
func TestSourceOpen(r api.Source, exp []api.SourceTuple, t *testing.T) {
	t.Helper()
	ctx, cancel := newContext("source").WithCancel()
	rows, errs := make(chan api.SourceTuple), make(chan error)
	opened := make(chan struct{})
	go func() {
		defer close(opened)
		r.Open(ctx, rows, errs)
	}()
	defer func() {
		cancel()
		if err := r.Close(newContext("source")); err != nil {
			t.Errorf("close source: %v", err)
		}
		if !ended(opened, rows, errs) {
			t.Error("Open has not returned although its context is done and Close was called")
		}
	}()
	late := time.NewTimer(rowWithin)
	defer late.Stop()
	for i, want := range exp {
		late.Reset(rowWithin)
		select {
		case got := <-rows:
			if !reflect.DeepEqual(got.Message(), want.Message()) || !reflect.DeepEqual(got.Meta(), want.Meta()) {
				t.Errorf("row %d: got %v with meta %v, want %v with meta %v",
					i, got.Message(), got.Meta(), want.Message(), want.Meta())
			}
		case err := <-errs:
			t.Errorf("row %d: source error: %v", i, err)
			return
		case <-late.C:
			t.Errorf("row %d did not come within %v", i, rowWithin)
			return
		}
	}
}

// ended takes what a source still sends until its Open returns.
func ended(opened <-chan struct{}, rows <-chan api.SourceTuple, errs <-chan error) bool {
	late := time.NewTimer(rowWithin)
	defer late.Stop()
	for {
		select {
		case <-opened:
			return true
		case <-rows:
		case <-errs:
		case <-late.C:
			return false
		}
	}
}

// RunSinkCollect opens a configured sink, hands it each text of exp as one
// message, and closes it. It returns the first error.
func RunSinkCollect(s api.Sink, exp []string) error {
	ctx, cancel := newContext("sink").WithCancel()
	defer cancel()
	err := s.Open(ctx)
	if err != nil {
		err = fmt.Errorf("open sink: %w", err)
	}
	for i := 0; err == nil && i < len(exp); i++ {
		if err = s.Collect(ctx, []byte(exp[i])); err != nil {
			err = fmt.Errorf("collect message %d: %w", i, err)
		}
	}
	if e := s.Close(ctx); e != nil && err == nil {
		err = fmt.Errorf("close sink: %w", e)
	}
	return err
}

// FuncTest is one call of a function and what it must yield.
type FuncTest struct {
	Args   []interface{} // of the call
	Result interface{}   // that Exec must return
	Ok     bool          // that Exec must return beside it
}

// TestFuncExec makes each call and compares what comes back. Where Ok is
// false the result may be an error, which is compared by its text.
func TestFuncExec(f api.Function, tests []FuncTest, t *testing.T) {
	t.Helper()
	for i, c := range tests {
		ctx := context.ForFunction(newContext("function"), i)
		got, ok := f.Exec(c.Args, ctx)
		if ok != c.Ok || !reflect.DeepEqual(plain(got), plain(c.Result)) {
			t.Errorf("call %d with %v: got %v, %t; want %v, %t", i, c.Args, got, ok, c.Result, c.Ok)
		}
	}
}

// plain makes errors comparable.
func plain(v interface{}) interface{} {
	if err, ok := v.(error); ok {
		return err.Error()
	}
	return v
}

func newContext(op string) *context.Stream {
	return context.Background().Labelled("test", op, 0)
}
