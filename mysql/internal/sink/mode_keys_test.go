package sink

import (
	"fmt"
	"testing"
)

// TestRowsAreFoundByKeysOfEveryType: what has been stored under a value is found by
// it, whatever the server makes of it: together with another row, alone, and when it comes
// again after a kill.
func TestRowsAreFoundByKeysOfEveryType(t *testing.T) {
	for i, c := range []struct{ key, one, other string }{
		{"BIGINT UNSIGNED", `18446744073709551615`, `1`},
		{"DECIMAL(65,30)", `"12345678901234567890123456789012345.123456789012345678901234567891"`, `1`},
		{"DOUBLE", `0.1`, `0.2`},
		{"BIT(64)", `18446744073709551615`, `3`},
		{"YEAR", `2026`, `0`},
		{"DATE", `"2026-01-02"`, `"2026-01-03"`},
		{"TIME(3)", `"-100:00:00.5"`, `"-00:00:00"`},
		{"TIME", `"-00:00:00.5"`, `"100:00:00"`},
		{"DATETIME", `"2026-01-02T03:04:05.6"`, `"2026-01-02"`},
		{"TIMESTAMP(2)", `"2026-01-02T03:04:05.678"`, `"2026-01-02"`},
		{"CHAR(5)", `"a "`, `"b"`},
		{"CHAR(5) COLLATE utf8mb4_nopad_bin", `"a "`, `"b"`},
		{"VARCHAR(5) COLLATE utf8mb4_nopad_bin", `"a "`, `"b"`},
		{"VARCHAR(5) CHARACTER SET latin1", `"ä€"`, `"b"`},
		{"VARCHAR(5) COLLATE utf8mb4_bin", `"a\\'\u0000"`, `"b"`},
		{"BINARY(4)", `"YWI="`, `"YWM="`},
		{"VARBINARY(4)", `"YWI="`, `"YWM="`},
		{"ENUM('a','B','1')", `"B"`, `"1"`},
		{"SET('a','b','c')", `"c,a"`, `["b","a","b"]`},
		{"UUID", `"123E4567-e89b-12d3-a456-426655440000"`, `"123E4567e89b12d3a456426655440001"`},
		{"INET6", `"2001:db8::1"`, `"::1"`},
	} {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Log(c)
			b := newBundle(t, "CREATE TABLE t (k "+c.key+" NOT NULL PRIMARY KEY, x INT)")
			props := b.props("", "t", "rowkindField", "kind")
			both := fmt.Sprintf(`[{"k":%s,"x":1},{"k":%s,"x":2}]`, c.one, c.other)
			restore := b.waiting(b.props("", "t"), both)
			restore()
			s := b.open(b.props("", "t"))
			b.settle(s)
			b.wantCounts(s, 2, 0)
			b.end(s)
			s = b.open(props)
			step := func(kind string, want ...string) {
				t.Helper()
				b.settle(s)
				b.wantRows("SELECT x FROM t ORDER BY x", want...)
				if t.Failed() {
					t.Fatal(kind)
				}
			}
			b.collect(s, fmt.Sprintf(`[{"k":%s,"x":3,"kind":"update"},{"k":%s,"x":4,"kind":"update"}]`, c.one, c.other))
			step("two updates", "3", "4")
			b.collect(s, fmt.Sprintf(`{"k":%s,"x":5,"kind":"update"}`, c.one))
			step("an update", "4", "5")
			b.collect(s, fmt.Sprintf(`{"k":%s,"x":6,"kind":"upsert"}`, c.one))
			step("an upsert", "4", "6")
			b.collect(s, fmt.Sprintf(`{"k":%s,"kind":"delete"}`, c.one))
			step("a deletion", "4")
			b.collect(s, fmt.Sprintf(`[{"k":%s,"kind":"delete"},{"k":%s,"kind":"delete"}]`, c.one, c.other))
			step("two deletions")
		})
	}
}
