package sink

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"unicode/utf8"

	"ekuiper-mysql/mysql/internal/deadletter"
	"ekuiper-mysql/mysql/internal/schema"
	"ekuiper-mysql/mysql/internal/statement"
)

// Numbers of the server's errors.
const (
	duplicateKey = 1062
	noSuchTable  = 1146
)

// createCopies is the statement that makes a table of dead letters. What a
// row held goes in as bytes: it may be no text.
func createCopies(table schema.Name) string {
	return "CREATE TABLE IF NOT EXISTS " + statement.Table(table) + ` (
  id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  time DATETIME(6) NOT NULL COMMENT 'UTC, when the row was set aside',
  rule VARCHAR(255) NOT NULL,
  op VARCHAR(255) NOT NULL,
  instance BIGINT NOT NULL,
  table_name VARCHAR(255) NOT NULL,
  column_name VARCHAR(255) NOT NULL COMMENT 'empty where the reason names none',
  errno INT UNSIGNED NOT NULL COMMENT '0 where the reason is not the server''s',
  sql_state VARCHAR(5) NOT NULL,
  class VARCHAR(32) NOT NULL,
  reason MEDIUMTEXT NOT NULL,
  raw LONGBLOB NULL COMMENT 'the row as it came; NULL where it was too large',
  journal VARCHAR(64) NOT NULL COMMENT 'the journal on the box',
  record BIGINT UNSIGNED NOT NULL COMMENT 'the place in it',
  record_row INT UNSIGNED NOT NULL,
  UNIQUE KEY place (journal, record, record_row)
) DEFAULT CHARSET=utf8mb4 COMMENT='rows that were refused, of the eKuiper sink mysql'`
}

// copyColumns are those that an insert fills, in order.
var copyColumns = []string{"time", "rule", "op", "instance", "table_name", "column_name", "errno", "sql_state", "class", "reason", "raw", "journal", "record", "record_row"}

// copyStatement is the insert of letters. It is a plain one: ON DUPLICATE KEY
// UPDATE would take the rights to SELECT and UPDATE, and IGNORE would take
// what does not fit for what does.
func copyStatement(table schema.Name, letters []deadletter.Letter, withRows bool) (string, []any) {
	var b strings.Builder
	b.WriteString("INSERT INTO " + statement.Table(table) + " (" + strings.Join(copyColumns, ", ") + ") VALUES ")
	tuple := "(?" + strings.Repeat(", ?", len(copyColumns)-1) + ")"
	args := make([]any, 0, len(letters)*len(copyColumns))
	for i := range letters {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(tuple)
		l := &letters[i]
		var raw any
		if withRows {
			raw = append([]byte{}, l.Raw...) // an empty row is no NULL
		}
		args = append(args, l.Time.UTC().Format("2006-01-02 15:04:05.000000"), brief(l.Rule, 255), brief(l.Op, 255), l.Instance,
			brief(l.Table, 255), brief(l.Column, 255), l.Number, brief(l.SQLState, 5), brief(l.Class, 32), strings.ToValidUTF8(l.Text, "\ufffd"),
			raw, placeName(l), l.Place.Record, l.Place.Row)
	}
	return b.String(), args
}

// placeName names what a letter's place is in. Without a journal, where numbers
// begin anew with each process, the time makes it one of its own.
func placeName(l *deadletter.Letter) string {
	if l.Place.Journal != "" {
		return brief(l.Place.Journal, 64)
	}
	return fmt.Sprintf("memory-%d", l.Time.UnixNano())
}

// brief is text as UTF-8 of at most width characters.
func brief(text string, width int) string {
	text = strings.ToValidUTF8(text, "\ufffd")
	if utf8.RuneCountInString(text) <= width {
		return text
	}
	return string([]rune(text)[:width])
}

// cursor is how far a copy is, on disk. One that is lost, or older than the
// truth, costs only work.
type cursor struct{ dir, name string }

// read returns the id of the last letter that was copied, 0 if none was.
func (c cursor) read() (uint64, error) {
	text, err := os.ReadFile(filepath.Join(c.dir, c.name))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	id, err := strconv.ParseUint(strings.TrimSuffix(string(text), "\n"), 10, 64)
	if err != nil || !strings.HasSuffix(string(text), "\n") {
		return 0, fmt.Errorf("%s holds no number", filepath.Join(c.dir, c.name))
	}
	return id, nil
}

// write replaces it. It is not synced: a power cut may set it back, or leave
// it empty.
func (c cursor) write(id uint64) error {
	if err := os.MkdirAll(c.dir, 0o700); err != nil {
		return fmt.Errorf("note how far the copy of dead letters is: %w", err)
	}
	path := filepath.Join(c.dir, c.name)
	err := os.WriteFile(path+".tmp", fmt.Appendf(nil, "%d\n", id), 0o600)
	if err == nil {
		err = os.Rename(path+".tmp", path)
	}
	if err != nil {
		return fmt.Errorf("note how far the copy of dead letters is: %w", err)
	}
	return nil
}
