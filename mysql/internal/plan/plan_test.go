package plan

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// show writes groups as "kind/shape rows".
func show(groups []Group) string {
	var texts []string
	for _, g := range groups {
		texts = append(texts, fmt.Sprintf("%v/%d %v", g.Kind, g.Shape, g.Rows))
	}
	return strings.Join(texts, "; ")
}

func TestGroups(t *testing.T) {
	row := func(k Kind, shape int, class string) Row {
		return Row{Kind: k, Shape: shape, Class: class, Same: class}
	}
	whole := func(class string) Row { return Row{Kind: Update, Class: class, Same: class, Whole: true} }
	vague := func(k Kind, same string) Row { return Row{Kind: k, Vague: true, Same: same, Whole: true} }
	alone := func(class string) Row { return Row{Kind: Update, Class: class, Alone: true} }
	for _, c := range []struct {
		name string
		rows []Row
		free bool
		want string
	}{
		{"none", nil, true, ""},
		{"one kind, keys that come again", []Row{row(Upsert, 0, "a"), row(Upsert, 0, "b"), row(Upsert, 0, "a")}, true, "upsert/0 [0 1 2]"},
		{"shapes in turn, free", []Row{row(Upsert, 0, "a"), row(Upsert, 1, "b"), row(Upsert, 0, "c"), row(Upsert, 1, "d")}, true, "upsert/0 [0 2]; upsert/1 [1 3]"},
		{"shapes in turn, tied", []Row{row(Upsert, 0, "a"), row(Upsert, 1, "b"), row(Upsert, 0, "c")}, false, "upsert/0 [0]; upsert/1 [1]; upsert/0 [2]"},
		{"the same key in two shapes", []Row{row(Upsert, 0, "a"), row(Upsert, 1, "a"), row(Upsert, 0, "a"), row(Upsert, 0, "b")}, true, "upsert/0 [0 3]; upsert/1 [1]; upsert/0 [2]"},
		{"kinds of one key", []Row{row(Insert, 0, "a"), row(Update, 0, "a"), row(Delete, 0, "a"), row(Insert, 0, "a")}, true, "insert/0 [0]; update/0 [1]; delete/0 [2]; insert/0 [3]"},
		{"a later insert joins an earlier group", []Row{row(Insert, 0, "a"), row(Delete, 0, "a"), row(Insert, 0, "b")}, true, "insert/0 [0 2]; delete/0 [1]"},
		{"updates of one key", []Row{row(Update, 0, "a"), row(Update, 0, "b"), row(Update, 0, "a")}, true, "update/0 [0 1]; update/0 [2]"},
		{"the later update covers the earlier", []Row{whole("a"), whole("b"), whole("a")}, true, "update/0 [2 1]"},
		{"not across another kind", []Row{whole("a"), row(Delete, 0, "a"), whole("a")}, true, "update/0 [0]; delete/0 [1]; update/0 [2]"},
		{"vague keys keep their order", []Row{vague(Update, "x"), vague(Update, "y"), row(Update, 0, "a")}, true, "update/0 [0]; update/0 [1]; update/0 [2]"},
		{"vague keys that are the same", []Row{vague(Update, "x"), vague(Update, "x")}, true, "update/0 [1]"},
		{"vague keys of what comes row by row", []Row{vague(Upsert, "x"), vague(Upsert, "y")}, true, "upsert/0 [0 1]"},
		{"alone", []Row{alone("a"), alone("b")}, true, "update/0 [0]; update/0 [1]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := show(Groups(c.rows, c.free)); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

// TestGroupsKeepOrder: whatever the rows, those of one class are written in
// their order, tied ones all in theirs, and none is missing but those covered.
func TestGroupsKeepOrder(t *testing.T) {
	for seed := range uint64(2000) {
		random := rand.New(rand.NewPCG(seed, 7))
		rows := make([]Row, random.IntN(40))
		for i := range rows {
			key := string(rune('a' + random.IntN(6)))
			rows[i] = Row{Kind: Kind(random.IntN(int(Kinds))), Shape: random.IntN(3), Class: strings.ToUpper(key), Same: key, Vague: key == "f", Whole: random.IntN(2) == 0, Alone: random.IntN(20) == 0}
		}
		free := random.IntN(2) == 0
		groups := Groups(rows, free)
		var order []int
		for _, g := range groups {
			classes := map[string]bool{}
			for _, i := range g.Rows {
				r := rows[i]
				if r.Kind != g.Kind || r.Shape != g.Shape {
					t.Fatalf("seed %d: row %d is in the group of others", seed, i)
				}
				if r.Kind == Update && (classes[r.Class] || r.Vague && len(g.Rows) > 1) {
					t.Fatalf("seed %d: key %s twice in one group of updates", seed, r.Class)
				}
				if r.Alone && len(g.Rows) > 1 {
					t.Fatalf("seed %d: row %d is not alone", seed, i)
				}
				classes[r.Class] = true
				order = append(order, i)
			}
		}
		for i, r := range rows {
			at := slices.Index(order, i)
			if at < 0 {
				if !covered(rows, i) {
					t.Fatalf("seed %d: row %d is missing in %s", seed, i, show(groups))
				}
				continue
			}
			for j := range i {
				before := slices.Index(order, j)
				tied := r.Vague || rows[j].Vague || r.Class == rows[j].Class
				update := r.Kind == Update && rows[j].Kind == Update && r.Shape == rows[j].Shape // perhaps of one statement
				if before > at && (tied || !free && !update) {
					t.Fatalf("seed %d: row %d is written before row %d: %s", seed, i, j, show(groups))
				}
			}
		}
	}
}

// covered tells whether a later update overwrites all of the update i, with
// nothing of the same key in between.
func covered(rows []Row, i int) bool {
	for j := i + 1; j < len(rows); j++ {
		r := rows[j]
		if r.Kind == Update && r.Whole && r.Shape == rows[i].Shape && r.Same == rows[i].Same {
			return true
		}
		if (r.Vague || rows[i].Vague || r.Class == rows[i].Class) && (r.Kind != Update || r.Shape != rows[i].Shape) {
			return false
		}
	}
	return false
}
