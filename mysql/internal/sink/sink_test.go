package sink

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"ekuiper-mysql/test/mariadb"
	"ekuiper-mysql/test/proxy"
)

const numbers = "CREATE TABLE numbers (id BIGINT PRIMARY KEY, name VARCHAR(20) DEFAULT 'none', x DOUBLE)"

func TestPayloadShapes(t *testing.T) {
	for name, c := range map[string]struct {
		message string
		want    []string
	}{
		"object":               {`{"id":1}`, []string{"1"}},
		"array":                {`[{"id":1},{"id":2}]`, []string{"1", "2"}},
		"nested arrays":        {`[[{"id":1}],[{"id":2},{"id":3}]]`, []string{"1", "2", "3"}},
		"concatenated objects": {`{"id":1}{"id":2}`, []string{"1", "2"}},
		"concatenated arrays":  {`[{"id":1}][{"id":2}]`, []string{"1", "2"}},
		"white space":          {" [ {\"id\" : 1 } ,\n{\"id\":2}]\r\n", []string{"1", "2"}},
		"empty array":          {`[]`, nil},
		"nothing":              {``, nil},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBundle(t, numbers)
			s := b.open(b.props("", "numbers"))
			b.collect(s, c.message)
			b.settle(s)
			b.wantRows("SELECT id FROM numbers ORDER BY id", c.want...)
			b.wantFate(s, uint64(len(c.want)), 0)
		})
	}
}

func TestRowsOfOneBatchDifferInColumns(t *testing.T) {
	b := newBundle(t, numbers)
	s := b.open(b.props("", "numbers"))
	b.collect(s, `[{"id":1,"name":"a","x":1.5},{"id":2},{"x":3,"id":3},{"NAME":null,"Id":4},{"id":5,"name":"e","x":null}]`)
	b.settle(s)
	b.wantRows("SELECT id, name, x FROM numbers ORDER BY id", "1,a,1.5", "2,none,NULL", "3,none,3", "4,NULL,NULL", "5,e,NULL")
	b.wantFate(s, 5, 0)
}

func TestNullAsDefault(t *testing.T) {
	b := newBundle(t, numbers)
	s := b.open(b.props("", "numbers", "nullAs", "default"))
	b.collect(s, `[{"id":1,"name":null},{"id":2,"name":"b"}]`)
	b.settle(s)
	b.wantRows("SELECT id, name FROM numbers ORDER BY id", "1,none", "2,b")
}

func TestFieldWithoutColumn(t *testing.T) {
	b := newBundle(t, numbers)
	s := b.open(b.props("", "numbers"))
	b.collect(s, `[{"id":1},{"id":2,"wrong`+"`"+`; DROP TABLE numbers":1},{"id":3}]`)
	b.settle(s)
	b.wantRows("SELECT id FROM numbers ORDER BY id", "1", "3")
	b.wantFate(s, 2, 1)
	if b.log.count("error row set aside: field \"wrong`; DROP TABLE numbers\"") != 1 {
		t.Error("the log does not name the field")
	}
}

func TestFieldWithoutColumnIgnored(t *testing.T) {
	b := newBundle(t, numbers)
	s := b.open(b.props("", "numbers", "extraFields", "ignore"))
	b.collect(s, `[{"id":1},{"id":2,"wrong":1},{"other":{"a":[1]},"id":3}]`)
	b.settle(s)
	b.wantRows("SELECT id FROM numbers ORDER BY id", "1", "2", "3")
	if n := s.outbox.Load().meter.Snapshot().ExtraFields; n != 2 {
		t.Errorf("%d extra fields counted, want 2", n)
	}
}

func TestHardNames(t *testing.T) {
	b := newBundle(t, "CREATE TABLE `select` (`order` INT, `a``b` INT, `c d` INT, `ключ` INT, `gone` INT AS (`order` + 1))")
	s := b.open(b.props("", "select"))
	b.collect(s, "{\"ORDER\":1,\"a`b\":2,\"c d\":3,\"ключ\":4,\"gone\":99}")
	b.settle(s)
	b.wantRows("SELECT * FROM `select`", "1,2,3,4,2")
}

func TestTableOfAnotherDatabase(t *testing.T) {
	b := newBundle(t, numbers)
	s := b.open(b.props("", "`"+b.database+"`.numbers"))
	b.collect(s, `{"id":1}`)
	b.settle(s)
	b.wantRows("SELECT id FROM numbers", "1")
}

func TestBadRowsAreFoundAndTheOthersStored(t *testing.T) {
	b := newBundle(t, "CREATE TABLE numbers (id BIGINT PRIMARY KEY, x INT CHECK (x < 1000))")
	s := b.open(b.props("", "numbers"))
	var rows []string
	for i := range 900 {
		x := i % 1000
		if i == 137 || i == 700 {
			x = 5000 // only the server's check knows
		}
		rows = append(rows, fmt.Sprintf(`{"id":%d,"x":%d}`, i, x))
	}
	rows[400] = `{"id":400,"x":"abc"}`    // the conversion knows
	rows[401] = `{"id":400000,"x":1e300}` // so does this
	rows = append(rows, `{"id":3,"x":1}`) // a duplicate
	b.collect(s, "["+strings.Join(rows, ",")+"]")
	b.settle(s)
	b.wantRows("SELECT COUNT(*) FROM numbers", "896")
	b.wantFate(s, 896, 5)
	for _, part := range []string{`"id":137,`, `"id":700,`, `"id":400,`, `"id":400000,`, "Duplicate entry '3'"} {
		if b.log.count(part) != 1 {
			t.Errorf("the log has %d lines with %s, want 1", b.log.count(part), part)
		}
	}
}

// TestBadRowInATableWithoutTransactions: what a failed statement has written
// stays there, so nothing may be written twice.
func TestBadRowInATableWithoutTransactions(t *testing.T) {
	for _, engine := range []string{"MyISAM", "Aria"} {
		t.Run(engine, func(t *testing.T) {
			b := newBundle(t, "CREATE TABLE numbers (id BIGINT, x INT CHECK (x < 10)) ENGINE="+engine)
			s := b.open(b.props("", "numbers"))
			b.collect(s, `[{"id":1,"x":1},{"id":2,"x":1},{"id":3,"x":50},{"id":4,"x":1},{"id":5,"x":1}]`)
			b.settle(s)
			b.wantRows("SELECT id FROM numbers ORDER BY id", "1", "2", "4", "5")
			b.wantFate(s, 4, 1)
		})
	}
}

func TestUndecodableIsSetAsideAndTheRestStored(t *testing.T) {
	b := newBundle(t, numbers)
	s := b.open(b.props("", "numbers"))
	b.collect(s, `{"id":1}`, `[{"id":2},7,{"id":3}]`, `[{"id":4},{"id":`, "connection refused", `{"id":5}`)
	b.settle(s)
	b.wantRows("SELECT id FROM numbers ORDER BY id", "1", "2", "3", "4", "5")
	b.wantFate(s, 5, 3)
}

func TestRuleThatComesBackGoesOnWithItsRows(t *testing.T) {
	b := newBundle(t, numbers)
	wrong := b.props("", "numbers")
	wrong["url"] = strings.Replace(wrong["url"].(string), "user:", "nobody:", 1)
	s := b.open(wrong)
	b.collect(s, `{"id":1}`)
	await(t, b.log.saying("Access denied"), "the log to say that the login failed")
	if err := s.Close(b.context("rule")); err != nil {
		t.Fatal(err)
	}
	s = b.open(b.props("", "numbers"))
	b.collect(s, `{"id":2}`)
	b.settle(s)
	b.wantRows("SELECT id FROM numbers ORDER BY id", "1", "2")
	b.wantFate(s, 2, 0)
}

func TestTableMadeLaterAndChangedUnderLoad(t *testing.T) {
	b := newBundle(t)
	s := b.open(b.props("", "numbers"))
	b.collect(s, `{"id":1}`)
	await(t, b.log.saying("no such table"), "the log to say that there is no table")
	b.exec("CREATE TABLE numbers (id BIGINT, extra INT)")
	b.settle(s)
	b.exec("ALTER TABLE numbers DROP COLUMN extra, ADD COLUMN name VARCHAR(10) NOT NULL DEFAULT 'd'")
	b.collect(s, `{"id":2}`, `{"id":3}`)
	b.settle(s)
	b.exec("ALTER TABLE numbers CHANGE id id2 BIGINT, ADD COLUMN id SMALLINT")
	b.collect(s, `{"id":4}`)
	b.settle(s)
	b.wantRows("SELECT COALESCE(id, id2), name FROM numbers ORDER BY 1", "1,d", "2,d", "3,d", "4,d")
	b.wantFate(s, 4, 0)
}

func TestConnectionCutWhileIdle(t *testing.T) {
	b := newBundle(t, numbers)
	cut := proxy.Start(t, server.Addr())
	s := b.open(b.props(cut.Addr(), "numbers"))
	b.collect(s, `{"id":1}`)
	b.settle(s)
	cut.Cut()
	b.collect(s, `{"id":2}`)
	b.settle(s)
	b.wantRows("SELECT id FROM numbers ORDER BY id", "1", "2")
	b.wantFate(s, 2, 0)
}

func TestRowsGatherWhileTheWriterIsBusy(t *testing.T) {
	b := newBundle(t, numbers)
	lock, err := b.db.Conn(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	s := b.open(b.props("", "numbers"))
	b.collect(s, `{"id":-1}`)
	b.settle(s)
	if _, err := lock.ExecContext(context.Background(), "LOCK TABLES numbers WRITE"); err != nil {
		t.Fatal(err)
	}
	for i := range 3000 {
		b.collect(s, fmt.Sprintf(`{"id":%d}`, i))
	}
	if _, err := lock.ExecContext(context.Background(), "UNLOCK TABLES"); err != nil {
		t.Fatal(err)
	}
	b.settle(s)
	b.wantRows("SELECT COUNT(*) FROM numbers", "3001")
	if m := s.outbox.Load().meter.Snapshot(); m.Batches > 50 {
		t.Errorf("3,000 rows that had to wait went in %d batches", m.Batches)
	}
}

func TestLargeRowsAndPacketLimit(t *testing.T) {
	b := newBundle(t, "CREATE TABLE big (id INT, body LONGTEXT)")
	s := b.open(b.props("", "big"))
	for i := range 6 {
		b.collect(s, fmt.Sprintf(`{"id":%d,"body":%q}`, i, strings.Repeat("x", 5<<20)))
	}
	b.collect(s, fmt.Sprintf(`{"id":99,"body":%q}`, strings.Repeat("x", 20<<20))) // over max_allowed_packet
	b.settle(s)
	b.wantRows("SELECT COUNT(*), SUM(LENGTH(body)) FROM big", fmt.Sprint("6,", 6*5<<20))
	b.wantFate(s, 6, 1)
}

func TestMoreParametersThanAStatementHolds(t *testing.T) {
	var columns, fields []string
	for i := range 200 {
		columns = append(columns, fmt.Sprintf("c%d INT", i))
		fields = append(fields, fmt.Sprintf(`"c%d":%d`, i, i))
	}
	b := newBundle(t, "CREATE TABLE wide ("+strings.Join(columns, ",")+")")
	s := b.open(b.props("", "wide"))
	row := "{" + strings.Join(fields, ",") + "}"
	b.collect(s, "["+strings.Repeat(row+",", 999)+row+"]")
	b.settle(s)
	b.wantRows("SELECT COUNT(*), SUM(c199) FROM wide", "1000,199000")
}

func TestServerThatDoesNotCommitByItself(t *testing.T) {
	own := mariadb.Start(t, "--autocommit=0", "--completion-type=CHAIN", "--init-connect=SET autocommit=0")
	b := newBundle(t)
	for _, step := range []error{own.Exec("SET autocommit=1"), own.CreateDatabase(b.database), own.CreateUser("user", password, "ALL PRIVILEGES ON "+b.database+".*"), own.Exec("CREATE TABLE " + b.database + ".numbers (id BIGINT)")} {
		if step != nil {
			t.Fatal(step)
		}
	}
	s := b.open(b.props(own.Addr(), "numbers"))
	for i := range 3 {
		b.collect(s, fmt.Sprintf(`[{"id":%d},{"id":%d},{"id":%d}]`, i, i, i))
		b.settle(s)
	}
	var n int
	if err := own.DB().QueryRow("SELECT COUNT(*) FROM " + b.database + ".numbers").Scan(&n); err != nil || n != 9 {
		t.Errorf("%d rows, %v; want 9", n, err)
	}
}

func TestServerTurnsReadOnlyForAWhile(t *testing.T) {
	own := mariadb.Start(t)
	b := newBundle(t)
	for _, step := range []error{own.CreateDatabase(b.database), own.CreateUser("user", password, "ALL PRIVILEGES ON "+b.database+".*"), own.Exec("CREATE TABLE " + b.database + ".numbers (id BIGINT PRIMARY KEY)")} {
		if step != nil {
			t.Fatal(step)
		}
	}
	s := b.open(b.props(own.Addr(), "numbers"))
	b.collect(s, `{"id":0}`)
	b.settle(s)
	if err := own.Exec("SET GLOBAL read_only=1"); err != nil {
		t.Fatal(err)
	}
	for i := 1; i < 500; i++ {
		b.collect(s, fmt.Sprintf(`{"id":%d}`, i))
	}
	await(t, b.log.saying("--read-only"), "the log to say that the server is read-only")
	if err := own.Exec("SET GLOBAL read_only=0"); err != nil {
		t.Fatal(err)
	}
	b.settle(s)
	b.wantFate(s, 500, 0)
}

func TestWhatAPersonMustMendWaits(t *testing.T) {
	for name, c := range map[string]struct{ spoil, said, mend string }{
		"a trigger's function is missing": {"CREATE TRIGGER tr BEFORE INSERT ON numbers FOR EACH ROW SET NEW.x = missing()", "does not exist", "DROP TRIGGER tr"},
		"the table is renamed":            {"RENAME TABLE numbers TO others", "set autoCreate to true", "RENAME TABLE others TO numbers"},
		"a definer is gone":               {"CREATE DEFINER=gone@localhost TRIGGER tr BEFORE INSERT ON numbers FOR EACH ROW SET NEW.x = 1", "definer", "DROP TRIGGER tr"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBundle(t, numbers)
			b.exec(c.spoil)
			s := b.open(b.props("", "numbers"))
			b.collect(s, `[{"id":1},{"id":2}]`)
			await(t, b.log.saying("needs mending"), "the log to say that somebody must act")
			if b.log.count(c.said) == 0 {
				t.Errorf("the log does not say %q", c.said)
			}
			b.exec(c.mend)
			if err := s.Close(b.context("rule")); err != nil {
				t.Fatal(err)
			}
			s = b.open(b.props("", "numbers")) // a restart need not wait for the next attempt
			b.settle(s)
			b.wantRows("SELECT id FROM numbers ORDER BY id", "1", "2")
		})
	}
}

func TestOversizedRowTakesNoOthersWithIt(t *testing.T) {
	b := newBundle(t)
	own := mariadb.Start(t, "--max-allowed-packet=1M")
	for _, step := range []error{own.CreateDatabase(b.database), own.CreateUser("user", password, "ALL PRIVILEGES ON *.*"), own.Exec("CREATE TABLE " + b.database + ".big (id INT, body LONGTEXT)")} {
		if step != nil {
			t.Fatal(step)
		}
	}
	s := b.open(b.props(own.Addr(), "big", "maxBatchBytes", "16MiB"))
	var rows []string
	for i := range 16 {
		size := 1000
		if i%4 == 1 {
			size = 2 << 20
		}
		rows = append(rows, fmt.Sprintf(`{"id":%d,"body":%q}`, i, strings.Repeat("x", size)))
	}
	b.collect(s, "["+strings.Join(rows, ",")+"]", `{"id":99,"body":"y"}`)
	b.settle(s)
	b.wantFate(s, 13, 4)
}

func TestTimeLimitOfTheServer(t *testing.T) {
	b := newBundle(t, numbers, "CREATE TRIGGER slow BEFORE INSERT ON numbers FOR EACH ROW SET NEW.x = SLEEP(0.02)")
	props := b.props("", "numbers")
	props["url"] = props["url"].(string) + "?max_statement_time=0.2"
	s := b.open(props)
	var rows []string
	for i := range 50 {
		rows = append(rows, fmt.Sprintf(`{"id":%d}`, i))
	}
	b.collect(s, "["+strings.Join(rows, ",")+"]")
	b.settle(s)
	b.wantFate(s, 50, 0)
}

func TestMixedRowsDoNotHideAColumnFromATrigger(t *testing.T) {
	b := newBundle(t, "CREATE TABLE tr (id INT, must INT NOT NULL)", "CREATE TRIGGER fill BEFORE INSERT ON tr FOR EACH ROW SET NEW.must = COALESCE(NEW.must, 7)")
	s := b.open(b.props("", "tr"))
	b.collect(s, `[{"id":1},{"id":2,"must":5}]`)
	b.settle(s)
	b.wantRows("SELECT id, must FROM tr ORDER BY id", "1,7", "2,5")
}

func TestRaisedQueueLimitHoldsForARuleThatComesBack(t *testing.T) {
	b := newBundle(t, "CREATE TABLE big (id INT, body LONGTEXT)")
	hole := proxy.Start(t, server.Addr())
	hole.BlackHole()
	s := b.open(b.props(hole.Addr(), "big", "journal", "off", "maxQueueBytes", "64KiB"))
	b.collect(s, `{"id":1,"body":"x"}`)
	for range 2 {
		if err := s.Close(b.context("rule")); err != nil {
			t.Fatal(err)
		}
		s = b.open(b.props(hole.Addr(), "big", "journal", "off", "maxQueueBytes", "8MiB"))
	}
	if !s.outbox.Load().queue.HasRoom(1 << 20) {
		t.Error("no room in a queue that was raised to 8 MiB")
	}
	hole.Pass()
	b.settle(s)
	b.wantRows("SELECT id FROM big", "1")
}

func TestColumnAddedIsFoundBeforeARowIsRefused(t *testing.T) {
	b := newBundle(t, numbers)
	s := b.open(b.props("", "numbers"))
	b.collect(s, `{"id":1}`)
	b.settle(s)
	b.exec("ALTER TABLE numbers ADD COLUMN fresh INT")
	b.collect(s, `{"id":2,"fresh":7}`)
	b.settle(s)
	b.wantRows("SELECT id, fresh FROM numbers ORDER BY id", "1,NULL", "2,7")
}

func TestRowWithoutFieldsIsSetAside(t *testing.T) {
	b := newBundle(t, numbers)
	s := b.open(b.props("", "numbers"))
	b.collect(s, `[{},{"id":1}]`)
	b.settle(s)
	b.wantRows("SELECT id FROM numbers", "1")
	b.wantFate(s, 1, 1)
}

func TestAboutToStopNobodyWaitsForRoom(t *testing.T) {
	for _, acked := range []bool{false, true} {
		t.Run(fmt.Sprint("requireAck ", acked), func(t *testing.T) {
			b := newBundle(t, "CREATE TABLE numbers (id BIGINT, name TEXT)")
			hole := proxy.Start(t, server.Addr())
			hole.BlackHole()
			s := b.open(b.props(hole.Addr(), "numbers", "journal", "off", "maxQueueBytes", 64<<10, "requireAck", acked))
			big := `{"id":1,"name":"` + strings.Repeat("x", 40<<10) + `"}`
			b.collect(s, big)
			collected := make(chan error)
			go func() { collected <- s.Collect(b.context("rule"), []byte(big)) }()
			await(t, b.log.saying("the queue is full"), "the log to say that the queue is full")
			s.SetUrgent()
			if err := <-collected; (err != nil) != acked {
				t.Errorf("Collect returned %v", err)
			}
			for range 10 {
				if err := s.Collect(b.context("rule"), []byte(big)); (err != nil) != acked {
					t.Errorf("Collect returned %v", err)
				}
			}
			hole.Pass()
			b.settle(s)
			want := uint64(12)
			if acked {
				want = 1
			}
			b.wantFate(s, want, 0)
		})
	}
}

func TestMessageThatWasThrownAwayIsCounted(t *testing.T) {
	b := newBundle(t, numbers)
	s := b.open(b.props("", "numbers"))
	s.TooLarge(70<<20, 64<<20)
	b.wantFate(s, 0, 0) // how many rows it held nobody knows
	if m := s.outbox.Load().meter.Snapshot(); m.TooLarge != 1 {
		t.Errorf("%v", m)
	}
}
