package command

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"ekuiper-mysql/mysql/internal/check"
	"ekuiper-mysql/mysql/internal/config"
)

// checkCommand tries whether an action can do its work.
type checkCommand struct {
	Props   string        `type:"path" placeholder:"FILE" help:"File with the rule's action as JSON, {\"mysql\":{...}}, what is in it, or the whole rule; - reads the standard input."`
	URLFile string        `name:"url-file" type:"path" placeholder:"FILE" help:"File whose content is the database's url. Default: the environment variable EKUIPER_MYSQL_URL."`
	URL     string        `name:"url" placeholder:"URL" help:"The url itself, if it holds no password."`
	Table   string        `placeholder:"TABLE" help:"The table, in place of the action's."`
	Row     string        `type:"path" placeholder:"FILE" help:"File with sample rows as JSON, one or many; - reads the standard input."`
	Timeout time.Duration `default:"10s" placeholder:"TIME" help:"Give each step up after so long. Default: ${default}."`
	JSON    bool          `name:"json" help:"Print JSON, one list of all steps."`

	dataDir func() (string, error)
}

// Help adds to the command's help.
func (checkCommand) Help() string {
	return `Tells step by step whether an action can do its work, with what mends each step that
fails: properties, names, TCP, TLS, login, privileges, the table, what becomes of sample
rows and by which SQL, clocks, time zones, and the disk that rows wait on. It writes
nothing into any table, makes none, and shows no password.

` + `The action comes from --props; the url may also come from --url-file or from the
environment variable EKUIPER_MYSQL_URL. Run it as the user that eKuiper runs as.

Examples:
  mysql check --props action.json
  mysql check --props rule.json --row rows.json
  mysql check --url-file /etc/kuiper/mysql.url --table test --json
  mysql check --url "user@tcp(localhost:3306)/database" --table test --timeout 3s

Exit codes: 0 all is well, warnings apart; 1 a step failed; 2 a mistake in the command
line.`
}

// Run tries, and prints what it finds.
func (c *checkCommand) Run(s streams) error {
	props, rows, err := c.read()
	if err != nil {
		return err
	}
	ctx, cancel := interruptible()
	defer cancel()
	print := newCheckPrinter(s.out)
	o := check.Options{Props: props, Rows: rows, Timeout: c.Timeout, Folder: c.dataDir, Tell: print.step}
	if c.JSON {
		o.Tell = nil
	}
	steps := check.Run(ctx, o)
	n := check.Count(steps)
	if c.JSON {
		err = jsonLines(s.out).Encode(steps)
	} else {
		err = print.sums(n)
	}
	switch {
	case err != nil:
		return err
	case ctx.Err() != nil:
		return errors.New("interrupted")
	case n[check.Failed] > 0:
		return failure(steps)
	}
	return nil
}

// failure is the error of the steps that failed, by their names.
func failure(steps []check.Step) error {
	var names []string
	n := 0
	for _, s := range steps {
		if s.Status != check.Failed {
			continue
		}
		n++
		if !slices.Contains(names, s.Name) { // several hosts, several tables
			names = append(names, s.Name)
		}
	}
	text := "steps"
	if n == 1 {
		text = "step"
	}
	return fmt.Errorf("%d %s failed: %s", n, text, strings.Join(names, ", "))
}

// read returns the action and the sample rows.
func (c *checkCommand) read() (props map[string]any, rows []byte, err error) {
	if c.Props == "-" && c.Row == "-" {
		return nil, nil, errTwoInputs
	}
	if c.Timeout <= 0 {
		return nil, nil, usageError(fmt.Sprintf("--timeout: %v; allowed: more than 0, such as 10s", c.Timeout))
	}
	target := targetFlags{Props: c.Props, URLFile: c.URLFile, URL: c.URL, Into: c.Table}
	if props, err = target.props(); err != nil {
		return nil, nil, err
	}
	if c.URL != "" {
		if conf, _, err := config.Parse(props); err == nil && conf.Driver.Passwd != "" && !has(props, "password") {
			return nil, nil, errPasswordShown
		}
	}
	if c.Row == "" {
		return props, nil, nil
	}
	if rows, err = readBounded(c.Row, mostSampled); err != nil {
		return nil, nil, usageError(fmt.Sprintf("--row: %v", err))
	}
	if rows == nil {
		rows = []byte{}
	}
	return props, rows, nil
}

// marks stand before a step.
type marks map[check.Status]string

var (
	plainMarks = marks{check.OK: "ok     ", check.Warning: "warning", check.Failed: "FAILED ", check.Skipped: "skipped"}
	fineMarks  = marks{check.OK: "✓", check.Warning: "!", check.Failed: "✗", check.Skipped: "-"}
)

// checkPrinter prints steps for a person.
type checkPrinter struct {
	to      io.Writer
	marks   marks
	skipped []check.Step // not printed yet: one line has those of one reason
	err     error
}

func newCheckPrinter(to io.Writer) *checkPrinter {
	p := &checkPrinter{to: to, marks: plainMarks}
	if isTerminal(to) && speaksUTF8(os.Getenv) {
		p.marks = fineMarks
	}
	return p
}

// isTerminal tells whether a person sees what is written.
func isTerminal(to io.Writer) bool {
	f, ok := to.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// speaksUTF8 tells whether the locale is one of UTF-8.
func speaksUTF8(getenv func(string) string) bool {
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if v := getenv(name); v != "" {
			v = strings.ToLower(strings.ReplaceAll(v, "-", ""))
			return strings.Contains(v, "utf8")
		}
	}
	return getenv("WT_SESSION") != "" // Windows' own terminal
}

func (p *checkPrinter) printf(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.to, format, args...)
	}
}

// step prints one. What failed is not to leave the screen for all that needs
// it: steps that are skipped for one reason share a line.
func (p *checkPrinter) step(s check.Step) {
	if last := len(p.skipped) - 1; last >= 0 && (s.Status != check.Skipped || s.Detail != p.skipped[last].Detail || s.Host != p.skipped[last].Host || s.Table != p.skipped[last].Table) {
		p.flush()
	}
	if s.Status == check.Skipped && s.Remedy == "" && len(s.SQL) == 0 && len(s.Fields) == 0 {
		p.skipped = append(p.skipped, s)
		return
	}
	p.print(s.Name, s)
}

// flush prints the steps that were skipped.
func (p *checkPrinter) flush() {
	if len(p.skipped) == 0 {
		return
	}
	names := make([]string, len(p.skipped))
	for i, s := range p.skipped {
		names[i] = s.Name
	}
	p.print(strings.Join(names, ", "), p.skipped[0])
	p.skipped = nil
}

// print prints one, or several alike.
func (p *checkPrinter) print(name string, s check.Step) {
	of := ""
	for _, name := range []string{s.Host, s.Table} {
		if name != "" {
			of += printable(name) + ": "
		}
	}
	if len(name) > 10 {
		name += ":"
	}
	p.printf("%s %-10s %s%s\n", p.marks[s.Status], name, of, printable(s.Detail))
	indent := strings.Repeat(" ", len([]rune(p.marks[s.Status]))+12)
	if s.Remedy != "" {
		p.printf("%s%s %s\n", indent, map[bool]string{true: "->", false: "→"}[len(p.marks[check.OK]) == len(plainMarks[check.OK])], printable(s.Remedy))
	}
	if len(s.Fields) > 0 {
		table := tabwriter.NewWriter(p.to, 0, 0, 2, ' ', 0)
		for _, f := range s.Fields {
			fmt.Fprintf(table, "%s%s\t%s\t%s\t%s\n", indent, printable(fieldText(f)), printable(orDash(f.Column)), printable(orDash(f.Type)), printable(valueText(f)))
		}
		if err := table.Flush(); p.err == nil {
			p.err = err
		}
	}
	for _, text := range s.SQL {
		p.printf("%s%s;\n", indent, printable(text))
	}
}

func fieldText(f check.Field) string {
	if f.Source != "" {
		return f.Field + " (" + f.Source + ")"
	}
	return f.Field
}

func valueText(f check.Field) string {
	switch {
	case f.Note != "":
		return f.Note
	case f.Value == nil:
		return "NULL"
	}
	text, err := json.Marshal(*f.Value)
	if err != nil {
		return *f.Value
	}
	return string(text)
}

// sums prints how many steps ended how.
func (p *checkPrinter) sums(n map[check.Status]int) error {
	p.flush()
	p.printf("%d ok, %d warnings, %d failed, %d skipped\n", n[check.OK], n[check.Warning], n[check.Failed], n[check.Skipped])
	return p.err
}
