//go:build linux

package main

import (
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/lf-edge/ekuiper/sdk/go/fakehost"

	"ekuiper-mysql/test/mariadb"
)

// stage is a private server, with a table that is empty before each run, and
// a mock host.
type stage struct {
	dir        string
	executable string
	server     *mariadb.Server
	host       *fakehost.Host // nil until a road needs it
	real       *hosted        // nil but in its chapter
	runs       int
	messages   map[int][][]byte // by rows per message
	versions   []string         // of the server and the peers
	peers      string           // the folder of their executables
}

const table = "CREATE TABLE bench.t (id BIGINT PRIMARY KEY, name VARCHAR(20), x DOUBLE, y DOUBLE, at DATETIME(3))"

// serverFlags give a server room for all rows of a run. Either server takes
// those of its own. A commit reaches the operating system in both; see
// syncedFlags for the disk.
var serverFlags = []string{
	"--innodb-buffer-pool-size=1G", "--loose-innodb-log-file-size=512M", "--loose-innodb-redo-log-capacity=1G", "--loose-sync-binlog=0",
}

// syncedFlags are MySQL's own defaults: each commit waits for the disk, twice.
var syncedFlags = []string{"--innodb-flush-log-at-trx-commit=1", "--sync-binlog=1"}

func onMariaDB(o options) (*stage, error) { return newStage(o, nil, "MariaDB") }

// onMySQL9 is a stage with Oracle's MySQL, where it is unpacked: MYSQL9 or
// build/mysql9 names the folder, as test/mariadb/mysql9.sh leaves it.
func onMySQL9(o options) (*stage, error) { return mysql9(o, "MySQL") }

// onSyncedMySQL9 is the same, with commits that wait for the disk.
func onSyncedMySQL9(o options) (*stage, error) { return mysql9(o, "MySQL", syncedFlags...) }

func mysql9(o options, name string, flags ...string) (*stage, error) {
	dir := os.Getenv("MYSQL9")
	if dir == "" {
		dir = filepath.Join(filepath.Dir(o.peers), "mysql9")
	}
	if _, err := os.Stat(filepath.Join(dir, "mysqld")); err != nil {
		return nil, fmt.Errorf("%w: %w: name the folder of an unpacked MySQL in MYSQL9, or run `make mysql9`", errAbsent, err)
	}
	usr := filepath.Join(dir, "usr")
	command := []string{
		filepath.Join(dir, "mysqld"), "--basedir=" + usr, "--lc-messages-dir=" + usr + "/share/mysql",
		"--character-sets-dir=" + usr + "/share/mysql/charsets", "--plugin-dir=" + usr + "/lib/mysql/plugin",
		"--mysqlx=OFF", "--secure-file-priv=NULL", "--performance-schema=OFF",
	}
	return newStage(o, command, name, flags...)
}

// newStage starts the server that the command names, see mariadb.RunOther.
func newStage(o options, command []string, name string, flags ...string) (*stage, error) {
	if _, err := os.Stat(o.executable); err != nil {
		return nil, fmt.Errorf("%w: run `make build`", err)
	}
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return nil, err
	}
	s := &stage{dir: dir, executable: o.executable, peers: o.peers, messages: map[int][][]byte{}}
	s.server, err = startServer(command, dir, flags...)
	var version string
	if err == nil {
		err = s.server.DB().QueryRow("SELECT VERSION()").Scan(&version)
	}
	if err != nil {
		s.close()
		return nil, err
	}
	s.versions = []string{name + " " + version}
	return s, nil
}

// startServer starts a server with an empty database bench.
func startServer(command []string, dir string, flags ...string) (*mariadb.Server, error) {
	server, err := mariadb.RunOther(command, dir, slices.Concat(serverFlags, flags)...)
	if err != nil {
		return nil, err
	}
	return server, server.CreateDatabase("bench")
}

// mock is the mock host, which begins when a road needs it for the first time.
func (s *stage) mock() (*fakehost.Host, error) {
	var err error
	if s.host == nil {
		s.host, err = fakehost.New("mysql")
	}
	return s.host, err
}

func (s *stage) close() {
	if s.host != nil {
		_ = s.host.Close()
	}
	if s.real != nil {
		_ = s.real.Close()
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

// check fails unless the table holds just the rows, and of each hundredth
// every value is right.
func (s *stage) check(rows int) error {
	var count, sum int64
	if err := s.server.DB().QueryRow("SELECT COUNT(*), COALESCE(SUM(id), 0) FROM bench.t").Scan(&count, &sum); err != nil {
		return err
	}
	if n := int64(rows); count != n || sum != n*(n-1)/2 {
		return fmt.Errorf("%d rows in the table, want %d", count, rows)
	}
	const wrong = `SELECT COUNT(*) FROM bench.t WHERE id % 101 = 0 AND NOT (name <=> CONCAT('sensor-', id % 100) AND ABS(x - id * 0.37) < 1e-6
		AND y <=> id * 1.5 AND at <=> TIMESTAMPADD(MICROSECOND, (1763634617123 + id) * 1000, '1970-01-01'))`
	if err := s.server.DB().QueryRow(wrong).Scan(&count); err != nil {
		return err
	}
	if count > 0 {
		return fmt.Errorf("%d rows have a value that is not theirs", count)
	}
	return nil
}

// stalled is how long the table may stay as it is before a run is given up.
const stalled = 2 * time.Minute

// looking is how often the table is asked whether all is there: each time
// costs the server some, of which the bare driver's road has none.
const looking = 20 * time.Millisecond

// await waits until the last row is visible, where they come in order. A look
// costs the server what it takes to pass over the rows of an open transaction,
// and the bare driver's road has none: so the next look comes when half of the
// time that is left by the rate so far has passed, and at the end each 2 ms.
// Looking each 2 ms throughout took the server 0.3 of a core.
func (s *stage) await(rows int) error {
	w := watch{want: int64(rows)}
	since := time.Now()
	for {
		var last sql.NullInt64
		if err := s.server.DB().QueryRow("SELECT MAX(id) FROM bench.t").Scan(&last); err != nil {
			return err
		}
		have := int64(0)
		if last.Valid {
			have = last.Int64 + 1
		}
		if have >= w.want {
			return nil
		}
		now := time.Now()
		if have > w.have {
			since = now
		}
		if now.Sub(since) > stalled {
			return fmt.Errorf("the table has had %d rows, of %d, for %v", have, rows, stalled)
		}
		time.Sleep(w.pause(have, now))
	}
}

// watch paces the looks at rows that become more.
type watch struct {
	want, first, have int64
	began             time.Time
}

// The least and the longest time between two looks.
const (
	leastPause = 2 * time.Millisecond
	mostPause  = 250 * time.Millisecond
)

// pause is how long to wait with the next look, after one at the moment now
// has shown so many rows.
func (w *watch) pause(have int64, now time.Time) time.Duration {
	w.have = have
	if w.began.IsZero() {
		w.first, w.began = have, now
	}
	if have <= w.first {
		return leastPause
	}
	left := float64(now.Sub(w.began)) * float64(w.want-have) / float64(have-w.first)
	return max(leastPause, time.Duration(min(left/2, float64(mostPause))))
}

// grown waits until the table has more rows than so many, few ones, and
// returns how many: unless the channel tells first that none will come.
func (s *stage) grown(rows int, ended <-chan struct{}) (now int, err error) {
	since := time.Now()
	for range time.Tick(looking) {
		if err := s.server.DB().QueryRow("SELECT COUNT(*) FROM bench.t").Scan(&now); err != nil || now > rows {
			return now, err
		}
		select {
		case <-ended:
			return 0, errors.New("it ended before its first row")
		default:
		}
		if time.Since(since) > stalled {
			break
		}
	}
	return 0, fmt.Errorf("the table still has %d rows after %v", rows, stalled)
}
