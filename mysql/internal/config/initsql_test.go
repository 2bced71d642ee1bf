package config

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestInitSQLAccepted(t *testing.T) {
	cases := []struct {
		value any
		want  []string
	}{
		{"", nil},
		{"SET innodb_lock_wait_timeout = 5", []string{"SET innodb_lock_wait_timeout = 5"}},
		{"set session max_statement_time=1, @x := (SELECT 1, 2), @@session.foreign_key_checks = 0;", []string{"set session max_statement_time=1, @x := (SELECT 1, 2), @@session.foreign_key_checks = 0;"}},
		{`["SET ROLE writer", "DO SLEEP(0)"]`, []string{"SET ROLE writer", "DO SLEEP(0)"}},
		{[]any{"SET ROLE writer", "INSERT INTO log VALUES ('it''s; COMMIT', \"--\", `/*`)"}, []string{"SET ROLE writer", "INSERT INTO log VALUES ('it''s; COMMIT', \"--\", `/*`)"}},
		{"/* a comment; COMMIT */ SELECT 1 -- and ; one\n + 1 # another", []string{"/* a comment; COMMIT */ SELECT 1 -- and ; one\n + 1 # another"}},
		{"SELECT /*+ SET_VAR(x=1) */ 1--1", []string{"SELECT /*+ SET_VAR(x=1) */ 1--1"}},
		{"SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED", []string{"SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED"}},
		{"SET transaction_isolation = 'REPEATABLE-READ'", []string{"SET transaction_isolation = 'REPEATABLE-READ'"}},
		{"SET sql_mode = 'ANSI'", []string{"SET sql_mode = 'ANSI'"}}, // strictness is added after it
		{"SET @autocommit = 0", []string{"SET @autocommit = 0"}},
	}
	for _, c := range cases {
		config, _, err := Parse(with("initSql", c.value))
		if err != nil {
			t.Errorf("%v: %v", c.value, err)
			continue
		}
		if diff := cmp.Diff(c.want, config.Link.InitSQL); diff != "" {
			t.Errorf("%v: %s", c.value, diff)
		}
	}
}

func TestInitSQLRefused(t *testing.T) {
	cases := []struct{ statement, want string }{
		{" ", "empty"},
		{";", "empty"},
		{strings.Repeat("x", 4097), "empty, or longer than 4096 bytes"},
		{"COMMIT", "COMMIT: it ends a transaction"},
		{"/**/commit work", "COMMIT: it ends a transaction"},
		{"-- x\nBEGIN", "BEGIN: it begins a transaction"},
		{"# x\nSTART TRANSACTION", "START: it begins"},
		{"START SLAVE", "START: it begins"},
		{"xa start 'x'", "XA: it begins"},
		{"LOCK TABLES t WRITE", "LOCK: it ends a transaction"},
		{"USE other", "USE: the database is the url's"},
		{"CALL p()", "CALL: nobody can tell"},
		{"PREPARE s FROM 'COMMIT'", "PREPARE: nobody can tell"},
		{"EXECUTE IMMEDIATE 'COMMIT'", "EXECUTE: nobody can tell"},
		{"CREATE TABLE x (y INT)", "it is none of the statements"},
		{"DROP TABLE t", "it is none of the statements"},
		{"GRANT ALL ON *.* TO x", "it is none of the statements"},
		{"(SELECT 1)", "it begins with no word"},
		{"`SET` x = 1", "it begins with no word"},
		{"SET x = 1; COMMIT", "more than one statement"},
		{"SET x = 'a', y = 'b", "a quote or a comment is not closed"},
		{"SET x = 1 /* y", "a quote or a comment is not closed"},
		{"SET x = 1 /* /* */ */", "a quote or a comment is not closed"},
		{"/*!50000 COMMIT */", "a comment that some servers execute"},
		{"SET x = 1 /*M! , autocommit = 0 */", "a comment that some servers execute"},
		{`SET x = 'a\', autocommit = 0, y = '`, "a backslash"},
		{"SET x = 1\x00", "a backslash or a control character"},
		{"SELECT (1", "a bracket"},
		{"SELECT 1)", "a bracket"},
		{"SELECT 1 INTO OUTFILE '/x'", "INTO OUTFILE"},
		{"SELECT 1 INTO/**/dumpfile '/x'", "INTO OUTFILE"},
		{"SET", "SET without a variable"},
		{"SET x", "SET without a variable"},
		{"SET x = ", "SET without a variable"},
		{"SET x = 1,", "SET without a variable"},
		{"SET x = 1, NAMES gbk", "SET without a variable"},
		{`SET "autocommit" = 0`, "SET without a variable"}, // a name under ANSI_QUOTES
		{"SET NAMES gbk", "text is always utf8mb4"},
		{"SET CHARACTER SET gbk", "text is always utf8mb4"},
		{"SET PASSWORD = 'x'", "it would change an account"},
		{"SET DEFAULT ROLE x TO y", "it would change an account"},
		{"SET STATEMENT max_statement_time=1 FOR COMMIT", "SET STATEMENT"},
		{"SET TRANSACTION READ ONLY", "SET TRANSACTION: the sink must not see"},
		{"SET SESSION TRANSACTION READ ONLY", "SET TRANSACTION"},
		{"SET SESSION TRANSACTION ISOLATION LEVEL READ UNCOMMITTED", "SET TRANSACTION"},
		{"SET GLOBAL TRANSACTION ISOLATION LEVEL SERIALIZABLE", "SET TRANSACTION"},
		{"SET autocommit = 0", "variable autocommit: transactions are the sink's"},
		{"SET `AutoCommit` = 0", "variable autocommit: transactions are the sink's"},
		{"SET x = 1, @y = (1, 2), @@session . autocommit := 0", "variable autocommit"},
		{"SET LOCAL time_zone = 'SYSTEM'", "variable time_zone: the sink sets it itself"},
		{"SET @@local.time_zone = 'SYSTEM'", "variable time_zone"},
		{"SET GLOBAL x = 1", "it changes the server for everybody"},
		{"SET x = 1, PERSIST y = 1", "it changes the server for everybody"},
		{"SET @@global.x = 1", "it changes the server for everybody"},
		{"SET @@persist_only . x = 1", "it changes the server for everybody"},
		{"SET hot.key_buffer_size = 1", "it changes the server for everybody"},
		{"SET tx_isolation = 'READ-UNCOMMITTED'", "variable tx_isolation: the sink must not see"},
		{"SET transaction_isolation = @@global.transaction_isolation", "variable transaction_isolation"},
	}
	for _, c := range cases {
		_, _, err := Parse(with("initSql", []any{"SELECT 1", c.statement}))
		got := lines(err)
		if len(got) != 1 || !strings.HasPrefix(got[0], "property initSql: statement 2: "+c.want) || !strings.Contains(got[0], "; allowed: one statement, or a list") {
			t.Errorf("%q\ngot  %q\nwant %q", c.statement, got, c.want)
		}
	}
	for _, value := range []any{5, map[string]any{}, []any{5}, make([]string, 17)} {
		if _, _, err := Parse(with("initSql", value)); err == nil || !strings.HasPrefix(err.Error(), "property initSql: ") {
			t.Errorf("%v: %v", value, err)
		}
	}
}

// FuzzInitSQL looks for a statement that is accepted although, read as a server
// might, it is two, or has something in it that a server executes from a comment.
func FuzzInitSQL(f *testing.F) {
	for _, s := range []string{
		"SET x = 1", "SET x='a''b', y=`c```; -- d", "SELECT 1 # x\n;", "/* x */ DO 1", "SET @@session.x := (1), @y = \"z\"",
		"SELECT --\x00\"0", "SELECT 1 # \x00; COMMIT", "SELECT 1 --\x01\n", "/*!COMMIT*/", "SET x = '\\', autocommit=0, y='", "SELECT 1--1;COMMIT", "SET a=1/**/,GLOBAL b=2",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if checkInit(s) != nil {
			return
		}
		bare, ok := withoutText(s)
		if !ok {
			t.Fatalf("%q: what is a text and what is not is not clear", s)
		}
		if i := strings.IndexByte(bare, ';'); i >= 0 && strings.Trim(bare[i+1:], " \t\r\n") != "" || strings.Contains(bare, "\\") {
			t.Fatalf("%q: more than one statement", s)
		}
	})
}

// withoutText blanks texts and comments, by another way than the tokenizer's.
func withoutText(s string) (string, bool) {
	var b strings.Builder
	for len(s) > 0 {
		switch {
		case strings.HasPrefix(s, "/*!"), strings.HasPrefix(s, "/*M!"):
			return "", false
		case strings.HasPrefix(s, "/*"):
			_, rest, found := strings.Cut(s[2:], "*/")
			if !found {
				return "", false
			}
			b.WriteByte(' ')
			s = rest
		case s[0] == '#', s == "--", strings.HasPrefix(s, "-- "), strings.HasPrefix(s, "--\t"), strings.HasPrefix(s, "--\n"), strings.HasPrefix(s, "--\r"):
			_, s, _ = strings.Cut(s, "\n")
			b.WriteByte('\n')
		case s[0] == '\'' || s[0] == '"' || s[0] == '`':
			end := strings.IndexByte(s[1:], s[0])
			if end < 0 {
				return "", false
			}
			b.WriteByte('?')
			s = s[end+2:]
		default:
			b.WriteByte(s[0])
			s = s[1:]
		}
	}
	return b.String(), true
}
