package sink

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

var modelSeeds = flag.Uint64("modes.seeds", 40, "how many random tables TestBatchesEndAsSingleRows tries")

// shapesOfTables are tables whose rows are tied in different ways. The columns
// k1 and k2 are what keyField may name.
var shapesOfTables = []struct {
	ddl     string
	keys    []string // for keyField; "" leaves it out
	upserts bool     // the table's keys serve them
}{
	{"k1 INT NOT NULL, k2 VARCHAR(9), n INT, s VARCHAR(9), v INT, PRIMARY KEY (k1)", []string{"", "k1"}, true},
	{"k1 INT, k2 VARCHAR(9) COLLATE utf8mb4_general_ci NOT NULL, n INT NOT NULL DEFAULT 5, s VARCHAR(9), v INT, PRIMARY KEY (k2)", []string{"", "k2"}, true},
	{"k1 INT NOT NULL, k2 VARCHAR(9) COLLATE utf8mb4_unicode_ci NOT NULL, n INT, s VARCHAR(9), v INT, PRIMARY KEY (k2, k1)", []string{"", "k1,k2"}, true},
	{"k1 INT NOT NULL, k2 VARCHAR(9) COLLATE utf8mb4_bin NOT NULL, n INT, s VARCHAR(9), v INT, PRIMARY KEY (k1), UNIQUE (k2)", []string{"", "k1", "k2"}, true},
	{"k1 INT NOT NULL, k2 VARCHAR(9), n INT, s VARCHAR(9) UNIQUE, v INT, PRIMARY KEY (k1)", []string{"", "k1"}, true},
	{"k1 INT AUTO_INCREMENT PRIMARY KEY, k2 VARCHAR(9) COLLATE utf8mb4_swedish_ci NOT NULL, n INT, s VARCHAR(9), v INT, UNIQUE (k2)", []string{"", "k2"}, true},
	{"k1 INT, k2 VARCHAR(9) COLLATE utf8mb4_general_ci, n INT, s VARCHAR(9), v INT, KEY (k1), KEY (k2)", []string{"k1", "k2", "k1,k2"}, false},
	{"k1 INT NOT NULL PRIMARY KEY, k2 VARCHAR(9), n INT, s VARCHAR(9), v INT, FOREIGN KEY (n) REFERENCES t (k1)", []string{"", "k1"}, true},
}

var texts = []string{"a", "A", "a ", "b", "ä", "", "v", "w", "温"}

// randomRow has each field mostly, of few values: keys are to meet.
func randomRow(random *rand.Rand, kinds bool) string {
	var fields []string
	field := func(often int, name string, values ...string) {
		if random.IntN(100) < often {
			fields = append(fields, fmt.Sprintf("%q:%s", name, values[random.IntN(len(values))]))
		}
	}
	quoted := make([]string, len(texts))
	for i, s := range texts {
		quoted[i] = fmt.Sprintf("%q", s)
	}
	field(92, "k1", "1", "2", "3", `"2"`, "4", "5", "null")
	field(92, "k2", append(quoted, "null")...)
	field(60, "n", "1", "2", "3", "null", `"wrong"`)
	field(60, "s", append(quoted, "null", `"far too long"`)...)
	field(95, "v", "1", "2", "3", "4", "5", "6", "7", "8", "null")
	if kinds {
		field(90, "kind", `"insert"`, `"update"`, `"upsert"`, `"delete"`, "null", `"?"`)
	}
	return "{" + strings.Join(fields, ",") + "}"
}

// TestBatchesEndAsSingleRows: random rows in any manner, in batches of any size,
// leave the table and the sums as the same rows do one by one.
func TestBatchesEndAsSingleRows(t *testing.T) {
	for seed := range *modelSeeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { batchesEndAsSingleRows(t, rand.New(rand.NewPCG(seed, 5))) })
	}
}

func batchesEndAsSingleRows(t *testing.T, random *rand.Rand) {
	table := shapesOfTables[random.IntN(len(shapesOfTables))]
	props := []any{"extraFields", "ignore"}
	modes := []string{"insert", "insertIgnore", "replace", "update", "delete", "upsert"}
	mode := modes[random.IntN(len(modes))]
	key := table.keys[random.IntN(len(table.keys))]
	kinds := random.IntN(2) == 0
	if mode == "upsert" && !table.upserts {
		mode = "update"
	}
	changes := kinds || mode == "update" || mode == "upsert"
	props = append(props, "mode", mode, "keyField", key)
	if kinds {
		props = append(props, "rowkindField", "kind")
	}
	if changes {
		switch random.IntN(4) {
		case 0:
			props = append(props, "updateFields", map[string]any{"n": []string{"add", "max", "min"}[random.IntN(3)], "*": "coalesce"})
		case 1:
			props = append(props, "keepFields", "n")
		}
	}
	if (changes || mode == "delete") && random.IntN(3) == 0 {
		props = append(props, "versionField", "v")
	}
	if random.IntN(3) == 0 {
		props = append(props, "delivery", "exactlyOnce")
	}
	var rows []string
	for range 1 + random.IntN(60) {
		rows = append(rows, randomRow(random, kinds))
	}
	end := func(batch int) (string, string) {
		t.Helper()
		b := newBundle(t, "CREATE TABLE t ("+table.ddl+") AUTO_INCREMENT = 1000")
		s := b.open(b.props("", "t", append(props, "maxBatchRows", batch)...))
		b.collect(s, "["+strings.Join(rows, ",")+"]")
		b.settle(s)
		m := s.outbox.Load().meter.Snapshot()
		b.end(s)
		return strings.Join(b.query("SELECT LEAST(k1, 1000), k2, n, s, v FROM t ORDER BY 1, HEX(k2), n, s, v"), "\n"),
			fmt.Sprintf("%d done, %d set aside, %d pending", m.Stored+m.Superseded, m.SetAside, m.Pending)
	}
	wantRows, wantFates := end(1)
	for _, batch := range []int{2 + random.IntN(20), 1000} {
		if gotRows, gotFates := end(batch); gotRows != wantRows || gotFates != wantFates {
			t.Errorf("table %s\nproperties %v\nrows\n%s\nin batches of %d\n%s\n%s\none by one\n%s\n%s", table.ddl, props, strings.Join(rows, "\n"), batch, gotRows, gotFates, wantRows, wantFates)
		}
	}
}
