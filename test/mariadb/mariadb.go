// Package mariadb starts private MariaDB servers for tests: each with its own
// data folder and a free port on the loopback address, gone when its test is.
// It uses the installed mariadbd and touches no server that runs already. To
// have the same tests run on Oracle's MySQL, name its mysqld in TEST_MYSQLD,
// with the flags that it needs.
package mariadb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
)

// ErrNotInstalled says that this machine has no MariaDB server, and what to type.
var ErrNotInstalled = errors.New("mariadbd is not installed; type: apt-get install -y --no-install-recommends mariadb-server (or: make deps)")

// Bounds on a server that hangs, not expectations: a start takes under a second.
const (
	startTimeout = 60 * time.Second
	stopTimeout  = 30 * time.Second
	pollInterval = 10 * time.Millisecond
)

// Server is one private server. Its methods are for one goroutine at a time,
// except DB, DSN and Addr, which any goroutine may call.
type Server struct {
	Port int // the same through every restart

	dir     string   // holds data, socket and error log
	ownsDir bool     // Close removes it
	other   []string // program and flags of another server than MariaDB's, or none
	flags   []string
	db      *sql.DB

	mu  sync.Mutex
	run *process // nil while the server is down
}

// Start runs a server until the test ends. Flags follow the package's own and
// override them, e.g. "--max-allowed-packet=1M".
func Start(tb testing.TB, flags ...string) *Server {
	tb.Helper()
	s, err := Run("", flags...)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := s.Close(); err != nil {
			tb.Error(err)
		}
	})
	return s
}

// Run is Start for TestMain, which has no test to hang a cleanup on: the caller
// calls Close. The server lives in dir, which is kept; an empty dir stands for
// a temporary folder, which Close removes.
func Run(dir string, flags ...string) (*Server, error) {
	return RunOther(strings.Fields(os.Getenv("TEST_MYSQLD")), dir, flags...)
}

// RunOther is Run with a server of the caller's choice. Command is its program
// and the flags that it needs; an empty one stands for the installed MariaDB.
func RunOther(command []string, dir string, flags ...string) (*Server, error) {
	s := &Server{dir: dir, other: command, flags: flags}
	program, err := s.program()
	if err != nil {
		return nil, err
	}
	if dir == "" {
		// Not under the test's own folder: a socket's path is at most 107 bytes.
		if s.dir, err = os.MkdirTemp("", "mariadb-"); err != nil {
			return nil, fmt.Errorf("make a folder for mariadbd: %w", err)
		}
		s.ownsDir = true
	}
	if err := s.install(program); err != nil {
		return nil, errors.Join(err, s.removeDir())
	}
	// A port found free may be taken before the server listens on it.
	for range 5 {
		if s.Port, err = freePort(); err != nil {
			break
		}
		if err = s.launch(); err == nil || !strings.Contains(err.Error(), "already in use") {
			break
		}
	}
	if err != nil {
		return nil, errors.Join(err, s.removeDir())
	}
	cfg, err := mysql.ParseDSN(s.DSN(""))
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	cfg.Logger = &mysql.NopLogger{} // a killed server is no news to its test
	connector, err := mysql.NewConnector(cfg)
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	s.db = sql.OpenDB(connector)
	return s, nil
}

// Addr is host:port.
func (s *Server) Addr() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(s.Port)) }

// DSN is the Go DSN of user root, who has no password, with database db, which may be empty.
func (s *Server) DSN(db string) string { return fmt.Sprintf("root@tcp(%s)/%s", s.Addr(), db) }

// UserDSN is the Go DSN of another user.
func (s *Server) UserDSN(user, password, db string) string {
	return fmt.Sprintf("%s:%s@tcp(%s)/%s", user, password, s.Addr(), db)
}

// DB is root's connection pool, with no database chosen. Close closes it.
func (s *Server) DB() *sql.DB { return s.db }

// Exec runs one statement as root. Pool connections change, so name databases in full.
func (s *Server) Exec(query string, args ...any) error {
	if _, err := s.db.Exec(query, args...); err != nil {
		return fmt.Errorf("exec %.200s: %w", query, err)
	}
	return nil
}

// CreateDatabase makes an empty database in place of any of that name.
func (s *Server) CreateDatabase(name string) error {
	q := "`" + strings.ReplaceAll(name, "`", "``") + "`"
	return errors.Join(s.Exec("DROP DATABASE IF EXISTS "+q), s.Exec("CREATE DATABASE "+q))
}

// CreateUser makes a user who logs in from anywhere, with grants such as
// "INSERT ON db.t"; without any the user can do nothing.
func (s *Server) CreateUser(name, password string, grants ...string) error {
	account := literal(name) + "@'%'"
	if err := errors.Join(s.Exec("DROP USER IF EXISTS "+account), s.Exec("CREATE USER "+account+" IDENTIFIED BY "+literal(password))); err != nil {
		return err
	}
	for _, g := range grants {
		if err := s.Exec("GRANT " + g + " TO " + account); err != nil {
			return err
		}
	}
	return nil
}

// literal is text as an SQL string: account statements take no parameters.
func literal(text string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, "'", "''").Replace(text) + "'"
}

// ErrorLog is what the server has logged.
func (s *Server) ErrorLog() string {
	b, _ := os.ReadFile(s.path("err.log"))
	return string(b)
}

// PID is the server's process id, or 0 while it is down.
func (s *Server) PID() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.run == nil {
		return 0
	}
	return s.run.cmd.Process.Pid
}

// Kill ends the server with SIGKILL and waits until it is gone. A server that
// is down already is left so.
func (s *Server) Kill() error {
	p := s.take()
	if p == nil {
		return nil
	}
	return p.end(func() error { return p.cmd.Process.Kill() })
}

// Stop shuts the server down in order and waits until it is gone.
func (s *Server) Stop() error {
	p := s.take()
	if p == nil {
		return nil
	}
	return p.end(func() error { return p.cmd.Process.Signal(syscall.SIGTERM) })
}

// Restart starts the server again on the same port and data, killing it first
// if it runs. Flags, where given, replace those of the start.
func (s *Server) Restart(flags ...string) error {
	if err := s.Kill(); err != nil {
		return err
	}
	if len(flags) > 0 {
		s.flags = flags
	}
	return s.launch()
}

// Close kills the server and removes its folder where Run made it. It is safe twice.
func (s *Server) Close() error {
	var err error
	if s.db != nil {
		err = s.db.Close()
	}
	return errors.Join(err, s.Kill(), s.removeDir())
}

func (s *Server) path(name string) string { return filepath.Join(s.dir, name) }

func (s *Server) removeDir() error {
	if !s.ownsDir {
		return nil
	}
	return os.RemoveAll(s.dir)
}

// take gives the running process to the caller, who ends it.
func (s *Server) take() *process {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.run
	s.run = nil
	return p
}

// launch starts mariadbd and returns when it takes logins.
func (s *Server) launch() error {
	mariadbd, flags, err := s.serverProgram()
	if err != nil {
		return err
	}
	args := append(append(baseFlags(), flags...),
		"--datadir="+s.path("data"),
		"--tmpdir="+s.path("data"), // a server that starts removes the temporary tables of every other in a shared one
		"--socket="+s.path("s.sock"),
		"--pid-file="+s.path("pid"),
		"--log-error="+s.path("err.log"),
		"--port="+strconv.Itoa(s.Port),
	)
	p, err := startProcess(exec.Command(mariadbd, append(args, s.flags...)...))
	if err != nil {
		return err
	}
	if err := s.awaitReady(p); err != nil {
		return errors.Join(err, p.end(func() error { return p.cmd.Process.Kill() }))
	}
	s.mu.Lock()
	s.run = p
	s.mu.Unlock()
	return nil
}

// awaitReady tries to log in until it succeeds, the process ends or the bound is reached.
func (s *Server) awaitReady(p *process) error {
	cfg, err := mysql.ParseDSN(s.DSN(""))
	if err != nil {
		return err
	}
	cfg.Logger = &mysql.NopLogger{}
	connector, err := mysql.NewConnector(cfg)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	poll := time.NewTicker(pollInterval)
	defer poll.Stop()
	for {
		select {
		case <-p.exited:
			return fmt.Errorf("mariadbd ended at start (%v): %s", p.cmd.ProcessState, lastLines(s.ErrorLog(), 15))
		case <-ctx.Done():
			return fmt.Errorf("mariadbd takes no login after %v: %s", startTimeout, lastLines(s.ErrorLog(), 15))
		case <-poll.C:
			conn, err := connector.Connect(ctx)
			if err != nil {
				continue
			}
			return conn.Close()
		}
	}
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("find a free port: %w", err)
	}
	return l.Addr().(*net.TCPAddr).Port, l.Close()
}

func lastLines(text string, n int) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
