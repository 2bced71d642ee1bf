package command

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"time"
	"unicode/utf8"

	"ekuiper-mysql/mysql/internal/journal"
	"ekuiper-mysql/mysql/internal/payload"
)

type journalExportCommand struct {
	journalFolder `embed:""`
	Journal       string `arg:"" help:"The journal, by folder or rule."`
	Output        string `type:"path" short:"o" placeholder:"FILE" help:"Write into this new file, for the owner's eyes, instead of the standard output."`
	JSON          bool   `name:"json" help:"Print the count as JSON too; the rows always are."`
}

// Help adds to the command's help.
func (journalExportCommand) Help() string {
	return `Every line is a JSON object with the row in "row", or in "rowBase64" where it is not
UTF-8. What cannot be read as a row has the reason in "error". Nothing is removed.

Examples:
  mysql journal export demo > rows.jsonl
  mysql journal export demo-mysql-0-0 -o rows.jsonl

Exit codes: 0 all is written; 1 an error, or rows that cannot be read any more; 2 a
mistake in the command line.`
}

// pendingRow is one line of an export.
type pendingRow struct {
	Record    uint64    `json:"record"` // the message's number
	Number    uint64    `json:"number"` // the row's own
	Accepted  time.Time `json:"accepted"`
	Row       *string   `json:"row,omitempty"`
	RowBase64 []byte    `json:"rowBase64,omitempty"`
	Error     string    `json:"error,omitempty"`
}

// Run exports the rows.
func (c *journalExportCommand) Run(parent *journalCommand, s streams) error {
	path, err := c.choose(parent, c.Journal)
	if err != nil {
		return err
	}
	out, closeOut, err := exportTo(c.Output, s.out)
	if err != nil {
		return err
	}
	encoder := jsonLines(out)
	n := 0
	in, err := journal.Inspect(path, func(e journal.Entry) error {
		return pendingRows(e, func(r pendingRow) error {
			n++
			return encoder.Encode(r)
		})
	})
	err = errors.Join(err, closeOut())
	if err != nil {
		return err
	}
	if c.JSON {
		err = jsonLines(s.err).Encode(map[string]any{"exported": n, "folder": filepath.Base(path), "unreadable": in.Unreadable})
	} else {
		_, err = fmt.Fprintf(s.err, "mysql: %d exported from %s\n", n, filepath.Base(path))
	}
	if err != nil {
		return err
	}
	if in.Unreadable > 0 {
		return fmt.Errorf("%d pending rows cannot be read; mysql journal verify says where the damage is", in.Unreadable)
	}
	return nil
}

// pendingRows calls do for each row of a message that has no fate.
func pendingRows(e journal.Entry, do func(pendingRow) error) error {
	if len(e.Pending) == 0 {
		return nil
	}
	var d payload.Decoder
	d.Reset(e.Data)
	for i := uint64(0); ; i++ {
		row, err := d.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		r := pendingRow{Record: e.Record, Number: e.First + i, Accepted: e.Accepted.UTC()}
		if !isPending(e, r.Number) {
			continue
		}
		raw := row.Raw
		var element *payload.ElementError
		var syntax *payload.SyntaxError
		switch {
		case errors.As(err, &element):
			raw, r.Error = element.Raw, err.Error()
		case errors.As(err, &syntax):
			raw, r.Error = e.Data[syntax.Start:], err.Error()
		}
		if utf8.Valid(raw) {
			text := string(raw)
			r.Row = &text
		} else {
			r.RowBase64 = raw
		}
		if err := do(r); err != nil {
			return err
		}
	}
}

func isPending(e journal.Entry, row uint64) bool {
	for _, s := range e.Pending {
		if s.From <= row && row < s.To {
			return true
		}
	}
	return false
}
