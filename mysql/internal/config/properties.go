package config

import (
	"encoding/json"
	"slices"
	"strings"
	"time"
)

// maxDelay bounds maxBatchDelay.
const maxDelay = time.Minute

// Text is one text in both languages that eKuiper's manager shows.
type Text struct{ English, Chinese string }

// Property describes one property of the sink. The documentation and the
// manager's descriptor are made from it.
type Property struct {
	Name     string
	Aliases  []string
	Type     string // string, integer, size, duration or object
	Default  any    // nil if there is none
	Required bool
	Secret   bool     // its value is never shown
	Unit     string   // of a bare number; empty if there is none
	Allowed  string   // as an error tells it
	Values   []string // all that there are; empty unless they can be listed
	Label    Text
	Hint     Text

	read func(r *reader, p Property, name string, v any) // reads v into r.config
}

// Properties returns the sink's properties in the order of the documentation.
func Properties() []Property { return slices.Clone(properties) }

var properties = []Property{
	{
		Name: "url", Aliases: []string{"dburl"}, Type: "string", Required: true, Secret: true,
		Allowed: "user:password@tcp(host:port)/database or mysql://user:password@host:port/database",
		Label:   Text{"Database address", "数据库地址"},
		Hint: Text{
			"Where the database is: user:password@tcp(host:3306)/database?params, with unix(/path) for a socket, or " +
				"mysql://user:password@host:3306/database?params, where signs such as @ : / ? # in the password are percent-encoded. " +
				"mariadb:// and tidb:// mean the same. The port is 3306 by default. dburl is another name for it.",
			"数据库地址：user:password@tcp(host:3306)/database?params（套接字用 unix(/path)），或 " +
				"mysql://user:password@host:3306/database?params，后者密码中的 @ : / ? # 等字符须进行百分号编码。" +
				"mariadb:// 与 tidb:// 含义相同。端口默认为 3306。也可写作 dburl。",
		},
		read: readURL,
	},
	{
		Name: "table", Type: "string", Required: true,
		Allowed: "table or database.table, each part of 1 to 64 characters, in backquotes where it holds a dot",
		Label:   Text{"Table", "表"},
		Hint: Text{
			"The table to write to: table or database.table; either part may stand in backquotes. It must exist.",
			"写入的表：table 或 database.table，各部分可用反引号括起。该表必须已存在。",
		},
		read: readTable,
	},
	{
		Name: "nullAs", Type: "string", Default: "null", Allowed: "null, default", Values: []string{"null", "default"},
		Label: Text{"Null is written as", "空值写为"},
		Hint: Text{
			"What a null field becomes: null writes NULL, default leaves the column to its default.",
			"值为 null 的字段如何写入：null 写入 NULL，default 使用列的默认值。",
		},
		read: choice(func(r *reader, s string) { r.config.NullAsDefault = s == "default" }),
	},
	{
		Name: "extraFields", Type: "string", Default: "error", Allowed: "error, ignore", Values: []string{"error", "ignore"},
		Label: Text{"Fields without a column", "没有对应列的字段"},
		Hint: Text{
			"What happens to a row with a field that the table has no column for: error sets the row aside, ignore drops the field.",
			"行中有表里不存在的字段时：error 将该行搁置，ignore 丢弃该字段。",
		},
		read: choice(func(r *reader, s string) { r.config.IgnoreExtraFields = s == "ignore" }),
	},
	{
		Name: "timezone", Type: "string", Default: "UTC", Allowed: "UTC, a zone such as Asia/Shanghai, or an offset such as +08:00",
		Label: Text{"Time zone", "时区"},
		Hint: Text{
			"The zone of times that name none, and of what is written into DATETIME, DATE, TIME and YEAR columns, whatever the server's.",
			"不带时区的时间所属的时区，也是写入 DATETIME、DATE、TIME、YEAR 列的时区，与服务器时区无关。",
		},
		read: readTimezone,
	},
	{
		Name: "epochUnit", Type: "string", Default: "auto", Allowed: "auto, s, ms, us, ns", Values: []string{"auto", "s", "ms", "us", "ns"},
		Label: Text{"Unit of epoch times", "时间戳单位"},
		Hint: Text{
			"The unit of numbers that go into columns of date and time; auto tells it by their size.",
			"写入日期时间列的数字的单位；auto 按数值大小判断。",
		},
		read: choice(func(r *reader, s string) { r.config.EpochUnit = s }),
	},
	{
		Name: "maxBatchRows", Type: "integer", Default: 8000, Unit: "rows", Allowed: "1 to 65535",
		Label: Text{"Rows per batch", "每批行数"},
		Hint: Text{
			"The most rows that are written at once; more than 8000 never are. A batch does not wait to be full. Where many rows wait, batches begin " +
				"with 1000 and grow as long as that makes them faster, as it does with a server that is far; they shrink on lock conflicts and slow writes.",
			"一次写入的最多行数，不会超过 8000。批次不会等待填满。等待的行较多时，批次从 1000 行开始，在速度随之提高时（例如服务器较远）增大，遇到锁冲突或写入过慢时减小。",
		},
		read: number(1, 65535, func(r *reader, n int64) { r.config.MaxBatchRows = int(n) }),
	},
	{
		Name: "maxBatchBytes", Type: "size", Default: "1MiB", Unit: "bytes", Allowed: "1KiB to 1GiB, as a number of bytes or e.g. 4MiB",
		Label: Text{"Bytes per batch", "每批字节数"},
		Hint: Text{
			"The most bytes that are written at once, as a number or as text such as 4MiB; never more than the server's max_allowed_packet.",
			"一次写入的最多字节数，可为数字或 4MiB 这样的文本；不会超过服务器的 max_allowed_packet。",
		},
		read: size(1<<10, 1<<30, func(r *reader, n int64) { r.config.MaxBatchBytes = int(n) }),
	},
	{
		Name: "maxBatchDelay", Type: "duration", Default: 0, Unit: "ms", Allowed: "0 to 60s, as a number of milliseconds or e.g. 250ms",
		Label: Text{"Batch delay", "批次延迟"},
		Hint: Text{
			"How long a batch that is not full waits for more rows although nothing else is being written. 0 writes at once.",
			"在没有其他写入时，未满的批次等待更多行的时间。0 表示立即写入。",
		},
		read: readDelay,
	},
	{
		Name: "road", Type: "string", Default: "auto", Allowed: "auto, insert, load", Values: []string{"auto", "insert", "load"},
		Label: Text{"Road", "写入方式"},
		Hint: Text{
			"How many rows at once are written: insert by prepared INSERT, load by LOAD DATA LOCAL where the server has local_infile on and all values are plain; " +
				"what such a load would change or pass over is undone and goes by INSERT. auto takes the faster one: load on MySQL, insert elsewhere.",
			"大批量行的写入方式：insert 使用预处理的 INSERT；load 在服务器开启 local_infile 且各值均为普通值时使用 LOAD DATA LOCAL，" +
				"若加载会改动或跳过某些值，则撤销并改用 INSERT。auto 选择较快者：MySQL 用 load，其他用 insert。",
		},
		read: choice(func(r *reader, s string) { r.config.Road = s }),
	},
	{
		Name: "journal", Type: "string", Default: "on", Allowed: "on, off", Values: []string{"on", "off"},
		Label: Text{"Journal", "日志"},
		Hint: Text{
			"on keeps rows that wait for the database in files, which outlive the plugin and eKuiper; off keeps them in memory.",
			"on 将等待写入的行保存在文件中，插件或 eKuiper 结束后仍在；off 保存在内存中。",
		},
		read: choice(func(r *reader, s string) { r.config.Journal = s == "on" }),
	},
	{
		Name: "maxJournalBytes", Type: "size", Default: "1GiB", Unit: "bytes", Allowed: "1MiB to 1PiB, as a number of bytes or e.g. 10GiB",
		Label: Text{"Bytes in the journal", "日志字节数"},
		Hint: Text{
			"How many bytes on disk the rows that wait may take.",
			"等待写入的行在磁盘上最多占用的字节数。",
		},
		read: size(1<<20, 1<<50, func(r *reader, n int64) { r.config.MaxJournalBytes = n }),
	},
	{
		Name: "maxJournalAge", Type: "duration", Default: 0, Unit: "ms", Allowed: "0, or 1s to 10 years, as a number of milliseconds or e.g. 168h",
		Label: Text{"Age in the journal", "日志保存时间"},
		Hint: Text{
			"Rows that have waited longer are dropped, counted and logged. 0 drops none.",
			"等待时间超过此值的行被丢弃、计数并记录到日志。0 表示不丢弃。",
		},
		read: span(time.Second, 10*365*24*time.Hour, func(r *reader, d time.Duration) { r.config.MaxJournalAge = d }),
	},
	{
		Name: "whenFull", Type: "string", Default: "block", Allowed: "block, dropOldest, refuse", Values: []string{"block", "dropOldest", "refuse"},
		Label: Text{"When full", "已满时"},
		Hint: Text{
			"What happens when the journal is full: block makes eKuiper wait, dropOldest drops the oldest rows, counted and logged, " +
				"refuse answers with an error at once and needs requireAck.",
			"日志已满时：block 使 eKuiper 等待；dropOldest 丢弃最旧的行并计数、记录；refuse 立即返回错误，需要 requireAck。",
		},
		read: choice(func(r *reader, s string) { r.config.WhenFull = s }),
	},
	{
		Name: "fsync", Type: "string", Default: "1s", Allowed: "always, or 1ms to 1h, as a number of milliseconds or e.g. 200ms",
		Label: Text{"Sync to disk", "同步到磁盘"},
		Hint: Text{
			"How long rows may wait until they are safe from a power cut; always makes eKuiper wait for it. A crash of the plugin or of eKuiper costs nothing either way.",
			"行在多长时间内确保断电不丢失；always 使 eKuiper 等待同步完成。插件或 eKuiper 崩溃在任何设置下都不会丢失。",
		},
		read: readFsync,
	},
	{
		Name: "maxQueueBytes", Type: "size", Default: "16MiB", Unit: "bytes", Allowed: "64KiB to 1TiB, as a number of bytes or e.g. 64MiB",
		Label: Text{"Bytes in the queue", "队列字节数"},
		Hint: Text{
			"With journal off: how many bytes of messages may wait in memory for the database. When it is full, eKuiper is made to wait.",
			"journal 为 off 时，在内存中等待写入的消息的最多字节数。队列满时 eKuiper 将等待。",
		},
		read: size(64<<10, 1<<40, func(r *reader, n int64) { r.config.MaxQueueBytes = n }),
	},
	{
		Name: "delivery", Type: "string", Default: "atLeastOnce", Allowed: "atLeastOnce, exactlyOnce", Values: []string{"atLeastOnce", "exactlyOnce"},
		Label: Text{"Delivery", "投递保证"},
		Hint: Text{
			"atLeastOnce may write some rows again after a crash in a table without a primary or unique key; exactlyOnce never does: it keeps its " +
				"place in a ledger table of the same database, in the same transaction as the rows. It needs the journal and a transactional table.",
			"atLeastOnce 在崩溃后可能向没有主键或唯一键的表重复写入少量行；exactlyOnce 不会：它在同一事务中将进度写入同一数据库的账本表。需要开启日志，且表支持事务。",
		},
		read: choice(func(r *reader, s string) { r.config.ExactlyOnce = s == "exactlyOnce" }),
	},
	{
		Name: "ledgerTable", Type: "string", Default: "ekuiper_mysql_ledger",
		Allowed: "a table's name of 1 to 64 characters, without a database",
		Label:   Text{"Ledger table", "账本表"},
		Hint: Text{
			"With exactlyOnce: the table that holds each journal's place, in the database of the rows. It is created if it does not exist.",
			"exactlyOnce 时，保存各日志进度的表，与数据位于同一数据库。不存在时自动创建。",
		},
		read: readLedgerTable,
	},
	{
		Name: "deadLetterTable", Type: "string", Default: "",
		Allowed: "a table's name of 1 to 64 characters, without a database, other than the rows' own",
		Label:   Text{"Dead letter table", "死信表"},
		Hint: Text{
			"Rows that the table refuses are kept on disk; with this they are copied to a table in the database of the rows as well, with the reason. It is created if it does not exist.",
			"被表拒绝的行保存在磁盘上；设置此项后，还会连同原因复制到数据所在数据库的此表中。不存在时自动创建。",
		},
		read: readDeadLetterTable,
	},
	{
		Name: "errors", Type: "object", Default: "{}", Allowed: "an object such as {\"1452\": \"retry\", \"23000\": \"row\"}",
		Label: Text{"Errors", "错误处理"},
		Hint: Text{
			"What to do on some of the server's errors, by number, SQLSTATE or name: row sets the row aside, retry waits and tries again, " +
				"operator waits for somebody to mend it, schema reads the table again, split writes fewer rows at once, unknown takes the outcome for unknown, " +
				"unlisted tries a few times and then sets the row aside.",
			"按编号、SQLSTATE 或名称指定对某些服务器错误的处理：row 搁置该行；retry 等待并重试；operator 等待人工修复；schema 重新读取表结构；" +
				"split 减少每次写入的行数；unknown 视为结果未知；unlisted 重试数次后搁置该行。",
		},
		read: readErrors,
	},
}

// refuse reports a value that p does not allow.
func (r *reader) refuse(p Property, name string, v any) {
	shown := describe(v)
	if p.Secret {
		shown = "a value of type " + kindOf(v)
	}
	r.fail("property %s: %s; allowed: %s", name, shown, p.Allowed)
}

func readURL(r *reader, p Property, name string, v any) {
	s, ok := v.(string)
	if !ok {
		r.refuse(p, name, v)
		return
	}
	e, err := parseEndpoint(s)
	if err != nil {
		r.fail("property %s: %w", name, err)
		return
	}
	d := r.config.Driver
	d.User, d.Passwd, d.Net, d.Addr, d.DBName = e.user, e.password, e.network, e.address, e.database
	warnings, errs := applyParams(d, e.params)
	for _, w := range warnings {
		r.warn("property %s: %s", name, w)
	}
	for _, err := range errs {
		r.fail("property %s: %w", name, err)
	}
}

func readTable(r *reader, p Property, name string, v any) {
	s, ok := v.(string)
	if !ok {
		r.refuse(p, name, v)
		return
	}
	if err := checkTable(s); err != nil {
		r.fail("property %s: %s: %w; allowed: %s", name, describe(v), err, p.Allowed)
		return
	}
	r.config.Table = s
}

func readLedgerTable(r *reader, p Property, name string, v any) {
	if s, ok := r.tableAlone(p, name, v); ok {
		r.config.LedgerTable = s
	}
}

func readDeadLetterTable(r *reader, p Property, name string, v any) {
	if v == "" {
		return
	}
	if s, ok := r.tableAlone(p, name, v); ok {
		r.config.DeadLetterTable = s
	}
}

// tableAlone reads the name of a table without a database.
func (r *reader) tableAlone(p Property, name string, v any) (string, bool) {
	s, ok := v.(string)
	if !ok {
		r.refuse(p, name, v)
		return "", false
	}
	if err := checkTable(s); err != nil {
		r.fail("property %s: %s: %w; allowed: %s", name, describe(v), err, p.Allowed)
		return "", false
	}
	if tableDatabase(s) != "" {
		r.refuse(p, name, v)
		return "", false
	}
	return s, true
}

// readErrors takes the object as it is, whose words the room that knows the
// errors judges. A form in the manager gives its JSON text.
func readErrors(r *reader, p Property, name string, v any) {
	switch v := v.(type) {
	case map[string]any:
		r.config.Errors = v
	case string:
		if json.Unmarshal([]byte(v), &r.config.Errors) != nil {
			r.refuse(p, name, v)
		}
	default:
		r.refuse(p, name, v)
	}
}

func readTimezone(r *reader, p Property, name string, v any) {
	l, ok := location(v)
	if !ok {
		r.refuse(p, name, v)
		return
	}
	r.config.Location = l
}

func readDelay(r *reader, p Property, name string, v any) {
	d, ok := duration(v)
	if !ok || d < 0 || d > maxDelay {
		r.refuse(p, name, v)
		return
	}
	r.config.MaxBatchDelay = d
}

func readFsync(r *reader, p Property, name string, v any) {
	if s, ok := v.(string); ok && strings.EqualFold(s, "always") {
		r.config.Fsync = 0
		return
	}
	d, ok := duration(v)
	if !ok || d < time.Millisecond || d > time.Hour {
		r.refuse(p, name, v)
		return
	}
	r.config.Fsync = d
}

// span reads a duration that is 0 or between least and most.
func span(least, most time.Duration, set func(r *reader, d time.Duration)) func(*reader, Property, string, any) {
	return func(r *reader, p Property, name string, v any) {
		d, ok := duration(v)
		if !ok || d != 0 && (d < least || d > most) {
			r.refuse(p, name, v)
			return
		}
		set(r, d)
	}
}

// choice reads one of p.Values, in any case.
func choice(set func(r *reader, s string)) func(*reader, Property, string, any) {
	return func(r *reader, p Property, name string, v any) {
		s, _ := v.(string)
		for _, value := range p.Values {
			if strings.EqualFold(s, value) {
				set(r, value)
				return
			}
		}
		r.refuse(p, name, v)
	}
}

func number(least, most int64, set func(r *reader, n int64)) func(*reader, Property, string, any) {
	return within(integer, least, most, set)
}

func size(least, most int64, set func(r *reader, n int64)) func(*reader, Property, string, any) {
	return within(byteCount, least, most, set)
}

func within(read func(any) (int64, bool), least, most int64, set func(r *reader, n int64)) func(*reader, Property, string, any) {
	return func(r *reader, p Property, name string, v any) {
		n, ok := read(v)
		if !ok || n < least || n > most {
			r.refuse(p, name, v)
			return
		}
		set(r, n)
	}
}
