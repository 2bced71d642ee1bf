package statement_test

import (
	"testing"

	"ekuiper-mysql/mysql/internal/schema"
	"ekuiper-mysql/mysql/internal/statement"
)

func keyedTable() *schema.Table {
	id, ref := schema.NewColumn("id", "bigint"), schema.NewColumn("ref", "varchar(9)")
	id.Nullable = false
	return schema.NewTable(schema.Name{Database: "d", Table: "t"},
		id, ref, schema.NewColumn("n", "int unsigned"), schema.NewColumn("d`c", "decimal(10,2)"), schema.NewColumn("at", "datetime(3)"), schema.NewColumn("p", "point"))
}

const (
	id = iota
	ref
	n
	dc
	at
	point
)

func TestUpsert(t *testing.T) {
	gaps := func(row, i int) bool { return row == 0 && i == 1 }
	const t0 = "`d`.`t`."
	for _, c := range []struct {
		name   string
		cols   []int
		rows   int
		absent func(row, i int) bool
		change statement.Change
		want   string
	}{
		{
			"set",
			[]int{id, n},
			2, nil,
			statement.Change{Key: []int{id}, Version: -1, Assign: []statement.Assignment{{Column: n}}},
			"INSERT INTO `d`.`t` (`id`,`n`) VALUES (?,?),(?,?) ON DUPLICATE KEY UPDATE " + t0 + "`n` = VALUES(`n`)",
		},
		{
			"alias",
			[]int{id, n},
			1, nil,
			statement.Change{Key: []int{id}, Version: -1, Alias: true, Assign: []statement.Assignment{{Column: n, As: statement.Add}}},
			"INSERT INTO `d`.`t` (`id`,`n`) VALUES (?,?) AS `ekuiper_incoming` ON DUPLICATE KEY UPDATE " + t0 + "`n` = COALESCE(" + t0 + "`n` + `ekuiper_incoming`.`n`, `ekuiper_incoming`.`n`, " + t0 + "`n`)",
		},
		{
			"nothing to change",
			[]int{n, id},
			2, gaps,
			statement.Change{Version: -1},
			"INSERT INTO `d`.`t` (`n`,`id`) VALUES (?,DEFAULT),(?,?) ON DUPLICATE KEY UPDATE " + t0 + "`id` = " + t0 + "`id`",
		},
		{
			"all at once, the version last",
			[]int{id, n, dc, at},
			1, nil,
			statement.Change{Key: []int{id}, Version: at, Strict: true, Assign: []statement.Assignment{{Column: n, As: statement.Max}, {Column: dc, As: statement.Keep}, {Column: ref, As: statement.Coalesce}}},
			"INSERT INTO `d`.`t` (`id`,`n`,`d``c`,`at`) VALUES (?,?,?,?) ON DUPLICATE KEY UPDATE " +
				t0 + "`id` = IF(" + t0 + "`id` <=> VALUES(`id`), " + t0 + "`id`, 1000000000000000000000000000000), " +
				t0 + "`n` = IF(" + t0 + "`at` IS NULL OR " + t0 + "`at` < VALUES(`at`), IF(" + t0 + "`n` IS NULL OR " + t0 + "`n` < VALUES(`n`), VALUES(`n`), " + t0 + "`n`), " + t0 + "`n`), " +
				t0 + "`ref` = IF(" + t0 + "`at` IS NULL OR " + t0 + "`at` < VALUES(`at`), COALESCE(VALUES(`ref`), " + t0 + "`ref`), " + t0 + "`ref`), " +
				t0 + "`at` = IF(" + t0 + "`at` IS NULL OR " + t0 + "`at` < VALUES(`at`), VALUES(`at`), " + t0 + "`at`)",
		},
		{
			"a key of text",
			[]int{ref, n},
			1, nil,
			statement.Change{Key: []int{ref}, Version: -1, Strict: true, Assign: []statement.Assignment{{Column: n, As: statement.Min}}},
			"INSERT INTO `d`.`t` (`ref`,`n`) VALUES (?,?) ON DUPLICATE KEY UPDATE " + t0 + "`ref` = IF(" + t0 + "`ref` <=> VALUES(`ref`), " + t0 + "`ref`, NULL), " +
				t0 + "`n` = IF(" + t0 + "`n` IS NULL OR " + t0 + "`n` > VALUES(`n`), VALUES(`n`), " + t0 + "`n`)",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := statement.Upsert(keyedTable(), c.cols, c.rows, c.absent, &c.change); got != c.want {
				t.Errorf("got\n%s, want\n%s", got, c.want)
			}
		})
	}
}

func TestReplace(t *testing.T) {
	if got, want := statement.Replace(keyedTable(), []int{id, point}, 1, nil), "REPLACE INTO `d`.`t` (`id`,`p`) VALUES (?,ST_GeomFromText(?))"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestUpdate(t *testing.T) {
	for _, c := range []struct {
		name   string
		rows   int
		change statement.Change
		want   string
	}{
		{
			"one", 1,
			statement.Change{Key: []int{id}, Version: -1, Assign: []statement.Assignment{{Column: n}, {Column: point}, {Column: dc, As: statement.Add}, {Column: ref, As: statement.Keep}}},
			"UPDATE `d`.`t` SET `n` = ?, `p` = ST_GeomFromText(?), `d``c` = COALESCE(`d``c` + CAST(? AS DECIMAL(10,2)), CAST(? AS DECIMAL(10,2)), `d``c`) WHERE `id` IN (?)",
		},
		{
			"two", 2,
			statement.Change{Key: []int{id}, Version: -1, Assign: []statement.Assignment{{Column: n}, {Column: at}}},
			"UPDATE `d`.`t` SET `n` = CASE `id` WHEN ? THEN CAST(? AS UNSIGNED) WHEN ? THEN CAST(? AS UNSIGNED) ELSE `n` END, `at` = CASE `id` WHEN ? THEN ? WHEN ? THEN ? ELSE `at` END WHERE `id` IN (?,?)",
		},
		{
			"of a key that takes NULL, the newest", 2,
			statement.Change{Key: []int{ref, id}, Version: at, Assign: []statement.Assignment{{Column: n, As: statement.Coalesce}}},
			"UPDATE `d`.`t` SET `n` = CASE WHEN `ref` <=> ? AND `id` = ? THEN COALESCE(CAST(? AS UNSIGNED), `n`) WHEN `ref` <=> ? AND `id` = ? THEN COALESCE(CAST(? AS UNSIGNED), `n`) ELSE `n` END, " +
				"`at` = CASE WHEN `ref` <=> ? AND `id` = ? THEN ? WHEN `ref` <=> ? AND `id` = ? THEN ? ELSE `at` END " +
				"WHERE `ref` <=> ? AND `id` = ? AND (`at` IS NULL OR `at` < CAST(? AS DATETIME(6))) OR `ref` <=> ? AND `id` = ? AND (`at` IS NULL OR `at` < CAST(? AS DATETIME(6)))",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := statement.Update(keyedTable(), c.rows, &c.change); got != c.want {
				t.Errorf("got\n%s, want\n%s", got, c.want)
			}
		})
	}
}

func TestDelete(t *testing.T) {
	for want, c := range map[string]statement.Change{
		"DELETE FROM `d`.`t` WHERE `id` IN (?,?)":                                                                                                      {Key: []int{id}, Version: -1},
		"DELETE FROM `d`.`t` WHERE `d``c` <=> CAST(? AS DECIMAL(10,2)) OR `d``c` <=> CAST(? AS DECIMAL(10,2))":                                         {Key: []int{dc}, Version: -1},
		"DELETE FROM `d`.`t` WHERE `id` = ? AND (`n` IS NULL OR `n` < CAST(? AS UNSIGNED)) OR `id` = ? AND (`n` IS NULL OR `n` < CAST(? AS UNSIGNED))": {Key: []int{id}, Version: n},
	} {
		if got := statement.Delete(keyedTable(), 2, &c); got != want {
			t.Errorf("got\n%s, want\n%s", got, want)
		}
	}
}

// TestNamesInChanges: whatever a column is called, it stays a name.
func TestNamesInChanges(t *testing.T) {
	tab := schema.NewTable(schema.Name{Table: "t"}, schema.NewColumn("a` = 1 OR `b", "int"), schema.NewColumn("?", "int"))
	c := statement.Change{Key: []int{0}, Version: -1, Assign: []statement.Assignment{{Column: 1}}}
	for got, want := range map[string]string{
		statement.Delete(tab, 1, &c):                   "DELETE FROM `t` WHERE `a`` = 1 OR ``b` <=> ?",
		statement.Update(tab, 1, &c):                   "UPDATE `t` SET `?` = ? WHERE `a`` = 1 OR ``b` <=> ?",
		statement.Upsert(tab, []int{0, 1}, 1, nil, &c): "INSERT INTO `t` (`a`` = 1 OR ``b`,`?`) VALUES (?,?) ON DUPLICATE KEY UPDATE `t`.`?` = VALUES(`?`)",
	} {
		if got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}
