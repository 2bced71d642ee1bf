package delivery

import (
	"fmt"
	"math"
	"runtime"
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
			if c.Kind() == schema.Absent {
				text += " -"
				continue
			}
			text += fmt.Sprintf(" %v", c.Value())
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
		{"two wrong, one of them a name twice", "", `[{"ID":"z","x":"z","id":2},{"X":"z","Id":"z","id":3,"x":4},{"ID":"z","id":5}]`, &testOptions, "x id | 4 3 | - 5", 1, false},
		{"a name twice, first wrong, then the default", "", `[{"id":1,"X":"z","x":null}]`, &defaulting, "id x | 1 -", 0, false},
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
		{"after rows of two kinds", `[{"id":1,"x":2},{"id":3,"name":"n"}]`, `[{"id":5,"name":"m"},{"id":6,"name":"o"}]`, &testOptions, "id name | 5 m | 6 o", 0, true},
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
		name      string
		statement extent
		bytes     int
		packet    int
		rows      int
		long      bool
	}{
		{"by rows", extent{10, 1000, 10}, 1 << 20, 1 << 20, 10, false},
		{"by bytes", extent{1000, 1000, 1000}, 100, 1 << 20, 10, false},
		{"by the server's packet", extent{1000, 1000, 1000}, 1 << 20, 100, 10, false},
		{"by a statement's bytes", extent{1000, 100, 1000}, 1 << 20, 1 << 20, 10, true},
		{"by a statement's bytes, at a usual number of rows", extent{1000, 170, 1000}, 1 << 20, 1 << 20, 20, true},
		{"by a statement's bytes, before one row more is too much", extent{1000, 31, 1000}, 1 << 20, 1 << 20, 3, true},
		{"by rows that are not few", extent{40, 100, 10}, 1 << 20, 1 << 20, 40, false},
	} {
		o := Options{MaxBatchBytes: c.bytes}
		o.Convert.Location = time.UTC
		b := &batch{}
		b.reset(testTable())
		for !b.isFull(&o, c.statement, c.packet) {
			fill(b, `{"id":1}`, &o)
		}
		if len(b.rows) != c.rows || b.long != c.long {
			t.Errorf("%s: full at %d rows, long: %v; want %d, %v", c.name, len(b.rows), b.long, c.rows, c.long)
		}
	}
}

// TestLotsAreStatements that the server takes, and no more rows than the rule allows.
func TestLotsAreStatements(t *testing.T) {
	for _, c := range []struct {
		lot, columns, most int
		loads              bool
		rows, first        int
	}{
		{lot: 1000, columns: 5, most: 65535, rows: 4000, first: 1000},
		{lot: 2000, columns: 5, most: 65535, rows: 8000, first: 2000},
		{lot: 3000, columns: 5, most: 65535, rows: 6000, first: 3000},
		{lot: 8000, columns: 5, most: 65535, rows: 8000, first: 8000}, // of more in one transaction nothing is gained
		{lot: 1000, columns: 5, most: 2500, rows: 2000, first: 1000},
		{lot: 1000, columns: 5, most: 1000, rows: 1000, first: 1000},
		{lot: 80, columns: 100, most: 100, rows: 80, first: 80},
		{lot: 16, columns: 500, most: 65535, rows: 64, first: 16},
		{lot: 16, columns: 500, most: 65535, loads: true, rows: 992, first: 16},
		{lot: 16, columns: 500, most: 100, loads: true, rows: 96, first: 16},
		{lot: 1000, columns: 199, most: 65535, rows: 980, first: 245}, // half of the arguments that stay prepared
		{lot: 50, columns: 5, most: 65535, rows: 200, first: 50},
		{lot: 0, columns: 5, most: 1000, rows: 1000, first: 1000},
		{lot: 0, columns: 199, most: 1000, rows: 327, first: 327},
	} {
		columns := make([]schema.Column, c.columns)
		for i := range columns {
			columns[i] = schema.NewColumn(fmt.Sprint("c", i), "int")
		}
		b := &batch{}
		b.reset(schema.NewTable(schema.Name{Table: "t"}, columns...))
		b.cols, b.lot, b.loads = make([]int, c.columns), c.lot, c.loads
		o := Options{MaxBatchRows: c.most, MaxBatchBytes: 1 << 20}
		for !b.isFull(&o, extent{rows: c.most}, 1<<20) {
			b.rows = append(b.rows, rowRef{})
		}
		if rows, first := len(b.rows), b.perStatement(len(b.rows)); rows != c.rows || first != c.first || first*c.columns > maxPlaceholders {
			t.Errorf("%+v: %d rows, the first %d in a statement", c, rows, first)
		}
	}
}

// TestRowsCostNoAllocation from the message's bytes to what the driver takes.
func TestRowsCostNoAllocation(t *testing.T) {
	b := &batch{}
	table := testTable()
	var d payload.Decoder
	var boxes boxes
	message := []byte(`[{"id":123456,"name":"plain","x":2.5,"t":1763634617123},{"id":-1,"name":null,"x":1e300,"t":"2026-11-20T10:30:17.5+08:00"}]`)
	run := func() {
		b.reset(table)
		d.Reset(message)
		for {
			row, err := d.Next()
			if err != nil {
				break
			}
			if _, err := b.add(rowRef{}, row, &testOptions); err != nil {
				t.Fatal(err)
			}
		}
		boxes.of(b.cells)
		boxes.forget(len(b.cells))
	}
	run()
	if n := testing.AllocsPerRun(1000, run); n != 0 {
		t.Errorf("%v allocations for two rows, want none", n)
	}
}

func TestBoxesHoldTheSameValues(t *testing.T) {
	table := schema.NewTable(schema.Name{Table: "t"}, schema.NewColumn("i", "bigint(20)"), schema.NewColumn("u", "bigint(20) unsigned"),
		schema.NewColumn("f", "double"), schema.NewColumn("s", "text"), schema.NewColumn("n", "int(11)"), schema.NewColumn("b", "blob"))
	b := &batch{}
	b.reset(table)
	if errs := fill(b, `[{"i":-9223372036854775808,"u":18446744073709551615,"f":-0.1,"s":"","n":null,"b":"AP8="},{"i":0,"u":0,"f":0,"s":"é\n","n":7,"b":""}]`, &testOptions); len(errs) > 0 {
		t.Fatal(errs)
	}
	want := []any{int64(math.MinInt64), uint64(math.MaxUint64), -0.1, "", nil, "\x00\xff", int64(0), uint64(0), 0.0, "é\n", int64(7), ""}
	var boxes boxes
	for range 2 {
		args := boxes.of(b.cells)
		runtime.GC()
		for i, w := range want {
			if args[i].Value != w || args[i].Ordinal != i+1 || args[i].Value != b.cells[i].Value() {
				t.Errorf("argument %d: %#v, want %#v", i, args[i], w)
			}
		}
		boxes.forget(len(args))
		if args[0].Value != nil {
			t.Error("a box is kept")
		}
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

// TestBatchDoesNotBurst: a row of many fields does not make as many cells for
// each of thousands of narrow rows before it.
func TestBatchDoesNotBurst(t *testing.T) {
	columns := make([]schema.Column, 500)
	for i := range columns {
		columns[i] = schema.NewColumn(fmt.Sprint("c", i), "int")
	}
	b := &batch{}
	b.reset(schema.NewTable(schema.Name{Table: "t"}, columns...))
	fields := func(n int) payload.Row {
		var row payload.Row
		for i := range n {
			row.Fields = append(row.Fields, payload.Field{Name: []byte(fmt.Sprint("c", i)), Value: payload.Value{Kind: payload.Number, Text: []byte("1")}})
		}
		return row
	}
	if b.bursts(fields(500), &testOptions) {
		t.Error("an empty batch")
	}
	for range 4000 {
		if _, err := b.add(rowRef{}, fields(5), &testOptions); err != nil {
			t.Fatal(err)
		}
	}
	for n, want := range map[int]bool{5: false, 6: false, 16: false, 17: true, 500: true, 9000: true} {
		if got := b.bursts(fields(n), &testOptions); got != want {
			t.Errorf("%d fields: %v", n, got)
		}
	}
	b.reset(testTable())
	for range 8000 {
		if _, err := b.add(rowRef{}, payload.Row{Fields: []payload.Field{{Name: []byte("id"), Value: payload.Value{Kind: payload.Number, Text: []byte("1")}}}}, &testOptions); err != nil {
			t.Fatal(err)
		}
	}
	if b.bursts(fields(500), &testOptions) {
		t.Error("fields that the table has no columns for count")
	}
}
