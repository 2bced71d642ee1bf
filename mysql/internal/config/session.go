package config

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/go-sql-driver/mysql"
)

// The driver renders Params into one statement that it runs on each new
// connection: SET name = value, name = value, ... Names and values go in as
// they are, so what comes from a url is checked to be one variable and one
// expression.

// variable is a session variable's name; the server's own reach further.
var variable = regexp.MustCompile(`^[a-z_][a-z0-9_.]*$`)

// taken are variables that the sink relies on, with what to do instead.
var taken = map[string]string{
	"time_zone":                "the sink sets it itself; allowed: the property timezone",
	"autocommit":               "transactions are the sink's; allowed: leave it out",
	"completion_type":          "transactions are the sink's; allowed: leave it out",
	"transaction_read_only":    "the sink writes; allowed: leave it out",
	"tx_read_only":             "the sink writes; allowed: leave it out",
	"sql_select_limit":         "the sink reads the table's columns; allowed: leave it out",
	"names":                    "text is always utf8mb4; allowed: leave it out",
	"character_set_client":     "text is always utf8mb4; allowed: leave it out",
	"character_set_connection": "text is always utf8mb4; allowed: leave it out",
	"character_set_results":    "text is always utf8mb4; allowed: leave it out",
	"collation_connection":     "text is always utf8mb4; allowed: the parameter collation",
	"password":                 "it would change the account's password; allowed: leave it out",
	"init_connect":             "it changes the server for everybody; allowed: leave it out",
	"character_set_database":   "text is always utf8mb4; allowed: leave it out",
	"insert_id":                "it would choose the next row's number; allowed: leave it out",
	"timestamp":                "it would stop the server's clock for the rows; allowed: leave it out",
}

// isolationVariables choose how much transactions see of each other: what was
// never committed must not be taken for stored.
var isolationVariables = map[string]bool{"transaction_isolation": true, "tx_isolation": true}

const isolationText = "the sink must not see what is not committed; allowed: 'READ-COMMITTED', 'REPEATABLE-READ' or 'SERIALIZABLE'"

func isolation(value string) bool {
	switch strings.ToUpper(strings.Trim(strings.TrimSpace(value), `'"`)) {
	case "READ-COMMITTED", "REPEATABLE-READ", "SERIALIZABLE":
		return true
	}
	return false
}

// strictMode makes the server refuse a value that does not fit, instead of
// storing another one, and keep a 0 for a column that it numbers itself.
const strictMode = "STRICT_ALL_TABLES,NO_AUTO_VALUE_ON_ZERO"

// applySession sets d.Params. Errors name only variables of the table above.
func applySession(d *mysql.Config, given []param) (errs []error) {
	d.Params = map[string]string{
		// Times are rendered in UTC; see the property timezone.
		"time_zone": "'+00:00'",
		"sql_mode":  withStrict("@@sql_mode"),
		// A batch of one statement is a transaction by itself, and a COMMIT ends
		// the transaction, whatever the server's own settings are.
		"autocommit":      "1",
		"completion_type": "0",
		// A server that lets others see but a few rows of a result must not hide columns.
		"sql_select_limit": "4294967295",
		// In seconds. A connection that the network swallowed in mid-transaction
		// holds its locks until the server gives it up, by default after eight
		// hours; what comes after it would wait as long. The sink gives up its
		// own idle connections before that.
		"wait_timeout": "30",
	}
	seen := map[string]bool{}
	for _, p := range given {
		name := strings.ToLower(p.name)
		name = strings.TrimPrefix(strings.TrimPrefix(name, "session."), "local.")
		reason := taken[name]
		switch {
		case reason != "":
			errs = append(errs, fmt.Errorf("parameter %s: %s", name, reason))
		case !variable.MatchString(name):
			errs = append(errs, errors.New("a parameter's name is neither the driver's nor a session variable's; allowed: letters, digits, underscores and dots"))
		case strings.HasPrefix(name, "global.") || strings.HasPrefix(name, "persist"):
			errs = append(errs, errors.New("a parameter sets a global variable, which changes the server for everybody; allowed: session variables"))
		case seen[name]:
			errs = append(errs, errors.New("a session variable is given twice; allowed: once"))
		case !expression(p.value):
			errs = append(errs, errors.New("a session variable's value is not one SQL expression; allowed: e.g. 5, 'text', @@name, without ; \\ or comments"))
		case isolationVariables[name] && !isolation(p.value):
			errs = append(errs, fmt.Errorf("parameter %s: %s", name, isolationText))
		case name == "sql_mode":
			mode, err := userMode(p.value)
			if err != nil {
				errs = append(errs, err)
				continue
			}
			d.Params[name] = withStrict(mode)
		default:
			d.Params[name] = p.value
		}
		seen[name] = true
	}
	return errs
}

func withStrict(mode string) string { return "CONCAT(" + mode + ", '," + strictMode + "')" }

var (
	bareWord  = regexp.MustCompile(`^[A-Za-z_]+$`)
	bareDigit = regexp.MustCompile(`^[0-9]`)
)

// userMode returns value as an expression that is text. SET takes a mode's bare
// name for text, CONCAT does not.
func userMode(value string) (string, error) {
	switch {
	case strings.EqualFold(value, "default"):
		return "@@global.sql_mode", nil
	case bareWord.MatchString(value):
		return "'" + value + "'", nil
	case bareDigit.MatchString(value):
		return "", errors.New("parameter sql_mode: a number; allowed: the modes' names in quotes, e.g. 'ANSI_QUOTES'")
	}
	return value, nil
}

// expression reports whether s is at most one expression: quotes and brackets
// are closed, and nothing ends it or starts a second assignment.
func expression(s string) bool {
	if strings.TrimSpace(s) == "" || strings.ContainsAny(s, ";\\\x00") {
		return false
	}
	depth := 0
	for i := 0; i < len(s); i++ {
		switch c := s[i]; c {
		case '\'', '"', '`':
			n := strings.IndexByte(s[i+1:], c) // a doubled quote closes and opens again
			if n < 0 {
				return false
			}
			i += n + 1
		case '(':
			depth++
		case ')':
			if depth--; depth < 0 {
				return false
			}
		case ',':
			if depth == 0 {
				return false
			}
		case '#':
			return false
		case '-', '/':
			if i+1 < len(s) && (s[i+1] == '-' || s[i+1] == '*') {
				return false
			}
		}
	}
	return depth == 0
}
