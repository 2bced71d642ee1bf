// Package deadletter keeps the rows that the table refuses, with the reason,
// until a person replays or purges them.
//
// Store is a set of files in one folder, written by one process at a time and
// read by any number beside it; Reader is what those others use. Log writes a
// line for each row to the log. Both are used for every row set aside. The
// package imports nothing of ours and knows neither journal nor database.
package deadletter

import (
	"slices"
	"time"
	"unicode/utf8"
)

// Letter is one row set aside, and why.
type Letter struct {
	ID       uint64 // given by Put, unique in its folder, ascending with time
	Time     time.Time
	Rule     string
	Op       string
	Instance int
	Table    string
	Column   string // "" where the reason names none
	Number   uint16 // the server's error number, 0 where the reason is not the server's
	SQLState string
	Class    string
	Text     string // the reason in words; must hold no secret
	Place    Place
	Accepted time.Time // when the row came to the plugin, to the second; zero if that is not known
	Raw      []byte    // the row's bytes as they came, or what could not be read as a row
	Size     int       // of the row in bytes, also where Raw was not read; Put ignores it
}

// Place is where a row came from: a journal, a record in it and a row of that
// record. It is the same when the row comes again after a crash.
type Place struct {
	Journal string
	Record  uint64
	Row     uint32
}

// Limits on what a letter may hold, in bytes. A text beyond its limit is cut.
const (
	maxText = 64 << 10
	maxRaw  = 1 << 30
)

// normalise prepares l to be written: a time, texts within their limits.
func (l *Letter) normalise(now func() time.Time) {
	if l.Time.IsZero() {
		l.Time = now()
	}
	l.Size = len(l.Raw)
	for _, s := range []*string{&l.Rule, &l.Op, &l.Table, &l.Column, &l.SQLState, &l.Class, &l.Text, &l.Place.Journal} {
		*s = clip(*s)
	}
}

// clip cuts s to maxText bytes, between characters.
func clip(s string) string {
	if len(s) <= maxText {
		return s
	}
	n := maxText
	for n > maxText-utf8.UTFMax && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// Filter chooses letters. Every field that is set must match; the zero value
// matches all.
type Filter struct {
	IDs     []uint64
	After   uint64 // only ids above
	Rule    string
	Table   string
	Numbers []uint16 // error numbers; 0 stands for reasons that are not the server's
	Since   time.Time
	Until   time.Time          // exclusive
	Match   func(*Letter) bool // nil: all; asked last, with Raw nil
	SkipRaw bool               // leave Raw nil: a long row is then not read
}

func (f *Filter) match(l *Letter) bool {
	return l.ID > f.After && (len(f.IDs) == 0 || slices.Contains(f.IDs, l.ID)) &&
		(f.Rule == "" || f.Rule == l.Rule) &&
		(f.Table == "" || f.Table == l.Table) &&
		(len(f.Numbers) == 0 || slices.Contains(f.Numbers, l.Number)) &&
		(f.Since.IsZero() || !l.Time.Before(f.Since)) &&
		(f.Until.IsZero() || l.Time.Before(f.Until)) &&
		(f.Match == nil || f.Match(l))
}

// mayHold tells whether ids first to last may hold a match.
func (f *Filter) mayHold(first, last uint64) bool {
	return last > f.After && (len(f.IDs) == 0 || slices.ContainsFunc(f.IDs, func(id uint64) bool { return id >= first && id <= last }))
}

// Count is how many letters one rule has for one error number.
type Count struct {
	Rule    string
	Number  uint16
	Letters int64
	Bytes   int64 // of their rows
	First   time.Time
	Last    time.Time
}
