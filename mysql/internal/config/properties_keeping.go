package config

import (
	"strings"
	"time"
)

// keepingProperties say how rows are kept until the table has them, and where those go that it refuses.
var keepingProperties = []Property{
	{
		Name: "journal", Type: "string", Default: "on", Allowed: "on, off", Values: []string{"on", "off"},
		Label: Text{"Journal", "落盘日志"},
		Hint: Text{
			"on keeps rows that wait for the database in files, which outlive the plugin and eKuiper; off keeps them in memory.",
			"on 将等待写入的行保存在文件中，插件或 eKuiper 结束后仍在；off 保存在内存中。",
		},
		read: choice(func(r *reader, s string) { r.config.Journal = s == "on" }),
	},
	{
		Name: "maxJournalBytes", Type: "size", Default: "1GiB", Unit: "bytes", Allowed: "1MiB to 1024TiB, as a number of bytes or e.g. 10GiB",
		Label: Text{"Bytes in the journal", "落盘日志字节数"},
		Hint: Text{
			"How many bytes on disk the rows that wait may take.",
			"等待写入的行在磁盘上最多占用的字节数。",
		},
		read: size(1<<20, 1<<50, func(r *reader, n int64) { r.config.MaxJournalBytes = n }),
	},
	{
		Name: "maxJournalAge", Type: "duration", Default: 0, Unit: "ms", Allowed: "0, or 1s to 10 years, as a number of milliseconds or e.g. 168h",
		Label: Text{"Age in the journal", "落盘日志保存时间"},
		Hint: Text{
			"Rows that have waited longer are dropped, counted and logged. 0 drops none. " +
				"What counts is the time that is known to have passed: setting the clock drops nothing.",
			"等待时间超过此值的行被丢弃、计数并记入运行日志。0 表示不丢弃。只计确知已经过去的时间：校准时钟不会丢弃任何行。",
		},
		read: span(time.Second, 10*365*24*time.Hour, func(r *reader, d time.Duration) { r.config.MaxJournalAge = d }),
	},
	{
		Name: "whenFull", Type: "string", Default: "block", Allowed: "block, dropOldest, refuse", Values: []string{"block", "dropOldest", "refuse"},
		Label: Text{"When full", "已满时"},
		Hint: Text{
			"What happens when the journal is full: block makes eKuiper wait, dropOldest drops the oldest rows, counted and logged, " +
				"refuse answers with an error at once and needs requireAck.",
			"落盘日志已满时：block 使 eKuiper 等待；dropOldest 丢弃最旧的行，计数并记入运行日志；refuse 立即返回错误，需要 requireAck。",
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
			"atLeastOnce 在崩溃后可能向没有主键或唯一键的表重复写入少量行；exactlyOnce 不会：它在同一事务中将进度写入同一数据库的账本表。需要开启落盘日志，且表支持事务。",
		},
		read: choice(func(r *reader, s string) { r.config.ExactlyOnce = s == "exactlyOnce" }),
	},
	{
		Name: "ledgerTable", Type: "string", Default: "ekuiper_mysql_ledger",
		Allowed: "a table's name of 1 to 64 characters, without a database",
		Label:   Text{"Ledger table", "账本表"},
		Hint: Text{
			"With exactlyOnce: the table that holds each journal's place, in the database of the rows. It is created if it does not exist.",
			"exactlyOnce 时，保存各落盘日志进度的表，与数据位于同一数据库。不存在时自动创建。",
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
	if tableDatabase(s) != "" || isTemplate(s) {
		r.refuse(p, name, v)
		return "", false
	}
	return s, true
}

// readErrors takes the object as it is, whose words the room that knows the
// errors judges. A form in the manager gives its JSON text.
func readErrors(r *reader, p Property, name string, v any) {
	r.config.Errors = r.object(p, name, v)
	if r.misplaced(p, name, r.config.Errors) {
		r.config.Errors = nil
	}
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
