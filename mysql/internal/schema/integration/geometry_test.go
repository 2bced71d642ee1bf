package integration_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"ekuiper-mysql/mysql/internal/schema"
	"ekuiper-mysql/mysql/internal/statement"
)

// A geometry that MariaDB cannot read would be NULL without an error: none that
// Convert accepts may be.
func TestNoGeometryBecomesNull(t *testing.T) {
	db := open(t, "geometry")
	db.MustExec("CREATE TABLE t (v GEOMETRY)")
	tab, err := schema.Load(context.Background(), db, schema.Name{Table: "t"})
	if err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(3, 4))
	const count = 400
	var args []any
	for range count {
		literal := geoJSON(random, true)
		arg, err := converted(&tab.Columns[0], value(t, literal), &schema.Options{Location: time.UTC})
		if err != nil {
			t.Fatalf("%s: %v", literal, err)
		}
		args = append(args, arg)
	}
	db.MustExec(statement.Insert(tab, []int{0}, count, nil), args...)
	var nulls int
	if err := db.Get(&nulls, "SELECT COUNT(*) FROM t WHERE ST_AsText(v) IS NULL"); err != nil {
		t.Fatal(err)
	}
	if nulls != 0 {
		t.Errorf("%d of %d geometries became NULL", nulls, count)
	}
}

// geoJSON makes a random valid geometry; only an outermost one is a collection.
func geoJSON(random *rand.Rand, outermost bool) string {
	position := func() string {
		return fmt.Sprintf("[%v,%v]", random.NormFloat64()*1e3, random.Float64()*float64(random.IntN(1e9)))
	}
	line := func() string { return repeat(random, 2, position) }
	ring := func() string {
		first := position()
		return "[" + strings.Join([]string{first, position(), position(), position(), first}, ",") + "]"
	}
	polygon := func() string { return repeat(random, 1, ring) }
	object := func(kind, coordinates string) string {
		return fmt.Sprintf(`{"type":%q,"coordinates":%s}`, kind, coordinates)
	}
	kinds := 6
	if outermost {
		kinds = 7
	}
	switch random.IntN(kinds) {
	case 0:
		return object("Point", position())
	case 1:
		return object("LineString", line())
	case 2:
		return object("Polygon", polygon())
	case 3:
		return object("MultiPoint", repeat(random, 1, position))
	case 4:
		return object("MultiLineString", repeat(random, 1, line))
	case 5:
		return object("MultiPolygon", repeat(random, 1, polygon))
	default:
		members := repeat(random, 0, func() string { return geoJSON(random, false) })
		return `{"type":"GeometryCollection","geometries":` + members + "}"
	}
}

// repeat makes a JSON array of at least least elements.
func repeat(random *rand.Rand, least int, element func() string) string {
	elements := make([]string, least+random.IntN(4))
	for i := range elements {
		elements[i] = element()
	}
	return "[" + strings.Join(elements, ",") + "]"
}
