// Package schema knows the table as the server describes it and converts JSON
// values to what its columns take, losslessly or with an error that names the
// column, the value and the type. It talks to the server only in Load.
//
// Four losses are the nature of a column's type and no error: a FLOAT or
// DOUBLE holds the nearest number it can; a temporal column drops the digits of
// a fraction (and the time, or the date) that it has no room for, always
// towards the past; a CHAR loses trailing spaces when it is read; and inside
// MySQL's own JSON type a number beyond 64 bits, or with a fraction, is a
// double (MariaDB's JSON keeps its text).
package schema

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// ErrNoTable says that the server has no such table, or hides it from this user.
var ErrNoTable = errors.New("no such table, or no privilege on it")

// Name is a table's name, with its database where the user gave one.
type Name struct {
	Database string // empty: the connection's database
	Table    string
}

// String is the name as ParseName reads it, backquoted where it must be.
func (n Name) String() string {
	if n.Database == "" {
		return quoteIfNeeded(n.Table)
	}
	return quoteIfNeeded(n.Database) + "." + quoteIfNeeded(n.Table)
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

// The units of epoch times. Auto takes a number below 1e11 for seconds (until
// the year 5138), below 1e14 for milliseconds (from March 1973 on), below 1e17
// for microseconds, and any other for nanoseconds; the sign does not count.
const (
	Auto EpochUnit = iota
	Seconds
	Milliseconds
	Microseconds
	Nanoseconds
)

// ParseEpochUnit reads auto, s, ms, us or ns; empty text is auto.
func ParseEpochUnit(s string) (EpochUnit, error) {
	switch strings.ToLower(s) {
	case "", "auto":
		return Auto, nil
	case "s":
		return Seconds, nil
	case "ms":
		return Milliseconds, nil
	case "us":
		return Microseconds, nil
	case "ns":
		return Nanoseconds, nil
	}
	return Auto, fmt.Errorf("epoch unit %q is none of auto, s, ms, us, ns", s)
}

// Table is a table's columns, as read at one moment. It does not change:
// any number of goroutines may use it.
type Table struct {
	Name    Name
	Columns []Column
	// PrimaryKey holds indexes into Columns, in key order. It is empty without a
	// primary key, where a part of it is hidden from this user, and on
	// go-mysql-server, which does not tell.
	PrimaryKey []int
	Engine     string // as the server names it; empty of a view
	Atomic     bool   // a statement that fails leaves nothing of itself behind
	Unique     Unique // what LoadUnique found; empty before

	base       Name   // of a view that is not Atomic: a table that it shows, without transactions
	baseEngine string // of base; empty of others

	index map[string]int // by exact name; nil in a table too narrow to need it
}

// linearColumns is the width up to which comparing names one by one beats hashing.
const linearColumns = 8

// NewTable returns a table of these columns without asking a server.
func NewTable(name Name, columns ...Column) *Table {
	t := &Table{Name: name, Columns: columns, Atomic: true}
	t.buildIndex()
	return t
}

func (t *Table) buildIndex() {
	if len(t.Columns) <= linearColumns {
		return
	}
	t.index = make(map[string]int, len(t.Columns))
	for i := range t.Columns {
		t.index[t.Columns[i].Name] = i
	}
}

// Lookup returns the index of the column that MySQL would take for name, or
// -1. Letter case does not count, accents and trailing spaces do. As in the
// server, names of unequal length in bytes never match; letters younger than
// its tables of 1999 (Georgian, Cherokee, ...) match here, and on TiDB, in
// either case.
func (t *Table) Lookup(name []byte) int {
	if t.index != nil {
		if i, ok := t.index[string(name)]; ok {
			return i
		}
	} else {
		for i := range t.Columns {
			if t.Columns[i].Name == string(name) {
				return i
			}
		}
	}
	for i := range t.Columns {
		if sameIdentifier(t.Columns[i].Name, name) {
			return i
		}
	}
	return -1
}

// SameName tells whether a server takes name for the column's name; see Lookup.
func SameName(column string, name []byte) bool { return sameIdentifier(column, name) }

// sameIdentifier compares letter by letter, each in its simple lower case: that
// is what MySQL and MariaDB do. bytes.EqualFold equates more, e.g. σ and ς.
func sameIdentifier(column string, name []byte) bool {
	if len(column) != len(name) {
		return false
	}
	i, j := 0, 0
	for i < len(column) && j < len(name) {
		a, b := column[i], name[j]
		if a < utf8.RuneSelf && b < utf8.RuneSelf {
			if lowerASCII(a) != lowerASCII(b) {
				return false
			}
			i++
			j++
			continue
		}
		r, n := utf8.DecodeRuneInString(column[i:])
		s, m := utf8.DecodeRune(name[j:])
		if r == utf8.RuneError || s == utf8.RuneError || unicode.ToLower(r) != unicode.ToLower(s) {
			return false
		}
		i += n
		j += m
	}
	return i == len(column) && j == len(name)
}

func lowerASCII(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}
