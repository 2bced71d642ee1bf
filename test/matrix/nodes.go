package matrix

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/go-sql-driver/mysql"
)

// dsn is the Go DSN of the user who may do everything, at one node.
func (s *Server) dsn(host, database string) string { return s.config(host, database).FormatDSN() }

func (s *Server) config(host, database string) *mysql.Config {
	c := mysql.NewConfig()
	c.User, c.Passwd, c.Net, c.Addr, c.DBName = s.User, s.Password, "tcp", host, database
	c.Logger = &mysql.NopLogger{} // a killed server is no news to its test
	c.Timeout, c.ReadTimeout = 10*time.Second, time.Minute
	return c
}

// pool is a pool of connections to whichever node takes rows. It reads what
// was written before, on whichever node, and times in UTC.
func (s *Server) pool(database string) *sql.DB {
	db := sql.OpenDB(&connector{s, database})
	if len(s.Hosts) > 1 {
		db.SetMaxIdleConns(-1) // the node of one that rests may take rows no more
	}
	return db
}

type connector struct {
	server   *Server
	database string
}

func (c *connector) Driver() driver.Driver { return mysql.MySQLDriver{} }

// Connect implements driver.Connector.
func (c *connector) Connect(ctx context.Context) (driver.Conn, error) {
	host, err := c.server.Addr()
	if err != nil {
		return nil, err
	}
	config := c.server.config(host, c.database)
	config.Params = map[string]string{"time_zone": "'+00:00'", "sql_mode": "'STRICT_ALL_TABLES'"}
	if c.server.Name == "galera" {
		config.Params["wsrep_sync_wait"] = "15"
	}
	to, err := mysql.NewConnector(config)
	if err != nil {
		return nil, err
	}
	return to.Connect(ctx)
}

// writable finds the node that takes rows, for at most limit.
func (s *Server) writable(limit time.Duration) (host string, err error) {
	err = poll(limit, func() error {
		var failed error
		for _, host = range s.Hosts {
			if err := s.takesRows(host); err == nil {
				return nil
			} else {
				failed = errors.Join(failed, err)
			}
		}
		return failed
	})
	if err != nil {
		return "", fmt.Errorf("no node takes rows: %w", err)
	}
	return host, nil
}

// takesRows asks one node of a cluster whether it does.
func (s *Server) takesRows(host string) error {
	if err := s.joined(host); err != nil || s.Name != "group" {
		return err
	}
	return s.tells(host, "SELECT @@super_read_only", "0")
}

// joined asks a node whether it is in its cluster.
func (s *Server) joined(host string) error {
	if s.Name == "galera" {
		return s.tells(host, "SELECT VARIABLE_VALUE FROM information_schema.GLOBAL_STATUS WHERE VARIABLE_NAME = 'wsrep_ready'", "ON")
	}
	return s.tells(host, "SELECT MEMBER_STATE FROM performance_schema.replication_group_members WHERE MEMBER_ID = @@server_uuid", "ONLINE")
}

// tells is an error unless a node answers a query so.
func (s *Server) tells(host, query, want string) error {
	conn, err := net.DialTimeout("tcp", host, time.Second)
	if err != nil {
		return err
	}
	_ = conn.Close()
	db, err := sql.Open("mysql", s.dsn(host, ""))
	if err != nil {
		return err
	}
	defer db.Close()
	var got string
	if err := db.QueryRow(query).Scan(&got); err != nil {
		return fmt.Errorf("%s: %w", host, err)
	}
	if got != want {
		return fmt.Errorf("%s is %s, not %s", host, got, want)
	}
	return nil
}
