package fault

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"

	"ekuiper-mysql/test/ekuiper"
)

// toxic are columns that can go wrong; signal raises the error whose number it
// holds, in a trigger.
const toxic = ", tiny TINYINT, code VARCHAR(5), kind ENUM('a', 'b'), day DATE, place POINT, amount DECIMAL(5, 2), " +
	"small INT UNSIGNED CHECK (small < 100), parent BIGINT, latin VARCHAR(20) CHARACTER SET latin1, u INT UNIQUE, `signal` INT, " +
	"large LONGTEXT, FOREIGN KEY (parent) REFERENCES d.parents (id)"

// poisons are rows that the table above refuses, as JSON; %d is the row's id.
var poisons = []string{
	`{"id":%d,"grp":null,"note":"null","at":1}`,
	`{"id":%d,"grp":1,"note":null,"at":1}`,
	`{"id":%d,"note":"no group","at":1}`,
	`{"id":%d,"grp":1,"note":"x","at":1,"tiny":300}`,
	`{"id":%d,"grp":1,"note":"x","at":1,"tiny":"abc"}`,
	`{"id":%d,"grp":1,"note":"x","at":1,"code":"too long"}`,
	`{"id":%d,"grp":1,"note":"x","at":1,"kind":"c"}`,
	`{"id":%d,"grp":1,"note":"x","at":1,"day":"2026-02-31"}`,
	`{"id":%d,"grp":1,"note":"x","at":1,"place":"POINT(1"}`,
	`{"id":%d,"grp":1,"note":"x","at":1,"amount":12345.67}`,
	`{"id":%d,"grp":1,"note":"x","at":1,"small":-1}`,
	`{"id":%d,"grp":1,"note":"x","at":1,"small":100}`,
	`{"id":%d,"grp":1,"note":"x","at":1,"parent":77}`,
	`{"id":%d,"grp":1,"note":"x","at":1,"latin":"漢字"}`,
	`{"id":%d,"grp":1,"note":"x","at":1,"u":1}`,
	`{"id":%d,"grp":1,"note":"x","at":1,"absent":1}`,
	`{"id":%d,"grp":"x","note":"x","at":1}`,
	`{"id":%d,"grp":1,"note":"x","at":"yesterday"}`,
	`{"id":"%d and more","grp":1,"note":"x","at":1}`,
	`"row %d is no object"`,
	`[%d]`,
}

// rowError is a line of the error map's table for a row's own fault.
var rowError = regexp.MustCompile(`\{(\d+), "[A-Z0-9_]+", Row,`)

// signals are poisons that raise each error which the map takes for a row's
// fault, and some that it does not list.
var signals = sync.OnceValues(func() (all []string, err error) {
	root, err := ekuiper.Root()
	if err != nil {
		return nil, err
	}
	text, err := os.ReadFile(filepath.Join(root, "mysql", "internal", "fault", "numbers.go"))
	if err != nil {
		return nil, err
	}
	numbers := []string{"9999", "31000"}
	for _, m := range rowError.FindAllSubmatch(text, -1) {
		numbers = append(numbers, string(m[1]))
	}
	if len(numbers) < 100 {
		return nil, fmt.Errorf("numbers.go has %d errors of a row: is the expression right?", len(numbers))
	}
	for _, n := range numbers {
		all = append(all, `{"id":%d,"grp":1,"note":"x","at":1,"signal":`+n+`}`)
	}
	return all, nil
})

// poison is scenarios of rows that no table takes.
func poison() []scenario {
	all := []scenario{
		{name: "1 row in 1,000 wrong, in every way", short: 1, long: 12, round: func(a *arena, random *rand.Rand) { a.poison(random, 2600, 1000) }},
		{name: "all rows wrong", short: 1, long: 12, round: func(a *arena, random *rand.Rand) { a.poison(random, 150, 1) }},
		{name: "a row of 10 MB", short: 1, long: 10, round: (*arena).huge},
	}
	for i := range all {
		all[i].modes, all[i].single = []mode{acked, onceAcked}, true
		all[i].options = options{columns: toxic, letters: true}
	}
	return all
}

// wayOf chooses in which way a row is wrong: each in its turn, the server's and
// ours.
func wayOf(turn int) (string, error) {
	numbers, err := signals()
	if err != nil {
		return "", err
	}
	turn %= len(numbers) + len(poisons)
	if turn < len(poisons) {
		return poisons[turn], nil
	}
	return numbers[turn-len(poisons)], nil
}

// poison sends messages in which one row in n is wrong.
func (a *arena) poison(random *rand.Rand, messages, n int) {
	a.Helper()
	a.prepareToxic()
	a.exec("INSERT INTO d.t (id, grp, note, at, u) VALUES (-1, 0, '', '2020-01-01', 1)")
	a.poisoned = map[int64]string{}
	turn := random.IntN(1000)
	_, err := wayOf(0)
	a.must(err)
	a.options.encode = func(id int64) any {
		if random.IntN(n) > 0 { // only the sender's goroutine is here
			return rowOf(id)
		}
		turn++
		way, _ := wayOf(turn)
		a.poisoned[id] = way
		return json.RawMessage(strings.Replace(way, "%d", strconv.FormatInt(id, 10), 1))
	}
	l := a.send(messages, random)
	l.finish()
	a.settle()
	a.exec("DELETE FROM d.t WHERE id = -1")
}

// prepareToxic makes what the table of poisons needs beside it.
func (a *arena) prepareToxic() {
	a.Helper()
	a.exec("DROP TRIGGER IF EXISTS d.signals",
		"CREATE TRIGGER d.signals BEFORE INSERT ON d.t FOR EACH ROW BEGIN DECLARE number INT; SET number = NEW.`signal`; "+
			"IF number IS NOT NULL THEN SIGNAL SQLSTATE '45000' SET MYSQL_ERRNO = number, MESSAGE_TEXT = 'made up'; END IF; END")
}

// huge sends a row of 10 MB among others, to a server that takes it or not.
func (a *arena) huge(random *rand.Rand) {
	a.prepareToxic()
	fits := random.IntN(2) == 0
	packet := 1 << 20
	if fits {
		packet = 32 << 20
	}
	a.exec(fmt.Sprintf("SET GLOBAL max_allowed_packet = %d", packet), "KILL USER writer")
	defer a.exec("SET GLOBAL max_allowed_packet = 16777216")
	a.poisoned = map[int64]string{}
	left := 1
	a.options.encode = func(id int64) any {
		if left == 0 || random.IntN(50) > 0 {
			return rowOf(id)
		}
		left--
		if !fits {
			a.poisoned[id] = "10 MB"
		}
		return struct {
			row
			Large string `json:"large"`
		}{rowOf(id), strings.Repeat("0123456789", 1<<20)}
	}
	l := a.send(100, random)
	l.finish()
	a.settle()
}
