package fault

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"time"

	"ekuiper-mysql/test/ekuiper"
)

// spare is a column that rows of some scenarios fill, for the table's owner to
// change.
const spare = ", spare VARCHAR(40)"

// rowWithSpare is a row that fills it.
type rowWithSpare struct {
	row
	Spare string `json:"spare"`
}

func withSpare(id int64) any { return rowWithSpare{rowOf(id), fmt.Sprintf("spare part number %d", id)} }

// rivals are scenarios of other clients and of people who change the server.
func rivals() []scenario {
	all := []scenario{
		{name: "table locked", short: 1, long: 10, round: func(a *arena, random *rand.Rand) {
			a.exec("SET GLOBAL lock_wait_timeout = 1")
			a.hangUp()
			a.changed(random, 1500*time.Millisecond, "LOCK TABLES d.t WRITE", "UNLOCK TABLES")
			a.exec("SET GLOBAL lock_wait_timeout = 86400")
		}},
		{name: "rows locked", short: 1, long: 10, round: func(a *arena, random *rand.Rand) {
			a.exec("SET GLOBAL innodb_lock_wait_timeout = 1")
			a.hangUp()
			a.changed(random, 2*time.Second, "BEGIN; SELECT COUNT(*) FROM d.t WHERE id >= 0 FOR UPDATE", "ROLLBACK")
			a.exec("SET GLOBAL innodb_lock_wait_timeout = 50")
		}},
		{name: "deadlocks", short: 1, long: 10, round: (*arena).deadlocks},
		{name: "read-only for a while", short: 1, long: 10, round: func(a *arena, random *rand.Rand) {
			a.changed(random, 500*time.Millisecond, "SET GLOBAL read_only = 1", "SET GLOBAL read_only = 0")
		}},
		{name: "max_connections reached", short: 1, long: 10, round: (*arena).crowd},
		{name: "table dropped and made again", short: 1, long: 10, round: (*arena).remake},
		{name: "column added and removed", short: 1, long: 10, round: func(a *arena, random *rand.Rand) {
			where := []string{"FIRST", "AFTER grp", ""}[random.IntN(3)]
			a.changed(random, 300*time.Millisecond, "ALTER TABLE d.t ADD COLUMN added INT NOT NULL DEFAULT 5 "+where, "ALTER TABLE d.t DROP COLUMN added")
		}},
		{
			name: "column dropped under its rows", short: 1, long: 10, options: options{columns: spare, letters: true, encode: withSpare},
			round: func(a *arena, random *rand.Rand) {
				a.changed(random, 300*time.Millisecond, "ALTER TABLE d.t DROP COLUMN spare", "ALTER TABLE d.t ADD COLUMN spare VARCHAR(40)")
			},
		},
		{
			name: "column narrowed under its rows", short: 1, long: 10, options: options{columns: spare, letters: true, encode: withSpare},
			round: func(a *arena, random *rand.Rand) {
				a.changed(random, 300*time.Millisecond, "SET sql_mode = ''; ALTER TABLE d.t MODIFY spare VARCHAR(5)", "ALTER TABLE d.t MODIFY spare VARCHAR(40)")
			},
		},
		{name: "time zone and sql_mode changed", short: 1, long: 10, round: func(a *arena, random *rand.Rand) {
			zones := []string{"+09:00", "-11:30", "+05:45", "SYSTEM"}
			modes := []string{"", "ANSI_QUOTES", "NO_BACKSLASH_ESCAPES", "PAD_CHAR_TO_FULL_LENGTH", "ANSI,NO_BACKSLASH_ESCAPES", "NO_AUTO_VALUE_ON_ZERO", "TRADITIONAL"}
			set := fmt.Sprintf("SET GLOBAL time_zone = '%s', GLOBAL sql_mode = '%s'", zones[random.IntN(len(zones))], modes[random.IntN(len(modes))])
			a.changed(random, 200*time.Millisecond, set+"; KILL USER writer", "SET GLOBAL time_zone = '+00:00', GLOBAL sql_mode = DEFAULT; KILL USER writer")
		}},
		{name: "max_allowed_packet lowered", short: 1, long: 10, round: func(a *arena, random *rand.Rand) {
			set := fmt.Sprintf("SET GLOBAL max_allowed_packet = %d", 2048<<random.IntN(4))
			if random.IntN(2) == 0 {
				set += "; KILL USER writer"
			}
			a.changed(random, 500*time.Millisecond, set, "SET GLOBAL max_allowed_packet = 16777216")
		}},
	}
	for i := range all {
		all[i].modes, all[i].single = []mode{acked, keyed, onceAcked}, true
	}
	return all
}

// rival opens a connection of its own to the server, as root.
func (a *arena) rival() *sql.DB {
	a.Helper()
	db, err := sql.Open("mysql", a.server.DSN("d")+"?multiStatements=true")
	a.must(err)
	db.SetMaxOpenConns(1)
	a.Cleanup(func() { _ = db.Close() })
	return db
}

// changed changes something under load for a while and changes it back.
func (a *arena) changed(random *rand.Rand, most time.Duration, change, back string) {
	a.Helper()
	rival, hold := a.rival(), upTo(random, most)
	defer rival.Close()
	a.under(random, func() {
		_, err := rival.Exec(change)
		a.must(err)
		<-time.After(hold)
		_, err = rival.Exec(back)
		a.must(err)
		a.healed = time.Now()
	})
}

// deadlocks: the plugin's statement takes rows in one order, the rival in the
// other, until the server has found some deadlocks. It may pick either victim.
func (a *arena) deadlocks(random *rand.Rand) {
	rival, want := a.rival(), 1+random.IntN(3)
	defer rival.Close()
	count := func() (n int) {
		var name string
		a.must(rival.QueryRow("SHOW GLOBAL STATUS LIKE 'Innodb_deadlocks'").Scan(&name, &n))
		return n
	}
	before := count()
	a.under(random, func() {
		begin := time.Now()
		for tries := 0; count() < before+want; tries++ {
			first, second := random.Int64N(groups), random.Int64N(groups)
			_, err := rival.Exec(fmt.Sprintf("BEGIN; SELECT COUNT(*) FROM d.t WHERE grp = %d FOR UPDATE; DO SLEEP(0.01); SELECT COUNT(*) FROM d.t WHERE grp = %d FOR UPDATE; ROLLBACK", first, second))
			if err != nil {
				_, err = rival.Exec("ROLLBACK")
				a.must(err)
			}
			if time.Since(begin) > limit {
				a.Fatalf("no deadlock in %d tries", tries)
			}
		}
		a.healed = time.Now()
	})
}

// crowd takes all connections that the server has and throws the plugin out.
func (a *arena) crowd(random *rand.Rand) {
	ctx := context.Background()
	rival, hold := a.rival(), upTo(random, time.Second)
	defer rival.Close()
	a.must(a.server.CreateUser("crowd", "secret", "SELECT ON d.*"))
	crowd, err := sql.Open("mysql", a.server.UserDSN("crowd", "secret", "d"))
	a.must(err)
	defer crowd.Close()
	var taken []*sql.Conn
	fill := func() {
		for {
			c, err := crowd.Conn(ctx)
			if err != nil {
				return
			}
			taken = append(taken, c)
		}
	}
	a.under(random, func() {
		_, err := rival.Exec("SET GLOBAL max_connections = 12")
		a.must(err)
		begin := time.Now()
		fill()
		_, err = rival.Exec("KILL USER writer")
		a.must(err)
		fill()
		for time.Since(begin) < hold {
			fill()
			<-time.After(10 * time.Millisecond)
		}
		_, err = rival.Exec("SET GLOBAL max_connections = 151")
		a.must(err)
		for _, c := range taken {
			a.must(c.Close())
		}
		a.must(crowd.Close())
		a.healed = time.Now()
	})
}

// remake takes the table away for a while. It is renamed, not dropped, so that
// what it holds can be counted.
func (a *arena) remake(random *rand.Rand) {
	hold := upTo(random, 500*time.Millisecond)
	a.under(random, func() {
		a.exec("DROP TABLE IF EXISTS d.before", "RENAME TABLE d.t TO d.before")
		<-time.After(hold)
		a.createTable()
		a.healed = time.Now()
	})
	a.settle()
	a.exec("INSERT INTO d.t (id, grp, note, at, born, n) SELECT id, grp, note, at, born, -1000000000 + n FROM d.before", "DROP TABLE d.before")
	a.must(ekuiper.Wait(limit, func() (bool, error) { return a.connections("AND command <> 'Sleep'") == 0, nil }))
}
