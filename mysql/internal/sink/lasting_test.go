package sink

import (
	"fmt"
	"testing"
	"time"

	"ekuiper-mysql/mysql/internal/deadletter"
)

// A table is dropped that is to be made again from rows that tell nothing: the
// writer meets it, not the feeder, and must go on.
func TestDroppedTableOfRowsThatTellNothing(t *testing.T) {
	b := newBundle(t)
	s := b.open(b.props("", "made", "autoCreate", true, "autoEvolve", true))
	b.collect(s, `{"id":1}`)
	b.settle(s)
	b.exec("DROP TABLE made")
	b.collect(s, `{"id":null}`)
	b.settle(s)
	b.collect(s, `{"id":2}`)
	b.settle(s)
	b.wantFate(s, 2, 1)
	b.wantRows("SELECT id FROM made", "2")
}

// Of a batch whose first rows tell nothing the others do.
func TestDroppedTableOfManyRowsThatTellNothing(t *testing.T) {
	b := newBundle(t)
	s := b.open(b.props("", "made", "autoCreate", true, "autoEvolve", true, "maxBatchDelay", "1s", "maxBatchRows", 5000))
	b.collect(s, `{"id":1}`)
	b.settle(s)
	b.exec("DROP TABLE made")
	nothing, something := "[", "["
	for i := range 1500 {
		nothing += `{"id":null},`
		something += fmt.Sprintf(`{"id":%d},`, i)
	}
	b.collect(s, nothing[:len(nothing)-1]+","+something[1:len(something)-1]+"]")
	b.settle(s)
	n := s.outbox.Load().queue.Counts()
	if n.Stored+n.SetAside != 3001 || n.SetAside > 1500 {
		t.Errorf("counts %+v", n)
	}
	b.wantRows("SELECT COUNT(id), COUNT(DISTINCT id) FROM made", "1500,1500")
}

// A table of a rule with many is dropped just when it is to get a column.
func TestChosenTableIsDroppedWhenItGrows(t *testing.T) {
	minReload = time.Nanosecond // what was found missing is looked for at once
	t.Cleanup(func() { minReload = time.Second })
	b := newBundle(t, "CREATE TABLE m_a (id INT, device VARCHAR(9))", "CREATE TABLE m_b (id INT, device VARCHAR(9))")
	props := b.props("", "m_{device}", "allowedTables", "m_*", "autoEvolve", true)
	s := b.open(props)
	b.collect(s, `{"device":"a","id":1}`, `{"device":"b","id":1}`)
	b.settle(s)
	b.exec("DROP TABLE m_a")
	b.collect(s, `{"device":"a","id":2,"new":1}`)
	b.settle(s)
	b.collect(s, `{"device":"b","id":2,"new":1}`)
	b.settle(s)
	b.exec("CREATE TABLE m_a (id INT, device VARCHAR(9))")
	b.collect(s, `{"device":"a","id":3,"new":1}`)
	b.settle(s)
	b.wantFate(s, 4, 1)
	b.wantRows("SELECT id, new FROM m_a", "3,1")
	b.wantRows("SELECT id, new FROM m_b", "1,NULL", "2,1")
}

// Letters of a rule with a mapping, kinds and a rest come back as they went.
func TestMappedKindsComeBackFromLetters(t *testing.T) {
	b := newBundle(t, "CREATE TABLE t (id INT PRIMARY KEY, temp INT CHECK (temp < 100), rule VARCHAR(20), rest JSON)")
	props := b.props("", "t", "mode", "upsert", "rowkindField", "kind", "columns", object{"temp": "p.t", "rule": object{"meta": "rule"}}, "restField", "rest", "delivery", "exactlyOnce")
	s := b.open(props)
	b.collect(s, `[{"id":1,"p":{"t":1},"a":1},{"id":2,"p":{"t":200},"b":2},{"id":1,"p":{"t":300},"kind":"update"},{"id":1,"p":{"t":3},"kind":"update","c":[1]},{"id":3,"p":{"t":5},"kind":"insert"},{"id":3,"kind":"delete"}]`)
	b.settle(s)
	b.wantFate(s, 4, 2)
	b.wantRows("SELECT id, temp, rule, REPLACE(rest, ' ', '') FROM t ORDER BY id", `1,3,rule,{"p":{"t":3},"c":[1]}`)
	b.end(s)
	b.exec("ALTER TABLE t MODIFY temp INT")
	done, err := b.target(props).Replay(t.Context(), b.reader(), deadletter.Filter{}, all, func(l deadletter.Letter, err error) { t.Error(l.ID, err) })
	if err != nil || done.Stored != 2 {
		t.Errorf("%+v, %v", done, err)
	}
	b.wantRows("SELECT id, temp, rule, REPLACE(rest, ' ', '') FROM t ORDER BY id", `1,300,rule,{"p":{"t":300}}`, `2,200,rule,{"p":{"t":200},"b":2}`)
}
