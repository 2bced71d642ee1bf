package delivery

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"ekuiper-mysql/mysql/internal/schema"
)

// TestBarsLast as long as what they are of, and not for ever.
func TestBarsLast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		table, altered := &schema.Table{}, &schema.Table{}
		refused := errors.New("refused")
		var b barred
		has := func(when string, table *schema.Table, names ...string) {
			t.Helper()
			for _, name := range []string{"Name", "wide", "other"} {
				want := false
				for _, n := range names {
					want = want || n == name
				}
				if got := b.has(table)(name); got != want {
					t.Errorf("%s: %s barred: %v", when, name, got)
				}
			}
		}
		has("at first", table)
		b.add(table, []bar{{"NAME", wrongName, refused}, {"wide", rowTooWide, refused}}, time.Now())
		has("once refused", table, "Name", "wide")
		has("of another table", altered, "Name")
		b.add(altered, []bar{{"else", rowTooWide, refused}}, time.Now())
		has("of the table before", table, "Name")
		b.add(table, []bar{{"else", tooManyColumns, refused}}, time.Now())
		has("of a full table", table, "Name", "wide", "other")
		has("of a table that is not", altered, "Name")
		time.Sleep(barredFor)
		has("in the end", table)
		b.add(table, []bar{{"wide", rowTooWide, refused}}, time.Now())
		has("after that", table, "wide")
		b.forget()
		has("of another rule", table)
		for i := range 2 * mostBarred {
			b.add(table, []bar{{fmt.Sprint(i), rowTooWide, refused}}, time.Now())
		}
		has("of so many", table, "Name", "wide", "other")
		if len(b.bars) != mostBarred {
			t.Errorf("%d are remembered", len(b.bars))
		}
		b.forget()
		b.add(nil, []bar{{"wide", rowTooWide, refused}, {"name", wrongName, refused}, {"else", tooManyColumns, refused}}, time.Now())
		has("of a table that is to be made", nil, "Name")
		for range mostBarred {
			b.add(nil, []bar{{"name", wrongName, refused}}, time.Now())
		}
		has("of one with many such names", nil, "Name")
		if why := (*barred)(nil).why(table, []byte("x")); why != nil {
			t.Error(why)
		}
	})
}
