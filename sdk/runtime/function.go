package runtime

import (
	gocontext "context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"

	"github.com/lf-edge/ekuiper/sdk/go/api"
	"github.com/lf-edge/ekuiper/sdk/go/connection"
	"github.com/lf-edge/ekuiper/sdk/go/context"
)

// functionRun is a started function. There is one per symbol, for all rules.
type functionRun struct {
	p        *plugin
	log      *slog.Logger
	function api.Function
	base     *context.Stream
	cancel   gocontext.CancelFunc
	host     *connection.Requester
	served   chan struct{} // closed when serve has ended
	panics   sparse        // of calls
	failed   sparse        // calls that could not be answered as they should
}

func (p *plugin) startFunction(c command, log *slog.Logger) (instance, error) {
	symbol := c.target.symbol
	newFunction, ok := p.conf.Functions[symbol]
	if !ok {
		return nil, fmt.Errorf("no function %q in this plugin", symbol)
	}
	var f api.Function
	err := contain(log, "the function's maker", func() error { f = newFunction(); return nil })
	if err != nil {
		return nil, err
	}
	base, cancel := context.New(gocontext.Background(), p.log).Cancellable()
	r := &functionRun{
		p: p, log: log, function: f, base: base, cancel: cancel,
		host:   connection.NewRequester(connection.FunctionURL(symbol), p.maxMessage),
		served: make(chan struct{}),
		panics: sparse{interval: p.timing.complain}, failed: sparse{interval: p.timing.complain},
	}
	p.background.Go(func() {
		defer close(r.served)
		r.serve()
	})
	return r, nil
}

// stop ends the function; a call at work may go on in the background.
func (r *functionRun) stop() {
	r.cancel()
	r.host.Close()
	if !within(r.p.timing.close, r.served) {
		r.log.Warn("a call goes on in the background")
	}
	if c, ok := r.function.(api.Closable); ok {
		closeBounded(r.p, r.log, r.base, c)
	}
}

// serve answers calls until the stop.
func (r *functionRun) serve() {
	strangers := sparse{interval: r.p.timing.complain}
	for r.base.Err() == nil {
		if err := r.host.Dial(); err == nil {
			err = r.answerCalls()
			r.log.Debug("function connection ended", "error", err)
		} else if errors.Is(err, connection.ErrStranger) {
			strangers.report(r.log, notTheHost, err)
		}
		if !pause(r.base, r.p.timing.redial) {
			return
		}
	}
}

func (r *functionRun) answerCalls() error {
	say := []byte("handshake")
	for {
		call, err := r.host.Exchange(say)
		var large *connection.TooLargeError
		switch {
		case errors.As(err, &large):
			r.failed.report(r.log, "call refused", err)
			say, _ = json.Marshal(failure(err))
		case err != nil:
			return err
		default:
			say = r.answer(call)
		}
	}
}

// outcome is the answer to a call.
type outcome struct {
	State  bool        `json:"state"`
	Result interface{} `json:"result"`
}

func failure(err error) outcome { return outcome{Result: err.Error()} }

func (r *functionRun) answer(call []byte) []byte {
	var text []byte
	err := r.panics.contain(r.log, "the function", func() (err error) {
		if text, err = json.Marshal(r.call(call)); err != nil { // a result may encode itself
			r.failed.report(r.log, "the function's result is not JSON", err)
			err = fmt.Errorf("encode result: %w", err)
		}
		return err
	})
	if err != nil {
		text, _ = json.Marshal(failure(err))
	}
	return text
}

// functionCall is a call as the host writes it.
type functionCall struct {
	Func string          `json:"func"`
	Arg  json.RawMessage `json:"arg"`
}

func (r *functionRun) call(raw []byte) outcome {
	var c functionCall
	if err := json.Unmarshal(raw, &c); err != nil {
		return failure(fmt.Errorf("read call: %w", err))
	}
	if c.Func == "IsAggregate" {
		return outcome{State: true, Result: r.function.IsAggregate()}
	}
	var args []interface{}
	if len(c.Arg) > 0 {
		if err := json.Unmarshal(c.Arg, &args); err != nil {
			return failure(fmt.Errorf("read arguments of %s: %w", c.Func, err))
		}
	}
	switch c.Func {
	case "Validate":
		if err := r.function.Validate(args); err != nil {
			return failure(err)
		}
		return outcome{State: true, Result: true}
	case "Exec":
		return r.exec(args)
	}
	return failure(fmt.Errorf("unknown call %q", c.Func))
}

// exec runs Exec. The last argument is the context of the call, as JSON text.
func (r *functionRun) exec(args []interface{}) outcome {
	if len(args) == 0 {
		return failure(errors.New("the call has no context"))
	}
	text, ok := args[len(args)-1].(string)
	var site struct {
		Rule     string `json:"ruleId"`
		Op       string `json:"opId"`
		Instance int    `json:"instanceId"`
		Func     int    `json:"funcId"`
	}
	if !ok {
		return failure(errors.New("the call's context is not text"))
	}
	if err := json.Unmarshal([]byte(text), &site); err != nil {
		return failure(fmt.Errorf("read the call's context: %w", err))
	}
	ctx := context.ForFunction(r.base.Labelled(site.Rule, site.Op, site.Instance), site.Func)
	result, good := r.function.Exec(args[:len(args)-1], ctx)
	if err, is := result.(error); is {
		result = err.Error()
	}
	return outcome{State: good, Result: result}
}
