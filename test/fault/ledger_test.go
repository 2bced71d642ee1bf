package fault

import (
	"fmt"
	"hash/fnv"
	"slices"
	"strings"
	"sync"
	"time"
)

// row is one row as the sender makes it. All of it but the id is a function
// of the id, so that what the table holds can be checked without a copy.
type row struct {
	At   int64  `json:"at"` // milliseconds of the epoch
	Grp  int64  `json:"grp"`
	ID   int64  `json:"id"`
	Note string `json:"note"`
}

const groups = 7 // order is kept within each

var pieces = []string{"it's", `back\slash`, "plain", "漢字 <b>&", `"quoted"`, "", "🚀", "%s ?", "x\ty", "NULL"}

func rowOf(id int64) row {
	hash := fnv.New64a()
	_, _ = fmt.Fprint(hash, id)
	sum := hash.Sum64()
	var note strings.Builder
	for range 1 + sum%5 {
		note.WriteString(pieces[sum>>8%uint64(len(pieces))])
		sum = sum*6364136223846793005 + 1442695040888963407
	}
	return row{At: 1_763_634_617_123 + id*7, Grp: id % groups, ID: id, Note: note.String()}
}

// at is what the table shows of a row's time.
func (r row) at() string { return time.UnixMilli(r.At).UTC().Format("2006-01-02 15:04:05.000") }

// handed is one message that was handed over: its rows' ids are contiguous.
type handed struct {
	first, next int64
	acked       bool
}

// crash is the death of what receives: a plugin's or its host's.
type crash struct {
	// upTo is the id below which rows were handed over when the successor was
	// there: only those can have died on their way.
	upTo int64
	// received is how many rows the plugin's journal had taken by then, or -1
	// where the successor may have taken more before that could be read.
	received int64
}

// ledger is the sender's account of what it handed over. It knows nothing of
// what became of it.
type ledger struct {
	mu       sync.Mutex
	begin    int64 // the id of this round's first row
	next     int64 // the id of the next row
	messages []handed
	crashes  []crash
}

// open begins a round.
func (l *ledger) open() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.begin, l.messages, l.crashes = l.next, nil, nil
}

// hand notes a message that is about to be handed over.
func (l *ledger) hand(rows int64) handed {
	l.mu.Lock()
	defer l.mu.Unlock()
	m := handed{first: l.next, next: l.next + rows}
	l.next = m.next
	l.messages = append(l.messages, m)
	return m
}

// acked notes that the last message was acknowledged.
func (l *ledger) acked() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.messages[len(l.messages)-1].acked = true
}

// crashed notes a crash that is over.
func (l *ledger) crashed(received int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.crashes = append(l.crashes, crash{l.next, received})
}

// span is contiguous ids, from up to and not including to.
type span struct{ from, to int64 }

// judgement is what the sender's account and the recount say together, in rows.
type judgement struct {
	rows     int64 // handed over
	lost     int64 // that must be there and are not
	inFlight int64 // on their way at a crash, of a rule without acks
	copies   int64 // more of a row than one
	why      string
}

// judge compares what was handed over with how often each row was found.
// before is how many rows earlier rounds brought into the plugin's journal.
//
// Without acks a crash costs what was on its way: rows arrive in the order in
// which they were handed over, so it is one contiguous piece per crash, it
// begins where the journal ended, and it lies before what the successor got.
func (l *ledger) judge(found map[int64]int, acks bool, before int64) judgement {
	l.mu.Lock()
	defer l.mu.Unlock()
	j := judgement{rows: l.next - l.begin}
	for _, n := range found {
		j.copies += int64(max(0, n-1))
	}
	if acks {
		for _, m := range l.messages {
			for id := m.first; id < m.next; id++ {
				if found[id] == 0 {
					j.lost++
					j.why += fmt.Sprintf("row %d, acknowledged %v, is nowhere; ", id, m.acked)
				}
			}
		}
		return j
	}
	crashes := slices.Clone(l.crashes)
	present := before
	for id := l.begin; id < l.next; id++ {
		if found[id] > 0 {
			present++
			continue
		}
		gap := span{id, id}
		for gap.to < l.next && found[gap.to] == 0 {
			gap.to++
		}
		i := slices.IndexFunc(crashes, func(c crash) bool {
			return gap.to <= c.upTo && (c.received < 0 || c.received == present)
		})
		if i < 0 {
			j.lost += gap.to - gap.from
			j.why += fmt.Sprintf("rows %d to %d are nowhere, after %d that arrived; crashes %+v; ", gap.from, gap.to-1, present, l.crashes)
		} else {
			j.inFlight += gap.to - gap.from
			crashes = crashes[i+1:]
		}
		id = gap.to - 1
	}
	return j
}
