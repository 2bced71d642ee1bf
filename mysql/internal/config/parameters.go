package config

import (
	"errors"
	"slices"
	"time"

	"github.com/go-sql-driver/mysql"
)

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
func Parameters() []Parameter { return slices.Clone(parameters) }

var parameters = []Parameter{
	{
		"timeout", "10s", "Time to connect; up to 1h, 0 is the default.", "建立连接的时限，最长 1h，0 为默认值。",
		applied, setDuration(func(d *mysql.Config) *time.Duration { return &d.Timeout }, dialTimeout),
	},
	{
		"readTimeout", "60s", "Time to wait for an answer; up to 1h, 0 is the default. Keep it above the server's innodb_lock_wait_timeout.",
		"等待应答的时限，最长 1h，0 为默认值。应大于服务器的 innodb_lock_wait_timeout。",
		applied, setDuration(func(d *mysql.Config) *time.Duration { return &d.ReadTimeout }, readTimeout),
	},
	{
		"writeTimeout", "60s", "Time to send a packet; up to 1h, 0 is the default.", "发送数据包的时限，最长 1h，0 为默认值。",
		applied, setDuration(func(d *mysql.Config) *time.Duration { return &d.WriteTimeout }, writeTimeout),
	},
	{"tls", "false", "true, false, skip-verify or preferred.", "true、false、skip-verify 或 preferred。", applied, setTLS},
	{"charset", "utf8mb4", "Only utf8mb4 (utf8 is taken as it): any other would corrupt text.", "仅限 utf8mb4（utf8 视同 utf8mb4），其他字符集会损坏文本。", applied, setCharset},
	{"collation", "the server's", "A utf8mb4 collation.", "utf8mb4 的排序规则。", applied, setCollation},
	{"compress", "false", "Compress the connection.", "压缩连接。", applied, setCompress},
	{
		"rejectReadOnly", "false", "No need: the sink leaves a server that is read-only anyway, and tells the reason.", "无需设置：服务器只读时本 sink 会断开连接并说明原因。",
		applied, setBool(func(d *mysql.Config) *bool { return &d.RejectReadOnly }),
	},
	{
		"allowNativePasswords", "true", "Allow mysql_native_password.", "允许 mysql_native_password 认证。",
		applied, setBool(func(d *mysql.Config) *bool { return &d.AllowNativePasswords }),
	},
	{
		"allowCleartextPasswords", "false", "Send the password as it is; only with tls=true or tls=skip-verify.", "明文发送密码，仅可与 tls=true 或 tls=skip-verify 同用。",
		applied, setBool(func(d *mysql.Config) *bool { return &d.AllowCleartextPasswords }),
	},
	{
		"allowFallbackToPlaintext", "false", "Go on without TLS where the server has none.", "服务器不支持 TLS 时使用非加密连接。",
		applied, setBool(func(d *mysql.Config) *bool { return &d.AllowFallbackToPlaintext }),
	},
	{
		"checkConnLiveness", "true", "Check a connection before it is used again.", "重用连接前检查其是否可用。",
		applied, setBool(func(d *mysql.Config) *bool { return &d.CheckConnLiveness }),
	},
	{"clientFoundRows", "false", "No effect: the rows that change are what tells the fate of others.", "无效：始终统计改变的行，以判断其他行的去向。", idle, nil},
	{
		"connectionAttributes", "", "Attributes shown by the server, name:value,...", "在服务器上显示的连接属性，name:value,...",
		applied, func(d *mysql.Config, v string) error { d.ConnectionAttributes = v; return nil },
	},
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
	{
		"serverPubKey", "", "Not in this release.", "此版本不支持。", applied,
		func(*mysql.Config, string) error { return errors.New("this release knows no named keys") },
	},
}
