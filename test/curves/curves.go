//go:build linux

package main

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
)

// curves are all that are measured.
func curves() []curve {
	return []curve{byColumns(), byMessage(), byValue(), byRows(), byRules()}
}

const (
	cells      = 1_500_000 // of each point of the columns' curve
	perMessage = 100       // rows, where that is not what the points differ in
	ofEach     = 30_000    // rows of each rule, whatever their number: what a rule takes once is part of what it costs
	ofRules    = 600_000   // and of all together at least: few rules run several times
	volume     = 96 << 20  // bytes of each point of a message's size
)

// byColumns writes the same number of values in rows of more and more columns.
func byColumns() curve {
	c := curve{name: "columns", title: "Columns", axis: "columns", unit: "a value"}
	for _, n := range []int{5, 10, 50, 100, 200, 500} {
		rows := cells / n
		c.points = append(c.points, point{strconv.Itoa(n), float64(n), func() work {
			return one(wide(n), rows, max(1, 1500/n), func(b []byte, i int) []byte { return wideRow(b, i, n) })
		}})
	}
	return c
}

// wide is a table of so many columns, of five types in turn. InnoDB takes 500
// of them only where texts are short.
func wide(n int) string {
	b := []byte("id BIGINT PRIMARY KEY")
	for i := 1; i < n; i++ {
		b = fmt.Appendf(b, ", c%03d %s", i, [5]string{"DOUBLE", "INT", "VARCHAR(12) CHARACTER SET ascii", "DATETIME(3)", "DECIMAL(10,2)"}[i%5])
	}
	return string(b)
}

func wideRow(b []byte, row, n int) []byte {
	b = append(b, '{')
	for i := 1; i < n; i++ {
		b = fmt.Appendf(b, `"c%03d":`, i)
		switch i % 5 {
		case 0:
			b = fmt.Appendf(b, "%g,", float64(row)*0.37)
		case 1:
			b = fmt.Appendf(b, "%d,", row+i)
		case 2:
			b = fmt.Appendf(b, `"sensor-%d",`, row%100)
		case 3:
			b = fmt.Appendf(b, "%d,", 1763634617123+int64(row))
		case 4:
			b = fmt.Appendf(b, "%d.%02d,", row%1000, i%100)
		}
	}
	return fmt.Appendf(b, `"id":%d}`, row)
}

var sizes = []int{1 << 10, 4 << 10, 16 << 10, 64 << 10, 256 << 10, 1 << 20, 4 << 20, 16 << 20}

func sizeName(n int) string {
	if n >= 1<<20 {
		return fmt.Sprintf("%d MiB", n>>20)
	}
	return fmt.Sprintf("%d KiB", n>>10)
}

// byMessage puts more and more rows into one message.
func byMessage() curve {
	const row = 88 // bytes, about
	c := curve{name: "message_size", title: "Size of messages of many rows", axis: "message", unit: "a byte"}
	for _, size := range sizes {
		each := max(size/row, 1)
		rows := each * (volume / size)
		c.points = append(c.points, point{sizeName(size), row, func() work { return one(sensors, rows, each, sensor) }})
	}
	return c
}

// byValue makes the text in a message's only row longer and longer.
func byValue() curve {
	c := curve{name: "value_size", title: "Size of messages of one row with a long text", axis: "message", unit: "a byte"}
	for _, size := range sizes {
		// The text is of what JSON needs no escapes for.
		text := strings.Repeat("All work and no play makes a long value. ", size/40)[:size-40]
		c.points = append(c.points, point{sizeName(size), float64(size), func() work {
			return one("id BIGINT PRIMARY KEY, v LONGTEXT", volume/size, 1, func(b []byte, i int) []byte {
				return fmt.Appendf(b, `{"id":%d,"v":"%s"}`, i, text)
			})
		}})
	}
	return c
}

// byRows writes more and more rows into one table.
func byRows() curve {
	c := curve{name: "rows", title: "Rows", axis: "rows", unit: "a row"}
	for _, n := range []int{10_000, 50_000, 200_000, 500_000, 1_000_000, 2_000_000} {
		c.points = append(c.points, point{strconv.Itoa(n), 1, func() work { return one(sensors, n, perMessage, sensor) }})
	}
	return c
}

// byRules gives the same rows to more and more rules, each with a table of its
// own, all at the same time: twice as many rules are to cost twice as much.
func byRules() curve {
	c := curve{name: "rules", title: "Active rules", axis: "rules", unit: "a row"}
	for _, n := range []int{1, 2, 5, 10, 50, 100, 200} {
		c.points = append(c.points, point{strconv.Itoa(n), 1, func() work {
			w := one(sensors, ofEach, perMessage, sensor)
			w.rules, w.times = n, max(ofRules/ofEach/n, 1)
			same := w.messages(0) // the host only reads them
			w.messages = func(int) [][]byte { return same }
			return w
		}})
	}
	return c
}

// one is the work of one rule: rows in messages of so many each.
func one(columns string, rows, each int, row func(b []byte, i int) []byte) work {
	first := append(row([]byte{'['}, -1), ']')
	return work{columns: columns, rules: 1, times: 1, rows: rows, first: first, messages: func(int) (all [][]byte) {
		var b []byte
		for i := 0; i < rows; {
			b = append(b[:0], '[')
			for n := min(each, rows-i); n > 0; n-- {
				b = append(row(b, i), ',')
				i++
			}
			b[len(b)-1] = ']'
			all = append(all, bytes.Clone(b))
		}
		return all
	}}
}
