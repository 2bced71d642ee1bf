package delivery

import (
	"context"
	"time"

	"github.com/jmoiron/sqlx"
)

// idleCheck is how long a connection may rest before it is asked whether it
// still lives: a firewall or the server's wait_timeout may have cut it, and a
// write into a dead connection has an unknown outcome.
const idleCheck = 10 * time.Second

// idleRelease is how long an idle rule keeps its connection: a server has few,
// and ends those that rest for longer than the session's wait_timeout.
const idleRelease = 20 * time.Second

// A rule keeps its connection, where others wait for it, for as long as it has
// rows to write, but for no longer than a turn: each who gets it prepares its
// statements anew, which is to be spread over some batches.
const (
	turnBatches = 8                      // a turn has so many,
	leastTurn   = 100 * time.Millisecond // at least as long,
	mostTurn    = time.Second            // and no longer
	lull        = 2 * deepBreath         // without a batch for so long it has no rows to write
)

// turn is a rule's time with a connection.
type turn struct {
	began   time.Time
	batches int
	idle    bool // there was no batch for a while
}

func (t *turn) over() bool {
	if t.idle {
		return true
	}
	took := time.Since(t.began)
	return t.batches >= turnBatches && took >= leastTurn || took >= mostTurn
}

// wanted receives when the connection is of more use to another rule. Without
// one it never does.
func (w *writer) wanted() <-chan struct{} {
	if w.session == nil || w.through.options.Wanted == nil || !w.turn.over() {
		return nil
	}
	return w.through.options.Wanted
}

// lend gives the connection up to another rule. One that nobody may know to be
// alive is of no use to it.
func (w *writer) lend(ctx context.Context) {
	if w.session != nil && time.Since(w.used) < idleCheck {
		w.session.lend(ctx)
		w.session = nil
	}
	w.disconnect()
}

// giveBack leaves a connection that is shared to the others.
func (w *writer) giveBack() {
	if w.session != nil && w.through.options.Shared {
		w.session.giveBack()
		w.session = nil
	}
}

// connect makes sure of a living connection.
func (w *writer) connect(ctx context.Context) error {
	through := w.setup.Load()
	if w.through != through {
		w.disconnect()
		w.through = through
	}
	if w.session != nil && (time.Since(w.used) > idleCheck || w.session.stale(through.options.Recheck)) {
		if err := w.session.conn.PingContext(ctx); err != nil {
			w.log.Debugf("the connection to %s is gone, or leads to the wrong server: %v", through.options.Target, err)
			w.lose()
		} else {
			w.session.asked = time.Now()
		}
	}
	w.place = w.claimed.Load()
	if through.options.Ledger == nil {
		w.place = nil
	}
	if w.session != nil {
		return nil
	}
	conn, err := through.db.Connx(ctx)
	if err != nil {
		return &beforeError{"connect", err}
	}
	w.session = newSession(conn)
	w.used = time.Now()
	w.turn = turn{began: w.used}
	if isFresh(conn) {
		w.meter.Connected(w.lost)
		w.lost = false
	}
	return nil
}

// isFresh tells whether the connection was just made. Of one that does not
// tell, it was.
func isFresh(conn *sqlx.Conn) bool {
	fresh := true
	_ = conn.Raw(func(c any) error {
		if c, ok := c.(interface{ Fresh() bool }); ok {
			fresh = c.Fresh()
		}
		return nil
	})
	return fresh
}

// lose is disconnect for a connection that was lost, or is of no use any more.
func (w *writer) lose() {
	w.lost = w.lost || w.session != nil
	w.disconnect()
}

func (w *writer) disconnect() {
	if w.session != nil {
		w.session.close()
		w.session = nil
	}
}
