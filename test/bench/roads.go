//go:build linux

package main

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	_ "github.com/go-sql-driver/mysql"

	"ekuiper-mysql/test/fakehost"
	"ekuiper-mysql/test/mariadb"
)

// sample is one run's figures.
type sample struct {
	rate float64 // rows/s, from the first row's sending to the last one's being visible
	cpu  float64 // microseconds of CPU time per row, of the plugin, or of the road's own process
}

// road takes so many rows into the table.
type road func(rows int) (sample, error)

type props map[string]any

// stage is a private server, with a table that is empty before each run, and
// a mock host.
type stage struct {
	dir        string
	executable string
	server     *mariadb.Server
	host       *fakehost.Host
	runs       int
	messages   map[int][][]byte // by rows per message
}

const table = "CREATE TABLE bench.t (id BIGINT PRIMARY KEY, name VARCHAR(20), x DOUBLE, y DOUBLE, at DATETIME(3))"

func newStage(executable string) (*stage, error) {
	if _, err := os.Stat(executable); err != nil {
		return nil, fmt.Errorf("%w: run `make build`", err)
	}
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return nil, err
	}
	s := &stage{dir: dir, executable: executable, messages: map[int][][]byte{}}
	if s.server, err = mariadb.Run(dir, "--innodb-buffer-pool-size=512M", "--innodb-log-file-size=512M"); err == nil {
		err = s.server.CreateDatabase("bench")
	}
	if err == nil {
		s.host, err = fakehost.New("mysql")
	}
	if err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (s *stage) close() {
	if s.host != nil {
		_ = s.host.Close()
	}
	if s.server != nil {
		_ = s.server.Close()
	}
	_ = os.RemoveAll(s.dir)
}

func (s *stage) clear() error {
	if err := s.server.Exec("DROP TABLE IF EXISTS bench.t"); err != nil {
		return err
	}
	return s.server.Exec(table)
}

// check fails unless the table holds just the rows.
func (s *stage) check(rows int) error {
	var count, sum int64
	if err := s.server.DB().QueryRow("SELECT COUNT(*), COALESCE(SUM(id), 0) FROM bench.t").Scan(&count, &sum); err != nil {
		return err
	}
	if n := int64(rows); count != n || sum != n*(n-1)/2 {
		return fmt.Errorf("%d rows in the table, want %d", count, rows)
	}
	return nil
}

// value is row i's.
func value(i int) (name string, x, y float64, at int64) {
	return fmt.Sprintf("sensor-%d", i%100), float64(i) * 0.37, float64(i) * 1.5, 1763634617123 + int64(i)
}

// bare is the bare driver's best road on MariaDB: 1,000 rows per prepared
// INSERT over one connection.
func (s *stage) bare() road {
	const perInsert = 1000
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
		stmt, err := conn.PrepareContext(ctx, "INSERT INTO t (id, name, x, y, at) VALUES "+strings.Repeat(",(?,?,?,?,?)", perInsert)[1:])
		if err != nil {
			return sample{}, err
		}
		rows -= rows % perInsert
		// What a row's values are made of costs no driver anything.
		args := make([]any, 0, 5*rows)
		for i := range rows {
			name, x, y, at := value(i)
			args = append(args, int64(i), name, x, y, time.UnixMilli(at).UTC().Format("2006-01-02 15:04:05.000"))
		}
		before, start := ownCPU(), time.Now()
		for i := 0; i < rows; i += perInsert {
			if _, err := stmt.ExecContext(ctx, args[5*i:5*(i+perInsert)]...); err != nil {
				return sample{}, err
			}
		}
		took, cpu := time.Since(start), ownCPU()-before
		return sample{float64(rows) / took.Seconds(), float64(cpu.Nanoseconds()) / 1e3 / float64(rows)}, s.check(rows)
	}
}

func ownCPU() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// plugin is the executable, started anew, that the mock host feeds with
// messages of so many rows as fast as it takes them.
func (s *stage) plugin(perMessage int, more props) road {
	return func(rows int) (sample, error) {
		rows -= rows % 1000
		messages := s.render(rows, perMessage)
		if err := s.clear(); err != nil {
			return sample{}, err
		}
		s.runs++
		data := filepath.Join(s.dir, fmt.Sprintf("data%d", s.runs))
		defer os.RemoveAll(data)
		plugin, err := s.host.Launch(s.executable, fakehost.LaunchOptions{Env: []string{"EKUIPER_MYSQL_DATA=" + data}})
		if err != nil {
			return sample{}, err
		}
		defer plugin.Kill()
		action := props{"url": s.server.DSN("bench"), "table": "t"}
		maps.Copy(action, more)
		rule, err := s.host.OpenSink(fakehost.Sink("bench", "mysql", action))
		if err != nil {
			return sample{}, err
		}
		start := time.Now()
		for _, m := range messages {
			if action["requireAck"] == true {
				err = rule.Collect(m, 10*time.Second)
			} else {
				err = rule.Send(m)
			}
			if err != nil {
				return sample{}, err
			}
		}
		if err := s.await(rows); err != nil {
			return sample{}, err
		}
		took := time.Since(start)
		cpu, err := treeCPU(plugin.Pid())
		if err != nil {
			return sample{}, err
		}
		if err := rule.Close(); err != nil {
			return sample{}, err
		}
		return sample{float64(rows) / took.Seconds(), cpu / float64(rows)}, s.check(rows)
	}
}

// render makes the messages of so many rows, once.
func (s *stage) render(rows, perMessage int) [][]byte {
	if m := s.messages[perMessage]; len(m)*perMessage >= rows {
		return m[:rows/perMessage]
	}
	var messages [][]byte
	for i := 0; i < rows; {
		b := []byte{'['}
		for range perMessage {
			name, x, y, at := value(i)
			b = fmt.Appendf(b, `{"at":%d,"id":%d,"name":"%s","x":%g,"y":%g},`, at, i, name, x, y)
			i++
		}
		b[len(b)-1] = ']'
		messages = append(messages, slices.Clip(b))
	}
	s.messages[perMessage] = messages
	return messages
}

// await waits until the last row is visible: they come in order.
func (s *stage) await(rows int) error {
	deadline := time.Now().Add(2 * time.Minute)
	var last sql.NullInt64
	for range time.Tick(2 * time.Millisecond) {
		if err := s.server.DB().QueryRow("SELECT MAX(id) FROM bench.t").Scan(&last); err != nil {
			return err
		}
		if last.Int64 == int64(rows-1) {
			break
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("row %d is the last in the table after 2 minutes", last.Int64)
		}
	}
	return nil
}
