package config

import (
	"encoding/json"
	"errors"
	"strings"
)

// Bounds of initSql: each statement costs every new connection a round trip.
const (
	maxInitStatements = 16
	maxInitBytes      = 4096 // of one statement
)

// readInitSQL takes a statement, or a list of them. A form in the manager gives
// the list's JSON text.
func readInitSQL(r *reader, p Property, name string, v any) {
	var statements []string
	switch v := v.(type) {
	case string:
		if v == "" {
			return
		}
		if json.Unmarshal([]byte(v), &statements) != nil {
			statements = []string{v}
		}
	case []any:
		for _, one := range v {
			s, ok := one.(string)
			if !ok {
				r.refuse(p, name, v)
				return
			}
			statements = append(statements, s)
		}
	case []string:
		statements = v
	default:
		r.refuse(p, name, v)
		return
	}
	if len(statements) > maxInitStatements {
		r.fail("property %s: %d statements; allowed: %s", name, len(statements), p.Allowed)
		return
	}
	for i, s := range statements {
		if err := checkInit(s); err != nil {
			// Without the statement, which may hold a secret.
			r.fail("property %s: statement %d: %w; allowed: %s", name, i+1, err, p.Allowed)
			continue
		}
		r.config.Link.InitSQL = append(r.config.Link.InitSQL, s)
	}
}

var (
	errInitLength   = errors.New("empty, or longer than 4096 bytes")
	errInitText     = errors.New("a quote or a comment is not closed")
	errInitSign     = errors.New("a backslash or a control character, which servers read in different ways")
	errInitVersion  = errors.New("a comment that some servers execute (/*! or /*M!)")
	errInitSeveral  = errors.New("more than one statement; give them as a list")
	errInitBrackets = errors.New("a bracket is not closed")
	errInitFile     = errors.New("INTO OUTFILE and DUMPFILE write files on the server")
	errInitSet      = errors.New("SET without a variable and its value")
	errInitScope    = errors.New("it changes the server for everybody: only session variables may be set")
	errInitNames    = errors.New("text is always utf8mb4")
	errInitPassword = errors.New("it would change an account")
	errInitIsolate  = errors.New("SET TRANSACTION: " + isolationText + ", with SET SESSION TRANSACTION ISOLATION LEVEL")
)

// forbidden are statements that people may want here, with what they would do;
// what is neither here nor allowed is refused as well.
var forbidden = map[string]string{
	"BEGIN": "it begins a transaction", "START": "it begins a transaction", "XA": "it begins a transaction",
	"COMMIT": "it ends a transaction", "ROLLBACK": "it ends a transaction", "SAVEPOINT": "transactions are the sink's", "RELEASE": "transactions are the sink's",
	"LOCK": "it ends a transaction, and locks tables for as long as the connection lives", "UNLOCK": "it ends a transaction",
	"USE":  "the database is the url's",
	"CALL": "nobody can tell what state a procedure leaves the session in", "EXECUTE": "nobody can tell what it does", "PREPARE": "nobody can tell what it does",
	"HANDLER": "it keeps a table open",
}

// checkInit tells what is wrong with a statement of initSql.
func checkInit(s string) error {
	if strings.TrimSpace(s) == "" || len(s) > maxInitBytes {
		return errInitLength
	}
	tokens, err := tokenize(s)
	if err != nil {
		return err
	}
	if n := len(tokens); n > 0 && tokens[n-1].is(";") {
		tokens = tokens[:n-1]
	}
	if len(tokens) == 0 {
		return errInitLength
	}
	depth := 0
	for _, t := range tokens {
		switch {
		case t.is(";"):
			return errInitSeveral
		case t.is("("):
			depth++
		case t.is(")"):
			if depth--; depth < 0 {
				return errInitBrackets
			}
		case t.word("OUTFILE"), t.word("DUMPFILE"):
			return errInitFile
		}
	}
	if depth != 0 {
		return errInitBrackets
	}
	first := strings.ToUpper(tokens[0].text)
	if tokens[0].kind != bareToken {
		return errors.New("it begins with no word of SQL")
	}
	switch first {
	case "SELECT", "DO", "INSERT", "UPDATE", "DELETE", "REPLACE":
		return nil
	case "SET":
		return checkSet(tokens[1:])
	}
	if why := forbidden[first]; why != "" {
		return errors.New(first + ": " + why)
	}
	return errors.New("it is none of the statements that are allowed") // most of the others commit
}

// checkSet judges what follows SET.
func checkSet(tokens []token) error {
	words := make([]string, 3)
	for i := range min(len(tokens), len(words)) {
		if tokens[i].kind == bareToken {
			words[i] = strings.ToUpper(tokens[i].text)
		}
	}
	switch words[0] {
	case "ROLE":
		return nil
	case "NAMES", "CHARSET", "CHARACTER", "CHAR":
		return errInitNames
	case "PASSWORD", "DEFAULT":
		return errInitPassword
	case "STATEMENT":
		return errors.New("SET STATEMENT: give the variables without the statement")
	case "TRANSACTION":
		return errInitIsolate
	case "RESOURCE":
		return nil // a group of threads, of the server's
	}
	if words[1] == "TRANSACTION" {
		return checkTransaction(words[0], tokens[2:])
	}
	for len(tokens) > 0 {
		end := nextAssignment(tokens)
		if err := checkAssignment(tokens[:end]); err != nil {
			return err
		}
		if end == len(tokens) {
			return nil
		}
		tokens = tokens[end+1:]
	}
	return errInitSet
}

// checkTransaction judges SET SESSION TRANSACTION ...
func checkTransaction(scope string, tokens []token) error {
	var text []string
	for _, t := range tokens {
		text = append(text, strings.ToUpper(t.text))
	}
	if scope != "SESSION" && scope != "LOCAL" {
		return errInitIsolate
	}
	switch strings.Join(text, " ") {
	case "ISOLATION LEVEL READ COMMITTED", "ISOLATION LEVEL REPEATABLE READ", "ISOLATION LEVEL SERIALIZABLE":
		return nil
	}
	return errInitIsolate
}

// nextAssignment returns where the comma is that ends the first of several
// assignments, or how many tokens there are.
func nextAssignment(tokens []token) int {
	depth := 0
	for i, t := range tokens {
		switch {
		case t.is("("):
			depth++
		case t.is(")"):
			depth--
		case t.is(",") && depth == 0:
			return i
		}
	}
	return len(tokens)
}

// checkAssignment judges [scope] name = value, @@[scope.]name = value and
// @name = value.
func checkAssignment(tokens []token) error {
	at := 0
	for at < len(tokens) && !tokens[at].is("=") && !tokens[at].is(":=") {
		at++
	}
	if at == 0 || at >= len(tokens)-1 {
		return errInitSet
	}
	left, value := tokens[:at], tokens[at+1:]
	if left[0].is("@") {
		return nil // a variable of the user's own
	}
	if left[0].is("@@") {
		left = left[1:]
	}
	// What is left is a name, a scope and a name, or both joined by a dot.
	var parts []string
	for _, t := range left {
		switch {
		case t.kind == bareToken || t.kind == nameToken:
			parts = append(parts, strings.ToLower(t.text))
		case !t.is("."):
			return errInitSet
		}
	}
	name := ""
	switch len(parts) {
	case 1:
		name = parts[0]
	case 2:
		if parts[0] != "session" && parts[0] != "local" {
			return errInitScope
		}
		name = parts[1]
	}
	if !variable.MatchString(name) {
		return errInitSet
	}
	if why := taken[name]; why != "" {
		return errors.New("variable " + name + ": " + why)
	}
	if isolationVariables[name] && (len(value) != 1 || !isolation(value[0].text)) {
		return errors.New("variable " + name + ": " + isolationText)
	}
	return nil
}

// tokenKind is what a piece of SQL is.
type tokenKind uint8

const (
	bareToken tokenKind = iota // a word or a number
	nameToken                  // in backquotes
	textToken                  // in quotes
	signToken                  // anything else; @@ and := are one
)

// token is a piece of SQL; text is what is within the quotes.
type token struct {
	kind tokenKind
	text string
}

func (t token) is(sign string) bool   { return t.kind == signToken && t.text == sign }
func (t token) word(word string) bool { return t.kind == bareToken && strings.EqualFold(t.text, word) }

// tokenize takes a statement apart as every server does, whatever its sql_mode,
// and refuses what they would not read alike.
func tokenize(s string) (tokens []token, err error) {
	if strings.ContainsRune(s, 0) { // which ends a comment to some
		return nil, errInitSign
	}
	for i := 0; i < len(s); {
		rest := s[i:]
		c := s[i]
		switch {
		case strange(c) || strings.HasPrefix(rest, "--") && len(rest) > 2 && rest[2] != '\\' && strange(rest[2]):
			return nil, errInitSign
		case c == ' ' || c == '\t' || c == '\n' || c == '\r':
			i++
		case c == '#' || strings.HasPrefix(rest, "--") && (len(rest) == 2 || rest[2] <= ' '):
			end := strings.IndexByte(rest, '\n')
			if end < 0 {
				end = len(rest)
			}
			i += end
		case strings.HasPrefix(rest, "/*"):
			end := strings.Index(rest[2:], "*/")
			switch {
			case strings.HasPrefix(rest, "/*!"), strings.HasPrefix(rest, "/*M!"), strings.HasPrefix(rest, "/*m!"):
				return nil, errInitVersion
			case end < 0 || strings.Contains(rest[2:2+end], "/*"): // servers differ on nesting
				return nil, errInitText
			}
			i += end + 4
		case c == '\'' || c == '"' || c == '`':
			text, n := quoted(rest)
			if n == 0 {
				return nil, errInitText
			}
			if strings.Contains(text, "\\") {
				return nil, errInitSign
			}
			kind := textToken
			if c == '`' {
				kind = nameToken
			}
			tokens = append(tokens, token{kind, text})
			i += n
		case wordByte(c):
			n := 1
			for n < len(rest) && wordByte(rest[n]) {
				n++
			}
			tokens = append(tokens, token{bareToken, rest[:n]})
			i += n
		default:
			n := 1
			if strings.HasPrefix(rest, "@@") || strings.HasPrefix(rest, ":=") {
				n = 2
			}
			tokens = append(tokens, token{signToken, rest[:n]})
			i += n
		}
	}
	return tokens, nil
}

// strange tells of a byte that servers read in different ways outside of quotes.
func strange(c byte) bool {
	return c == '\\' || c < ' ' && c != '\t' && c != '\n' && c != '\r' || c == 0x7f
}

func wordByte(c byte) bool {
	return c == '_' || c == '$' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80
}

// quoted returns what is in the quotes that s begins with, doubled ones once,
// and how long it is with them; 0 if they are not closed.
func quoted(s string) (text string, n int) {
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		if s[i] != s[0] {
			b.WriteByte(s[i])
			continue
		}
		if i+1 < len(s) && s[i+1] == s[0] {
			b.WriteByte(s[0])
			i++
			continue
		}
		return b.String(), i + 1
	}
	return "", 0
}
