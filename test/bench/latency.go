//go:build linux

package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"time"
)

// delay compares the time from a row's sending to its being visible with that
// of the bare driver's INSERT of one row. Rows are sent by the clock, whether
// the ones before have arrived or not. A row is visible when another
// connection finds it: that connection asks again and again for as long as a
// row of its sample is under way, with the same queries on both roads, so that
// what it costs and how coarse it is is in both.
type delay struct {
	name   string
	stage  *stage
	every  time.Duration // a row
	length time.Duration // of a turn
	sample int           // one row in so many is watched
}

func latencies(s *stage, _ options) []measurement {
	return []measurement{
		delay{"latency", s, time.Millisecond, 5 * time.Second, 7},
		delay{"latency_lone_row", s, 100 * time.Millisecond, 5 * time.Second, 1},
	}
}

// What may be added to the database's own latency, in milliseconds, and the
// least that counts as a difference.
const (
	medianLimit = 2.0
	tailLimit   = 10.0
	leastDelay  = 0.02
)

func (d delay) title() string { return d.name }

func (d delay) run(o options) ([]result, error) {
	f, err := d.stage.launch(nil)
	if err != nil {
		return nil, err
	}
	defer f.end()
	db, err := sql.Open("mysql", d.stage.server.DSN("bench"))
	if err != nil {
		return nil, err
	}
	defer db.Close()
	id := 0
	var ours, bare turns
	for i := range (o.pairs + 1) / 2 {
		roads := []func() error{
			func() error {
				return ours.take(d.turn(db, &id, func(id int) error { return f.rule.Send(row(id)) }))
			},
			func() error {
				insert, end := inserter(db)
				return errors.Join(bare.take(d.turn(db, &id, insert)), end())
			},
		}
		if i%2 == 1 {
			slices.Reverse(roads)
		}
		for _, take := range roads {
			if err := take(); err != nil {
				return nil, err
			}
		}
		fmt.Fprintf(os.Stderr, "%s: turn %d, ours %s, the driver's %s\n", d.name, i+1, ours[i:], bare[i:])
	}
	if err := errors.Join(d.stage.await(id), f.close(), d.stage.check(id)); err != nil {
		return nil, err
	}
	middle := over(d.name+"_median", 0.5, medianLimit, ours, bare)
	if d.sample == 1 { // too few rows for a tail
		return []result{middle}, nil
	}
	return []result{middle, over(d.name+"_p99", 0.99, tailLimit, ours, bare)}, nil
}

// over is what may be added, divided by what is.
func over(name string, q, limit float64, ours, bare turns) result {
	var ratios []float64
	for i := range ours {
		ratios = append(ratios, limit/max(ours[i].at(q)-bare[i].at(q), leastDelay))
	}
	r := resultOf(name, 1, ratios)
	r.ours, r.against = ours.String(), bare.String()
	return r
}

// turn sends rows for a while, and returns how long each of the sample took.
func (d delay) turn(db *sql.DB, id *int, send func(id int) error) (taken, error) {
	n := int(d.length / d.every)
	w := watcher{sent: make(chan sent, n)}
	var watching sync.WaitGroup
	watching.Go(func() { w.watch(db) })
	start := time.Now()
	var err error
	for i := range n {
		time.Sleep(time.Until(start.Add(time.Duration(i) * d.every)))
		now := time.Now()
		if err = send(*id); err != nil {
			break
		}
		if i%d.sample == 0 {
			w.sent <- sent{*id, now}
		}
		*id++
	}
	close(w.sent)
	watching.Wait()
	return w.seen, errors.Join(err, w.err)
}

// inserter inserts rows one by one, as a program without batches would: the
// function that it returns hands one over, and end waits for all.
func inserter(db *sql.DB) (insert func(id int) error, end func() error) {
	rows := make(chan int, 1<<16)
	failed := make(chan error, 1)
	go func() {
		err := func() error {
			conn, err := db.Conn(context.Background())
			if err != nil {
				return err
			}
			defer conn.Close()
			stmt, err := conn.PrepareContext(context.Background(), "INSERT INTO t (id, name, x, y, at) VALUES (?,?,?,?,?)")
			if err != nil {
				return err
			}
			defer stmt.Close()
			for id := range rows {
				name, x, y, at := value(id)
				if _, err := stmt.Exec(id, name, x, y, time.UnixMilli(at).UTC().Format("2006-01-02 15:04:05.000")); err != nil {
					return err
				}
			}
			return nil
		}()
		for range rows { // none waits for an inserter that has failed
		}
		failed <- err
	}()
	insert = func(id int) error { rows <- id; return nil }
	end = func() error { close(rows); return <-failed }
	return insert, end
}

// row is row id's message, alone.
func row(id int) []byte {
	name, x, y, at := value(id)
	return fmt.Appendf(nil, `[{"at":%d,"id":%d,"name":"%s","x":%g,"y":%g}]`, at, id, name, x, y)
}

type sent struct {
	id int
	at time.Time
}

// watcher learns when rows become visible.
type watcher struct {
	sent chan sent
	seen taken
	err  error
}

func (w *watcher) watch(db *sql.DB) {
	conn, err := db.Conn(context.Background())
	if err != nil {
		w.err = err
		return
	}
	defer conn.Close()
	var waiting []sent
	for w.err == nil {
		if len(waiting) == 0 {
			one, ok := <-w.sent
			if !ok {
				return
			}
			waiting = append(waiting, one)
		}
		for more := true; more; {
			select {
			case one, ok := <-w.sent:
				if more = ok; ok {
					waiting = append(waiting, one)
				}
			default:
				more = false
			}
		}
		waiting = w.look(conn, waiting)
	}
}

// look asks once for the rows that are waited for, and returns those that are
// not there yet.
func (w *watcher) look(conn *sql.Conn, waiting []sent) []sent {
	var query strings.Builder
	query.WriteString("SELECT id FROM t WHERE id IN (")
	for i, one := range waiting {
		if i > 0 {
			query.WriteByte(',')
		}
		fmt.Fprint(&query, one.id)
	}
	rows, err := conn.QueryContext(context.Background(), query.String()+")")
	if err != nil {
		w.err = err
		return nil
	}
	defer rows.Close()
	found := map[int]bool{}
	for rows.Next() {
		var id int
		w.err = errors.Join(w.err, rows.Scan(&id))
		found[id] = true
	}
	w.err = errors.Join(w.err, rows.Err())
	now := time.Now()
	if now.Sub(waiting[0].at) > stalled {
		w.err = errors.Join(w.err, fmt.Errorf("row %d is not visible after %v", waiting[0].id, stalled))
	}
	return slices.DeleteFunc(waiting, func(one sent) bool {
		if found[one.id] {
			w.seen = append(w.seen, float64(now.Sub(one.at).Nanoseconds())/1e6)
		}
		return found[one.id]
	})
}

// taken is how long rows took, in milliseconds.
type taken []float64

// at is the time that a part q of the rows took at most.
func (t taken) at(q float64) float64 {
	s := slices.Sorted(slices.Values(t))
	return s[min(int(q*float64(len(s))), len(s)-1)]
}

// turns are what was taken turn by turn.
type turns []taken

func (t *turns) take(one taken, err error) error {
	if err == nil && len(one) == 0 {
		err = errors.New("no row was watched")
	}
	*t = append(*t, one)
	return err
}

func (t turns) String() string {
	all := slices.Concat(t...)
	return fmt.Sprintf("%.2f ms, p99 %.2f ms", all.at(0.5), all.at(0.99))
}
