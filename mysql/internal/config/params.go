package config

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
)

// The connection's time limits where the url does not say. A read must outlast
// the server's innodb_lock_wait_timeout, 50 s by default.
const (
	dialTimeout  = 10 * time.Second
	readTimeout  = 60 * time.Second
	writeTimeout = 60 * time.Second
	maxTimeout   = time.Hour
)

// newDriver returns the connection's settings before any url is read.
func newDriver() *mysql.Config {
	d := mysql.NewConfig()
	d.Timeout, d.ReadTimeout, d.WriteTimeout = dialTimeout, readTimeout, writeTimeout
	// A server that turned read-only, as a demoted primary does, then costs the
	// connection, and the next one may find the new primary.
	// Zero asks the server on each connect: its max_allowed_packet is what counts.
	d.MaxAllowedPacket = 0
	return d
}

// silent are parameters without effect that nobody needs to hear of: the
// native sink's own example carries parseTime.
var silent = map[string]bool{"parsetime": true}

// applyParams sets d from params. It returns all problems, without the values
// and without names that are not in the table.
func applyParams(d *mysql.Config, params []param) (warnings []string, errs []error) {
	table := map[string]Parameter{}
	for _, p := range parameters {
		table[strings.ToLower(p.Name)] = p
	}
	seen := map[string]bool{}
	var session []param
	for _, given := range params {
		low := strings.ToLower(given.name)
		p, ok := table[low]
		if !ok {
			session = append(session, given)
			continue
		}
		if seen[low] {
			errs = append(errs, fmt.Errorf("parameter %s is given twice; allowed: once", p.Name))
			continue
		}
		seen[low] = true
		switch {
		case p.policy == idle:
			if !silent[low] {
				warnings = append(warnings, fmt.Sprintf("parameter %s: %s", p.Name, lowerFirst(p.English)))
			}
		case p.policy == unwanted:
			if on, valid := truth(given.value); on || !valid {
				errs = append(errs, fmt.Errorf("parameter %s is %s; allowed: leave it out", p.Name, lowerFirst(strings.TrimSuffix(p.English, "."))))
			}
		default:
			if err := p.set(d, given.value); err != nil {
				errs = append(errs, fmt.Errorf("parameter %s: %w", p.Name, err))
			}
		}
	}
	// Explicit, beside the collation of the handshake: a server may be told to
	// ignore that one.
	_ = d.Apply(mysql.Charset("utf8mb4", d.Collation))
	return warnings, append(errs, applySession(d, session)...)
}

func lowerFirst(s string) string { return strings.ToLower(s[:1]) + s[1:] }

// truth reads a bool as the driver does, in any case.
func truth(s string) (on, valid bool) {
	switch strings.ToLower(s) {
	case "1", "true":
		return true, true
	case "0", "false":
		return false, true
	}
	return false, false
}

func setBool(field func(*mysql.Config) *bool) func(*mysql.Config, string) error {
	return func(d *mysql.Config, v string) error {
		on, valid := truth(v)
		if !valid {
			return errors.New("not a bool; allowed: true, false")
		}
		*field(d) = on
		return nil
	}
}

func setDuration(field func(*mysql.Config) *time.Duration, fallback time.Duration) func(*mysql.Config, string) error {
	return func(d *mysql.Config, v string) error {
		t, err := time.ParseDuration(v)
		switch {
		case err != nil && v != "0", t < 0, t > maxTimeout:
			return errors.New("not a duration; allowed: e.g. 10s, up to 1h")
		case t == 0:
			t = fallback // the driver's zero waits for ever
		}
		*field(d) = t
		return nil
	}
}

func setTLS(d *mysql.Config, v string) error {
	low := strings.ToLower(v)
	if on, valid := truth(low); valid {
		low = choose(on, "true", "false")
	}
	switch low {
	case "true", "false", "skip-verify", "preferred":
		d.TLSConfig = low
		return nil
	}
	return errors.New("not known; allowed: true, false, skip-verify, preferred")
}

func setCharset(_ *mysql.Config, v string) error {
	for c := range strings.SplitSeq(v, ",") {
		if c != "" && !strings.EqualFold(c, "utf8mb4") && !strings.EqualFold(c, "utf8") {
			return errors.New("another character set would corrupt text; allowed: utf8mb4")
		}
	}
	return nil
}

func setCollation(d *mysql.Config, v string) error {
	low := strings.ToLower(v)
	plain := !strings.ContainsFunc(low, func(r rune) bool { return r != '_' && (r < '0' || r > '9') && (r < 'a' || r > 'z') })
	if !plain || !strings.HasPrefix(low, "utf8mb4_") {
		return errors.New("not a utf8mb4 collation; allowed: e.g. utf8mb4_unicode_ci")
	}
	d.Collation = low
	return nil
}

func setCompress(d *mysql.Config, v string) error {
	on, valid := truth(v)
	if !valid {
		return errors.New("not a bool; allowed: true, false")
	}
	return d.Apply(mysql.EnableCompression(on))
}
