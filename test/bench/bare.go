//go:build linux

package main

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"io"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/go-sql-driver/mysql"
)

// bare is the bare driver's best road on MariaDB: 1,000 rows per prepared
// INSERT over one connection.
func (s *stage) bare() road {
	const perInsert = 1000
	return s.driver(perInsert, func(ctx context.Context, conn *sql.Conn) (func([]any) error, error) {
		stmt, err := conn.PrepareContext(ctx, "INSERT INTO t (id, name, x, y, at) VALUES "+strings.Repeat(",(?,?,?,?,?)", perInsert)[1:])
		if err != nil {
			return nil, err
		}
		return func(args []any) error {
			_, err := stmt.ExecContext(ctx, args...)
			return err
		}, nil
	})
}

// bareLoad is its best road on MySQL 9: 10,000 rows per LOAD DATA LOCAL. The
// driver sends a text there: to make it of the values is a part of the road, as
// it is a part of the driver in a prepared statement.
func (s *stage) bareLoad() road {
	const perLoad = 10_000
	const handler = "bench"
	return s.driver(perLoad, func(ctx context.Context, conn *sql.Conn) (func([]any) error, error) {
		var next []any
		var text []byte
		mysql.RegisterReaderHandler(handler, func() io.Reader {
			text = tabbed(text[:0], next)
			return bytes.NewReader(text)
		})
		return func(args []any) error {
			next = args
			_, err := conn.ExecContext(ctx, "LOAD DATA LOCAL INFILE 'Reader::"+handler+"' INTO TABLE t (id, name, x, y, at)")
			return err
		}, nil
	})
}

// tabbed appends rows as LOAD DATA reads them by default. No value of ours has
// anything to escape.
func tabbed(b []byte, args []any) []byte {
	for i, a := range args {
		switch v := a.(type) {
		case int64:
			b = strconv.AppendInt(b, v, 10)
		case float64:
			b = strconv.AppendFloat(b, v, 'g', -1, 64)
		case string:
			b = append(b, v...)
		}
		if i%5 == 4 {
			b = append(b, '\n')
		} else {
			b = append(b, '\t')
		}
	}
	return b
}

// driver is a road of the bare driver over one connection, so many rows at a
// time. Prepare returns what takes their values.
func (s *stage) driver(at int, prepare func(context.Context, *sql.Conn) (func([]any) error, error)) road {
	return func(rows int) (sample, error) {
		if err := s.clear(); err != nil {
			return sample{}, err
		}
		db, err := sql.Open("mysql", s.server.DSN("bench"))
		if err != nil {
			return sample{}, err
		}
		defer db.Close()
		ctx := context.Background()
		conn, err := db.Conn(ctx)
		if err != nil {
			return sample{}, err
		}
		defer conn.Close()
		write, err := prepare(ctx, conn)
		if err != nil {
			return sample{}, err
		}
		if rows -= rows % at; rows == 0 {
			return sample{}, fmt.Errorf("it takes %d rows at least", at)
		}
		// What a row's values are made of costs no driver anything.
		args := make([]any, 0, 5*rows)
		for i := range rows {
			name, x, y, at := value(i)
			args = append(args, int64(i), name, x, y, time.UnixMilli(at).UTC().Format("2006-01-02 15:04:05.000"))
		}
		before, start := ownCPU(), time.Now()
		for i := 0; i < rows; i += at {
			if err := write(args[5*i : 5*(i+at)]); err != nil {
				return sample{}, err
			}
		}
		took, cpu := time.Since(start), ownCPU()-before
		return sample{rate: float64(rows) / took.Seconds(), cpu: float64(cpu.Nanoseconds()) / 1e3 / float64(rows)}, s.check(rows)
	}
}

func ownCPU() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// onMySQL9AgainstDriver compares with the bare driver's best road into MySQL 9.
func onMySQL9AgainstDriver(s *stage, _ options) []measurement {
	return []measurement{
		comparison{"mysql9_messages_of_100_vs_bare_driver", s.plugin(100, nil), s.bareLoad(), faster, 0.80, 1},
		manifold{s.plugin(100, nil), s.plugin(100, props{"road": "insert"}), 1, []line{{"mysql9_load_vs_insert", faster, 1}, {"mysql9_load_vs_insert_cpu", cheaper, 0}}},
	}
}

// onSyncedMySQL9AgainstDriver is the same where each commit waits for the disk:
// what that costs depends on the disk and on the rows per commit, so no goal.
func onSyncedMySQL9AgainstDriver(s *stage, _ options) []measurement {
	return []measurement{
		comparison{"mysql9_synced_commits_vs_bare_driver", s.plugin(100, nil), s.bareLoad(), faster, 0, 0.4},
	}
}
