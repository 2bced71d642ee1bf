// Package matrix_test runs one table of tests on every kind of server that
// users have: each writes through the whole sink, journal included, and reads
// the server's tables back. Every test run has MariaDB and MySQL, `make matrix`
// all of them; MATRIX_SERVERS names others. What a server does in a way of its
// own is said by the test that meets it, and stands in docs/servers.md.
package matrix_test

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"go.uber.org/goleak"

	"ekuiper-mysql/mysql/internal/config"
	"ekuiper-mysql/test/matrix"
)

var (
	full   = flag.Bool("full", false, "as many tries as the proof asks for, in place of some seconds' worth")
	seed   = flag.Uint64("seed", 1, "of what is random")
	report = flag.String("report", "", "write the table of the results into this file, between its markers")
)

// table is what every server is put through, in the order of the report.
var table = []struct {
	name string
	run  func(*trial)
}{
	{"every type of column comes back as it was sent", columnTypes},
	{"documents in JSON and text columns", documents},
	{"times with and without a zone, whatever the server's", zones},
	{"rows of one batch that differ in columns", mixedColumns},
	{"fields under other names, from inside of others, and a column for the rest", mappedRows},
	{"reserved words, quotes and all scripts as names of tables and columns", hardNames},
	{"a message of 5 MB", bigMessage},
	{"a bad row is set aside, the others of its batch are stored", badRows},
	{"a duplicate key is a dead letter, an equal row that comes again is not", duplicates},
	{"a table of dead letters", letterTable},
	{"LOAD DATA LOCAL", loadRoad},
	{"journal off", memoryOnly},
	{"ALTER TABLE while rows come", alterTable},
	{"the table is dropped and comes back", tableGone},
	{"two rules write into one table", twoRules},
	{"a user who may only INSERT", insertOnly},
	{"the server is killed (SIGKILL) and comes back", outage},
	{"modes: insertIgnore, replace, upsert, update, delete", modes},
	{"kinds of rows by rowkindField, expressions, newest wins", kindsAndVersions},
	{"autoCreate and autoEvolve", tablesMade},
	{"a table per row", tablePerRow},
	{"TLS that verifies the server, with its own CA", encrypted},
	{"a compressed connection", compressed},
	{"a password that is changed while the rule runs", passwordChanged},
	{"initSql and session settings", sessions},
	{"random rows in every mode equal a model", randomRows},
	{"thousands of tries at injection", injections},
	{"a node that is not in its cluster is passed over", leftBehind},
	{"the plugin is killed (SIGKILL) again and again, exactly once", onceOverKills},
	{"the server is killed in the middle, exactly once", onceOverOutage},
}

var results matrix.Report

func TestMain(m *testing.M) {
	if os.Getenv(childEnv) != "" {
		os.Exit(serveChild())
	}
	os.Exit(run(m))
}

func run(m *testing.M) int {
	flag.Parse()
	folder, err := os.MkdirTemp("", "secrets")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(folder)
	os.Setenv(config.SecretsFolder, folder)
	_ = mysql.SetLogger(&mysql.NopLogger{})
	code := m.Run()
	if *report != "" {
		names := make([]string, len(table))
		for i, test := range table {
			names[i] = test.name
		}
		results.Order(names)
		if err := results.Write(*report); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	if code == 0 {
		if err := goleak.Find(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	fmt.Println(results.Sum())
	return code
}

func TestMatrix(t *testing.T) {
	kinds, err := matrix.Wanted()
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range kinds {
		t.Run(kind.Name, func(t *testing.T) {
			t.Parallel()
			onServer(t, kind)
		})
	}
}

// onServer runs the table on one kind of server.
func onServer(t *testing.T, kind matrix.Kind) {
	server := start(t, kind)
	title := kind.Title + " " + server.Version
	results.Server(title)
	begun := time.Now()
	defer func() { fmt.Printf("matrix: %s: %v\n", title, time.Since(begun).Round(time.Second)) }()
	for _, test := range table {
		t.Run(test.name, func(t *testing.T) {
			cell := &matrix.Cell{}
			t.Cleanup(func() {
				if t.Failed() {
					*cell = matrix.Cell{Outcome: matrix.Failed}
				}
				results.Add(test.name, title, *cell)
			})
			test.run(newTrial(t, server, cell))
		})
	}
}

// start runs a server until the test ends. Only MySQL may be absent where it
// was not asked for: its packages are not for every machine.
func start(t *testing.T, kind matrix.Kind) *matrix.Server {
	t.Helper()
	server, err := kind.Start(t)
	if errors.Is(err, matrix.ErrAbsent) && kind.Name == "mysql" && os.Getenv(matrix.Env) == "" {
		t.Skip("NOT TESTED:", err)
	}
	if err != nil {
		results.Absent(kind.Title, err)
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	if _, err := server.DB().Exec("CREATE USER writer@'%' IDENTIFIED BY '" + password + "'"); err != nil {
		t.Fatal(err)
	}
	if _, err := server.DB().Exec("GRANT ALL ON *.* TO writer@'%'"); err != nil {
		t.Fatal(err)
	}
	return server
}
