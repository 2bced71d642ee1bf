package main

import (
	"context"
	"database/sql"
	"net"
	"sync"
	"testing"

	_ "github.com/go-sql-driver/mysql"
)

// start serves until the test ends and returns a pool of connections.
func start(t *testing.T) *sql.DB {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	address, ended := make(chan net.Addr, 1), make(chan error, 1)
	go func() {
		ended <- serve(ctx, "user", "test", "database", func(a net.Addr) { address <- a })
	}()
	var at net.Addr
	select {
	case at = <-address:
	case err := <-ended:
		t.Fatal(err)
	}
	pool, err := sql.Open("mysql", "user:test@tcp("+at.String()+")/database")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = pool.Close()
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return pool
}

func TestReadersLoseNoRowsOfTheWriter(t *testing.T) {
	const rows = 400
	pool := start(t)
	if _, err := pool.Exec("CREATE TABLE test (id BIGINT NOT NULL)"); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	var readers sync.WaitGroup
	for range 2 {
		readers.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				if _, err := pool.Exec("SELECT COUNT(*) FROM test"); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for id := range rows {
		transaction, err := pool.Begin()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := transaction.Exec("INSERT INTO test VALUES (?)", id); err != nil {
			t.Fatal(err)
		}
		if err := transaction.Commit(); err != nil {
			t.Fatal(err)
		}
	}
	close(done)
	readers.Wait()
	var n int
	if err := pool.QueryRow("SELECT COUNT(*) FROM test").Scan(&n); err != nil {
		t.Fatal(err)
	}
	if n != rows {
		t.Errorf("%d of %d rows are there", n, rows)
	}
}
