package command

import (
	"errors"
	"fmt"
	"io"

	"ekuiper-mysql/mysql/internal/config"
	"ekuiper-mysql/mysql/internal/design"
	"ekuiper-mysql/mysql/internal/payload"
	"ekuiper-mysql/mysql/internal/schema"
	"ekuiper-mysql/mysql/internal/sink"
	"ekuiper-mysql/mysql/internal/statement"
)

type ddlCommand struct {
	Rows  string `arg:"" type:"path" help:"File with rows as JSON, one or many; - reads the standard input."`
	Props string `type:"path" placeholder:"FILE" help:"File with the rule's action as JSON: table, schema, primaryKey, timezone and maxColumns come from there."`
	Into  string `placeholder:"TABLE" help:"The table's name."`
	JSON  bool   `name:"json" help:"Print JSON."`
}

// drawn is the statement as JSON.
type drawn struct {
	Table     string `json:"table"`
	Statement string `json:"statement"`
	Columns   int    `json:"columns"`
	Left      int    `json:"fieldsLeft"` // that get no column, because of maxColumns
}

// Help adds to the command's help.
func (ddlCommand) Help() string {
	return `Prints the statement by which autoCreate would make the table for rows like these, and
talks to no database: to look at it, to change it, or for somebody who may run it.

Examples:
  mysql ddl rows.json --into test
  mysql ddl rows.json --props action.json
  mysql ddl - --into test --json < rows.json

Exit codes: 0 printed; 1 an error; 2 a mistake in the command line.`
}

// errTwoInputs says that the standard input cannot be two things.
const errTwoInputs = usageError("two files are both -; allowed: one from the standard input")

// noServer is a url for properties that need none. It names no user, who may
// have a property.
const noServer = "tcp(localhost)/none"

// mostSampled bounds what is read of a file, in bytes.
const mostSampled = 64 << 20

// Run prints the statement.
func (c ddlCommand) Run(s streams) error {
	conf, err := c.configure(s)
	if err != nil {
		return err
	}
	way, err := sink.RouteOf(conf)
	if err != nil {
		return usageError(err.Error())
	}
	if way.Varies() {
		return usageError("rows choose their table; say with --into what it is to be called")
	}
	name, err := schema.ParseName(conf.Table)
	if err != nil {
		return usageError(err.Error())
	}
	plan, err := sink.PlanOf(conf)
	if err != nil {
		return usageError(err.Error())
	}
	sample, err := c.sample()
	if err != nil {
		return err
	}
	columns, over, err := plan.Table(sample)
	if err != nil {
		return fmt.Errorf("%s: %w", c.Rows, err)
	}
	if over > 0 {
		fmt.Fprintf(s.err, "mysql: %d fields get no column: maxColumns is %d\n", over, plan.MaxColumns)
	}
	text := statement.CreateTable(name, columns, plan.Key)
	if c.JSON {
		return jsonLines(s.out).Encode(drawn{name.String(), text, len(columns), over})
	}
	_, err = fmt.Fprintf(s.out, "%s;\n", text)
	return err
}

// configure reads the properties that matter here.
func (c ddlCommand) configure(s streams) (*config.Config, error) {
	if c.Rows == "-" && c.Props == "-" {
		return nil, errTwoInputs
	}
	props := map[string]any{}
	if c.Props != "" {
		var err error
		if props, err = readProps(c.Props); err != nil {
			return nil, err
		}
	}
	if c.Into != "" {
		set(props, c.Into, "table")
		set(props, "", "tableField")
		set(props, "", "allowedTables")
	}
	if !has(props, "table") {
		return nil, usageError("the table's name is missing; give it with --into or --props")
	}
	set(props, noServer, "url", "dburl")
	for _, name := range []string{"passwordFile", "passwordEnv"} { // which eKuiper's environment has
		set(props, "", name)
	}
	set(props, "true", "autoCreate")
	conf, warnings, err := config.Parse(props)
	for _, w := range warnings {
		fmt.Fprintf(s.err, "mysql: %s\n", w)
	}
	if err != nil {
		return nil, usageError(err.Error())
	}
	return conf, nil
}

func (c ddlCommand) sample() (*design.Sample, error) {
	text, err := readBounded(c.Rows, mostSampled)
	if err != nil {
		return nil, err
	}
	sample := &design.Sample{}
	var d payload.Decoder
	d.Reset(text)
	for {
		row, err := d.Next()
		if errors.Is(err, io.EOF) {
			return sample, nil
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", c.Rows, err)
		}
		sample.Add(row)
	}
}
