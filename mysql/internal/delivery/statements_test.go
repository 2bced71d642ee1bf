package delivery

import (
	"context"
	"database/sql/driver"
	"strings"
	"testing"
)

// sizes are how many rows the statements of a batch of n take.
func (s *statements) sizes(n int) (sizes []int) {
	for left := n; left > 0; {
		k := s.size(left)
		sizes = append(sizes, k)
		left -= k
	}
	s.note(n)
	return sizes
}

func TestBatchesAreFewStatementsOfFewSizes(t *testing.T) {
	all := map[int]bool{}
	for n := 1; n <= 10000; n++ {
		var s statements
		sizes := s.sizes(n)
		total := 0
		for _, k := range sizes {
			all[k] = true
			total += k
		}
		if total != n || len(sizes) > 5 {
			t.Fatalf("%d rows go in statements of %v", n, sizes)
		}
	}
	if len(all) > 60 {
		t.Errorf("%d sizes of statements", len(all))
	}
}

func TestSizesThatRecurAreOneStatement(t *testing.T) {
	var s statements
	if got := len(s.sizes(1000)); got != 1 {
		t.Errorf("a full batch is %d statements", got)
	}
	if got := len(s.sizes(119)); got == 1 {
		t.Error("any size is prepared at once")
	}
	if got := len(s.sizes(119)); got != 1 {
		t.Errorf("a size that comes again is %d statements", got)
	}
	for n := range recalled {
		s.note(n + 200)
	}
	if got := len(s.sizes(119)); got == 1 {
		t.Error("a size that came once long ago is prepared")
	}
}

// fakeConn prepares statements and counts those that are open.
type fakeConn struct{ open, arguments, most int }

type fakeStmt struct {
	prepared
	conn      *fakeConn
	arguments int
}

func (c *fakeConn) PrepareContext(_ context.Context, query string) (driver.Stmt, error) {
	n := strings.Count(query, "?")
	c.open++
	c.arguments += n
	c.most = max(c.most, c.arguments)
	return &fakeStmt{conn: c, arguments: n}, nil
}

func (s *fakeStmt) Close() error {
	s.conn.open--
	s.conn.arguments -= s.arguments
	return nil
}

func TestStatementsAreBounded(t *testing.T) {
	b := &batch{}
	b.reset(testTable())
	fill(b, `{"id":1,"name":"n","x":1}`, &testOptions)
	c := &fakeConn{}
	var s statements
	s.turnTo(b)
	for i := range 1000 {
		if _, err := s.get(t.Context(), c, b, 1+i*7%2000); err != nil {
			t.Fatal(err)
		}
		if c.open > maxStatements || c.most > maxArguments {
			t.Fatalf("%d statements of %d arguments are open", c.open, c.most)
		}
	}
	first, _ := s.get(t.Context(), c, b, 3)
	for i := range 10 {
		_, _ = s.get(t.Context(), c, b, 10+i)
		if again, _ := s.get(t.Context(), c, b, 3); again != first {
			t.Fatal("the statement that is in use was closed")
		}
	}
	s.drop()
	if c.open != 0 || s.arguments != 0 {
		t.Errorf("%d statements are left open", c.open)
	}
}
