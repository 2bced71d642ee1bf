package matrix_test

// wantTable settles the rule and reads table t, whose columns are the devices'.
func (r *rule) wantTable(want ...string) {
	r.t.Helper()
	r.settle()
	r.t.wantRows("SELECT id, name, x, n FROM t ORDER BY id", want...)
}

// devices is a table t with rows 1 and 2.
func (t *trial) devices() {
	t.Helper()
	t.exec("DROP TABLE IF EXISTS t")
	t.exec("CREATE TABLE t (id BIGINT PRIMARY KEY, name VARCHAR(20) DEFAULT 'none', x DOUBLE, n INT NOT NULL DEFAULT 7)")
	t.exec("INSERT INTO t VALUES (1, 'old', 1, 1), (2, 'two', 2, 2)")
}

func modes(t *trial) {
	t.needsKeys()
	for _, c := range []struct {
		mode, message                string
		want                         []string
		stored, superseded, setAside int
	}{
		{
			"insertIgnore", `[{"id":1,"name":"new"},{"id":3,"name":"b"},{"id":3,"name":"c"},{"id":4,"name":"far too long for its column"}]`,
			[]string{"1,old,1,1", "2,two,2,2", "3,b,NULL,7"},
			1, 2, 1,
		},
		{"replace", `[{"id":1,"x":5},{"id":3,"name":"b"},{"id":3,"name":"c","n":3}]`, []string{"1,none,5,7", "2,two,2,2", "3,c,NULL,3"}, 3, 0, 0},
		{
			"upsert", `[{"id":1,"x":5},{"id":2,"name":"b","x":null},{"id":3,"n":3},{"id":1,"name":"later"},{"x":1}]`,
			[]string{"1,later,5,1", "2,b,NULL,2", "3,none,NULL,3"},
			4, 0, 1,
		},
		{"update", `[{"id":1,"x":5},{"id":2,"name":"b","x":null},{"id":9,"n":3},{"id":1,"x":6}]`, []string{"1,old,6,1", "2,b,NULL,2"}, 4, 0, 0},
		{"delete", `[{"id":1,"x":"not looked at"},{"id":9}]`, []string{"2,two,2,2"}, 2, 0, 0},
	} {
		for _, delivery := range []string{"atLeastOnce", "exactlyOnce"} {
			t.devices()
			r := t.openRule(c.mode+" "+delivery, t.props("t", "mode", c.mode, "delivery", delivery))
			r.collect(c.message)
			r.wantTable(c.want...)
			f := r.settle()
			if f["stored_total"] != c.stored || f["superseded_total"] != c.superseded || f["set_aside_total"] != c.setAside {
				t.Errorf("%s: %v; want stored %d, superseded %d, set aside %d", r.name, f, c.stored, c.superseded, c.setAside)
			}
			r.close()
		}
	}
}

func kindsAndVersions(t *trial) {
	t.needsKeys()
	t.devices()
	r := t.openRule("kinds", t.props("t", "rowkindField", "action"))
	r.collect(`[{"id":1,"action":"delete"},{"id":1,"name":"again"},{"action":"update","id":1,"x":8},{"action":"upsert","id":2,"x":9},
		{"action":"insert","id":2},{"action":"merge","id":2},{"action":null,"id":4},{"action":"delete","id":4}]`)
	r.wantTable("1,again,8,7", "2,two,9,2")
	r.close()

	t.devices()
	r = t.openRule("expressions", t.props("t", "mode", "upsert", "updateFields", map[string]any{"n": "add", "x": "max", "name": "coalesce"}))
	r.collect(`[{"id":1,"n":4,"x":0.5,"name":null},{"id":1,"n":5,"x":3,"name":"b"},{"id":3,"n":1}]`)
	r.wantTable("1,b,3,10", "2,two,2,2", "3,none,NULL,1")
	r.close()

	t.devices()
	r = t.openRule("newest", t.props("t", "mode", "upsert", "versionField", "n"))
	r.collect(`{"id":1,"n":0,"name":"older"}`, `{"id":1,"n":1,"name":"as old"}`, `[{"id":2,"n":4,"name":"d"},{"id":2,"n":3,"name":"c"},{"id":3,"n":1}]`, `{"id":2,"n":2}`)
	r.wantTable("1,old,1,1", "2,d,2,4", "3,none,NULL,1")
	r.close()

	t.devices()
	r = t.openRule("newest kinds", t.props("t", "rowkindField", "action", "mode", "update", "versionField", "n"))
	r.collect(`[{"id":1,"n":0,"action":"delete"},{"id":2,"n":3,"action":"delete"},{"id":1,"n":5,"x":5},{"id":1,"n":4,"x":4}]`)
	r.wantTable("1,old,5,5")
}

func tablesMade(t *trial) {
	a := t.openRule("a", t.props(quote("made`here"), "autoCreate", true, "autoEvolve", true, "primaryKey", "id", "schema", map[string]any{"id": "BIGINT", "temp": "DECIMAL(6,2)"}))
	b := t.openRule("b", t.props(quote("made`here"), "autoCreate", true, "autoEvolve", true, "primaryKey", "id", "schema", map[string]any{"id": "BIGINT", "temp": "DECIMAL(6,2)"}))
	for i := range 20 {
		a.collect(numbered(2*i, 2*i+1))
		b.collect(numbered(2*i+1, 2*i+2))
	}
	a.collect(`{"id":100,"temp":20.25,"at":"2026-11-20T10:30:17.5Z","tags":{"a":[1]},"ok":true,"se` + "`" + `lect":1}`)
	b.collect(`{"id":101,"other":"x","tags":[2]}`)
	a.wantFate(21, 0)
	b.wantFate(21, 0)
	t.wantRows("SELECT COUNT(*), COUNT(name), COUNT(temp), COUNT(ok) FROM `made``here`", "42,40,1,1")
	t.wantRows("SELECT temp, DATE_FORMAT(at, '%Y-%m-%d %T.%f'), JSON_EXTRACT(tags, '$.a[0]'), ok, `se``lect` FROM `made``here` WHERE id = 100", "20.25,2026-11-20 10:30:17.500000,1,1,1")
}
