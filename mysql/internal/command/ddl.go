package command

import (
	"errors"
	"fmt"
	"io"
	"os"

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
}

// Help adds to the command's help.
func (ddlCommand) Help() string {
	return `Prints the statement by which autoCreate would make the table for rows like these, and
talks to no database: to look at it, to change it, or for somebody who may run it.

Examples:
  mysql ddl rows.json --into test
  mysql ddl rows.json --props action.json

Exit codes: 0 printed; 1 an error; 2 a mistake in the command line.`
}

// noServer is a url for properties that need none.
const noServer = "nobody@tcp(localhost)/none"

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
	_, err = fmt.Fprintf(s.out, "%s;\n", statement.CreateTable(name, columns, plan.Key))
	return err
}

// configure reads the properties that matter here.
func (c ddlCommand) configure(s streams) (*config.Config, error) {
	props := map[string]any{}
	if c.Props != "" {
		text, err := os.ReadFile(c.Props)
		if err != nil {
			return nil, usageError(fmt.Sprintf("--props: %v", err))
		}
		if props, err = readAction(text); err != nil {
			return nil, usageError(fmt.Sprintf("--props: %s: %v", c.Props, err))
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
	from := io.Reader(os.Stdin)
	if c.Rows != "-" {
		f, err := os.Open(c.Rows)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		from = f
	}
	text, err := io.ReadAll(io.LimitReader(from, mostSampled+1))
	if err != nil {
		return nil, err
	}
	if len(text) > mostSampled {
		return nil, fmt.Errorf("%s: more than %d MiB; a few thousand rows tell enough", c.Rows, mostSampled>>20)
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
