package check

import (
	"slices"
	"strings"
)

// grant is one line of SHOW GRANTS, without what identifies the account.
type grant struct {
	privileges []string // upper case; of some columns only are left out
	columns    []string // those of some columns only
	database   string   // a pattern as of LIKE; "*" is all
	table      string   // "*" is all
	revoked    bool     // a partial revoke of MySQL's
}

// grants are an account's.
type grants []grant

// parseGrants reads the lines of SHOW GRANTS. What is none about tables, such as
// a role or a procedure, is passed over.
func parseGrants(lines []string) (all grants) {
	for _, line := range lines {
		g := grant{}
		rest, ok := strings.CutPrefix(line, "GRANT ")
		if !ok {
			if rest, ok = strings.CutPrefix(line, "REVOKE "); !ok {
				continue
			}
			g.revoked = true
		}
		on := outside(rest, " ON ")
		if on < 0 {
			continue
		}
		if !g.scope(rest[on+len(" ON "):]) {
			continue
		}
		for _, p := range parts(rest[:on]) {
			name, of, some := strings.Cut(p, "(")
			name = strings.ToUpper(strings.TrimSpace(name))
			if some && of != "" {
				g.columns = append(g.columns, name)
				continue
			}
			g.privileges = append(g.privileges, name)
		}
		all = append(all, g)
	}
	return all
}

// scope reads what the grant is on.
func (g *grant) scope(text string) bool {
	text = strings.TrimPrefix(text, "TABLE ")
	database, rest, ok := identifier(text)
	if !ok || !strings.HasPrefix(rest, ".") {
		return false
	}
	g.database = database
	g.table, rest, ok = identifier(rest[1:])
	return ok && strings.HasPrefix(rest, " ")
}

// identifier cuts a name, quoted or not, or *.
func identifier(s string) (name, rest string, ok bool) {
	if s == "" {
		return "", "", false
	}
	quote := s[0]
	if quote != '`' && quote != '"' {
		end := strings.IndexAny(s, ". ")
		if end <= 0 {
			return "", "", false
		}
		return s[:end], s[end:], true
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		if s[i] != quote {
			b.WriteByte(s[i])
			continue
		}
		if i+1 < len(s) && s[i+1] == quote {
			b.WriteByte(quote)
			i++
			continue
		}
		return b.String(), s[i+1:], true
	}
	return "", "", false
}

// outside returns where word stands outside of quotes and parentheses, or -1.
func outside(s, word string) int {
	depth, quote := 0, byte(0)
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '`' || c == '"' || c == '\'':
			quote = c
		case c == '(':
			depth++
		case c == ')':
			depth--
		case depth == 0 && strings.HasPrefix(s[i:], word):
			return i
		}
	}
	return -1
}

// parts splits at commas outside of quotes and parentheses.
func parts(s string) (all []string) {
	for {
		i := outside(s, ",")
		if i < 0 {
			return append(all, strings.TrimSpace(s))
		}
		all = append(all, strings.TrimSpace(s[:i]))
		s = s[i+1:]
	}
}

// has tells whether the grants give a privilege on a table.
func (g grants) has(privilege, database, table string) bool {
	given := false
	for i := range g {
		if !g[i].covers(database, table) || !slices.Contains(g[i].privileges, privilege) && !g[i].all() {
			continue
		}
		if g[i].revoked {
			return false // what is revoked in part is given in whole
		}
		given = true
	}
	return given
}

// some tells whether they give it on some columns of the table.
func (g grants) some(privilege, database, table string) bool {
	return slices.ContainsFunc(g, func(one grant) bool {
		return !one.revoked && one.covers(database, table) && slices.Contains(one.columns, privilege)
	})
}

func (g *grant) all() bool {
	return slices.Contains(g.privileges, "ALL PRIVILEGES") || slices.Contains(g.privileges, "ALL")
}

func (g *grant) covers(database, table string) bool {
	return (g.table == "*" || strings.EqualFold(g.table, table)) && (g.database == "*" || like(g.database, database))
}

// like matches a pattern of LIKE, case apart.
func like(pattern, s string) bool {
	p, t := []rune(strings.ToLower(pattern)), []rune(strings.ToLower(s))
	// matches[j]: the pattern so far matches the first j of t.
	matches := make([]bool, len(t)+1)
	matches[0] = true
	for i := 0; i < len(p); i++ {
		c, literal := p[i], false
		if c == '\\' && i+1 < len(p) {
			i++
			c, literal = p[i], true
		}
		next := make([]bool, len(t)+1)
		for j := range next {
			switch {
			case c == '%' && !literal:
				next[j] = matches[j] || j > 0 && next[j-1]
			case j > 0:
				next[j] = matches[j-1] && (t[j-1] == c || c == '_' && !literal)
			}
		}
		matches = next
	}
	return matches[len(t)]
}
