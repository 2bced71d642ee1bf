package fault

import (
	"bufio"
	"bytes"
	"encoding/json"
	"regexp"
	"strconv"
	"time"
)

// letter is one dead letter as the files have it.
type letter struct {
	id     int64 // of its row
	number int   // the server's error number
	text   string
}

var firstNumber = regexp.MustCompile(`\d+`)

// letters reads the dead letters of all rounds, with the command line, which
// reads the files.
func (a *arena) letters() (all []letter) {
	a.Helper()
	out, err := a.command("deadletters", "export")
	a.must(err)
	lines := bufio.NewScanner(bytes.NewReader(out))
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		var line struct {
			Error int
			Text  string
			Row   string
		}
		a.must(json.Unmarshal(lines.Bytes(), &line))
		r := row{ID: -1}
		if json.Unmarshal([]byte(line.Row), &r) != nil {
			// Not a row as it should be: its id is the first number.
			r.ID, _ = strconv.ParseInt(firstNumber.FindString(line.Row), 10, 64)
		}
		all = append(all, letter{r.ID, line.Error, line.Text})
	}
	a.must(lines.Err())
	return all
}

// recount reads everything row by row and adds the judgement to r.
func (a *arena) recount(r *result) {
	a.Helper()
	found := map[int64]int{}
	a.readTable("d.t", found)
	duplicates := a.readLetters(found)
	j := a.ledger.judge(found, a.mode.acks && !a.hostDied, a.before.Received)
	r.add(a.mode, j)
	r.setAside = a.setAside
	if a.mode.keyed {
		r.doubled += int64(duplicates)
	}
	a.distinct += int64(len(found))
	a.checkSums()
	if j.lost > 0 {
		a.Errorf("%d rows are lost: %.500s", j.lost, j.why)
	}
	if r.doubled > 0 {
		a.Errorf("%d rows are doubled", r.doubled)
	}
	if !a.healed.IsZero() {
		a.recovered(r)
	}
}

// readTable counts the rows of a table by id. It checks what each holds, that
// the sender has sent it in this round, and the order within each group.
func (a *arena) readTable(table string, found map[int64]int) {
	a.Helper()
	rows, err := a.server.DB().Query("SELECT id, grp, note, DATE_FORMAT(at, '%Y-%m-%d %T.%f') FROM " + table + " ORDER BY n")
	a.must(err)
	defer rows.Close()
	last := map[int64]int64{}
	for rows.Next() {
		var got row
		var at string
		a.must(rows.Scan(&got.ID, &got.Grp, &got.Note, &at))
		want := rowOf(got.ID)
		if got.Grp != want.Grp || got.Note != want.Note || at != want.at()+"000" {
			a.Errorf("row %d holds %+v at %s, want %+v at %s", got.ID, got, at, want, want.at())
		}
		if got.ID < a.ledger.begin || got.ID >= a.ledger.next {
			a.Errorf("row %d is not of this round", got.ID)
		}
		if way := a.poisoned[got.ID]; way != "" {
			a.Errorf("row %d is in the table, and is wrong: %s", got.ID, way)
		}
		if found[got.ID] == 0 {
			if before, ok := last[got.Grp]; ok && before > got.ID {
				a.Errorf("row %d came after row %d of the same group", got.ID, before)
			}
			last[got.Grp] = got.ID
		}
		found[got.ID]++
		a.stored++
	}
	a.must(rows.Err())
}

// readLetters counts the dead letters that are new by the ids of their rows.
// The plugin may set a row aside because it is there already; those are not
// rows found, and their number is returned.
func (a *arena) readLetters(found map[int64]int) (duplicates int) {
	a.Helper()
	all := a.letters()
	for _, l := range all[a.setAside:] {
		switch {
		case l.id < a.ledger.begin || l.id >= a.ledger.next:
			a.Errorf("a dead letter is not of a row of this round: %+v", l)
		case a.poisoned != nil && a.poisoned[l.id] == "":
			a.Errorf("row %d was set aside, and nothing is wrong with it: %s", l.id, l.text)
		case l.number == 1062 && found[l.id] > 0 && !a.options.letters:
			duplicates++
		case !a.options.letters:
			a.Errorf("row %d was set aside: %s", l.id, l.text)
		default:
			found[l.id]++
		}
	}
	a.setAside = int64(len(all))
	return duplicates
}

// checkSums holds the plugin's own account against what was found, over all rounds.
func (a *arena) checkSums() {
	a.Helper()
	c := a.counts()
	if c.Lost != 0 || c.Dropped != 0 || c.Pending != 0 || c.Damaged != 0 {
		a.Errorf("the journal has lost, dropped, pending or damaged rows: %+v", c)
	}
	if c.SetAside != a.setAside {
		a.Errorf("%d dead letters, the plugin's account is %+v", a.setAside, c)
	}
	// A row that came again and was in a keyed table already counts as stored.
	more := a.stored > c.Stored && a.mode.keyed || a.stored < c.Stored && !a.mode.keyed
	if more || a.mode.once && a.stored != c.Stored {
		a.Errorf("%d rows came into the table, the plugin's account is %+v", a.stored, c)
	}
	if c.Received < a.distinct || !a.mode.acks && c.Received != a.distinct {
		a.Errorf("%d rows were found, the plugin's account is %+v", a.distinct, c)
	}
}

// recovered notes how long after the fault the first row was stored, by the
// server's clock, which is this machine's.
func (a *arena) recovered(r *result) {
	a.Helper()
	var first *float64
	a.must(a.server.DB().QueryRow("SELECT UNIX_TIMESTAMP(MIN(born)) FROM d.t WHERE born > FROM_UNIXTIME(?)", float64(a.healed.UnixMicro())/1e6).Scan(&first))
	if first != nil {
		took := time.UnixMicro(int64(*first * 1e6)).Sub(a.healed)
		r.recovery = append(r.recovery, max(0, took))
	}
}
