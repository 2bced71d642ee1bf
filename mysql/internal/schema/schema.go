// Package schema knows the table as the server describes it and converts JSON
// values to what its columns take, losslessly or with an error that names the
// column, the value and the type. It talks to the server only in Load.
package schema

import (
	"context"
	"errors"
	"time"

	"github.com/jmoiron/sqlx"

	"ekuiper-mysql/mysql/internal/payload"
)

// ErrNoTable says that the server has no such table, or hides it from this user.
var ErrNoTable = errors.New("no such table, or no privilege on it")

// Name is a table's name, with its database where the user gave one.
type Name struct {
	Database string // empty: the connection's database
	Table    string
}

// Options steer conversion.
type Options struct {
	// Location is the zone of times that name none and of those written into
	// DATETIME, DATE, TIME and YEAR columns. Never nil.
	Location *time.Location
	// EpochUnit is the unit of numbers in temporal columns; zero guesses by magnitude.
	EpochUnit EpochUnit
}

// EpochUnit is the unit of an epoch time; zero is Auto.
type EpochUnit uint8

// Table is a table's columns, as read at one moment.
type Table struct {
	Name       Name
	Columns    []Column
	PrimaryKey []int // indexes into Columns, in key order; empty without a primary key
}

// Column is one column of a table.
type Column struct {
	Name        string
	Type        string // as the server names it, e.g. "decimal(10,2) unsigned"
	Nullable    bool
	Generated   bool   // its value is computed: never written
	Placeholder string // what stands for its value in a statement: "?" or e.g. "ST_GeomFromText(?)"
}

// ParseName reads table or database.table; either part may be backquoted.
func ParseName(s string) (Name, error) { panic("stub") }

// Load reads the table's columns from the server.
func Load(ctx context.Context, q sqlx.QueryerContext, name Name) (*Table, error) { panic("stub") }

// Lookup returns the index of the column that MySQL would take for name, or -1.
func (t *Table) Lookup(name []byte) int { panic("stub") }

// Convert returns the driver argument for v in column c: nil, int64, uint64,
// float64, string or []byte. Its errors are *ConvertError.
func (c *Column) Convert(v payload.Value, o *Options) (any, error) { panic("stub") }

// ConvertError says which value does not fit which column, and why.
type ConvertError struct {
	Column string
	Type   string
	Value  string // shortened
	Reason string
}

func (e *ConvertError) Error() string { panic("stub") }
