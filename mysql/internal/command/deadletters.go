package command

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"ekuiper-mysql/mysql/internal/deadletter"
)

// deadLettersCommand is what a person does with the rows that tables refused.
type deadLettersCommand struct {
	List   letterListCommand   `cmd:"" help:"List them, oldest first."`
	Count  letterCountCommand  `cmd:"" help:"Count them by rule and error."`
	Show   letterShowCommand   `cmd:"" help:"Show some with all that is known, and the row."`
	Export letterExportCommand `cmd:"" help:"Write them as JSON lines."`
	Replay letterReplayCommand `cmd:"" help:"Bring them to a table again, and remove those that it takes."`
	Purge  letterPurgeCommand  `cmd:"" help:"Remove them for good."`

	// dataDir finds the folder that holds the folder deadletters, where --dir
	// is not given. Nil: --dir must be given.
	dataDir func() (string, error)
	// stdin answers questions; nil stands for the process's own.
	stdin letterInput
}

// letterInput is where answers come from.
type letterInput interface {
	io.Reader
	Stat() (os.FileInfo, error)
}

// lettersFolder is the name of the folder under dataDir's.
const lettersFolder = "deadletters"

// Help adds to the command's help.
func (deadLettersCommand) Help() string {
	return `A row that its table refuses is set aside with the reason and lies on this
machine until it is purged or replayed. All of this works beside a running plugin.

Examples:
  mysql deadletters count
  mysql deadletters list --rule demo --error 1062 --since 24h
  mysql deadletters show 17
  mysql deadletters export --rule demo > rows.jsonl
  mysql deadletters replay --rule demo --props action.json
  mysql deadletters purge --error 1062 --yes

Exit codes: 0 done; 1 an error; 2 a mistake in the command line.`
}

// letterFolder is the flag that names the folder.
type letterFolder struct {
	Dir string `type:"path" placeholder:"DIR" help:"Folder of the dead letters. Default: deadletters in the plugin's data folder."`
}

// letterFilter is the flags that choose letters.
type letterFilter struct {
	letterFolder `embed:""`
	Rule         word         `placeholder:"ID" help:"Only of this rule."`
	Error        errorNumbers `placeholder:"NUMBER" help:"Only with these error numbers of the server; 0 for reasons that are not the server's."`
	Table        word         `placeholder:"NAME" help:"Only for this table."`
	Since        moment       `placeholder:"TIME" help:"Only from then on: 24h, 7d, 2026-11-20 or 2026-11-20T10:00:00Z."`
	Until        moment       `placeholder:"TIME" help:"Only before then."`
}

func (f *letterFilter) filter() deadletter.Filter {
	return deadletter.Filter{Rule: string(f.Rule), Numbers: f.Error, Table: string(f.Table), Since: f.Since.Time, Until: f.Until.Time}
}

// open returns the reader of the folder that the flags or the environment name,
// which must exist: a folder misspelt must not pass for one without letters.
func (f *letterFolder) open(parent *deadLettersCommand) (*deadletter.Reader, string, error) {
	dir := f.Dir
	if dir == "" {
		if parent.dataDir == nil {
			return nil, "", usageError("name the folder of the dead letters with --dir")
		}
		data, err := parent.dataDir()
		if err != nil {
			return nil, "", usageError(fmt.Sprintf("%v; or name the folder of the dead letters with --dir", err))
		}
		dir = filepath.Join(data, lettersFolder)
	}
	info, err := os.Stat(dir)
	if errors.Is(err, fs.ErrNotExist) && f.Dir == "" {
		return nil, "", fmt.Errorf("no dead letters there: %w; %s", err, noFolderYet)
	}
	if err != nil {
		return nil, "", fmt.Errorf("no dead letters there: %w", err)
	}
	if !info.IsDir() {
		return nil, "", fmt.Errorf("no dead letters there: %s is not a folder", dir)
	}
	return deadletter.NewReader(dir, nil), dir, nil
}

// tellOfDrained says where else there are letters: a drain beside a running
// plugin has a folder of its own.
func (f *letterFolder) tellOfDrained(s streams, dir string) {
	if f.Dir != "" {
		return
	}
	drained := filepath.Join(filepath.Dir(dir), drainedFolder)
	if counts, _, err := deadletter.NewReader(drained, nil).Count(deadletter.Filter{}); err == nil && len(counts) > 0 {
		fmt.Fprintf(s.err, "mysql: a drain beside the running plugin set more rows aside, in another folder: --dir %s\n", drained)
	}
}

// usageError is a mistake in the command line, which exits with code 2.
type usageError string

// Error says what is wrong and what to do.
func (e usageError) Error() string { return string(e) }

// ExitCode is kong's way to ask.
func (usageError) ExitCode() int { return exitUsage }

// word is a text that chooses. It is not empty: a variable of a shell that is not
// set must not choose everything, which purge would remove.
type word string

// UnmarshalText reads it.
func (w *word) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		return errors.New("it is empty; leave it out to choose all")
	}
	*w = word(text)
	return nil
}

// errorNumbers are those that choose, joined by commas; as a word, never none.
type errorNumbers []uint16

// UnmarshalText reads some more.
func (n *errorNumbers) UnmarshalText(text []byte) error {
	for part := range strings.SplitSeq(string(text), ",") {
		number, err := strconv.ParseUint(strings.TrimSpace(part), 10, 16)
		if err != nil {
			return fmt.Errorf("%q is no number of an error: use 0 to 65535, several with commas", part)
		}
		*n = append(*n, uint16(number))
	}
	return nil
}

// moment is a time that a person gives: a date, a time, or how long ago.
type moment struct{ time.Time }

// UnmarshalText reads it.
func (m *moment) UnmarshalText(text []byte) error {
	s := string(text)
	if ago, ok := parseAgo(s); ok {
		m.Time = time.Now().Add(-ago)
		return nil
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02 15:04:05", time.DateOnly} {
		if t, err := time.ParseInLocation(layout, s, time.Local); err == nil {
			m.Time = t
			return nil
		}
	}
	return fmt.Errorf("%q is no time: use 24h, 7d, 2026-11-20 or 2026-11-20T10:00:00Z", s)
}

// parseAgo reads 90s, 15m, 24h, 1h30m or 7d.
func parseAgo(s string) (time.Duration, bool) {
	if days, ok := strings.CutSuffix(s, "d"); ok {
		n, err := strconv.ParseUint(days, 10, 16)
		return time.Duration(n) * 24 * time.Hour, err == nil
	}
	d, err := time.ParseDuration(s)
	return d, err == nil && d >= 0
}

// each calls do for every letter, and tells of damaged pieces on s.err; it
// returns how many there are.
func each(s streams, r *deadletter.Reader, f deadletter.Filter, do func(deadletter.Letter) error) (damaged int, err error) {
	for l, err := range r.Letters(f) {
		var corrupt *deadletter.CorruptError
		if errors.As(err, &corrupt) {
			fmt.Fprintf(s.err, "mysql: %v\n", err)
			damaged++
			continue
		}
		if err == nil {
			err = do(l)
		}
		if err != nil {
			return damaged, err
		}
	}
	return damaged, nil
}

// jsonLetter is a letter as JSON: the row as text, or as base64 where it is
// not UTF-8.
type jsonLetter struct {
	ID        uint64    `json:"id"`
	Time      time.Time `json:"time"`
	Rule      string    `json:"rule"`
	Op        string    `json:"op,omitempty"`
	Instance  int       `json:"instance"`
	Table     string    `json:"table"`
	Column    string    `json:"column,omitempty"`
	Error     uint16    `json:"error"`
	SQLState  string    `json:"sqlState,omitempty"`
	Class     string    `json:"class,omitempty"`
	Text      string    `json:"text"`
	Journal   string    `json:"journal,omitempty"`
	Record    uint64    `json:"record"`
	RecordRow uint32    `json:"recordRow"`
	Bytes     int       `json:"bytes"`
	Row       *string   `json:"row,omitempty"`
	RowBase64 []byte    `json:"rowBase64,omitempty"`
}

func toJSON(l deadletter.Letter, withRow bool) jsonLetter {
	j := jsonLetter{
		ID: l.ID, Time: l.Time, Rule: l.Rule, Op: l.Op, Instance: l.Instance, Table: l.Table, Column: l.Column, Error: l.Number,
		SQLState: l.SQLState, Class: l.Class, Text: l.Text, Journal: l.Place.Journal, Record: l.Place.Record, RecordRow: l.Place.Row, Bytes: l.Size,
	}
	switch {
	case !withRow:
	case utf8.Valid(l.Raw):
		row := string(l.Raw)
		j.Row = &row
	default:
		j.RowBase64 = l.Raw
	}
	return j
}

// jsonLines returns an encoder that leaves <, > and & as they are.
func jsonLines(w io.Writer) *json.Encoder {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return e
}

// printable makes text safe for a terminal: rows and names may hold anything,
// also what moves the cursor or changes colours.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			return '\u00b7'
		}
		return r
	}, text)
}

// fit makes text printable and at most width characters long.
func fit(text string, width int) string {
	text = printable(text)
	if utf8.RuneCountInString(text) <= width {
		return text
	}
	runes := []rune(text)
	return string(runes[:width-1]) + "\u2026"
}

// orDash stands for what is not known.
func orDash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

// isText tells whether b can be shown as it is.
func isText(b []byte) bool {
	return utf8.Valid(b) && !bytes.ContainsFunc(b, func(r rune) bool { return !unicode.IsPrint(r) && r != '\n' && r != '\t' })
}
