package runtime

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"
	"unicode"
)

// command is what the host orders: to start or stop one symbol instance.
type command struct {
	verb   string // start or stop
	target identity
	config map[string]interface{} // never nil
	source string                 // a source's DATASOURCE
	again  bool                   // the host believes it carried out, and is told nothing
}

const (
	verbStart = "start"
	verbStop  = "stop"
)

// kind is a symbol's kind as the host writes it.
type kind string

const (
	kindSource   kind = "source"
	kindSink     kind = "sink"
	kindFunction kind = "func"
)

// identity tells one symbol instance from others. A function has no rule: it
// serves all of them.
type identity struct {
	kind     kind
	symbol   string
	rule, op string
	instance int
}

// key is identity as it counts for start and stop: of a rule's operator
// there is one, whichever symbol it was.
func (id identity) key() identity {
	if id.kind != kindFunction {
		id.symbol = ""
	}
	return id
}

// label returns the log of what id names.
func (id identity) label(log *slog.Logger) *slog.Logger {
	if id.kind == kindFunction {
		return log.With("function", id.symbol)
	}
	return log.With("rule", id.rule, "op", id.op, "instance", id.instance)
}

// parseCommand reads a command. The errors are texts for the host's log.
func parseCommand(raw []byte) (command, error) {
	var outer struct {
		Cmd string `json:"cmd"`
		Arg string `json:"arg"`
	}
	if err := json.Unmarshal(raw, &outer); err != nil {
		return command{}, fmt.Errorf("command is not JSON of the form {\"cmd\":...,\"arg\":...}: %w", err)
	}
	if outer.Cmd != verbStart && outer.Cmd != verbStop {
		return command{}, fmt.Errorf("unknown command %q", outer.Cmd)
	}
	var arg struct {
		Symbol string `json:"symbolName"`
		Meta   struct {
			Rule     string `json:"ruleId"`
			Op       string `json:"opId"`
			Instance int    `json:"instanceId"`
		} `json:"meta"`
		Kind       kind                   `json:"pluginType"`
		DataSource string                 `json:"dataSource"`
		Config     map[string]interface{} `json:"config"`
	}
	if err := json.Unmarshal([]byte(outer.Arg), &arg); err != nil {
		return command{}, fmt.Errorf("argument of %s is not a JSON control: %w", outer.Cmd, err)
	}
	c := command{
		verb: outer.Cmd, config: arg.Config, source: arg.DataSource,
		target: identity{kind: arg.Kind, symbol: arg.Symbol},
	}
	if c.config == nil {
		c.config = map[string]interface{}{}
	}
	switch arg.Kind {
	case kindFunction:
	case kindSource, kindSink:
		c.target.rule, c.target.op, c.target.instance = arg.Meta.Rule, arg.Meta.Op, arg.Meta.Instance
		for _, name := range []string{arg.Meta.Rule, arg.Meta.Op} {
			if strings.ContainsAny(name, "/\x00") {
				// They are parts of sockets' names: one must not lead to another folder.
				return command{}, fmt.Errorf("rule id or operator %q: no / and no NUL is allowed in it", name)
			}
		}
	default:
		return command{}, fmt.Errorf("unknown plugin type %q", arg.Kind)
	}
	if arg.Symbol == "" {
		return command{}, errors.New("no symbol name")
	}
	return c, nil
}

const replyOK = "ok"

// reply is the answer to a command: ok, or one line of text that does not
// begin with h, which the host would take for a handshake.
func reply(err error) []byte {
	if err == nil {
		return []byte(replyOK)
	}
	text := strings.Map(func(r rune) rune {
		if unicode.IsControl(r) { // a line of its own in the host's log, or a terminal's escape sequence
			return ' '
		}
		return r
	}, err.Error())
	return []byte("error: " + text)
}

// startedByHost reports whether the arguments are those that a host passes.
func startedByHost(args []string) bool {
	if len(args) != 2 {
		return false
	}
	var settings map[string]interface{}
	return json.Unmarshal([]byte(args[1]), &settings) == nil && settings != nil
}

// property looks a property up as the host does: by its exact name, else
// without regard to case.
func property(config map[string]interface{}, name string) interface{} {
	if v, ok := config[name]; ok {
		return v
	}
	for k, v := range config {
		if strings.EqualFold(k, name) {
			return v
		}
	}
	return nil
}

// flag reads a property that may be a boolean or its text.
func flag(config map[string]interface{}, name string) bool {
	switch v := property(config, name).(type) {
	case bool:
		return v
	case string:
		return strings.EqualFold(v, "true")
	}
	return false
}

// ackTerms is what the host makes of an acknowledgement that is an error.
type ackTerms struct {
	resends  bool          // it sends the message again, until one is ok
	interval time.Duration // that long after the error
}

// usualResend is the host's interval where only a cache is asked for.
const usualResend = 100 * time.Millisecond

// resendTerms reads the terms from an action's properties. With
// resendAlterQueue it is another operator that gets the message again, whose
// name tells; the one that has refused it goes on with the next.
func resendTerms(config map[string]interface{}, op string) ackTerms {
	var t ackTerms
	switch v := property(config, "resendInterval").(type) {
	case float64:
		t.interval = time.Duration(v) * time.Millisecond
	case string:
		d, err := time.ParseDuration(v)
		if t.interval = d; err != nil {
			t.interval = usualResend
		}
	}
	t.resends = t.interval > 0
	if flag(config, "enableCache") {
		if !t.resends {
			t.interval = usualResend
		}
		t.resends = !flag(config, "resendAlterQueue") || strings.Contains(op, "_resend")
	}
	return t
}
