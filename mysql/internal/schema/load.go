package schema

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/go-sql-driver/mysql"
	"github.com/jmoiron/sqlx"
)

// columnRow is a row of information_schema.COLUMNS. The aliases in the query
// make the labels alike: servers differ in their case.
type columnRow struct {
	Schema    string         `db:"table_schema"`
	Table     string         `db:"table_name"`
	Name      string         `db:"column_name"`
	Type      string         `db:"column_type"`
	Null      string         `db:"is_nullable"`
	Default   sql.NullString `db:"column_default"`
	Extra     sql.NullString `db:"extra"`
	Charset   sql.NullString `db:"character_set_name"`
	Collation sql.NullString `db:"collation_name"`
}

const columnsQuery = `SELECT TABLE_SCHEMA AS table_schema, TABLE_NAME AS table_name, COLUMN_NAME AS column_name,
	COLUMN_TYPE AS column_type, IS_NULLABLE AS is_nullable, COLUMN_DEFAULT AS column_default, EXTRA AS extra, CHARACTER_SET_NAME AS character_set_name, COLLATION_NAME AS collation_name
	FROM information_schema.COLUMNS WHERE TABLE_NAME = ? AND TABLE_SCHEMA = `

// Load reads the table's columns from the server. Any privilege on the table
// suffices. A table that is not there is ErrNoTable; other errors are the driver's.
func Load(ctx context.Context, q sqlx.QueryerContext, name Name) (*Table, error) {
	rows, err := loadColumns(ctx, q, name)
	if err != nil {
		return nil, fmt.Errorf("read the columns of %s: %w", name, err)
	}
	if len(rows) == 0 {
		return nil, fmt.Errorf("%s: %w", name, ErrNoTable)
	}
	t := &Table{Name: name, Columns: make([]Column, len(rows)), Atomic: true}
	for i, r := range rows {
		t.Columns[i] = r.column()
	}
	// From here on the server's own spelling: it is exact.
	database, table := rows[0].Schema, rows[0].Table
	if err := t.loadDetails(ctx, q, database, table); err != nil {
		return nil, fmt.Errorf("read the column details of %s: %w", name, err)
	}
	if t.PrimaryKey, err = t.loadPrimaryKey(ctx, q, database, table); err != nil {
		return nil, fmt.Errorf("read the primary key of %s: %w", name, err)
	}
	if t.Engine, err = loadEngine(ctx, q, database, table); err != nil {
		return nil, fmt.Errorf("read the engine of %s: %w", name, err)
	}
	if t.Engine == "" {
		if err := t.loadBase(ctx, q, database, table); err != nil {
			return nil, fmt.Errorf("read the tables that %s shows: %w", name, err)
		}
	}
	t.Atomic = isAtomic(t.Engine) && t.baseEngine == ""
	t.buildIndex()
	return t, nil
}

// notAtomic are the engines that keep what a failed statement has written so far.
var notAtomic = []string{"MyISAM", "Aria", "MEMORY", "CSV", "ARCHIVE", "MRG_MyISAM"}

// isAtomic tells whether a failed statement leaves a table of the engine as it
// was. Where it is not known that is assumed.
func isAtomic(engine string) bool {
	return !slices.ContainsFunc(notAtomic, func(e string) bool { return strings.EqualFold(e, engine) })
}

func loadEngine(ctx context.Context, q sqlx.QueryerContext, database, table string) (string, error) {
	var engine sql.NullString
	err := sqlx.GetContext(ctx, q, &engine, "SELECT ENGINE FROM information_schema.TABLES WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ? LIMIT 1", database, table)
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return engine.String, err
}

func loadColumns(ctx context.Context, q sqlx.QueryerContext, name Name) ([]columnRow, error) {
	var rows []columnRow
	query, args := columnsQuery+"DATABASE()", []any{name.Table}
	if name.Database != "" {
		query, args = columnsQuery+"?", []any{name.Table, name.Database}
	}
	if err := sqlx.SelectContext(ctx, q, &rows, query+" ORDER BY ORDINAL_POSITION", args...); err != nil {
		return nil, err
	}
	return ofOneTable(rows, name), nil
}

// ofOneTable keeps the rows of the table that is spelt as asked for, or else of
// the first: where letter case counts in files, information_schema may still
// compare without it.
func ofOneTable(rows []columnRow, name Name) []columnRow {
	if len(rows) == 0 {
		return nil
	}
	database, table := rows[0].Schema, rows[0].Table
	for _, r := range rows {
		if r.Table == name.Table && (name.Database == "" || r.Schema == name.Database) {
			database, table = r.Schema, r.Table
			break
		}
	}
	kept := rows[:0]
	for _, r := range rows {
		if r.Schema == database && r.Table == table {
			kept = append(kept, r)
		}
	}
	return kept
}

func (r *columnRow) column() Column {
	c := NewColumn(r.Name, r.Type)
	c.Nullable = strings.EqualFold(r.Null, "YES")
	c.Generated = isGenerated(r.Extra.String)
	c.Charset, c.Collation = strings.ToLower(r.Charset.String), strings.ToLower(r.Collation.String)
	c.Numbered = strings.Contains(strings.ToLower(r.Extra.String), "auto_increment")
	c.Required = !c.Nullable && !c.Generated && !r.Default.Valid && !c.Numbered
	if c.spec.family == familyText && c.spec.maxBytes > 0 && !strings.HasPrefix(c.Charset, "utf8") {
		// In another charset the bytes are fewer, or more: at least one per character.
		c.spec.maxChars, c.spec.maxBytes = c.spec.maxBytes, 0
	}
	return c
}

// isGenerated reads EXTRA. DEFAULT_GENERATED is MySQL's word for a default that
// is an expression: such a column is written like any other.
func isGenerated(extra string) bool {
	extra = strings.ToUpper(extra)
	return strings.Contains(extra, "VIRTUAL GENERATED") || strings.Contains(extra, "STORED GENERATED") ||
		strings.Contains(extra, "PERSISTENT")
}

// loadDetails completes the few types that COLUMNS does not tell all about.
func (t *Table) loadDetails(ctx context.Context, q sqlx.QueryerContext, database, table string) error {
	var spatial, vector, longText bool
	for i := range t.Columns {
		c := &t.Columns[i]
		spatial = spatial || c.spec.family == familySpatial
		vector = vector || c.spec.family == familyVector
		longText = longText || c.isLongText()
	}
	if !spatial && !vector && !longText {
		return nil
	}
	var version string
	if err := sqlx.GetContext(ctx, q, &version, "SELECT VERSION()"); err != nil {
		return err
	}
	mariaDB := strings.Contains(strings.ToLower(version), "mariadb")
	if vector {
		t.setVectorPlaceholders(version, mariaDB)
	}
	if longText && mariaDB {
		if err := t.loadJSONChecks(ctx, q, database, table); err != nil {
			return err
		}
	}
	if spatial {
		return t.loadReferenceSystems(ctx, q, database, table, mariaDB)
	}
	return nil
}

func (c *Column) isLongText() bool { return strings.HasPrefix(strings.ToLower(c.Type), "longtext") }

func (t *Table) setVectorPlaceholders(version string, mariaDB bool) {
	for i := range t.Columns {
		switch c := &t.Columns[i]; {
		case c.spec.family != familyVector:
		case mariaDB:
			c.Placeholder = "VEC_FromText(?)"
		case !strings.Contains(version, "TiDB"): // TiDB takes the text itself
			c.Placeholder = "STRING_TO_VECTOR(?)"
		}
	}
}

// loadJSONChecks finds MariaDB's JSON columns: to it, JSON is LONGTEXT with a
// check. information_schema.CHECK_CONSTRAINTS hides it from a user whose grants
// are the table's alone, SHOW CREATE TABLE does not. With grants on single
// columns neither tells, and such a column is text.
func (t *Table) loadJSONChecks(ctx context.Context, q sqlx.QueryerContext, database, table string) error {
	definition, err := definition(ctx, q, quote(database)+"."+quote(table))
	if err != nil {
		return err
	}
	for i := range t.Columns {
		c := &t.Columns[i]
		if !c.isLongText() {
			continue
		}
		ansi := `"` + strings.ReplaceAll(c.Name, `"`, `""`) + `"`    // under sql_mode ANSI_QUOTES
		for _, name := range []string{quote(c.Name), ansi, c.Name} { // the last where sql_quote_show_create is off
			if bytes.Contains(definition, []byte("CHECK (json_valid("+name+"))")) {
				c.spec = spec{family: familyJSON}
			}
		}
	}
	return nil
}

// definition is the statement that would make the table again, whose name is
// quoted; nil where the server refuses to tell.
func definition(ctx context.Context, q sqlx.QueryerContext, table string) ([]byte, error) {
	row, err := q.QueryRowxContext(ctx, "SHOW CREATE TABLE "+table).SliceScan()
	if refused := (*mysql.MySQLError)(nil); errors.As(err, &refused) {
		return nil, nil
	}
	if err != nil || len(row) < 2 { // it stands after the name
		return nil, err
	}
	text, _ := row[1].([]byte)
	return text, nil
}

// nextNumber is the part of a definition that changes with the rows; the second is TiDB's.
var nextNumber = regexp.MustCompile(` AUTO_INCREMENT=[0-9]+| /\*T!\[auto_rand_base\] AUTO_RANDOM_BASE=[0-9]+ \*/`)

// Definition returns what the server says a table is: a text that is another
// one if anything is that Load reads. It is empty where this user may not see it.
func Definition(ctx context.Context, q sqlx.QueryerContext, name Name) (string, error) {
	table := quote(name.Table)
	if name.Database != "" {
		table = quote(name.Database) + "." + table
	}
	text, err := definition(ctx, q, table)
	if err != nil {
		return "", fmt.Errorf("read the definition of %s: %w", name, err)
	}
	return string(nextNumber.ReplaceAll(text, nil)), nil
}

// loadReferenceSystems asks for the SRID of spatial columns, which a value must share.
func (t *Table) loadReferenceSystems(ctx context.Context, q sqlx.QueryerContext, database, table string, mariaDB bool) error {
	query := `SELECT COLUMN_NAME AS name, SRS_ID AS srid FROM information_schema.COLUMNS
		WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ? AND SRS_ID IS NOT NULL`
	if mariaDB {
		query = `SELECT G_GEOMETRY_COLUMN AS name, SRID AS srid FROM information_schema.GEOMETRY_COLUMNS
		WHERE G_TABLE_SCHEMA = ? AND G_TABLE_NAME = ?`
	}
	var rows []struct {
		Name string `db:"name"`
		SRID int64  `db:"srid"`
	}
	if err := sqlx.SelectContext(ctx, q, &rows, query, database, table); err != nil {
		return err
	}
	for _, r := range rows {
		i := t.Lookup([]byte(r.Name))
		if i < 0 || r.SRID <= 0 || r.SRID > math.MaxUint32 {
			continue
		}
		srid := strconv.FormatInt(r.SRID, 10)
		if mariaDB {
			t.Columns[i].Placeholder = "ST_GeomFromText(?, " + srid + ")"
		} else {
			// GeoJSON and most WKT name the longitude first; MySQL's 4326 does not.
			t.Columns[i].Placeholder = "ST_GeomFromText(?, " + srid + ", 'axis-order=long-lat')"
		}
	}
	return nil
}

func (t *Table) loadPrimaryKey(ctx context.Context, q sqlx.QueryerContext, database, table string) ([]int, error) {
	var names []string
	err := sqlx.SelectContext(ctx, q, &names, `SELECT COLUMN_NAME FROM information_schema.STATISTICS
		WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ? AND INDEX_NAME = 'PRIMARY' ORDER BY SEQ_IN_INDEX`, database, table)
	if err != nil {
		return nil, err
	}
	var key []int
	for _, name := range names {
		i := t.Lookup([]byte(name))
		if i < 0 {
			return nil, nil // part of the key is hidden from this user: of no use
		}
		key = append(key, i)
	}
	return key, nil
}
