// Command server is a small MySQL server in memory for the demo, so that it
// needs no installed one. It listens on loopback, prints "listening
// <address>", and ends when its standard input ends or on a signal: it cannot
// outlive the demo that started it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"syscall"

	sqle "github.com/dolthub/go-mysql-server"
	"github.com/dolthub/go-mysql-server/memory"
	"github.com/dolthub/go-mysql-server/server"
	"github.com/dolthub/go-mysql-server/sql"
	"github.com/dolthub/go-mysql-server/sql/mysql_db"
	"github.com/sirupsen/logrus"
)

func main() {
	user := flag.String("user", "user", "the `name` to log in with")
	password := flag.String("password", "test", "the `password` to log in with")
	database := flag.String("database", "database", "the `name` of the empty database")
	flag.Parse()
	logrus.SetLevel(logrus.ErrorLevel)

	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	if err := serve(ctx, *user, *password, *database, func(a net.Addr) { fmt.Println("listening", a) }); err != nil {
		fmt.Fprintln(os.Stderr, "server:", err)
		os.Exit(1)
	}
}

// serve runs the server until ctx ends, and tells where it listens.
func serve(ctx context.Context, user, password, database string, listening func(net.Addr)) error {
	provider := memory.NewDBProvider(memory.NewDatabase(database))
	engine := sqle.NewDefault(provider)
	grants := engine.Analyzer.Catalog.MySQLDb
	grants.SetPersister(&mysql_db.NoopPersister{})
	editor := grants.Editor()
	grants.AddSuperUser(editor, user, "%", password)
	editor.Close()

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	config := server.Config{
		Protocol: "tcp",
		Address:  listener.Addr().String(),
		Listener: listener,
		Version:  "8.0.33-demo",
	}
	s, err := server.NewServerWithHandler(config, engine, sql.NewContext, memory.NewSessionBuilder(provider), nil, inTurns)
	if err != nil {
		return errors.Join(fmt.Errorf("set up: %w", err), listener.Close())
	}
	listening(listener.Addr())
	served := make(chan error, 1)
	go func() { served <- s.Start() }()
	select {
	case err := <-served:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
		return s.Close()
	}
}
