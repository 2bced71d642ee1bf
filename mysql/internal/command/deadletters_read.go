package command

import (
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"ekuiper-mysql/mysql/internal/deadletter"
)

type letterListCommand struct {
	letterFilter `embed:""`
	Limit        int  `default:"0" placeholder:"N" help:"At most so many; 0 for all."`
	JSON         bool `name:"json" help:"Print JSON lines, without the rows."`
}

// Help adds to the command's help.
func (letterListCommand) Help() string {
	return `Examples:
  mysql deadletters list --since 24h
  mysql deadletters list --rule demo --error 1062,1406 --limit 20
  mysql deadletters list --dir /var/lib/kuiper/data/mysql/deadletters --json

Exit codes: 0 done; 1 an error; 2 a mistake in the command line.`
}

// Run lists the letters.
func (c *letterListCommand) Run(parent *deadLettersCommand, s streams) error {
	if c.Limit < 0 {
		return usageError(fmt.Sprintf("--limit: %d; allowed: a number of letters, or 0 for all", c.Limit))
	}
	r, dir, err := c.open(parent)
	if err != nil {
		return err
	}
	c.tellOfDrained(s, dir)
	filter := c.filter()
	filter.SkipRaw = true
	encoder := jsonLines(s.out)
	n := 0
	_, err = each(s, r, filter, func(l deadletter.Letter) error {
		if n++; c.Limit > 0 && n > c.Limit {
			return errLimit
		}
		if c.JSON {
			return encoder.Encode(toJSON(l, false))
		}
		if n == 1 {
			fmt.Fprintf(s.out, "%8s  %-19s  %-16s  %-16s  %-16s  %5s  %s\n", "ID", "TIME", "RULE", "TABLE", "COLUMN", "ERROR", "REASON")
		}
		_, err := fmt.Fprintf(s.out, "%8d  %s  %-16s  %-16s  %-16s  %5s  %s\n", l.ID, l.Time.Local().Format(time.DateTime),
			fit(orDash(l.Rule), 16), fit(orDash(l.Table), 16), fit(orDash(l.Column), 16), number(l.Number), fit(l.Text, 100))
		return err
	})
	if errors.Is(err, errLimit) {
		fmt.Fprintf(s.err, "mysql: there are more than these %d\n", c.Limit)
		return nil
	}
	return err
}

var errLimit = errors.New("enough is listed")

// number is an error number for a person.
func number(n uint16) string {
	if n == 0 {
		return "-"
	}
	return fmt.Sprint(n)
}

type letterCountCommand struct {
	letterFilter `embed:""`
	JSON         bool `name:"json" help:"Print JSON."`
}

// Help adds to the command's help.
func (letterCountCommand) Help() string {
	return `Examples:
  mysql deadletters count
  mysql deadletters count --since 2026-11-20 --json

Exit codes: 0 done; 1 an error; 2 a mistake in the command line.`
}

type jsonCount struct {
	Rule    string    `json:"rule"`
	Number  uint16    `json:"error"`
	Letters int64     `json:"letters"`
	Bytes   int64     `json:"bytes"`
	First   time.Time `json:"first"`
	Last    time.Time `json:"last"`
}

// Run counts the letters.
func (c *letterCountCommand) Run(parent *deadLettersCommand, s streams) error {
	r, dir, err := c.open(parent)
	if err != nil {
		return err
	}
	c.tellOfDrained(s, dir)
	counts, damaged, err := r.Count(c.filter())
	if err != nil {
		return err
	}
	if damaged > 0 {
		fmt.Fprintf(s.err, "mysql: %d damaged pieces were skipped\n", damaged)
	}
	if c.JSON {
		all := make([]jsonCount, len(counts))
		for i, n := range counts {
			all[i] = jsonCount(n)
		}
		return jsonLines(s.out).Encode(all)
	}
	fmt.Fprintf(s.out, "%-24s  %5s  %10s  %14s  %-19s  %-19s\n", "RULE", "ERROR", "LETTERS", "BYTES", "FIRST", "LAST")
	var letters, bytes int64
	for _, n := range counts {
		fmt.Fprintf(s.out, "%-24s  %5s  %10d  %14d  %s  %s\n", fit(orDash(n.Rule), 24), number(n.Number), n.Letters, n.Bytes,
			n.First.Local().Format(time.DateTime), n.Last.Local().Format(time.DateTime))
		letters += n.Letters
		bytes += n.Bytes
	}
	_, err = fmt.Fprintf(s.out, "%-24s  %5s  %10d  %14d\n", "all", "", letters, bytes)
	return err
}

type letterShowCommand struct {
	letterFolder `embed:""`
	IDs          []uint64 `arg:"" name:"id" help:"Ids, as list prints them."`
	JSON         bool     `name:"json" xor:"form" help:"Print JSON lines."`
	Raw          bool     `xor:"form" help:"Print the row's bytes and nothing else."`
}

// Help adds to the command's help.
func (letterShowCommand) Help() string {
	return `Examples:
  mysql deadletters show 17
  mysql deadletters show 17 18 --json
  mysql deadletters show 17 --raw > row.json

Exit codes: 0 shown; 1 an error, or there is no such letter; 2 a mistake in the command
line.`
}

// Run shows the letters.
func (c *letterShowCommand) Run(parent *deadLettersCommand, s streams) error {
	r, _, err := c.open(parent)
	if err != nil {
		return err
	}
	for _, id := range c.IDs {
		l, err := r.Get(id)
		if err != nil {
			return err
		}
		if err := c.show(s.out, l); err != nil {
			return err
		}
	}
	return nil
}

func (c *letterShowCommand) show(w io.Writer, l deadletter.Letter) error {
	switch {
	case c.JSON:
		return jsonLines(w).Encode(toJSON(l, true))
	case c.Raw:
		_, err := w.Write(l.Raw)
		return err
	}
	fmt.Fprintf(w, "id        %d\n", l.ID)
	for _, line := range []struct{ name, value string }{
		{"time", l.Time.Local().Format(time.RFC3339Nano)},
		{"rule", l.Rule},
		{"op", fmt.Sprintf("%s, instance %d", l.Op, l.Instance)},
		{"table", l.Table},
		{"column", l.Column},
		{"error", number(l.Number)},
		{"sqlstate", l.SQLState},
		{"class", l.Class},
		{"reason", l.Text},
		{"place", fmt.Sprintf("journal %s, record %d, row %d", l.Place.Journal, l.Place.Record, l.Place.Row)},
		{"bytes", fmt.Sprint(l.Size)},
	} {
		if line.value != "" {
			fmt.Fprintf(w, "%-8s  %s\n", line.name, printable(line.value))
		}
	}
	row := string(l.Raw)
	if !isText(l.Raw) {
		row = fmt.Sprintf("%q (not text as it is: --raw prints the bytes)", l.Raw)
	}
	_, err := fmt.Fprintf(w, "row       %s\n\n", row)
	return err
}

type letterExportCommand struct {
	letterFilter `embed:""`
	Output       string `type:"path" short:"o" placeholder:"FILE" help:"Write into this new file, for the owner's eyes, instead of the standard output."`
	JSON         bool   `name:"json" help:"Print the count as JSON too; the letters always are."`
}

// Help adds to the command's help.
func (letterExportCommand) Help() string {
	return `Every line is a JSON object with the row in "row", or in "rowBase64" where it is
not UTF-8. Nothing is removed.

Examples:
  mysql deadletters export > all.jsonl
  mysql deadletters export --rule demo --error 1406 -o demo.jsonl

Exit codes: 0 done; 1 an error, or letters that cannot be read any more; 2 a mistake in
the command line.`
}

// Run exports the letters.
func (c *letterExportCommand) Run(parent *deadLettersCommand, s streams) error {
	r, _, err := c.open(parent)
	if err != nil {
		return err
	}
	out, closeOut, err := exportTo(c.Output, s.out)
	if err != nil {
		return err
	}
	encoder := jsonLines(out)
	n := 0
	damaged, err := each(s, r, c.filter(), func(l deadletter.Letter) error {
		n++
		return encoder.Encode(toJSON(l, true))
	})
	err = errors.Join(err, closeOut())
	if err == nil {
		err = c.sum(s, n, damaged)
	}
	if err == nil && damaged > 0 {
		err = fmt.Errorf("%d damaged pieces of files are not exported, and what letters they held is not known", damaged)
	}
	return err
}

// sum tells how many were exported.
func (c *letterExportCommand) sum(s streams, n, damaged int) (err error) {
	if c.JSON {
		return jsonLines(s.err).Encode(map[string]any{"exported": n, "damaged": damaged})
	}
	_, err = fmt.Fprintf(s.err, "mysql: %d exported\n", n)
	return err
}

// exportTo opens what an export is written to: a file that must not exist yet,
// or out where path is empty.
func exportTo(path string, out io.Writer) (w io.Writer, finish func() error, err error) {
	if path == "" {
		return out, func() error { return nil }, nil
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, nil, fmt.Errorf("export: %w", err)
	}
	return file, file.Close, nil
}
