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
	d.RejectReadOnly = true
	// Zero asks the server on each connect: its max_allowed_packet is what counts.
	d.MaxAllowedPacket = 0
	return d
}

// policy is what happens to a parameter of the driver.
type policy uint8

const (
	applied  policy = iota
	idle            // accepted, without effect, with a warning
	unwanted        // true is refused
)

// Parameter describes one connection parameter of a url.
type Parameter struct {
	Name             string
	Default          string
	English, Chinese string

	policy policy
	set    func(d *mysql.Config, value string) error // nil if there is nothing to set
}

// Parameters returns the connection parameters that a url may carry. Any other
// name is a session variable.
func Parameters() []Parameter {
	return []Parameter{
		{"timeout", "10s", "Time to connect; up to 1h, 0 is the default.", "建立连接的时限，最长 1h，0 为默认值。",
			applied, setDuration(func(d *mysql.Config) *time.Duration { return &d.Timeout }, dialTimeout)},
		{"readTimeout", "60s", "Time to wait for an answer; up to 1h, 0 is the default. Keep it above the server's innodb_lock_wait_timeout.",
			"等待应答的时限，最长 1h，0 为默认值。应大于服务器的 innodb_lock_wait_timeout。",
			applied, setDuration(func(d *mysql.Config) *time.Duration { return &d.ReadTimeout }, readTimeout)},
		{"writeTimeout", "60s", "Time to send a packet; up to 1h, 0 is the default.", "发送数据包的时限，最长 1h，0 为默认值。",
			applied, setDuration(func(d *mysql.Config) *time.Duration { return &d.WriteTimeout }, writeTimeout)},
		{"tls", "false", "true, false, skip-verify or preferred.", "true、false、skip-verify 或 preferred。", applied, setTLS},
		{"charset", "utf8mb4", "Only utf8mb4 (utf8 is taken as it): any other would corrupt text.", "仅限 utf8mb4（utf8 视同 utf8mb4），其他字符集会损坏文本。", applied, setCharset},
		{"collation", "the server's", "A utf8mb4 collation.", "utf8mb4 的排序规则。", applied, setCollation},
		{"compress", "false", "Compress the connection.", "压缩连接。", applied, setCompress},
		{"rejectReadOnly", "true", "Drop the connection when the server is read-only, to find the writable one.", "服务器只读时断开连接，以便找到可写的服务器。",
			applied, setBool(func(d *mysql.Config) *bool { return &d.RejectReadOnly })},
		{"allowNativePasswords", "true", "Allow mysql_native_password.", "允许 mysql_native_password 认证。",
			applied, setBool(func(d *mysql.Config) *bool { return &d.AllowNativePasswords })},
		{"allowCleartextPasswords", "false", "Send the password as it is; only with tls=true or tls=skip-verify.", "明文发送密码，仅可与 tls=true 或 tls=skip-verify 同用。",
			applied, setBool(func(d *mysql.Config) *bool { return &d.AllowCleartextPasswords })},
		{"allowFallbackToPlaintext", "false", "Go on without TLS where the server has none.", "服务器不支持 TLS 时使用非加密连接。",
			applied, setBool(func(d *mysql.Config) *bool { return &d.AllowFallbackToPlaintext })},
		{"checkConnLiveness", "true", "Check a connection before it is used again.", "重用连接前检查其是否可用。",
			applied, setBool(func(d *mysql.Config) *bool { return &d.CheckConnLiveness })},
		{"clientFoundRows", "false", "Count rows that match instead of rows that change.", "统计匹配的行而非改变的行。",
			applied, setBool(func(d *mysql.Config) *bool { return &d.ClientFoundRows })},
		{"connectionAttributes", "", "Attributes shown by the server, name:value,...", "在服务器上显示的连接属性，name:value,...",
			applied, func(d *mysql.Config, v string) error { d.ConnectionAttributes = v; return nil }},
		{"multiStatements", "false", "Refused: one statement at a time, so that nothing can be appended.", "不允许：每次一条语句，以免被附加其他语句。", unwanted, nil},
		{"allowAllFiles", "false", "Refused: a server could read this machine's files.", "不允许：服务器可能读取本机文件。", unwanted, nil},
		{"allowOldPasswords", "false", "Refused: the method of before MySQL 4.1 gives the password away.", "不允许：MySQL 4.1 之前的认证方式会泄露密码。", unwanted, nil},
		// Values are bound to prepared statements: the driver's own quoting of
		// them into text would depend on sql_mode and the character set.
		{"interpolateParams", "false", "No effect: values are always bound.", "无效：值始终以绑定方式传递。", idle, nil},
		{"maxAllowedPacket", "the server's", "No effect: the server's own limit holds.", "无效：以服务器的限制为准。", idle, nil},
		{"parseTime", "false", "No effect: the sink does not read times.", "无效：本 sink 不读取时间。", idle, nil},
		{"loc", "UTC", "No effect: see the property timezone.", "无效：请用属性 timezone。", idle, nil},
		{"timeTruncate", "0", "No effect: the column's precision decides.", "无效：由列的精度决定。", idle, nil},
		{"columnsWithAlias", "false", "No effect: the sink does not read columns by alias.", "无效：本 sink 不按别名读取列。", idle, nil},
		{"strict", "true", "No effect: the sink always runs in strict mode.", "无效：始终为严格模式。", idle, nil},
		{"serverPubKey", "", "Not in this release.", "此版本不支持。", applied,
			func(*mysql.Config, string) error { return errors.New("this release knows no named keys") }},
	}
}

// silent are parameters without effect that nobody needs to hear of: the
// native sink's own example carries parseTime.
var silent = map[string]bool{"parsetime": true}

// applyParams sets d from params. It returns all problems, without the values
// and without names that are not in the table.
func applyParams(d *mysql.Config, params []param) (warnings []string, errs []error) {
	table := map[string]Parameter{}
	for _, p := range Parameters() {
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
	if d.AllowCleartextPasswords && !alwaysTLS(d) {
		errs = append(errs, errors.New("parameter allowCleartextPasswords without tls would show the password to the network; allowed: with tls=true or tls=skip-verify"))
	}
	return warnings, append(errs, applySession(d, session)...)
}

func alwaysTLS(d *mysql.Config) bool {
	return (d.TLSConfig == "true" || d.TLSConfig == "skip-verify") && !d.AllowFallbackToPlaintext
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
