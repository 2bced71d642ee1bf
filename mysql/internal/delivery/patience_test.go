package delivery

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/jmoiron/sqlx"

	"ekuiper-mysql/mysql/internal/schema"
)

type quietMeter struct{}

func (quietMeter) Prepared(time.Duration, time.Duration)         {}
func (quietMeter) Committed(int, bool, time.Time, time.Duration) {}
func (quietMeter) ExtraFields(int)                               {}
func (quietMeter) Retried(string)                                {}
func (quietMeter) Connected(bool)                                {}
func (quietMeter) SchemaLoaded()                                 {}

type logged []string

func (l *logged) Debugf(string, ...any)     {}
func (l *logged) Infof(f string, a ...any)  { *l = append(*l, fmt.Sprintf(f, a...)) }
func (l *logged) Warnf(f string, a ...any)  { l.Infof(f, a...) }
func (l *logged) Errorf(f string, a ...any) { l.Infof(f, a...) }

func newTestDelivery(log *logged) *Delivery {
	return New(testOptions, nil, nil, nil, quietMeter{}, log, &Health{})
}

// TestLastingConflictIsTold: a lock that a rival holds passes in silence, one
// that it does not let go of must be told of.
func TestLastingConflictIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log logged
		d := newTestDelivery(&log)
		r := newRetry(d, "writing to")
		lockWait := &mysql.MySQLError{Number: 1205, Message: "Lock wait timeout exceeded"}
		start := time.Now()
		for time.Since(start) < patientFor {
			if len(log) > 0 {
				t.Fatalf("told after %v: %q", time.Since(start), log)
			}
			if err := r.wait(context.Background(), lockWait); err != nil {
				t.Fatal(err)
			}
		}
		for range 3 {
			_ = r.wait(context.Background(), lockWait)
		}
		if len(log) != 1 || !strings.Contains(log[0], "Lock wait timeout") {
			t.Errorf("told %q, want one line with the reason", log)
		}
		if d.health.Down() {
			t.Error("a conflict passes for a server that is down")
		}
		r.healed()
		if len(log) != 2 || !strings.Contains(log[1], "works again") {
			t.Errorf("told %q, want that it works again", log)
		}
	})
}

func TestOldDescriptionIsLookedAtAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var known tables
		if table, _ := known.get(); table != nil {
			t.Fatal("a table that was never read")
		}
		first := known.put(testTable(), "", 1<<20)
		if table, old := known.get(); table != first || old {
			t.Errorf("just read: %p %v, want %p false", table, old, first)
		}
		time.Sleep(maxAge + time.Second) // synctest's clock
		if table, old := known.get(); table != first || !old {
			t.Errorf("after %v: %p %v, want %p true", maxAge, table, old, first)
		}
		if same := known.put(testTable(), "", 1<<20); same != first {
			t.Error("a table that has not changed is taken for another: its statements would be prepared anew")
		}
		wider := schema.NewTable(schema.Name{Table: "t"}, schema.NewColumn("id", "bigint(20)"))
		if known.put(wider, "", 1<<20) != wider {
			t.Error("a table that has changed is not taken")
		}
	})
}

func TestDoubtIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var known tables
		table := known.put(testTable(), "", 1<<20)
		if !known.doubt(table, time.Second) {
			t.Fatal("the first row that does not fit is no reason to look")
		}
		if got, _ := known.get(); got != nil {
			t.Error("a doubted table is used before it is read again")
		}
		known.put(testTable(), "", 1<<20)
		if known.doubt(table, time.Second) {
			t.Error("a second look within a second")
		}
		time.Sleep(time.Second) // synctest's clock
		if !known.doubt(table, time.Second) {
			t.Error("no look after a second")
		}
	})
}

// TestElectionIsAwaitedBriskly: where another host may take over, pauses stay
// short for as long as elections take, and no longer.
func TestElectionIsAwaitedBriskly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log logged
		options := testOptions
		options.Several = true
		d := New(options, nil, nil, nil, quietMeter{}, &log, &Health{})
		r := newRetry(d, "writing to")
		passing := &mysql.MySQLError{Number: 1037, Message: "out of memory"}
		start := time.Now()
		longest := time.Duration(0)
		for time.Since(start) < 2*electedWithin {
			before := time.Now()
			if err := r.wait(context.Background(), passing); err != nil {
				t.Fatal(err)
			}
			pause := time.Since(before)
			if before.Sub(start) < electedWithin && pause > electionPause {
				t.Fatalf("a pause of %v after %v", pause, before.Sub(start))
			}
			longest = max(longest, pause)
		}
		if longest <= maxPause/2 {
			t.Errorf("no pause is longer than %v in %v: an outage is asked too often", longest, time.Since(start))
		}
	})
}

// TestSetupThatChangesDuringAnAttempt ends the pause after it as well: what
// fails was made with the setup of before.
func TestSetupThatChangesDuringAnAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log logged
		d := newTestDelivery(&log)
		d.setup.Load().db = closedDB(t)
		r := newRetry(d, "writing to")
		denied := &mysql.MySQLError{Number: 1045, Message: "Access denied"}
		if _ = r.wait(context.Background(), denied); len(log) != 1 {
			t.Fatalf("told %q, want one line", log)
		}
		d.Reconfigure(testOptions, closedDB(t))
		before := time.Now()
		if err := r.wait(context.Background(), denied); err != nil || time.Since(before) > 0 || len(log) != 1 {
			t.Errorf("%v after %v, told %q; want to go on at once, in silence", err, time.Since(before), log)
		}
		if _ = r.wait(context.Background(), denied); time.Since(before) == 0 {
			t.Error("an attempt with the new setup is followed by no pause")
		}
		changed := make(chan struct{})
		go func() {
			time.Sleep(time.Millisecond) // synctest's clock
			d.Reconfigure(testOptions, closedDB(t))
			close(changed)
		}()
		before = time.Now()
		_ = r.wait(context.Background(), denied)
		if took := time.Since(before); took != time.Millisecond {
			t.Errorf("a pause lasts %v after the setup has changed", took-time.Millisecond)
		}
		<-changed
	})
}

// closedDB leads nowhere.
func closedDB(t *testing.T) *sqlx.DB {
	t.Helper()
	connector, err := mysql.NewConnector(mysql.NewConfig())
	if err != nil {
		t.Fatal(err)
	}
	db := sqlx.NewDb(sql.OpenDB(connector), "mysql")
	_ = db.Close()
	return db
}
