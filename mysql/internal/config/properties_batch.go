package config

import "time"

// maxDelay bounds maxBatchDelay.
const maxDelay = time.Minute

// batchProperties say how many rows are written at once.
var batchProperties = []Property{
	{
		Name: "maxBatchRows", Type: "integer", Default: 8000, Unit: "rows", Allowed: "1 to 65535",
		Label: Text{"Rows per batch", "每批行数"},
		Hint: Text{
			"The most rows that are written at once; more than 8000 never are. A batch does not wait to be full. Where many rows wait, batches begin " +
				"with 1000, fewer of many columns or long values, and four times as many with exactlyOnce or LOAD DATA; they grow as long as that makes them faster, as it does " +
				"with a server that is far, and shrink on lock conflicts and slow writes.",
			"一次写入的最多行数，不会超过 8000。批次不会等待填满。等待的行较多时，批次从 1000 行开始（列多或值长时更少，使用 exactlyOnce 或 LOAD DATA 时为四倍），在速度随之提高时（例如服务器较远）增大，遇到锁冲突或写入过慢时减小。",
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
			"How long a batch that is not full waits for more rows although nothing else is being written. 0 writes at once; where 8 rows or more come each millisecond, within 16 ms.",
			"在没有其他写入时，未满的批次等待更多行的时间。0 表示立即写入；每毫秒到达 8 行或更多时，在 16 ms 之内写入。",
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
}

func readDelay(r *reader, p Property, name string, v any) {
	d, ok := duration(v)
	if !ok || d < 0 || d > maxDelay {
		r.refuse(p, name, v)
		return
	}
	r.config.MaxBatchDelay = d
}
