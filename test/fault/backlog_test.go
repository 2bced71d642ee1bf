package fault

import (
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"ekuiper-mysql/test/ekuiper"
)

// messageRows is how many rows a message of the backlog has.
const messageRows = 100

// TestBacklog lets an hour's worth of rows wait for a database that is down.
func TestBacklog(t *testing.T) {
	for _, m := range []mode{plain, once} {
		t.Run(m.name, func(t *testing.T) {
			rows := int64(20_000)
			if *full {
				rows = 5_000_000
			}
			if *volume > 0 {
				rows = int64(*volume)
			}
			b := &backlog{arena: newArena(t, m, options{}, false), rows: rows}
			b.exec("DROP TABLE d.t", "CREATE TABLE d.t ("+columns+", PRIMARY KEY (n))")
			b.run()
		})
	}
}

// backlog is one such outage.
type backlog struct {
	*arena
	rows int64 // that have to wait

	sent    int64 // rows handed over
	memory  []memory
	slowest time.Duration // to hand over a message
	// The first row handed over while the backlog was written, and when.
	fresh   int64
	freshAt time.Time
}

// memory is what the plugin's process had resident when so many rows were sent.
type memory struct {
	sent int64
	mb   float64
}

func (b *backlog) run() {
	r := &result{scenario: fmt.Sprintf("database down for %d rows", b.rows), mode: b.mode, rounds: 1}
	defer r.keep()

	live := b.rows / 10
	before := b.live(live)

	b.must(b.server.Kill())
	b.slowest = 0
	b.sendTo(live + b.rows)
	if pending := b.counts().Pending; pending != b.rows {
		b.Errorf("%d rows are pending, want %d", pending, b.rows)
	}
	away := b.slowest

	b.slowest = 0
	b.must(b.server.Restart())
	begin := time.Now()
	first := b.drain(live + b.rows)
	drained := float64(b.rows) / time.Since(begin).Seconds()
	b.waitStored(b.sent)
	writing := b.slowest
	// A server writes faster while its log is empty: what it does for long is
	// seen after the backlog.
	after := b.live(live)

	b.judge(r)
	b.flat()
	r.note = fmt.Sprintf("written at %.0f rows/s, live rows before at %.0f and after at %.0f; memory %s; a new row waited %.1f s behind it",
		drained, before, after, b.peaks(), b.waited().Seconds())
	r.recovery = append(r.recovery, first)
	b.Logf("%s; a message was handed over within %v while the database was away, %v while it was written", r.note, away, writing)
	if *full && drained < 0.8*min(before, after) {
		b.Errorf("the backlog was written at %.0f rows/s, live rows at %.0f and %.0f", drained, before, after)
	}
}

// live sends so many rows as fast as they are taken, and returns how many a
// second went into the table.
func (b *backlog) live(rows int64) float64 {
	b.Helper()
	begin := time.Now()
	b.sendTo(b.sent + rows)
	b.waitStored(b.sent)
	return float64(rows) / time.Since(begin).Seconds()
}

// sendTo hands over messages until so many rows have been.
func (b *backlog) sendTo(rows int64) {
	b.Helper()
	every := max(messageRows, b.rows/50/messageRows*messageRows)
	for b.sent < rows {
		b.sendOne()
		if b.sent%every == 0 {
			b.sample()
		}
	}
}

func (b *backlog) sendOne() {
	b.Helper()
	rows := make([]row, 0, messageRows)
	for range messageRows {
		rows = append(rows, rowOf(b.sent))
		b.sent++
	}
	message, err := json.Marshal(rows)
	b.must(err)
	begin := time.Now()
	b.ledger.hand(messageRows)
	b.must(b.deliver(message))
	b.slowest = max(b.slowest, time.Since(begin))
}

// drain goes on sending a little until the backlog is written, and returns
// how long the first row took.
func (b *backlog) drain(backlog int64) (first time.Duration) {
	b.Helper()
	begin, before := time.Now(), b.stored()
	b.fresh, b.freshAt = b.sent, begin
	for {
		stored := b.stored()
		if first == 0 && stored > before {
			first = time.Since(begin)
		}
		if stored >= backlog {
			return first
		}
		b.sendOne()
		b.sample()
		<-time.After(50 * time.Millisecond)
	}
}

// stored is how many rows are in the table, copies included.
func (b *backlog) stored() (n int64) {
	b.Helper()
	b.must(b.server.DB().QueryRow("SELECT COALESCE(MAX(n), 0) FROM d.t").Scan(&n))
	return n
}

func (b *backlog) waitStored(rows int64) {
	b.Helper()
	// Numbers that a refused statement took are passed over: this may be early.
	b.must(ekuiper.Wait(10*limit, func() (bool, error) { return b.stored() >= rows, nil }))
	b.must(ekuiper.Wait(limit, func() (bool, error) { return b.counts().Pending == 0, nil }))
}

// sample notes the plugin's memory.
func (b *backlog) sample() {
	b.Helper()
	pid, err := b.plugin.WorkerPid()
	b.must(err)
	mb, err := resident(pid)
	b.must(err)
	b.memory = append(b.memory, memory{b.sent, mb})
}

// resident is a process' resident memory in MB.
func resident(pid int) (float64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if fields := strings.Fields(line); len(fields) == 3 && fields[0] == "VmRSS:" {
			kib, err := strconv.ParseFloat(fields[1], 64)
			return kib * 1024 / 1e6, err
		}
	}
	return 0, fmt.Errorf("no VmRSS of process %d", pid)
}

// peak is the most memory between two counts of rows sent.
func (b *backlog) peak(from, to int64) (most float64) {
	for _, m := range b.memory {
		if m.sent >= from && m.sent < to {
			most = max(most, m.mb)
		}
	}
	return most
}

// waited is how long the first row waited that came while the backlog was
// written: rows keep their order.
func (b *backlog) waited() time.Duration {
	b.Helper()
	var born float64
	b.must(b.server.DB().QueryRow("SELECT UNIX_TIMESTAMP(MIN(born)) FROM d.t WHERE id = ?", b.fresh).Scan(&born))
	return time.UnixMicro(int64(born * 1e6)).Sub(b.freshAt)
}

func (b *backlog) peaks() string {
	live := b.rows / 10
	return fmt.Sprintf("%.0f MB live, %.0f MB waiting, %.0f MB after", b.peak(0, live+1), b.peak(live+1, live+b.rows+1), b.peak(live+b.rows+1, b.sent+1))
}

// flat fails if memory grows with what waits: the last tenth of the backlog,
// and writing it, must need no more than the first tenth and a little.
func (b *backlog) flat() {
	b.Helper()
	live := b.rows / 10
	first, later := b.peak(0, live+b.rows/10+1), b.peak(live+b.rows/10+1, b.sent+1)
	if later > first*1.5+24 {
		b.Errorf("the plugin's memory grows with the backlog: %.0f MB at most in its first tenth, %.0f MB later", first, later)
	}
}

// judge reads the table row by row: each row once, in order within its group.
func (b *backlog) judge(r *result) {
	b.Helper()
	found := make([]uint8, b.sent)
	rows, err := b.server.DB().Query("SELECT id, grp, note FROM d.t ORDER BY n")
	b.must(err)
	defer rows.Close()
	last := map[int64]int64{}
	var j judgement
	for rows.Next() {
		var got row
		b.must(rows.Scan(&got.ID, &got.Grp, &got.Note))
		if want := rowOf(got.ID); got.ID < 0 || got.ID >= b.sent || got.Grp != want.Grp || got.Note != want.Note {
			b.Fatalf("a row that was not sent: %+v", got)
		}
		if found[got.ID] > 0 {
			j.copies++
			continue
		}
		if before, ok := last[got.Grp]; ok && before > got.ID {
			b.Errorf("row %d came after row %d of the same group", got.ID, before)
		}
		last[got.Grp] = got.ID
		found[got.ID] = 1
	}
	b.must(rows.Err())
	for _, n := range found {
		if n == 0 {
			j.lost++
		}
	}
	j.rows = b.sent
	r.rounds = 0
	r.add(b.mode, j)
	if j.lost > 0 || r.doubled > 0 {
		b.Errorf("%d rows are lost, %d are there more than once", j.lost, j.copies)
	}
	if c := b.counts(); c.Received != b.sent || c.Stored != b.sent {
		b.Errorf("%d rows were sent, the plugin's account is %+v", b.sent, c)
	}
}
