package mock

import (
	"errors"
	"fmt"
	"testing"

	"github.com/lf-edge/ekuiper/sdk/go/api"
)

type counter struct{ from int }

func (c *counter) Configure(_ string, props map[string]interface{}) error {
	c.from, _ = props["from"].(int)
	return nil
}

func (c *counter) Open(ctx api.StreamContext, consumer chan<- api.SourceTuple, _ chan<- error) {
	for i := c.from; ; i++ {
		row := map[string]interface{}{"n": i}
		select {
		case consumer <- api.NewDefaultSourceTuple(row, map[string]interface{}{"rule": ctx.GetRuleId()}):
		case <-ctx.Done():
			return
		}
	}
}

func (*counter) Close(api.StreamContext) error { return nil }

func TestSource(t *testing.T) {
	s := &counter{}
	if err := s.Configure("", map[string]interface{}{"from": 3}); err != nil {
		t.Fatal(err)
	}
	var exp []api.SourceTuple
	for i := 3; i < 6; i++ {
		exp = append(exp, api.NewDefaultSourceTuple(map[string]interface{}{"n": i}, map[string]interface{}{"rule": "test"}))
	}
	TestSourceOpen(s, exp, t)
}

type picky struct{ seen []string }

func (*picky) Configure(map[string]interface{}) error { return nil }
func (*picky) Open(api.StreamContext) error           { return nil }
func (*picky) Close(api.StreamContext) error          { return nil }
func (p *picky) Collect(_ api.StreamContext, data interface{}) error {
	text := string(data.([]byte))
	if text == "bad" {
		return errors.New("refused")
	}
	p.seen = append(p.seen, text)
	return nil
}

func TestSink(t *testing.T) {
	p := &picky{}
	if err := RunSinkCollect(p, []string{"a", "b"}); err != nil || fmt.Sprint(p.seen) != "[a b]" {
		t.Errorf("%v, %v", p.seen, err)
	}
	if err := RunSinkCollect(p, []string{"bad", "c"}); err == nil || len(p.seen) != 2 {
		t.Errorf("%v, %v", p.seen, err)
	}
}

type half struct{}

func (half) Validate([]interface{}) error { return nil }
func (half) IsAggregate() bool            { return false }
func (half) Exec(args []interface{}, ctx api.FunctionContext) (interface{}, bool) {
	n, ok := args[0].(float64)
	if !ok {
		return fmt.Errorf("call %d: not a number", ctx.GetFuncId()), false
	}
	return n / 2, true
}

func TestFunction(t *testing.T) {
	TestFuncExec(half{}, []FuncTest{
		{[]interface{}{3.0}, 1.5, true},
		{[]interface{}{"x"}, errors.New("call 1: not a number"), false},
	}, t)
}
