// Package config turns an action's properties into a validated Config. No
// text that it returns, nor a Config when printed, holds a secret: nothing of
// a url is ever quoted. It imports nothing of ours and talks to no server.
package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
)

// Config is what a rule's action asks for.
type Config struct {
	Driver            *mysql.Config     // the connection; holds the password, never print it
	Link              Link              // more of the connection; never print it
	Target            string            // addresses and database, safe to print, e.g. "localhost:3306/database"
	Table             string            // as given: table or database.table
	Mode              string            // insert, insertIgnore, replace, upsert, update, delete
	KeyField          []string          // columns; empty: the table's own key
	RowKindField      string            // "" for none
	UpdateFields      map[string]string // expressions by column; nil: all are set
	KeepFields        []string
	VersionField      string   // "" for none
	TableField        string   // the field of a row that names its table, "" for none
	AllowedTables     []string // as given: not judged yet
	MaxTables         int      // that rows may choose
	NullAsDefault     bool
	IgnoreExtraFields bool
	Columns           map[string]any // as given, by column: the sources are not judged yet
	IgnoreOtherFields bool
	SnakeCase         bool
	RestField         string // as given: a column's name; "" for none
	RestWholeRow      bool
	Location          *time.Location
	EpochUnit         string         // auto, s, ms, us, ns
	AutoCreate        string         // false, true, dryRun
	AutoEvolve        string         // false, true, dryRun
	Schema            map[string]any // types by column as given, nil if there are none: not judged yet
	PrimaryKey        []string       // columns of a table that is made
	MaxColumns        int            // of a table that is made, or gets columns
	MaxBatchRows      int
	MaxBatchBytes     int
	MaxBatchDelay     time.Duration
	Road              string        // auto, insert, load
	MaxQueueBytes     int64         // of the memory queue, where Journal is false
	Journal           bool          // rows wait on disk
	MaxJournalBytes   int64         // on disk
	MaxJournalAge     time.Duration // 0: none
	WhenFull          string        // block, dropOldest, refuse
	Fsync             time.Duration // how long a message may wait for a sync; 0: none may
	ExactlyOnce       bool
	LedgerTable       string         // as given: a table's name
	DeadLetterTable   string         // as given: a table's name; "" for none
	Errors            map[string]any // as given, nil if it is not: keys and words are not judged yet
	RequireAck        bool           // eKuiper's own property
	SendSingle        bool           // eKuiper's own property: each row is a message of its own
}

// String names every setting but the connection's user and password.
func (c Config) String() string {
	var b strings.Builder
	b.WriteString("target " + c.Target)
	for _, s := range c.visible() {
		fmt.Fprintf(&b, ", %s %v", s.name, s.value)
	}
	return b.String()
}

// Format prints String whatever the verb and flags: reflection, as %+v and
// %#v use it, could reach the password.
func (c Config) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, c.String()) }

// MarshalJSON gives what String tells.
func (c Config) MarshalJSON() ([]byte, error) {
	m := map[string]any{"target": c.Target}
	for _, s := range c.visible() {
		m[s.name] = s.value
	}
	return json.Marshal(m)
}

type setting struct {
	name  string
	value any
}

// visible lists the settings that are safe to print, in the order of Properties.
func (c Config) visible() []setting {
	zone := ""
	if c.Location != nil {
		zone = c.Location.String()
	}
	return []setting{
		{"table", c.Table},
		{"mode", c.Mode},
		{"keyField", c.KeyField},
		{"rowkindField", c.RowKindField},
		{"updateFields", c.UpdateFields},
		{"keepFields", c.KeepFields},
		{"versionField", c.VersionField},
		{"tableField", c.TableField},
		{"allowedTables", c.AllowedTables},
		{"maxTables", c.MaxTables},
		{"nullAs", choose(c.NullAsDefault, "default", "null")},
		{"extraFields", choose(c.IgnoreExtraFields, "ignore", "error")},
		{"columns", c.Columns},
		{"otherFields", choose(c.IgnoreOtherFields, "ignore", "byName")},
		{"fieldCase", choose(c.SnakeCase, "snake", "asIs")},
		{"restField", c.RestField},
		{"restContent", choose(c.RestWholeRow, "row", "extra")},
		{"timezone", zone},
		{"epochUnit", c.EpochUnit},
		{"autoCreate", c.AutoCreate},
		{"autoEvolve", c.AutoEvolve},
		{"schema", c.Schema},
		{"primaryKey", c.PrimaryKey},
		{"maxColumns", c.MaxColumns},
		{"maxBatchRows", c.MaxBatchRows},
		{"maxBatchBytes", c.MaxBatchBytes},
		{"maxBatchDelay", c.MaxBatchDelay.String()},
		{"road", c.Road},
		{"maxQueueBytes", c.MaxQueueBytes},
		{"journal", choose(c.Journal, "on", "off")},
		{"maxJournalBytes", c.MaxJournalBytes},
		{"maxJournalAge", c.MaxJournalAge.String()},
		{"whenFull", c.WhenFull},
		{"fsync", c.Fsync.String()},
		{"delivery", choose(c.ExactlyOnce, "exactlyOnce", "atLeastOnce")},
		{"ledgerTable", c.LedgerTable},
		{"deadLetterTable", c.DeadLetterTable},
		{"errors", c.Errors},
		{"requireAck", c.RequireAck},
		{"sendSingle", c.SendSingle},
	}
}

func choose(b bool, yes, no string) string {
	if b {
		return yes
	}
	return no
}

// Parse validates props. It returns every problem at once (errors.Join), and warnings
// for properties that it does not know. Names match without regard to case; a
// property that is null counts as absent. With an error the Config is nil.
func Parse(props map[string]any) (c *Config, warnings []string, err error) {
	r := reader{
		config: &Config{Driver: newDriver(), Location: time.UTC},
		given:  map[string]any{},
		name:   map[string]string{},
	}
	r.gather(props)
	r.readOurs()
	r.readTheirs()
	if len(r.errs) > 0 {
		return nil, r.warnings, errors.Join(r.errs...)
	}
	return r.config, r.warnings, nil
}

// reader goes through one action's properties.
type reader struct {
	config   *Config
	given    map[string]any    // by name in lower case
	name     map[string]string // as it was written, by name in lower case
	warnings []string
	errs     []error

	password  string // of its own property
	passwords int    // how many properties beside the url give one
}

func (r *reader) fail(format string, args ...any) {
	r.errs = append(r.errs, fmt.Errorf(format, args...))
}

func (r *reader) warn(format string, args ...any) {
	r.warnings = append(r.warnings, fmt.Sprintf(format, args...))
}

// gather sorts props by name, so that errors and warnings have one order, and
// reports those that nobody knows.
func (r *reader) gather(props map[string]any) {
	known := knownNames()
	for _, name := range slices.Sorted(maps.Keys(props)) {
		if props[name] == nil {
			continue
		}
		low := strings.ToLower(name)
		if _, ok := known[low]; !ok {
			r.warn("%s", unknownText(name, known))
			continue
		}
		if first, twice := r.name[low]; twice {
			r.fail("properties %s and %s: both are %s; allowed: one spelling", first, name, known[low])
			continue
		}
		r.given[low], r.name[low] = props[name], name
	}
}

// readOurs reads the properties of the table, absent ones as their defaults.
func (r *reader) readOurs() {
	for _, p := range properties {
		name, v, ok := r.one(p)
		if !ok {
			continue
		}
		if v == nil {
			if p.Required {
				r.fail("property %s: missing%s; allowed: %s", p.Name, r.elsewhere(), p.Allowed)
				continue
			}
			v = p.Default
		}
		p.read(r, p, name, v)
	}
	r.finishLink()
	r.place()
}

// elsewhere says that what is missing is not in what eKuiper keeps either:
// that comes among the properties, if eKuiper finds it.
func (r *reader) elsewhere() string {
	for _, name := range []string{"connectionSelector", "resourceId"} {
		if v := r.given[strings.ToLower(name)]; v != nil && v != "" {
			return fmt.Sprintf(", and not in what %s names either: eKuiper keeps no %s, or one without it", name, describe(v))
		}
	}
	return ""
}

// one returns the value of p under its name or an alias, nil if it is absent;
// ok is false if it is given under two names with different values.
func (r *reader) one(p Property) (name string, v any, ok bool) {
	name = p.Name
	for _, n := range append([]string{p.Name}, p.Aliases...) {
		w := r.given[strings.ToLower(n)]
		if w == nil || w == "" {
			continue
		}
		if v != nil && fmt.Sprint(v) != fmt.Sprint(w) {
			r.fail("properties %s and %s: both are given and differ; allowed: one of them", name, n)
			return "", nil, false
		}
		if v == nil {
			name, v = r.name[strings.ToLower(n)], w
		}
	}
	return name, v, true
}

// place sets Target once url and table are read: either names the database.
func (r *reader) place() {
	d := r.config.Driver
	database := d.DBName
	if database == "" {
		database = tableDatabase(r.config.Table)
	}
	if database == "" && d.Addr != "" && r.config.Table != "" {
		r.fail("property url: names no database; allowed: one in the url, or one before the table's name as in database.table")
	}
	r.config.Target = r.address() + "/" + database
	if d.Net == "unix" {
		r.config.Target = "unix(" + d.Addr + ")/" + database
	}
	if r.config.ExactlyOnce && strings.EqualFold(ownName(r.config.LedgerTable), ownName(r.config.Table)) {
		r.fail("property ledgerTable: %q is the table of the rows; allowed: another one", r.config.LedgerTable)
	}
	if r.config.ExactlyOnce && (isTemplate(r.config.Table) || r.config.TableField != "") {
		r.fail("property delivery: \"exactlyOnce\" where rows choose their table; allowed: one table per action, or atLeastOnce, with a primary key in each table")
	}
	r.placeLetters()
	r.placeMapping()
}

// placeMapping refuses what would draw up columns for fields that go elsewhere:
// of columns it is known what they get, but not what else the rest should be.
func (r *reader) placeMapping() {
	c := r.config
	mapped := choose(c.RestField != "", "restField", choose(c.SnakeCase, "fieldCase", ""))
	if mapped == "" {
		return
	}
	on := func(mode string) bool { return mode != "" && mode != "false" }
	if on(c.AutoEvolve) {
		r.fail("property autoEvolve: %q beside %s: columns are only added for fields that go to them by name; allowed: false, or leave %s out", c.AutoEvolve, mapped, mapped)
	}
	if on(c.AutoCreate) && len(c.Schema) == 0 {
		r.fail("property autoCreate: %q beside %s: rows alone do not say what columns the table needs; allowed: schema beside it, which names them all, or leave it out", c.AutoCreate, mapped)
	}
}

// placeLetters makes sure that refused rows get a table of their own.
func (r *reader) placeLetters() {
	letters := r.config.DeadLetterTable
	if letters == "" {
		return
	}
	if strings.EqualFold(ownName(letters), ownName(r.config.Table)) {
		r.fail("property deadLetterTable: %q is the table of the rows; allowed: another one", letters)
	}
	if strings.EqualFold(ownName(letters), ownName(r.config.LedgerTable)) {
		r.fail("property deadLetterTable: %q is the ledger's table; allowed: another one", letters)
	}
}

// readTheirs reads those of eKuiper's own properties that decide whether we
// can understand what it sends.
func (r *reader) readTheirs() {
	if v, ok := r.given["sendsingle"]; ok {
		r.config.SendSingle, _ = v.(bool) // it is eKuiper that reads it
	}
	if v, ok := r.given["requireack"]; ok {
		if r.config.RequireAck, ok = v.(bool); !ok {
			r.fail("property requireAck: %s; allowed: true, false", describe(v))
		}
	}
	if v, ok := r.given["format"]; ok && v != "" {
		if s, isText := v.(string); !isText || !strings.EqualFold(s, "json") {
			r.fail("property format: %s: the sink reads JSON alone; allowed: json", describe(v))
		}
	}
	if r.config.WhenFull == "refuse" && !r.config.RequireAck {
		r.fail("property whenFull: \"refuse\" without requireAck would lose rows in silence; allowed: requireAck true beside it, or block, dropOldest")
	}
	if !r.config.Journal && r.config.WhenFull != "block" {
		r.fail("property whenFull: %q with journal off; allowed: block", r.config.WhenFull)
	}
	if !r.config.Journal && r.config.ExactlyOnce {
		r.fail("property delivery: \"exactlyOnce\" with journal off, where nothing remembers a row over a crash; allowed: journal on beside it, or atLeastOnce")
	}
	for _, name := range []string{"compression", "encryption"} {
		if v, ok := r.given[name]; ok && v != "" {
			r.fail("property %s: %s: the sink needs plain JSON; allowed: leave it out", name, describe(v))
		}
	}
	if v, ok := r.given["batchsize"]; ok && fmt.Sprint(v) != "0" && fmt.Sprint(v) != "1" {
		r.warn("property batchSize: under load eKuiper 2.4.0 overwrites batches that wait for a sink, and rows are lost or doubled before they get here; leave it out: the sink makes batches itself (maxBatchRows)")
	}
	r.combineMode()
}
