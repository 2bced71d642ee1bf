package command

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"time"
	"unicode/utf8"

	"ekuiper-mysql/mysql/internal/config"
	"ekuiper-mysql/mysql/internal/sink"
)

// urlVariable is the environment variable that may hold the database's address.
const urlVariable = "EKUIPER_MYSQL_URL"

// errPasswordShown says that a password is where others see it.
const errPasswordShown = usageError("--url: it holds a password, which the list of processes shows to all users of this machine; allowed: --url-file, --props or the environment variable " + urlVariable)

// checkTime bounds the first look at a table.
const checkTime = 30 * time.Second

// targetFlags say where rows go that no rule delivers. The properties are
// those of a rule's action.
type targetFlags struct {
	Props    string        `type:"path" placeholder:"FILE" help:"File with the rule's action as JSON, {\"mysql\":{...}}, what is in it, or the whole rule: url, table and all other properties come from there; - reads the standard input."`
	URLFile  string        `name:"url-file" type:"path" placeholder:"FILE" help:"File whose content is the database's url. Default: the environment variable EKUIPER_MYSQL_URL."`
	URL      string        `name:"url" placeholder:"URL" help:"The url itself, if it holds no password."`
	Into     string        `placeholder:"TABLE" help:"The table to write to."`
	Patience time.Duration `default:"5m" placeholder:"TIME" help:"Give up when the table takes no row for so long; 0 never does. Default: ${default}."`
	Verbose  bool          `short:"v" help:"Print more of what happens."`
}

// targetHelp is what the help of commands with these flags has in common.
const targetHelp = `Where to: the friendliest is a file with the action as the rule has it (--props). The
url may also come from --url-file or from the environment variable EKUIPER_MYSQL_URL:
on the command line all users of the machine can read it.
`

// props returns an action's properties, as a rule would give them.
func (f *targetFlags) props() (map[string]any, error) {
	if f.Patience < 0 {
		return nil, usageError(fmt.Sprintf("--patience: %v; allowed: a time such as 5m, or 0 for ever", f.Patience))
	}
	props := map[string]any{}
	if f.Props != "" {
		var err error
		if props, err = readProps(f.Props); err != nil {
			return nil, err
		}
	}
	if f.Into != "" {
		set(props, f.Into, "table")
		set(props, "", "tableField") // whatever the rows say
		set(props, "", "allowedTables")
	}
	url, err := f.url()
	if err != nil {
		return nil, err
	}
	if url == "" && !has(props, "url", "dburl") {
		url = os.Getenv(urlVariable)
	}
	if url != "" {
		set(props, url, "url", "dburl")
	}
	if !has(props, "url", "dburl") {
		why := ""
		if has(props, "connectionSelector", "resourceId") {
			why = "; the action takes it from a configuration that eKuiper keeps, which this command does not see"
		}
		return nil, usageError("the database's url is missing" + why + "; give it with --props, --url-file or the environment variable " + urlVariable)
	}
	return props, nil
}

// url returns the url that flags give, or "".
func (f *targetFlags) url() (string, error) {
	switch {
	case f.URL != "" && f.URLFile != "":
		return "", usageError("--url and --url-file: both are given; allowed: one of them")
	case f.URL != "":
		return f.URL, nil
	case f.URLFile == "":
		return "", nil
	}
	text, err := os.ReadFile(f.URLFile)
	if err != nil {
		return "", usageError(fmt.Sprintf("--url-file: %v", err))
	}
	url := strings.TrimSpace(string(text))
	if url == "" {
		return "", usageError("--url-file: " + f.URLFile + " is empty; allowed: a file that holds a url")
	}
	return url, nil
}

// configure validates props, with table in the place of theirs unless it is
// empty, and prints warnings.
func (f *targetFlags) configure(s streams, props map[string]any, table string) (*config.Config, error) {
	if table != "" {
		set(props, table, "table")
	}
	c, warnings, err := config.Parse(props)
	for _, w := range warnings {
		fmt.Fprintf(s.err, "mysql: %s\n", w)
	}
	if config.OfEnvironment(err) {
		err = fmt.Errorf("%w (judged by the variables of this command: give it those that eKuiper has)", err)
	}
	if err != nil {
		return nil, usageError(err.Error())
	}
	if f.URL != "" && c.Driver.Passwd != "" && !has(props, "password") {
		return nil, errPasswordShown
	}
	return c, nil
}

// reach returns the target that c describes, once it has answered.
func (f *targetFlags) reach(ctx context.Context, s streams, c *config.Config) (*sink.Target, error) {
	t := sink.NewTarget(c, &terminalLog{to: s.err, verbose: f.Verbose})
	t.Patience = f.Patience
	check, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	if err := t.Check(check); err != nil {
		return nil, err
	}
	return t, nil
}

// mostProps bounds a file with an action, in bytes.
const mostProps = 4 << 20

// readProps reads the action in a file; - stands for the standard input.
func readProps(path string) (map[string]any, error) {
	text, err := readBounded(path, mostProps)
	if err != nil {
		return nil, usageError(fmt.Sprintf("--props: %v", err))
	}
	props, err := readAction(text)
	if err != nil {
		return nil, usageError(fmt.Sprintf("--props: %s: %v", path, err))
	}
	return props, nil
}

// readBounded reads a file of at most so many bytes; - stands for the standard input.
func readBounded(path string, most int64) ([]byte, error) {
	from := os.Stdin
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		from = f
	}
	text, err := io.ReadAll(io.LimitReader(from, most+1))
	if err == nil && int64(len(text)) > most {
		err = fmt.Errorf("%s: more than %d MiB", path, most>>20)
	}
	return text, err
}

// readAction reads an action: {"mysql":{...}}, what is in it, or a whole rule
// that has one such action.
func readAction(text []byte) (map[string]any, error) {
	var object map[string]any
	text = bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))
	if err := json.Unmarshal(text, &object); err != nil || object == nil {
		// The decoder's error may quote the text, and with it a password.
		return nil, errors.New(notObject(text, err) + `; allowed: {"mysql":{...}} or {"url":...,"table":...}`)
	}
	actions, isRule := object["actions"].([]any)
	if !isRule {
		actions = []any{object}
	}
	var found []map[string]any
	for _, a := range actions {
		action, _ := a.(map[string]any)
		if inner, ok := action["mysql"].(map[string]any); ok {
			found = append(found, inner)
		}
	}
	switch {
	case len(found) == 1:
		return found[0], nil
	case len(found) > 1:
		return nil, errors.New("it has several actions mysql; allowed: one")
	case isRule:
		return nil, errors.New("it has no action mysql; allowed: a rule with one")
	}
	for name, inner := range object {
		if action, ok := inner.(map[string]any); ok && has(action, "url", "dburl") && !has(object, "url", "dburl") {
			return nil, fmt.Errorf(`it has the action %s, not mysql; allowed: {"mysql":{...}} or {"url":...,"table":...}`, printable(name))
		}
	}
	return object, nil
}

// notObject says why text is no JSON object: where it stops being JSON, and
// nothing of what stands there.
func notObject(text []byte, err error) string {
	var syntax *json.SyntaxError
	switch {
	case len(bytes.TrimSpace(text)) == 0:
		return "it is empty"
	case !errors.As(err, &syntax):
		return "not a JSON object"
	}
	before := text[:min(max(int(syntax.Offset)-1, 0), len(text))]
	line := bytes.Count(before, []byte("\n")) + 1
	column := utf8.RuneCount(before[bytes.LastIndexByte(before, '\n')+1:]) + 1
	return fmt.Sprintf("not JSON: it goes wrong at line %d, column %d, or just before, as by a comma too many or too few, or a bracket or quote that is missing", line, column)
}

// set gives the property that has names a value, whatever it was and however
// its name is written; the first name is the one that stays.
func set(props map[string]any, value string, names ...string) {
	for given := range props {
		for _, name := range names {
			if strings.EqualFold(given, name) {
				delete(props, given)
			}
		}
	}
	props[names[0]] = value
}

// has tells whether a property has a value under one of names.
func has(props map[string]any, names ...string) bool {
	for given, v := range props {
		for _, name := range names {
			if strings.EqualFold(given, name) && v != nil && v != "" {
				return true
			}
		}
	}
	return false
}

// interruptible returns a context that Ctrl-C or a SIGTERM ends.
func interruptible() (context.Context, context.CancelFunc) {
	return signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
}

// shared is a writer for several goroutines.
type shared struct {
	mu sync.Mutex
	to io.Writer
}

func (w *shared) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.to.Write(b)
}
