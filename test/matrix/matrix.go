// Package matrix starts the kinds of servers that users have, one of each, for
// tests that run the same table on all of them, and keeps what came of it. The
// tests are those of mysql/internal/sink/matrix; `make matrix` runs them on
// every kind and writes docs/servers.md.
//
// Nothing of a server outlives its test, however that ends.
package matrix

import (
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"ekuiper-mysql/test/certificates"
	"ekuiper-mysql/test/ekuiper"
)

// ErrAbsent says that a kind of server cannot be had on this machine as it is.
var ErrAbsent = errors.New("not on this machine")

// Env names the kinds to test, joined by commas, or "all".
const Env = "MATRIX_SERVERS"

// Kind is one kind of server.
type Kind struct {
	Name  string // in Env
	Title string // in the table
	start func(folder, ca string) (*Server, error)
}

// Usual are the kinds that every test run has.
const Usual = "mariadb,mysql"

// Kinds are all, in the order of the table.
func Kinds() []Kind {
	return []Kind{
		{Name: "mariadb", Title: "MariaDB", start: startMariaDB},
		{Name: "mysql", Title: "MySQL", start: startMySQL},
		{Name: "tidb", Title: "TiDB", start: startTiDB},
		{Name: "galera", Title: "Galera, 3 nodes", start: startGalera},
		{Name: "group", Title: "Group Replication, 3 nodes", start: startGroup},
		{Name: "demo", Title: "go-mysql-server", start: startDemo},
	}
}

// Wanted returns the kinds that Env names.
func Wanted() ([]Kind, error) {
	text := os.Getenv(Env)
	if text == "" {
		text = Usual
	}
	all := Kinds()
	if text == "all" {
		return all, nil
	}
	var kinds []Kind
	for name := range strings.SplitSeq(text, ",") {
		i := slices.IndexFunc(all, func(k Kind) bool { return k.Name == strings.TrimSpace(name) })
		if i < 0 {
			return nil, fmt.Errorf("%s: there is no kind of server %q; all is all of them", Env, name)
		}
		kinds = append(kinds, all[i])
	}
	return kinds, nil
}

// Server is a running server or cluster. Its methods are for one goroutine at a
// time, except those of DB.
type Server struct {
	Kind
	Version  string   // as it says itself
	Hosts    []string // of its nodes, host:port
	User     string   // who may do everything
	Password string
	CA       string // of its certificate, as PEM; "" where it has no TLS

	folder string
	db     *sql.DB
	kill   func() error // nil: what it holds is in memory only
	again  func() error
	close  func() error
}

// Start runs a server of the kind, in a temporary folder; the caller calls
// Close. ErrAbsent is among its errors where the kind cannot be had.
func (k Kind) Start(t *testing.T) (*Server, error) {
	// A socket's path is at most 107 bytes, and the servers of clusters run as
	// another user where this one is root.
	folder, err := os.MkdirTemp("", "matrix-")
	if err == nil {
		err = os.Chmod(folder, 0o755)
	}
	ca := certificates.New(t, "matrix")
	own := ca.Issue("127.0.0.1", time.Now().Add(time.Hour))
	for name, text := range map[string]string{caFile: ca.PEM, certFile: own.Cert, keyFile: own.Key} {
		if err == nil {
			err = os.WriteFile(filepath.Join(folder, name), []byte(text), 0o644) // for the servers' user
		}
	}
	if err != nil {
		return nil, err
	}
	s, err := k.start(folder, ca.PEM)
	if s == nil {
		s = &Server{}
	}
	s.Kind, s.folder = k, folder
	if err == nil {
		err = s.settle()
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", k.Title, err), s.Close())
	}
	return s, nil
}

// The files of a server's certificate in its folder.
const (
	caFile   = "ca.pem"
	certFile = "cert.pem"
	keyFile  = "key.pem"
)

// tlsFlags are those of MariaDB and MySQL.
func tlsFlags(folder string) []string {
	return []string{"--ssl-ca=" + filepath.Join(folder, caFile), "--ssl-cert=" + filepath.Join(folder, certFile), "--ssl-key=" + filepath.Join(folder, keyFile)}
}

// settle opens the pool and gives the server settings that a sink must not
// depend on: no strictness, and a zone of its own.
func (s *Server) settle() error {
	s.db = s.pool("")
	for _, host := range s.Hosts {
		db, err := sql.Open("mysql", s.dsn(host, ""))
		if err != nil {
			return err
		}
		defer db.Close()
		if _, err := db.Exec("SET GLOBAL sql_mode = '', GLOBAL time_zone = '-03:30'"); err != nil {
			return fmt.Errorf("%s: %w", host, err)
		}
	}
	if err := s.db.QueryRow("SELECT VERSION()").Scan(&s.Version); err != nil {
		return fmt.Errorf("ask for the version: %w", err)
	}
	return nil
}

// Addr is the node that takes rows now, host:port.
func (s *Server) Addr() (string, error) {
	if len(s.Hosts) == 1 {
		return s.Hosts[0], nil
	}
	return s.writable(startLimit)
}

// DB is the pool of the user who may do everything, at a node that takes rows.
func (s *Server) DB() *sql.DB { return s.db }

// Open is DB with a database chosen; the caller closes it.
func (s *Server) Open(database string) *sql.DB { return s.pool(database) }

// At is a pool at one of Hosts, of the user who may do everything; the caller closes it.
func (s *Server) At(host string) *sql.DB {
	db, err := sql.Open("mysql", s.dsn(host, ""))
	if err != nil {
		panic(err) // a DSN of our own
	}
	return db
}

// Survives tells whether rows outlive the server's process.
func (s *Server) Survives() bool { return s.kill != nil }

// Kill ends the node that takes rows with SIGKILL and waits until it is gone.
func (s *Server) Kill() error { return s.kill() }

// Restart brings back what Kill has ended and returns when it serves.
func (s *Server) Restart() error { return s.again() }

// Close ends the server with all its nodes. It is safe twice.
func (s *Server) Close() error {
	var err error
	if s.db != nil {
		err = s.db.Close()
	}
	if s.close != nil {
		err = errors.Join(err, s.close())
		s.close = nil
	}
	return errors.Join(err, os.RemoveAll(s.folder))
}

// startLimit bounds the wait for a node, which takes a second or an election.
const startLimit = 2 * time.Minute

// poll asks until ready, an error of its last try is returned after limit.
func poll(limit time.Duration, ready func() error) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	end := time.After(limit)
	for {
		err := ready()
		if err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-end:
			return fmt.Errorf("after %v: %w", limit, err)
		}
	}
}

// built returns the path of a program below the repository's build folder.
func built(name, how string) (string, error) {
	root, err := ekuiper.Root()
	if err != nil {
		return "", err
	}
	path := filepath.Join(root, "build", name)
	if _, err := os.Stat(path); err != nil {
		return "", fmt.Errorf("%w: build/%s; type: %s", ErrAbsent, name, how)
	}
	return path, nil
}
