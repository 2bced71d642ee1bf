package main

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-sql-driver/mysql"

	"ekuiper-mysql/test/ekuiper"
)

// database is where the rows go: the embedded server, or the user's own.
type database struct {
	own     bool
	dsn     string // for the rule
	shown   string // the same without an own password
	table   string
	pool    *sql.DB
	before  int64 // rows that were there already
	endHost func() error
}

// columns of the demo's table. The source makes fields of the same names.
var columns = []string{"id", "name", "temperature", "at"}

func createTable(table string) string {
	return "CREATE TABLE " + quote(table) + " (id BIGINT NOT NULL, name VARCHAR(32) NOT NULL, temperature DOUBLE, at DATETIME(3))"
}

func openDatabase(ctx context.Context, s settings, screen *screen) (_ *database, err error) {
	db := &database{own: s.dsn != "", dsn: s.dsn, table: s.table, endHost: func() error { return nil }}
	if !db.own {
		address, end, err := startServer(ctx)
		if err != nil {
			return nil, err
		}
		db.endHost = end
		db.dsn = "user:test@tcp(" + address + ")/database"
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, db.close())
		}
	}()
	config, err := mysql.ParseDSN(db.dsn)
	if err != nil {
		// The driver's error may quote the DSN, password and all.
		return nil, errors.New("DSN is not of the form user:password@tcp(host:3306)/database")
	}
	db.shown = db.dsn
	if db.own {
		shown := config.Clone()
		if shown.Passwd != "" {
			shown.Passwd = "***"
		}
		db.shown = shown.FormatDSN()
	}
	connector, err := mysql.NewConnector(config)
	if err != nil {
		return nil, fmt.Errorf("set up the connection to MySQL: %w", err)
	}
	db.pool = sql.OpenDB(connector)
	var version string
	if err := db.pool.QueryRowContext(ctx, "SELECT VERSION()").Scan(&version); err != nil {
		return nil, fmt.Errorf("connect to %s: %w", db.shown, err)
	}
	if db.own {
		screen.step("MySQL", "%s at %s", version, config.Addr)
	} else {
		screen.step("MySQL", "embedded, in memory, at %s, user `user`, password `test`, database `database`", config.Addr)
	}
	return db, db.prepareTable(ctx, s.create || !db.own)
}

// prepareTable checks that the table takes the demo's rows. It makes one only
// where it may.
func (db *database) prepareTable(ctx context.Context, create bool) error {
	found, err := db.columnsOf(ctx)
	var refusal *mysql.MySQLError
	switch {
	case errors.As(err, &refusal) && refusal.Number == 1146 && create: // no such table
		if _, err := db.pool.ExecContext(ctx, createTable(db.table)); err != nil {
			return fmt.Errorf("create the table: %w", err)
		}
	case errors.As(err, &refusal) && refusal.Number == 1146:
		return fmt.Errorf("the table %s does not exist. Create it:\n  %s;\nor let the demo do so with CREATE=1", db.table, createTable(db.table))
	case err != nil:
		return fmt.Errorf("look at the table: %w", err)
	default:
		for _, column := range columns {
			if !slices.Contains(found, column) {
				return fmt.Errorf("the table %s has no column %s; name another with TABLE=..., the demo needs: %s", db.table, column, createTable("..."))
			}
		}
	}
	db.before, err = db.count(ctx)
	return err
}

func (db *database) columnsOf(ctx context.Context) ([]string, error) {
	rows, err := db.pool.QueryContext(ctx, "SELECT * FROM "+quote(db.table)+" LIMIT 0")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	names, err := rows.Columns()
	for i := range names {
		names[i] = strings.ToLower(names[i])
	}
	return names, errors.Join(err, rows.Err())
}

// count is the number of rows in the table now.
func (db *database) count(ctx context.Context) (int64, error) {
	var n int64
	if err := db.pool.QueryRowContext(ctx, "SELECT COUNT(*) FROM "+quote(db.table)).Scan(&n); err != nil {
		return 0, fmt.Errorf("count the rows of the table: %w", err)
	}
	return n, nil
}

// lastRows are the newest rows as text, below a header.
func (db *database) lastRows(ctx context.Context, n int) ([][]string, error) {
	query := fmt.Sprintf("SELECT id, name, temperature, at FROM %s ORDER BY at DESC, id DESC LIMIT %d", quote(db.table), n)
	rows, err := db.pool.QueryContext(ctx, query)
	if err != nil {
		return nil, fmt.Errorf("read the last rows: %w", err)
	}
	defer rows.Close()
	result := [][]string{columns}
	for rows.Next() {
		cells := make([]sql.NullString, len(columns))
		targets := make([]any, len(columns))
		for i := range cells {
			targets[i] = &cells[i]
		}
		if err := rows.Scan(targets...); err != nil {
			return nil, fmt.Errorf("read the last rows: %w", err)
		}
		row := make([]string, len(columns))
		for i, cell := range cells {
			row[i] = "NULL"
			if cell.Valid {
				row[i] = cell.String
			}
		}
		result = append(result, row)
	}
	return result, rows.Err()
}

func (db *database) close() error {
	var err error
	if db.pool != nil {
		err = db.pool.Close()
	}
	return errors.Join(err, db.endHost())
}

func quote(identifier string) string {
	parts := strings.Split(identifier, ".")
	for i, part := range parts {
		parts[i] = "`" + strings.ReplaceAll(part, "`", "``") + "`"
	}
	return strings.Join(parts, ".")
}

// startServer runs the embedded server, which ends when its standard input
// does, and returns its address.
func startServer(ctx context.Context) (address string, end func() error, err error) {
	root, err := ekuiper.Root()
	if err != nil {
		return "", nil, err
	}
	server := exec.Command(filepath.Join(root, "build", "demo-server"))
	server.Stderr = os.Stderr
	detach(server)
	leash, err := server.StdinPipe()
	if err != nil {
		return "", nil, fmt.Errorf("start the embedded server: %w", err)
	}
	output, err := server.StdoutPipe()
	if err != nil {
		return "", nil, fmt.Errorf("start the embedded server: %w", err)
	}
	if err := server.Start(); err != nil {
		return "", nil, fmt.Errorf("start the embedded server: %w", err)
	}
	end = sync.OnceValue(func() error {
		_ = leash.Close()
		kill := time.AfterFunc(5*time.Second, func() { _ = server.Process.Kill() })
		defer kill.Stop()
		_ = server.Wait() // how it ended does not matter any more
		return nil
	})
	first := make(chan string, 1)
	go func() {
		line, _ := bufio.NewReader(output).ReadString('\n')
		first <- line
		_, _ = io.Copy(io.Discard, output)
	}()
	select {
	case line := <-first:
		address, ok := strings.CutPrefix(strings.TrimSpace(line), "listening ")
		if !ok {
			return "", nil, errors.Join(fmt.Errorf("start the embedded server: it said %q", line), end())
		}
		return address, end, nil
	case <-ctx.Done():
		return "", nil, errors.Join(ctx.Err(), end())
	case <-time.After(30 * time.Second):
		return "", nil, errors.Join(errors.New("start the embedded server: no word from it within 30 s"), end())
	}
}
