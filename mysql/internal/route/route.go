// Package route says which table a row goes to where the row itself has a say:
// by a template of the table's name, or a field that holds it. What a row names
// must be allowed by the rule, and is a table's name alone: the database is the
// rule's. It is pure and talks to no server.
package route

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"ekuiper-mysql/mysql/internal/payload"
	"ekuiper-mysql/mysql/internal/schema"
)

// Options are a rule's properties, as given.
type Options struct {
	Table     string   // a name, or a template of one
	Field     string   // the field that names the table, "" if none does
	Allowed   []string // names, patterns with * and ?, or /regular expressions/
	Forbidden []string // names that no row may choose, without regard to case
	// RowByRow says that eKuiper sends each row as a message of its own
	// (sendSingle): then its own form of a field, {{.a.b}}, is understood too.
	RowByRow bool
}

// Route finds a row's table. It does not change: any number of goroutines may
// use it.
type Route struct {
	name      schema.Name // Table holds the text before the first field
	parts     []part
	field     []string // path of the field that names the table; nil if none does
	allowed   []*regexp.Regexp
	forbidden []string
	text      string
}

// errDoubled refuses the form that eKuiper has for its own templates: 2.4.0
// evaluates it in every property of an action, by a whole message of rows, and
// drops the message where that fails. What it makes of it does not get here.
var errDoubled = errors.New("eKuiper itself evaluates {{ }}, before a row gets here, and loses rows where it cannot: single braces are for this sink, or set sendSingle to true beside it")

// The braces of eKuiper's own form of a field.
const (
	doubled      = "{{"
	doubledClose = "}}"
)

// part is a field of a template, and the text behind it.
type part struct {
	path  []string
	after string
}

// The marks that stand for a field while a template is read as a name: no
// text of a template holds them.
const (
	open   = '\ue000'
	closed = '\ue001'
)

// Parse reads the properties. Its error tells all that is wrong.
func Parse(o Options) (*Route, error) {
	r := &Route{forbidden: o.Forbidden, text: o.Table}
	var errs []error
	if err := r.parseTable(o.Table, o.RowByRow); err != nil {
		errs = append(errs, fmt.Errorf("property table: %q: %w; allowed: a name with fields of the row such as metrics_{device} or {a.b}", o.Table, err))
	}
	if o.Field != "" {
		var err error
		if r.field, err = parsePath(o.Field); err != nil {
			errs = append(errs, fmt.Errorf("property tableField: %q: %w; allowed: a field's name, or a path such as meta.table", o.Field, err))
		}
		r.text += " or " + o.Field
	}
	if err := bounded(o.Allowed); err != nil {
		return r, errors.Join(append(errs, err)...)
	}
	for _, a := range o.Allowed {
		p, err := parsePattern(a)
		if err != nil {
			errs = append(errs, fmt.Errorf("property allowedTables: %q: %w; allowed: a table's name without its database, one with * and ?, or /a regular expression/", a, err))
			continue
		}
		r.allowed = append(r.allowed, p)
	}
	if len(errs) == 0 && r.Varies() && len(o.Allowed) == 0 {
		errs = append(errs, errors.New("property allowedTables: missing; allowed: names of tables, or patterns such as metrics_*, which rows may choose among"))
	}
	if len(errs) == 0 && !r.Varies() && len(o.Allowed) > 0 && !r.allows(r.name.Table) {
		errs = append(errs, fmt.Errorf("property table: %q is not among allowedTables; allowed: %s", o.Table, strings.Join(o.Allowed, ", ")))
	}
	return r, errors.Join(errs...)
}

// Varies tells whether rows have a say.
func (r *Route) Varies() bool { return len(r.parts) > 0 || r.field != nil }

// Fields returns the fields of a row itself that decide.
func (r *Route) Fields() (names []string) {
	for _, p := range r.parts {
		if len(p.path) == 1 {
			names = append(names, p.path[0])
		}
	}
	if len(r.field) == 1 {
		names = append(names, r.field[0])
	}
	return names
}

// Allows tells whether rows may choose the table of that name.
func (r *Route) Allows(name schema.Name) bool {
	return name.Database == r.name.Database && (r.allows(name.Table) || len(r.parts) == 0 && name.Table == r.name.Table)
}

// String is the properties' text, for labels and messages.
func (r *Route) String() string { return r.text }

func (r *Route) parseTable(text string, rowByRow bool) error {
	if strings.ContainsRune(text, open) || strings.ContainsRune(text, closed) {
		return errors.New("a character for private use")
	}
	var plain strings.Builder
	rest := text
	for {
		before, after, found := strings.Cut(rest, "{")
		if strings.Contains(before, "}") {
			return errors.New("} without {")
		}
		plain.WriteString(before)
		if !found {
			break
		}
		path, behind, err := parseField("{"+after, rowByRow)
		if err != nil {
			return err
		}
		r.parts = append(r.parts, part{path: path})
		plain.WriteRune(open)
		plain.WriteRune(closed)
		rest = behind
	}
	name, err := schema.ParseName(plain.String())
	if err != nil {
		return errors.New(strings.NewReplacer(string(open), "{", string(closed), "}").Replace(err.Error()))
	}
	if strings.ContainsRune(name.Database, open) {
		return errors.New("a field in the database's name: the database is the rule's to choose")
	}
	pieces := strings.Split(name.Table, string(open)+string(closed))
	r.name = schema.Name{Database: name.Database, Table: pieces[0]}
	for i := range r.parts {
		r.parts[i].after = pieces[i+1]
	}
	return nil
}

// parseField reads the field that s begins with, {a.b} or {{.a.b}}, and returns
// what comes behind it.
func parseField(s string, rowByRow bool) (path []string, behind string, err error) {
	before, end := "{", "}"
	if strings.HasPrefix(s, doubled) {
		if !rowByRow {
			return nil, "", errDoubled
		}
		before, end = doubled, doubledClose
	}
	inner, behind, found := strings.Cut(strings.TrimPrefix(s, before), end)
	if !found {
		return nil, "", fmt.Errorf("%s is not closed", before)
	}
	inner = strings.TrimSpace(inner)
	if before == doubled {
		name, dotted := strings.CutPrefix(inner, ".")
		if !dotted {
			return nil, "", fmt.Errorf("{{%s}} is no field, which begins with a dot", inner)
		}
		inner = name
	}
	path, err = parsePath(inner)
	return path, behind, err
}

// parsePath reads a field's name, or several with dots between.
func parsePath(s string) ([]string, error) {
	path := strings.Split(s, ".")
	for _, p := range path {
		if p == "" || strings.ContainsAny(p, "{}()|\"'` \t\r\n") || !utf8.ValidString(p) {
			return nil, fmt.Errorf("%q is no field: there are no functions and no spaces", s)
		}
	}
	return path, nil
}

// Bounds of allowedTables: a few signs of a pattern may take a megabyte.
const (
	mostPatterns = 4096
	mostSigns    = 4096
)

func bounded(patterns []string) error {
	signs := 0
	for _, p := range patterns {
		if strings.HasPrefix(p, "/") {
			signs += len(p)
		} else {
			signs += strings.Count(p, "*") + strings.Count(p, "?")
		}
	}
	if len(patterns) > mostPatterns || signs > mostSigns {
		return fmt.Errorf("property allowedTables: %d names and patterns; allowed: up to %d, with up to %d signs * and ? and characters of regular expressions in all", len(patterns), mostPatterns, mostSigns)
	}
	return nil
}

// parsePattern makes a regular expression of the whole name.
func parsePattern(s string) (*regexp.Regexp, error) {
	if inner, ok := strings.CutPrefix(s, "/"); ok && len(inner) > 0 && strings.HasSuffix(inner, "/") {
		p, err := regexp.Compile(`\A(?:` + strings.TrimSuffix(inner, "/") + `)\z`)
		if err != nil {
			return nil, fmt.Errorf("no regular expression: %w", err)
		}
		return p, nil
	}
	if strings.ContainsAny(s, ".`{}") {
		return nil, errors.New("a dot, a backquote or a brace")
	}
	if err := check(strings.NewReplacer("*", "x", "?", "x").Replace(s)); err != nil {
		return nil, err
	}
	// What stands for any text stands for nothing that has a meaning elsewhere,
	// such as a dot or a slash.
	const any = `[\p{L}\p{N}\p{M}_$-]`
	var b strings.Builder
	b.WriteString(`\A`)
	for _, c := range s {
		switch c {
		case '*':
			b.WriteString(any + `*`)
		case '?':
			b.WriteString(any)
		default:
			b.WriteString(regexp.QuoteMeta(string(c)))
		}
	}
	b.WriteString(`\z`)
	return regexp.Compile(b.String())
}

// Error says why a row goes to no table.
type Error struct {
	Name   string // as the row would have it; "" if it has none
	Reason string
}

func (e *Error) Error() string {
	if e.Name == "" {
		return "the row names no table: " + e.Reason
	}
	return fmt.Sprintf("table %q: %s", shorten(e.Name), e.Reason)
}

func shorten(s string) string {
	if len(s) > 100 {
		s = s[:100] + "…"
	}
	return strings.ToValidUTF8(s, "\ufffd")
}

// Find appends the name of row's table to buf and returns it; the database is
// Database's. Its error is an *Error. A name that is known is not checked again.
func (r *Route) Find(buf []byte, row payload.Row, known func(name []byte) bool) ([]byte, error) {
	name, own, err := r.render(buf, row)
	if err != nil {
		return name, err
	}
	if own || known(name) {
		return name, nil
	}
	return name, r.Check(string(name))
}

// Database is where all tables are; "" is the connection's.
func (r *Route) Database() string { return r.name.Database }

// render returns the name; own says that it is the rule's and needs no leave.
func (r *Route) render(buf []byte, row payload.Row) (name []byte, own bool, err error) {
	if r.field != nil {
		if v, ok := lookUp(row, r.field); ok && v.Kind != payload.Null {
			name, err := appendValue(buf, v, r.field)
			return name, false, err
		}
	}
	buf = append(buf, r.name.Table...)
	for _, p := range r.parts {
		v, ok := lookUp(row, p.path)
		if !ok {
			return nil, false, &Error{Reason: fmt.Sprintf("it has no field %q", strings.Join(p.path, "."))}
		}
		if buf, err = appendValue(buf, v, p.path); err != nil {
			return nil, false, err
		}
		buf = append(buf, p.after...)
	}
	return buf, len(r.parts) == 0, nil
}

func appendValue(buf []byte, v payload.Value, path []string) ([]byte, error) {
	if v.Kind == payload.Null || v.Kind == payload.Object || v.Kind == payload.Array || len(v.Text) == 0 {
		what := v.Kind.String()
		if v.Kind == payload.String {
			what = "empty"
		}
		return nil, &Error{Reason: fmt.Sprintf("its field %q is %s", strings.Join(path, "."), what)}
	}
	return append(buf, v.Text...), nil
}

// lookUp finds a field by its path; of a repeated name the last counts.
func lookUp(row payload.Row, path []string) (v payload.Value, ok bool) {
	for depth := 0; ; depth++ {
		ok = false
		for i := range row.Fields {
			if string(row.Fields[i].Name) == path[depth] {
				v, ok = row.Fields[i].Value, true
			}
		}
		if !ok || depth == len(path)-1 {
			return v, ok
		}
		if v.Kind != payload.Object {
			return v, false
		}
		var d payload.Decoder
		d.Reset(v.Text)
		inner, err := d.Next()
		if err != nil {
			return v, false
		}
		row = inner
	}
}

// Check says why rows may not choose the name; its error is an *Error.
func (r *Route) Check(name string) error {
	if err := check(name); err != nil {
		return &Error{name, err.Error()}
	}
	if !r.allows(name) {
		return &Error{name, "it is not among allowedTables"}
	}
	for _, f := range r.forbidden {
		if strings.EqualFold(f, name) {
			return &Error{name, "it is a table of the sink's own"}
		}
	}
	return nil
}

func (r *Route) allows(name string) bool {
	for _, p := range r.allowed {
		if p.MatchString(name) {
			return true
		}
	}
	return false
}

// check refuses what no server takes as a table's name, and what none should.
func check(name string) error {
	switch {
	case name == "":
		return errors.New("an empty name")
	case !utf8.ValidString(name):
		return errors.New("a name that is not UTF-8")
	case utf8.RuneCountInString(name) > 64:
		return errors.New("a name of more than 64 characters")
	case strings.TrimSpace(name) != name:
		return errors.New("a name with a space at an end")
	case strings.ContainsFunc(name, func(c rune) bool { return c > 0xffff || c == utf8.RuneError || unicode.IsControl(c) }):
		return errors.New("a name with a character that no server takes in one")
	}
	return nil
}
