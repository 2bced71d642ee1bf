package field

import (
	"maps"
	"slices"
	"testing"
)

const (
	tenPosted = 2_000 // rows of each rule that are posted
	tenMade   = 6_000 // of each that the plugin's source makes
)

// one is one of ten rules that run at once.
type one struct {
	name   string
	ddl    []string
	action map[string]any
	// fields are those of the plugin's source, which ends after tenMade rows
	// and begins again, with the same rows, when the worker dies. Without any
	// tenPosted readings are posted, with acknowledgements.
	fields []any
	// want are queries with what they must give, refused how many rows the table refuses.
	want    map[string]int64
	refused int64
}

func ten() []one {
	id := map[string]any{"name": "id", "type": "sequence", "start": 1}
	name := map[string]any{"name": "name", "type": "string", "length": 20, "charset": "unicode"}
	x := map[string]any{"name": "x", "type": "float", "max": 100}
	device := map[string]any{"name": "device", "type": "choice", "values": []any{"a", "b", "c"}}
	const made = " (id BIGINT NOT NULL, name VARCHAR(40), x DOUBLE) CHARACTER SET utf8mb4"
	const keyed = " (id BIGINT NOT NULL PRIMARY KEY, name VARCHAR(40), x DOUBLE) CHARACTER SET utf8mb4"
	whole := func(table string, rows int64) map[string]int64 {
		return map[string]int64{
			"SELECT COUNT(*) FROM " + table:                         rows,
			"SELECT COUNT(DISTINCT id) FROM " + table:               rows,
			"SELECT MIN(id) + MAX(id) FROM " + table:                rows + 1,
			"SELECT COUNT(*) FROM " + table + " WHERE x IS NULL":    0,
			"SELECT COUNT(*) FROM " + table + " WHERE name IS NULL": 0,
		}
	}
	posted := func(table string) map[string]int64 {
		return map[string]int64{
			"SELECT COUNT(*) FROM " + table: tenPosted, "SELECT COUNT(DISTINCT id) FROM " + table: tenPosted,
			"SELECT COUNT(*) FROM " + table + " WHERE temp = id / 4 AND device = CONCAT('press-', id % 3)": tenPosted,
		}
	}
	return []one{
		{
			name: "plain", ddl: []string{"CREATE TABLE plain" + made}, action: map[string]any{"delivery": "exactlyOnce"}, fields: []any{id, name, x},
			want: map[string]int64{"SELECT COUNT(DISTINCT id) FROM plain": tenMade},
		},
		{name: "upserts", ddl: []string{"CREATE TABLE upserts" + keyed}, action: map[string]any{"mode": "upsert"}, fields: []any{id, name, x}, want: whole("upserts", tenMade)},
		{name: "ignored", ddl: []string{"CREATE TABLE ignored" + keyed}, action: map[string]any{"mode": "insertIgnore"}, fields: []any{id, name, x}, want: whole("ignored", tenMade)},
		{name: "replaced", ddl: []string{"CREATE TABLE replaced" + keyed}, action: map[string]any{"mode": "replace"}, fields: []any{id, name, x}, want: whole("replaced", tenMade)},
		{
			name: "routed", action: map[string]any{"table": "routed_{device}", "allowedTables": []any{"routed_*"}, "mode": "upsert"}, fields: []any{id, device, x},
			ddl:  []string{"CREATE TABLE routed_a" + routedTable, "CREATE TABLE routed_b" + routedTable, "CREATE TABLE routed_c" + routedTable},
			want: map[string]int64{routedRows: tenMade},
		},
		{name: "created", action: map[string]any{"autoCreate": true, "primaryKey": "id", "mode": "upsert"}, fields: []any{id, name, x}, want: whole("created", tenMade)},
		{name: "loaded", ddl: []string{"CREATE TABLE loaded" + readingsTable}, action: map[string]any{"road": "load", "delivery": "exactlyOnce"}, want: posted("loaded")},
		{name: "acked", ddl: []string{"CREATE TABLE acked" + readingsTable}, action: map[string]any{"delivery": "exactlyOnce"}, want: posted("acked")},
		{
			name: "summed", ddl: []string{"CREATE TABLE summed (device VARCHAR(20) PRIMARY KEY, id BIGINT, temp DOUBLE)"},
			action: map[string]any{"mode": "upsert", "delivery": "exactlyOnce", "updateFields": map[string]any{"id": "max", "temp": "add"}},
			want: map[string]int64{
				"SELECT COUNT(*) FROM summed": 3, "SELECT MAX(id) FROM summed": tenPosted,
				"SELECT SUM(temp) FROM summed": tenPosted * (tenPosted + 1) / 2 / 4,
			},
		},
		{
			name: "narrow", ddl: []string{"CREATE TABLE narrow (id TINYINT NOT NULL PRIMARY KEY, device VARCHAR(20), temp DOUBLE)"},
			want: map[string]int64{"SELECT COUNT(*) FROM narrow": 127}, refused: tenPosted - 127,
		},
	}
}

const (
	routedTable = " (id BIGINT NOT NULL PRIMARY KEY, device VARCHAR(10), x DOUBLE)"
	routedRows  = "SELECT (SELECT COUNT(*) FROM routed_a) + (SELECT COUNT(*) FROM routed_b) + (SELECT COUNT(*) FROM routed_c)"
)

// TestTenRules: ten rules of ten kinds at once, while the worker is killed and
// the server too. Then all sums add up, and each table holds what it must.
func TestTenRules(t *testing.T) {
	t.Parallel()
	s := installed(t)
	all := ten()
	for _, o := range all {
		for _, statement := range o.ddl {
			_, err := s.db.Exec(statement)
			s.must(err)
		}
		action := map[string]any{"table": o.name}
		if o.fields != nil {
			s.random(o.name, map[string]any{"rate": 3_000, "count": tenMade, "randomSeed": 7, "fields": o.fields})
		} else {
			s.posted(o.name)
			maps.Copy(action, map[string]any{"requireAck": true, "resendInterval": 50})
		}
		maps.Copy(action, o.action)
		s.rule(o.name, "SELECT * FROM "+o.name, action)
	}
	post := func(from, to int) {
		for _, o := range all {
			if o.fields == nil {
				s.post(o.name, readings(from, to)...)
			}
		}
	}
	post(1, tenPosted/2)
	for _, o := range all {
		s.received(o.name, 500)
	}
	s.must(s.host.KillWorker("mysql"))
	post(tenPosted/2+1, tenPosted*3/4)
	s.must(s.server.Kill())
	post(tenPosted*3/4+1, tenPosted)
	for _, o := range all {
		if o.fields == nil {
			s.received(o.name, tenPosted)
		}
	}
	s.must(s.server.Restart())
	for _, o := range all {
		s.come(o)
	}
}

// come waits for the rows of a rule and checks them.
func (s *site) come(o one) {
	s.Helper()
	if o.fields == nil {
		a := s.settled(o.name, tenPosted)
		if a.Received != tenPosted || a.SetAside != o.refused {
			s.Errorf("rule %s: %d rows were posted, %d must be refused: %+v", o.name, tenPosted, o.refused, a)
		}
	} else {
		// The source began again when the worker died, and makes every row anew.
		s.wait("all rows of "+o.name, func() bool { return s.different(o) == tenMade })
		s.settled(o.name, tenMade)
		s.must(s.host.StopRule(o.name))
		a := s.settled(o.name, tenMade)
		if o.name == "plain" {
			s.equal("SELECT COUNT(*) FROM plain", a.Stored)
		}
	}
	for _, query := range slices.Sorted(maps.Keys(o.want)) {
		s.equal(query, o.want[query])
	}
	s.Logf("%s: %+v", o.name, s.account(o.name))
}

// different is how many rows of the plugin's source are there.
func (s *site) different(o one) int64 {
	if o.name == "routed" {
		return s.count(routedRows)
	}
	if s.count("SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA = 'plant' AND TABLE_NAME = '"+o.name+"'") == 0 {
		return 0 // the sink has not made it yet
	}
	return s.count("SELECT COUNT(DISTINCT id) FROM " + o.name)
}
