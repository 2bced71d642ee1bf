package matrix_test

import (
	"regexp"
	"strings"
)

// spy reads the server's general log: what the sink has asked for.
type spy struct{}

// listen turns the log on, where the server has one that can be read.
func (t *trial) listen() *spy {
	t.Helper()
	if !t.is("mariadb", "mysql") {
		return nil
	}
	for _, statement := range []string{"SET GLOBAL log_output = 'TABLE'", "TRUNCATE mysql.general_log", "SET GLOBAL general_log = ON"} {
		if _, err := t.server.DB().Exec(statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	return &spy{}
}

var (
	quoted   = regexp.MustCompile("`(?:[^`]|``)*`")
	literals = regexp.MustCompile(`'(?:[^'\\]|''|\\.)*'`)
	first    = regexp.MustCompile(`^(?i:INSERT|REPLACE|UPDATE|DELETE|SELECT|WITH|SET|START TRANSACTION|BEGIN|COMMIT|ROLLBACK|LOAD DATA LOCAL|SHOW|CREATE TABLE IF NOT EXISTS|ALTER TABLE|DO)\b`)
)

// check turns the log off and looks at every statement of the sink's user.
// Values are bound: none may be in a statement's text.
func (s *spy) check(t *trial) (statements int) {
	t.Helper()
	if s == nil {
		return 0
	}
	if _, err := t.server.DB().Exec("SET GLOBAL general_log = OFF"); err != nil {
		t.Fatal(err)
	}
	for _, text := range t.query("SELECT argument FROM mysql.general_log WHERE command_type IN ('Query', 'Prepare') AND user_host LIKE 'writer%'") {
		statements++
		rest := quoted.ReplaceAllString(text, "i")
		if strings.Contains(rest, mark) {
			t.Errorf("a hostile text is outside of an identifier: %.500s", text)
		}
		rest = literals.ReplaceAllString(rest, "s")
		if !first.MatchString(strings.TrimSpace(rest)) || strings.ContainsAny(rest, ";#'\"\\`") || strings.Contains(rest, "--") || strings.Contains(rest, "/*") {
			t.Errorf("a statement that the sink does not make: %.500s", text)
		}
	}
	if statements == 0 {
		t.Error("the server's log has no statement of the sink's")
	}
	return statements
}
