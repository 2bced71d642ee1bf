package sdk

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/lf-edge/ekuiper/sdk/go/api"
	"github.com/lf-edge/ekuiper/sdk/go/fakehost"
	"github.com/lf-edge/ekuiper/sdk/go/runtime"
)

// describe tells of its arguments and its call site.
type describe struct{}

func (describe) IsAggregate() bool { return true }

func (describe) Validate(args []interface{}) error {
	if len(args) == 0 {
		return errors.New("no arguments")
	}
	return nil
}

func (describe) Exec(args []interface{}, ctx api.FunctionContext) (interface{}, bool) {
	switch args[0] {
	case "panic":
		panic("worm in Exec")
	case "nan":
		return math.NaN(), true
	case "worm":
		return wormy{}, true
	case "error":
		return errors.New("cannot"), false
	case "no":
		return nil, false
	}
	return fmt.Sprintln(args, ctx.GetRuleId(), ctx.GetOpId(), ctx.GetInstanceId(), ctx.GetFuncId()), true
}

// wormy is a result that cannot be encoded.
type wormy struct{}

func (wormy) MarshalJSON() ([]byte, error) { panic("worm in the result") }

func TestFunction(t *testing.T) {
	t.Parallel()
	name := unique("f")
	p := runPlugin(t, runtime.PluginConfig{Functions: map[string]runtime.NewFunctionFunc{
		name: func() api.Function { return describe{} },
	}}, nil)
	f, err := p.OpenFunc(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	site := fakehost.Meta{RuleID: "rule", OpID: "op", InstanceID: 2}
	for i := range 50 {
		o, err := f.Exec(site, 7, i, "x", nil)
		if want := fmt.Sprintf("[%d x <nil>] rule op 2 7\n", i); err != nil || !o.State || o.Result != want {
			t.Fatalf("got %v, %v; want %s", o, err, want)
		}
	}
	for arg, want := range map[string]string{
		"panic": "{false the function panicked: worm in Exec}", "nan": "{false encode result: json: unsupported value: NaN}",
		"error": "{false cannot}", "no": "{false <nil>}", "worm": "{false the function panicked: worm in the result}",
	} {
		if o, err := f.Exec(site, 0, arg); err != nil || fmt.Sprint(o) != want {
			t.Errorf("%s: %v, %v; want %s", arg, o, err, want)
		}
	}
	p.logged(t, "level=ERROR", "panic contained", "worm in ", "function_test.go")
	for _, arg := range []string{"panic", "nan"} {
		for range 100 {
			if _, err := f.Exec(site, 0, arg); err != nil {
				t.Fatal(err)
			}
		}
	}
	if n := strings.Count(p.log.String(), "level=ERROR"); n > 20 {
		t.Errorf("%d lines of calls that failed", n)
	}
	if o, err := f.Validate(); err != nil || fmt.Sprint(o) != "{false no arguments}" {
		t.Errorf("validate: %v, %v", o, err)
	}
	if o, err := f.Validate(1); err != nil || !o.State {
		t.Errorf("validate: %v, %v", o, err)
	}
	if o, err := f.IsAggregate(); err != nil || fmt.Sprint(o) != "{true true}" {
		t.Errorf("is aggregate: %v, %v", o, err)
	}
	for _, raw := range []string{`rubbish`, `{}`, `{"func":"Exec","arg":[]}`, `{"func":"Exec","arg":[1]}`, `{"func":"Exec","arg":["x"]}`, `{"func":"Exec","arg":{}}`} {
		if got, err := f.Send([]byte(raw)); err != nil || !strings.HasPrefix(string(got), `{"state":false,"result":"`) {
			t.Errorf("%s: %s, %v", raw, got, err)
		}
	}
	// The host may open the function's socket anew at any time.
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := p.OpenFunc(name)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if o, err := again.Validate(1); err != nil || !o.State {
		t.Errorf("validate again: %v, %v", o, err)
	}
	if err := p.Stop(f.Control); err != nil {
		t.Error(err)
	}
}
