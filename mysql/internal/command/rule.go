package command

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"strconv"
	"strings"
	"time"

	"ekuiper-mysql/mysql/internal/config"
	"ekuiper-mysql/mysql/internal/sink"
)

// ruleCommand prints a rule.
type ruleCommand struct {
	ID         string   `name:"id" placeholder:"ID" help:"The rule's id: letters, digits, _ and -."`
	SQL        string   `name:"sql" xor:"from" placeholder:"SQL" help:"The rule's SELECT."`
	Stream     string   `xor:"from" placeholder:"NAME" help:"The stream whose rows are all taken: SELECT * FROM NAME."`
	URL        string   `name:"url" placeholder:"URL" help:"The database's url, without a password."`
	Table      string   `placeholder:"TABLE" help:"The table."`
	Set        []string `sep:"none" placeholder:"NAME=VALUE" help:"A property of the action, as often as need be; lists and objects as JSON."`
	Safe       bool     `help:"As safe as can be: exactlyOnce, requireAck, resendInterval, and a sync to disk for each message."`
	Curl       bool     `help:"Print the curl command that posts it."`
	API        string   `name:"api" default:"http://127.0.0.1:9081" placeholder:"URL" help:"eKuiper's REST API, for --curl."`
	StreamJSON bool     `name:"stream-json" help:"Print what makes the stream in place of the rule."`
	Type       string   `default:"mqtt" placeholder:"TYPE" help:"The stream's type, for --stream-json."`
	Datasource string   `placeholder:"TEXT" help:"The stream's DATASOURCE, for --stream-json: an MQTT topic or the like. Default: the stream's name."`
}

// Help adds to the command's help.
func (ruleCommand) Help() string {
	return `The properties are judged as eKuiper would have them judged when the rule starts; what
is printed is JSON, or with --curl a command line. A password is not taken: name where it
is kept, as passwordFile or passwordEnv. With --set NAME=VALUE what looks like a number is
one where the property is; --set goes before --safe.

Examples:
  mysql rule --id demo --stream demo --url "user@tcp(localhost:3306)/database" --table test
  mysql rule --id demo --sql "SELECT id, t AS temperature FROM demo" --table test --url "user@tcp(db:3306)/plant" --set passwordFile=db --set mode=upsert
  mysql rule --id demo --stream demo --url "user@tcp(db:3306)/plant" --table test --safe --curl
  mysql rule --stream demo --stream-json --type mqtt --datasource plant/sensors

Exit codes: 0 printed; 1 an error; 2 a mistake in the command line, such as a property
that is not known or a value that is not allowed.`
}

// theRule is a rule as eKuiper takes it.
type theRule struct {
	ID      string           `json:"id"`
	SQL     string           `json:"sql"`
	Actions []map[string]any `json:"actions"`
	Options map[string]any   `json:"options,omitempty"`
}

// theStream is what makes a stream.
type theStream struct {
	SQL string `json:"sql"`
}

// safest are the properties of --safe; docs/guarantees.md tells what each is for.
var safest = map[string]any{"delivery": "exactlyOnce", "requireAck": true, "resendInterval": 500, "fsync": "always"}

var (
	ruleID     = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_-]{0,63}$`) // as eKuiper 2.4 has it: no dots
	streamName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,63}$`)
)

// Run prints the rule, or its stream.
func (c *ruleCommand) Run(s streams) error {
	if c.Stream != "" && !streamName.MatchString(c.Stream) {
		return usageError(fmt.Sprintf("--stream: %q; allowed: letters, digits and _, up to 64, no digit first", c.Stream))
	}
	if c.StreamJSON {
		made, err := c.stream()
		if err != nil {
			return err
		}
		return c.print(s, made, "/streams")
	}
	made, err := c.rule(s)
	if err != nil {
		return err
	}
	return c.print(s, made, "/rules")
}

func (c *ruleCommand) stream() (theStream, error) {
	if c.Stream == "" {
		return theStream{}, usageError("--stream-json: --stream is missing")
	}
	source := c.Datasource
	if source == "" {
		source = c.Stream
	}
	for _, f := range []struct{ flag, text string }{{"--type", c.Type}, {"--datasource", source}} {
		if f.text == "" || strings.ContainsFunc(f.text, func(r rune) bool { return r == '"' || r == '\\' || r < ' ' }) {
			return theStream{}, usageError(fmt.Sprintf("%s: %q; allowed: a text without quotes and backslashes", f.flag, f.text))
		}
	}
	return theStream{fmt.Sprintf(`CREATE STREAM %s () WITH (TYPE="%s", DATASOURCE="%s", FORMAT="json")`, c.Stream, c.Type, source)}, nil
}

func (c *ruleCommand) rule(s streams) (theRule, error) {
	r := theRule{ID: c.ID, SQL: c.SQL}
	switch {
	case c.ID == "":
		return r, usageError("--id is missing")
	case !ruleID.MatchString(c.ID):
		return r, usageError(fmt.Sprintf("--id: %q; allowed: letters, digits, _ and -, up to 64", c.ID))
	case c.Stream != "":
		r.SQL = "SELECT * FROM " + c.Stream
	case strings.TrimSpace(c.SQL) == "":
		return r, usageError("say with --sql or --stream what rows the rule has")
	}
	props, err := c.props()
	if err != nil {
		return r, err
	}
	warnings, err := judge(props)
	for _, w := range warnings {
		fmt.Fprintf(s.err, "mysql: %s\n", w)
	}
	if err != nil {
		return r, usageError(err.Error())
	}
	r.Actions = []map[string]any{{"mysql": props}}
	if c.Safe { // else a quick source loses rows inside eKuiper
		r.Options = map[string]any{"disableBufferFullDiscard": true}
	}
	return r, nil
}

// props are the action's properties.
func (c *ruleCommand) props() (map[string]any, error) {
	props := map[string]any{}
	if c.Safe {
		maps.Copy(props, safest)
	}
	given := map[string]bool{}
	put := func(flag, name string, v any) error {
		if given[name] {
			return usageError(fmt.Sprintf("%s: property %s is given twice; allowed: once", flag, name))
		}
		given[name], props[name] = true, v
		return nil
	}
	if c.URL != "" {
		_ = put("--url", "url", c.URL)
	}
	if c.Table != "" {
		_ = put("--table", "table", c.Table)
	}
	for _, text := range c.Set {
		name, value, ok := strings.Cut(text, "=")
		if !ok {
			return nil, usageError("--set: a name, = and a value are wanted, such as mode=upsert")
		}
		usual, p, err := config.Lookup(strings.TrimSpace(name))
		if err != nil {
			return nil, usageError(fmt.Sprintf("--set: %v", err))
		}
		if usual == "password" || usual == "tlsKey" && config.IsPEM(value) {
			return nil, errSecretInRule
		}
		var v any
		if p == nil {
			v, err = typedForHost(config.HostType(usual), value)
		} else {
			v, err = typed(p, value)
		}
		if err != nil {
			return nil, usageError(fmt.Sprintf("--set: property %s: %v", usual, err))
		}
		if err := put("--set", usual, v); err != nil {
			return nil, err
		}
	}
	return props, nil
}

// errSecretInRule says where a password does belong.
const errSecretInRule = usageError("a password on the command line is seen by all users of this machine, and in a rule by all who may read rules; allowed: --set passwordFile=NAME or --set passwordEnv=MYSQL_..., of which docs/connections.md tells")

// typed is value as JSON has it where the property is p.
func typed(p *config.Property, value string) (any, error) {
	begins := strings.TrimSpace(value)
	switch {
	case p.Type == "string" && (p.Name != "initSql" || !strings.HasPrefix(begins, "[")):
		return value, nil
	case p.Type == "integer", p.Type == "size", p.Type == "duration":
		if _, err := strconv.ParseInt(begins, 10, 64); err == nil {
			return json.Number(begins), nil
		}
	}
	if strings.HasPrefix(begins, "{") || strings.HasPrefix(begins, "[") {
		return readJSON(begins)
	}
	return value, nil
}

func readJSON(text string) (v any, err error) {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&v); err != nil || d.More() {
		return nil, errors.New("what begins like JSON is none")
	}
	return v, nil
}

// typedForHost is value as JSON has it where the property is one of eKuiper's,
// which nobody judges before the rule starts.
func typedForHost(kind, value string) (any, error) {
	text := strings.TrimSpace(value)
	allowed := ""
	switch kind {
	case "integer", "duration":
		if _, err := strconv.ParseInt(text, 10, 64); err == nil {
			return json.Number(text), nil
		}
		if _, err := time.ParseDuration(text); err == nil && kind == "duration" {
			return text, nil
		}
		if allowed = "a whole number"; kind == "duration" {
			allowed = "a number of milliseconds or e.g. 250ms"
		}
	case "boolean":
		if text == "true" || text == "false" {
			return text == "true", nil
		}
		allowed = "true, false"
	case "list":
		if strings.HasPrefix(text, "[") {
			return readJSON(text)
		}
		list := strings.Split(text, ",")
		for i := range list {
			list[i] = strings.TrimSpace(list[i])
		}
		return list, nil
	case "object":
		if strings.HasPrefix(text, "{") {
			return readJSON(text)
		}
		allowed = "an object as JSON"
	default:
		return value, nil
	}
	return nil, fmt.Errorf("%q; allowed: %s", value, allowed)
}

// judge validates properties as a start of the rule would, as far as this
// machine can: where the password is kept, eKuiper's environment decides.
func judge(props map[string]any) (warnings []string, err error) {
	tried := maps.Clone(props)
	if has(tried, "connectionSelector", "resourceId") && !has(tried, "url", "dburl") {
		tried["url"] = noServer
	}
	c, warnings, err := config.Parse(tried)
	if err != nil && has(tried, "passwordEnv", "passwordFile") {
		delete(tried, "passwordEnv")
		delete(tried, "passwordFile")
		if without, _, e := config.Parse(tried); e == nil {
			warnings = append(warnings, err.Error()+" (judged by this machine; eKuiper's own environment decides)")
			c, err = without, nil
		}
	}
	if err != nil {
		return warnings, err
	}
	if c.Driver.Passwd != "" {
		return warnings, errSecretInRule
	}
	return warnings, sink.Judge(c)
}

// print prints v, or the command that posts it to a path of the API.
func (c *ruleCommand) print(s streams, v any, path string) error {
	var b bytes.Buffer
	e := jsonLines(&b)
	if !c.Curl {
		e.SetIndent("", "  ")
	}
	if err := e.Encode(v); err != nil {
		return err
	}
	if !c.Curl {
		_, err := s.out.Write(b.Bytes())
		return err
	}
	_, err := fmt.Fprintf(s.out, "curl -X POST %s \\\n  -H 'Content-Type: application/json' \\\n  -d %s\n",
		shellQuoted(strings.TrimRight(c.API, "/")+path), shellQuoted(strings.TrimSuffix(b.String(), "\n")))
	return err
}

// shellQuoted is text as a word of a shell.
func shellQuoted(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }
