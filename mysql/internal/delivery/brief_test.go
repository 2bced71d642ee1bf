package delivery

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jmoiron/sqlx"

	"ekuiper-mysql/mysql/internal/payload"
)

// absent is a server that nobody reaches.
type absent struct{}

func (absent) Connect(context.Context) (driver.Conn, error) { return nil, errors.New("absent") }
func (absent) Driver() driver.Driver                        { return nil }

// TestFeederGivesWayToABriefRequest: it makes no row while the writer waits for
// an answer that comes at once; to one that takes long it gives way once.
func TestFeederGivesWayToABriefRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		db := sqlx.NewDb(sql.OpenDB(absent{}), "mysql")
		defer db.Close()
		d := New(testOptions, db, emptyQueue{}, nil, quietMeter{}, &logged{}, &Health{})
		f := &feeder{Delivery: d, batch: &batch{}, delay: time.NewTimer(time.Hour), options: &d.setup.Load().options}
		// row tells how long one takes, that finds the rule stopped.
		row := func() time.Duration {
			began := time.Now()
			if err := f.row(ctx, rowRef{}, payload.Row{}); !errors.Is(err, errStopped) && !errors.Is(err, context.Canceled) {
				t.Errorf("a row: %v", err)
			}
			return time.Since(began)
		}
		if took := row(); took != 0 {
			t.Errorf("a row waits %v for nobody", took)
		}
		d.brief.begin()
		go func() {
			time.Sleep(mostBrief / 2) // of the bubble
			d.brief.end()
		}()
		if took := row(); took != mostBrief/2 {
			t.Errorf("a row waits %v for an answer after %v", took, mostBrief/2)
		}
		d.brief.begin()
		if took := row(); took != mostBrief {
			t.Errorf("a row waits %v for an answer that does not come, want %v", took, mostBrief)
		}
		if took := row(); took != 0 {
			t.Errorf("the row after it waits %v too", took)
		}
		d.brief.end()
	})
}
