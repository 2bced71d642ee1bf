package integration

import (
	"bytes"
	"database/sql"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"

	"ekuiper-mysql/mysql/internal/link"
	"ekuiper-mysql/test/certificates"
)

// TestLargeAnswers: the bounds of what a server may announce let pass what
// servers do answer, over every kind of connection: as many columns as a table
// has, rows of several packets, and what follows a LOAD DATA of so many packets
// that their numbers begin anew.
func TestLargeAnswers(t *testing.T) {
	ca := certificates.New(t, "ca")
	s := secured(t, ca.Issue("127.0.0.1", time.Now().Add(time.Hour)), ca.PEM, "--max-allowed-packet=1G", "--local-infile=1")
	const columns, size, lines = 1017, 33 << 20, 30_000
	names := make([]string, columns)
	for i := range names {
		names[i] = fmt.Sprintf("c%d SMALLINT DEFAULT %d", i, i)
	}
	execute(t, s, "CREATE DATABASE large", "CREATE TABLE large.wide ("+strings.Join(names, ", ")+")", "INSERT INTO large.wide () VALUES (), ()",
		"CREATE TABLE large.loaded (id INT, name VARCHAR(200))")
	mysql.RegisterReaderHandler("large", func() io.Reader {
		return bytes.NewReader(bytes.Repeat([]byte("7\t"+strings.Repeat("x", 180)+"\n"), lines))
	})
	t.Cleanup(func() { mysql.DeregisterReaderHandler("large") })
	for name, c := range map[string]struct{ encrypted, compressed bool }{
		"plain": {}, "TLS": {encrypted: true}, "compressed": {compressed: true}, "both": {true, true},
	} {
		t.Run(name, func(t *testing.T) {
			o := options()
			o.Hosts, o.TLS = []string{s.Addr()}, link.TLS{On: c.encrypted}
			o.Driver.ReadTimeout, o.Driver.WriteTimeout, o.Driver.MaxAllowedPacket = time.Minute, time.Minute, 0
			if err := o.Driver.Apply(mysql.EnableCompression(c.compressed)); err != nil {
				t.Fatal(err)
			}
			db := pool(t, o, &link.Cluster{})
			conn, err := db.Conn(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			for range 2 { // what came before must not count for what comes
				wide(t, conn, "SELECT * FROM large.wide", columns)
				wide(t, conn, "SELECT * FROM large.wide WHERE c0 <> ?", columns, 1) // prepared
				var n int
				if err := conn.QueryRowContext(t.Context(), "SELECT REPEAT('x', ?)", size).Scan(&counter{&n}); err != nil || n != size {
					t.Fatalf("a row of %d bytes: %d, %v", size, n, err)
				}
				r, err := conn.ExecContext(t.Context(), "LOAD DATA LOCAL INFILE 'Reader::large' INTO TABLE large.loaded")
				if err != nil {
					t.Fatal(err)
				}
				if got, err := r.RowsAffected(); err != nil || got != lines {
					t.Fatalf("%d rows were loaded, %v; want %d", got, err, lines)
				}
			}
		})
	}
}

// counter keeps the length of a value.
type counter struct{ n *int }

// Scan implements sql.Scanner.
func (c *counter) Scan(v any) error {
	b, _ := v.([]byte)
	*c.n = len(b)
	return nil
}

// wide reads a table of two rows and so many columns, whose defaults are their numbers.
func wide(t *testing.T, conn *sql.Conn, query string, columns int, args ...any) {
	t.Helper()
	rows, err := conn.QueryContext(t.Context(), query, args...)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	values, into := make([]int, columns), make([]any, columns)
	for i := range into {
		into[i] = &values[i]
	}
	n := 0
	for ; rows.Next(); n++ {
		if err := rows.Scan(into...); err != nil {
			t.Fatal(err)
		}
		for i, v := range values {
			if v != i {
				t.Fatalf("column %d is %d", i, v)
			}
		}
	}
	if err := rows.Err(); err != nil || n != 2 {
		t.Fatalf("%d rows, %v", n, err)
	}
}
