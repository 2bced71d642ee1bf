package schema

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/jmoiron/sqlx"
)

// Key is a unique key of a table.
type Key struct {
	Columns []int // indexes into the table's columns, in key order
	NotNull bool  // none of its columns takes NULL: no two rows share it
}

// Unique is what keeps rows of a table apart, and what ties them together.
type Unique struct {
	Keys   []Key // the primary key first, then by name
	More   bool  // there are unique keys that Keys lacks: over a part of a column or an expression, or hidden from this user
	Linked bool  // a foreign key of the table refers to the table itself
}

// LoadUnique reads the table's unique keys into t.Unique.
func (t *Table) LoadUnique(ctx context.Context, q sqlx.QueryerContext) error {
	u, err := loadKeys(ctx, q, t)
	if err != nil {
		return err
	}
	place, args := t.place()
	query := `SELECT COUNT(*) FROM information_schema.KEY_COLUMN_USAGE
		WHERE REFERENCED_TABLE_NAME = TABLE_NAME AND REFERENCED_TABLE_SCHEMA = TABLE_SCHEMA AND ` + place
	var links int
	if err := sqlx.GetContext(ctx, q, &links, query, args...); err != nil {
		return fmt.Errorf("read the foreign keys of %s: %w", t.Name, err)
	}
	u.Linked = links > 0
	t.Unique = u
	return nil
}

// LoadKeys returns the table's unique keys as indexes into t.Columns, the
// primary key first, then by name. Keys over a part of a column or an
// expression, and those with a column that this user does not see, are left out.
func LoadKeys(ctx context.Context, q sqlx.QueryerContext, t *Table) ([][]int, error) {
	u, err := loadKeys(ctx, q, t)
	if err != nil {
		return nil, err
	}
	var keys [][]int
	for _, k := range u.Keys {
		keys = append(keys, k.Columns)
	}
	return keys, nil
}

// place is the condition that finds t in a view of information_schema.
func (t *Table) place() (condition string, args []any) {
	if t.Name.Database == "" {
		return "TABLE_NAME = ? AND TABLE_SCHEMA = DATABASE()", []any{t.Name.Table}
	}
	return "TABLE_NAME = ? AND TABLE_SCHEMA = ?", []any{t.Name.Table, t.Name.Database}
}

func loadKeys(ctx context.Context, q sqlx.QueryerContext, t *Table) (u Unique, err error) {
	var rows []struct {
		Index  string         `db:"index_name"`
		Column sql.NullString `db:"column_name"`
		Part   sql.NullInt64  `db:"sub_part"`
	}
	place, args := t.place()
	query := `SELECT INDEX_NAME AS index_name, COLUMN_NAME AS column_name, SUB_PART AS sub_part FROM information_schema.STATISTICS
		WHERE NON_UNIQUE = 0 AND ` + place + " ORDER BY INDEX_NAME <> 'PRIMARY', INDEX_NAME, SEQ_IN_INDEX"
	if err := sqlx.SelectContext(ctx, q, &rows, query, args...); err != nil {
		return u, fmt.Errorf("read the keys of %s: %w", t.Name, err)
	}
	for from := 0; from < len(rows); {
		to := from
		key := Key{NotNull: true}
		for ; to < len(rows) && rows[to].Index == rows[from].Index; to++ {
			if i := t.Lookup([]byte(rows[to].Column.String)); i >= 0 && !rows[to].Part.Valid {
				key.Columns = append(key.Columns, i)
				key.NotNull = key.NotNull && !t.Columns[i].Nullable
			}
		}
		if len(key.Columns) == to-from {
			u.Keys = append(u.Keys, key)
		} else {
			u.More = true
		}
		from = to
	}
	return u, nil
}

// Likeness is what the forms of two values say about the values.
type Likeness uint8

// The kinds of likeness.
const (
	Exact Likeness = iota // of equal forms, and of no others, the values are equal
	Fold                  // of unequal forms, the values are unequal; of equal ones, they may be
	Vague                 // nothing: any two may be equal
)

// AppendKey appends a in a form that tells whether two values of the column
// are equal to the server, which compares text by a collation.
func (c *Column) AppendKey(b []byte, a *Argument) ([]byte, Likeness) {
	if a.kind == Text && (c.spec.family == familyText || c.spec.family == familyEnum) {
		return c.appendTextKey(b, a.text)
	}
	switch c.spec.family {
	case familySet, familyUnknown, familyJSON, familySpatial, familyVector, familyFloat:
		return b, Vague
	}
	form, ok := c.AppendComparable(b, a.Value())
	if !ok {
		return b, Vague
	}
	return form, Exact
}

// foldable are the ends of the names of collations that equate two texts of
// printable ASCII and Chinese characters only if they differ in case or in
// spaces at the end. Others also equate letters, as i with j, or contract
// several into one.
var foldable = []string{
	"_general_ci", "_unicode_ci", "_unicode_520_ci", "_0900_ai_ci", "_0900_as_ci", "_0900_as_cs", "_general_cs", "_swedish_ci",
	"_uca1400_ai_ci", "_uca1400_as_ci", "_uca1400_ai_cs", "_uca1400_as_cs",
}

func (c *Column) appendTextKey(b []byte, text string) ([]byte, Likeness) {
	folds, bytewise := c.folds()
	if !folds && !bytewise {
		return b, Vague
	}
	start := len(b)
	b = append(b, 'v', 0, 0, 0, 0)
	for _, r := range text {
		switch {
		case bytewise || '\u4e00' <= r && r <= '\u9fff':
			b = utf8.AppendRune(b, r)
		case ' ' <= r && r <= '~':
			b = append(b, lowerASCII(byte(r)))
		default:
			return b[:start], Vague
		}
	}
	for len(b) > start+5 && b[len(b)-1] == ' ' {
		b = b[:len(b)-1]
	}
	n := len(b) - start - 5
	b[start+1], b[start+2], b[start+3], b[start+4] = byte(n>>24), byte(n>>16), byte(n>>8), byte(n)
	return b, Fold
}

// folds tells whether the column's collation is foldable, or compares byte by
// byte. One of a language has more in its name, but for that of Swedish in
// latin1, which is the rule there.
func (c *Column) folds() (folds, bytewise bool) {
	collation := strings.Replace(c.Collation, "_nopad_", "_", 1)
	charset, _, _ := strings.Cut(collation, "_")
	end := strings.TrimPrefix(collation, charset)
	switch charset {
	case "latin1":
	case "utf8mb4", "utf8mb3", "utf8", "ascii", "ucs2", "utf16", "utf32":
		if end == "_swedish_ci" {
			return false, false
		}
	default:
		return false, false
	}
	return slices.Contains(foldable, end), end == "_bin" || end == "_0900_bin"
}

// Identifies tells whether a value that was given finds the row that has it:
// not so where the column holds only what is nearest to it, or can compare nothing.
func (c *Column) Identifies() bool {
	switch c.spec.family {
	case familyFloat, familyJSON, familySpatial, familyVector:
		return false
	}
	return !c.Generated
}

// Ordered tells whether the server can tell which of two values is the greater.
func (c *Column) Ordered() bool {
	switch c.spec.family {
	case familyInteger, familyDecimal, familyDouble, familyText, familyDate, familyTime, familyDateTime, familyTimestamp, familyYear:
		return !c.Generated
	}
	return false
}

// Numeric tells whether values of the column can be added.
func (c *Column) Numeric() bool {
	switch c.spec.family {
	case familyInteger, familyDecimal, familyDouble, familyFloat:
		return true
	}
	return false
}

// Integral tells whether the column holds whole numbers of at most 64 bits.
func (c *Column) Integral() bool { return c.spec.family == familyInteger }

// Clocked tells whether a server may store its clock for NULL where the column
// takes none.
func (c *Column) Clocked() bool { return c.spec.family == familyTimestamp }

// Simple tells whether the column's values keep their type inside an
// expression of SQL as Typed renders it.
func (c *Column) Simple() bool {
	switch c.spec.family {
	case familySpatial, familyVector, familyUnknown:
		return false
	}
	return true
}

// Temporal tells whether values of the column are dates or times.
func (c *Column) Temporal() bool {
	switch c.spec.family {
	case familyDate, familyTime, familyDateTime, familyTimestamp:
		return true
	}
	return false
}

// Typed is the column's placeholder inside an expression, where no column
// tells the server what type the argument has.
func (c *Column) Typed() string {
	switch c.spec.family {
	case familyInteger, familyBit, familyYear:
		if c.spec.unsigned || c.spec.family == familyBit {
			return "CAST(? AS UNSIGNED)"
		}
		return "CAST(? AS SIGNED)"
	case familyDecimal:
		return fmt.Sprintf("CAST(? AS DECIMAL(%d,%d))", c.spec.whole+c.spec.scale, c.spec.scale)
	case familyBinary:
		return "CAST(? AS BINARY)"
	case familyFloat, familyDouble:
		return "(? + 0e0)"
	case familyDate:
		return "CAST(? AS DATE)"
	case familyDateTime, familyTimestamp:
		return "CAST(? AS DATETIME(6))"
	case familyTime:
		return "CAST(? AS TIME(6))"
	}
	return c.Placeholder
}

// Compared is the column's placeholder where its argument is compared with it.
func (c *Column) Compared() string {
	if c.spec.family == familyDecimal { // compared with text, it would be a double
		return c.Typed()
	}
	return "?"
}

// SameKey appends a byte for byte: rows whose keys are the same so are the
// same to the server as well.
func SameKey(b []byte, a *Argument) []byte {
	b = append(b, byte(a.kind))
	for shift := 0; shift < 64; shift += 8 {
		b = append(b, byte(a.bits>>shift))
	}
	b = append(b, byte(len(a.text)>>24), byte(len(a.text)>>16), byte(len(a.text)>>8), byte(len(a.text)))
	return append(b, a.text...)
}
