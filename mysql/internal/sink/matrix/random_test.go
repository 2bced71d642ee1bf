package matrix_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
)

// A world is a table as a model has it: rows by key, columns by name, nil for NULL.
type world map[int]map[string]any

// Columns of the random tables, beside the key, with their defaults.
var defaults = map[string]any{"n": int64(7), "s": "none", "v": nil}

var randomColumns = slices.Sorted(maps.Keys(defaults))

// plan is a rule's way with rows.
type plan struct {
	mode    string
	kinds   bool // rowkindField
	version bool // versionField: v
	adds    bool // updateFields: n is added, the others set
	once    bool
	batch   int
}

func (p plan) props() []any {
	props := []any{"mode", p.mode, "maxBatchRows", p.batch}
	if p.kinds {
		props = append(props, "rowkindField", "kind")
	}
	if p.version {
		props = append(props, "versionField", "v")
	}
	if p.adds {
		props = append(props, "updateFields", map[string]any{"n": "add", "*": "set"})
	}
	if p.once {
		props = append(props, "delivery", "exactlyOnce")
	}
	return props
}

// apply does to the world what a row does to the table, and tells whether the row is refused.
func (w world) apply(p plan, kind string, key int, row map[string]any) (refused bool) {
	old, there := w[key]
	changes := kind == "update" || kind == "upsert" || kind == "delete"
	if changes && p.version {
		if row["v"] == nil {
			return true
		}
		if there && old["v"] != nil && old["v"].(int64) >= row["v"].(int64) {
			return false
		}
	}
	switch {
	case kind == "delete":
		delete(w, key)
	case there && kind == "insert":
		return true
	case there && kind == "insertIgnore", !there && kind == "update":
	case there && changes:
		for column, value := range row {
			if p.adds && column == "n" {
				value = sum(old["n"], value)
			}
			old[column] = value
		}
	default:
		fresh := maps.Clone(defaults)
		maps.Copy(fresh, row)
		w[key] = fresh
	}
	return false
}

// sum takes NULL for nothing: the other side stays.
func sum(a, b any) any {
	switch {
	case a == nil:
		return b
	case b == nil:
		return a
	}
	return a.(int64) + b.(int64)
}

// texts are values that have been somebody's trouble.
var texts = []string{"", "a", "A", "it's", `back\slash`, `"`, "tab\t", "two\nlines", "ü😀", " x ", "%_", "NULL", "-- ", "`"}

// randomRow is a row with some of the columns.
func randomRow(random *rand.Rand, row map[string]any) map[string]any {
	for _, column := range randomColumns {
		switch random.IntN(4) {
		case 0: // absent
		case 1:
			row[column] = nil
		default:
			row[column] = int64(random.IntN(9))
			if column == "s" {
				row[column] = texts[random.IntN(len(texts))]
			}
		}
	}
	return row
}

var randomKinds = []string{"insert", "update", "upsert", "delete"}

// randomRows sends random rows in every mode, in messages and batches of any
// size, and holds the table against a model that takes them one by one.
func randomRows(t *trial) {
	t.needsKeys()
	random := rand.New(rand.NewPCG(*seed, 1))
	for i := range rounds(24, 240) {
		p := plan{batch: 1 + random.IntN(40), once: random.IntN(2) == 0}
		p.mode = []string{"insert", "insertIgnore", "replace", "upsert", "update", "delete"}[i%6]
		changes := p.mode == "upsert" || p.mode == "update" || p.mode == "delete"
		p.kinds = p.mode != "insertIgnore" && p.mode != "replace" && random.IntN(2) == 0
		p.version = (changes || p.kinds) && random.IntN(3) == 0
		p.adds = !p.version && (p.mode == "upsert" || p.mode == "update") && random.IntN(3) == 0
		if t.randomRound(random, i, p); t.Failed() {
			t.Errorf("round %d of seed %d: %+v", i, *seed, p)
			return
		}
	}
}

func (t *trial) randomRound(random *rand.Rand, round int, p plan) {
	t.exec("DROP TABLE IF EXISTS t")
	t.exec("CREATE TABLE t (id INT PRIMARY KEY, n INT DEFAULT 7, s VARCHAR(20) COLLATE utf8mb4_bin DEFAULT 'none', v INT)")
	w := world{}
	for key := range 4 {
		t.exec("INSERT INTO t (id) VALUES (?)", key)
		w.apply(plan{}, "insert", key, nil)
	}
	r := t.openRule(fmt.Sprint("round ", round), t.props("t", p.props()...))
	refused, sent := 0, 0
	for range 1 + random.IntN(8) {
		var message []string
		for range 1 + random.IntN(30) {
			key, row := random.IntN(8), randomRow(random, map[string]any{})
			kind := p.mode
			values := maps.Clone(row)
			values["id"] = key
			if p.kinds && random.IntN(4) > 0 {
				kind = randomKinds[random.IntN(len(randomKinds))]
				values["kind"] = kind
			}
			text, err := json.Marshal(values)
			if err != nil {
				t.Fatal(err)
			}
			message = append(message, string(text))
			if w.apply(p, kind, key, row) {
				refused++
			}
			sent++
		}
		r.collect("[" + strings.Join(message, ",") + "]")
	}
	f := r.settle()
	r.close()
	if f["received_total"] != sent || f["set_aside_total"] != refused {
		t.Errorf("%v; want received %d, set aside %d", f, sent, refused)
	}
	var want []string
	for _, key := range slices.Sorted(maps.Keys(w)) {
		line := fmt.Sprint(key)
		for _, column := range randomColumns {
			value := w[key][column]
			if value == nil {
				value = "NULL"
			}
			line += fmt.Sprint(",", value)
		}
		want = append(want, line)
	}
	t.wantRows("SELECT id, n, s, v FROM t ORDER BY id", want...)
}
