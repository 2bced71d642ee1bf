package delivery

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"ekuiper-mysql/mysql/internal/payload"
	"ekuiper-mysql/mysql/internal/schema"
)

func testTable() *schema.Table {
	computed := schema.NewColumn("computed", "int(11)")
	computed.Generated = true
	return schema.NewTable(schema.Name{Table: "t"}, schema.NewColumn("id", "bigint(20)"), schema.NewColumn("name", "varchar(20)"),
		schema.NewColumn("x", "double"), schema.NewColumn("t", "datetime(3)"), computed)
}

var testOptions = Options{Convert: schema.Options{Location: time.UTC}, MaxBatchRows: 1000, MaxBatchBytes: 1 << 20}

// fill adds every row of a message and returns the errors.
func fill(b *batch, message string, o *Options) (errs []string) {
	var d payload.Decoder
	d.Reset([]byte(message))
	for {
		row, err := d.Next()
		if err != nil {
			return errs
		}
		if _, err := b.add(rowRef{number: 7}, row, o); err != nil {
			errs = append(errs, err.Error())
		}
	}
}

func show(b *batch) string {
	var names []string
	for _, c := range b.cols {
		names = append(names, b.table.Columns[c].Name)
	}
	text := strings.Join(names, " ")
	for r := range b.rows {
		text += " |"
		for _, c := range b.slice(r, r+1) {
			if c == (absent{}) {
				c = "-"
			}
			text += fmt.Sprintf(" %v", c)
		}
	}
	return text
}

func TestBatchColumns(t *testing.T) {
	ignoring, defaulting := testOptions, testOptions
	ignoring.IgnoreExtraFields = true
	defaulting.NullAsDefault = true
	for _, c := range []struct {
		name    string
		before  string // rows of an earlier batch
		message string
		options *Options
		want    string
		errs    int
		full    bool
	}{
		{"alike", "", `[{"id":1,"x":2},{"id":3,"x":4}]`, &testOptions, "id x | 1 2 | 3 4", 0, true},
		{"another order", "", `[{"id":1,"x":2},{"x":4,"id":3}]`, &testOptions, "id x | 1 2 | 3 4", 0, true},
		{"fewer", "", `[{"id":1,"x":2},{"id":3}]`, &testOptions, "id x | 1 2 | 3 -", 0, false},
		{"more", "", `[{"id":1},{"id":3,"x":4},{"name":"n","id":5}]`, &testOptions, "id x name | 1 - - | 3 4 - | 5 - n", 0, false},
		{"none", "", `[{},{"id":1},{}]`, &testOptions, "id | 1", 2, true},
		{"other letters", "", `[{"ID":1},{"Id":2}]`, &testOptions, "id | 1 | 2", 0, true},
		{"a name twice", "", `[{"id":1,"id":2},{"id":3,"ID":4}]`, &testOptions, "id | 2 | 4", 0, true},
		{"a name twice, first wrong", "", `[{"id":"z","id":2},{"id":1,"ID":"z"}]`, &testOptions, "id | 2", 1, true},
		{"none of the table's", "", `[{"y":1},{"id":2}]`, &ignoring, "id | 2", 1, true},
		{"null", "", `[{"id":1,"x":null}]`, &testOptions, "id x | 1 <nil>", 0, true},
		{"null as default", "", `[{"id":1,"x":null},{"id":2,"x":3}]`, &defaulting, "id x | 1 - | 2 3", 0, false},
		{"generated", "", `[{"computed":9,"id":1},{"id":2}]`, &testOptions, "id | 1 | 2", 0, true},
		{"unknown", "", `[{"id":1},{"id":2,"y":1,"x":3},{"id":4}]`, &testOptions, "id | 1 | 4", 1, true},
		{"unknown first", "", `[{"x":3,"y":1},{"id":4}]`, &testOptions, "id | 4", 1, true},
		{"unknown ignored", "", `[{"id":1,"y":[1,{}]},{"y":null,"id":2}]`, &ignoring, "id | 1 | 2", 0, true},
		{"does not convert", "", `[{"id":1},{"x":1,"id":"z"},{"id":2}]`, &testOptions, "id | 1 | 2", 1, true},
		{"after a batch of the same", `[{"id":1,"x":2}]`, `{"id":3,"x":4}`, &testOptions, "id x | 3 4", 0, true},
		{"after a batch of others", `[{"id":1,"x":2}]`, `{"id":3,"name":"n"}`, &testOptions, "id name | 3 n", 0, true},
		{"after a wider batch", `[{"id":1,"x":2,"name":"n"}]`, `{"id":3}`, &testOptions, "id | 3", 0, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			table := testTable()
			b := &batch{}
			b.reset(table)
			fill(b, c.before, c.options)
			b.reset(table)
			errs := fill(b, c.message, c.options)
			if got := show(b); got != c.want || len(errs) != c.errs || b.full != c.full {
				t.Errorf("got %q, errors %q, full %v; want %q, %d errors, full %v", got, errs, b.full, c.want, c.errs, c.full)
			}
			if len(b.cells) != len(b.rows)*len(b.cols) {
				t.Errorf("%d cells for %d rows of %d columns", len(b.cells), len(b.rows), len(b.cols))
			}
		})
	}
}

func TestBatchIsFull(t *testing.T) {
	for _, c := range []struct {
		name   string
		o      Options
		packet int
		rows   int
	}{
		{"by rows", Options{MaxBatchRows: 10, MaxBatchBytes: 1 << 20}, 1 << 20, 10},
		{"by bytes", Options{MaxBatchRows: 1000, MaxBatchBytes: 100}, 1 << 20, 10},
		{"by the server's packet", Options{MaxBatchRows: 1000, MaxBatchBytes: 1 << 20}, 100, 10},
	} {
		o := c.o
		o.Convert.Location = time.UTC
		b := &batch{}
		b.reset(testTable())
		for !b.isFull(&o, c.packet) {
			fill(b, `{"id":1}`, &o)
		}
		if len(b.rows) != c.rows {
			t.Errorf("%s: full at %d rows, want %d", c.name, len(b.rows), c.rows)
		}
	}
}

func TestChunksAreFewSizes(t *testing.T) {
	sizes := map[int]bool{}
	for n := 1; n <= 999; n++ {
		total, count := 0, 0
		for total < n {
			sizes[chunk(n-total)] = true
			total += chunk(n - total)
			count++
		}
		if total != n || count > 10 {
			t.Errorf("%d rows go in %d statements of %d rows", n, count, total)
		}
	}
	if len(sizes) > 10 {
		t.Errorf("%d sizes of statements", len(sizes))
	}
	if got := []int{chunk(1000), chunk(2500)}; !reflect.DeepEqual(got, []int{1000, 2000}) {
		t.Errorf("chunks of 1000 and 2500 rows: %v", got)
	}
}

// TestAddAllocatesOnlyArguments: one boxed value per cell, which
// database/sql's interface forces, and nothing else.
func TestAddAllocatesOnlyArguments(t *testing.T) {
	b := &batch{}
	table := testTable()
	var d payload.Decoder
	message := []byte(`{"id":123456,"name":"plain","x":2.5}`)
	b.reset(table)
	run := func() {
		b.reset(table)
		d.Reset(message)
		for range 1 {
			row, _ := d.Next()
			if _, err := b.add(rowRef{}, row, &testOptions); err != nil {
				t.Fatal(err)
			}
		}
	}
	run()
	if n := testing.AllocsPerRun(1000, run); n > 3 {
		t.Errorf("%v allocations for a row of 3 columns, want at most 3", n)
	}
}

func TestPauseGrowsToItsLimit(t *testing.T) {
	for attempt := 1; attempt < 100; attempt++ {
		p := pause(attempt, maxPause)
		if p < firstPause/2 || p > maxPause {
			t.Errorf("attempt %d pauses %v", attempt, p)
		}
		if attempt > 10 && p < maxPause/2 {
			t.Errorf("attempt %d pauses only %v", attempt, p)
		}
	}
}

func BenchmarkAdd(b *testing.B) {
	batch := &batch{}
	table := testTable()
	message := []byte("[" + strings.Repeat(`{"id":123456,"name":"plain","x":2.5,"t":1763634617123},`, 99) + `{"id":1,"name":"plain","x":2.5,"t":1763634617123}]`)
	var d payload.Decoder
	b.ReportAllocs()
	for b.Loop() {
		batch.reset(table)
		d.Reset(message)
		for {
			row, err := d.Next()
			if err != nil {
				break
			}
			if _, err := batch.add(rowRef{}, row, &testOptions); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/100, "ns/row")
}
