package delivery

import (
	"context"
	"math"
	"sync"
	"time"

	"ekuiper-mysql/mysql/internal/schema"
)

// tables holds the table as last read. The feeder loads it, the writer may
// declare it stale.
type tables struct {
	mu     sync.Mutex
	table  *schema.Table // nil: to be read
	read   time.Time
	packet int // the server's max_allowed_packet in bytes, 0 unknown
}

func (t *tables) get() *schema.Table {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.table
}

func (t *tables) put(table *schema.Table, packet int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.table, t.packet, t.read = table, packet, time.Now()
}

// expire makes the next use read the table again if table is what is cached
// and at least minAge old; it reports whether it is now another one or none.
func (t *tables) expire(table *schema.Table, minAge time.Duration) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.table == table && time.Since(t.read) < minAge {
		return false
	}
	if t.table == table {
		t.table = nil
	}
	return true
}

// drop makes the next use read the table again.
func (t *tables) drop(table *schema.Table) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.table == table {
		t.table = nil
	}
}

// maxPacket is how many bytes of arguments one statement may carry.
func (t *tables) maxPacket() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.packet == 0 {
		return math.MaxInt
	}
	return max(t.packet-t.packet/8, 1) // the statement's head and type list come on top
}

// current returns the table, reading it first if need be. It waits for the
// server as long as it takes; an error means that ctx is done.
func (d *Delivery) current(ctx context.Context) (*schema.Table, error) {
	if t := d.tables.get(); t != nil {
		return t, nil
	}
	retry := newRetry(d, "reading the columns of")
	for {
		t, packet, err := d.load(ctx)
		if err == nil {
			d.meter.SchemaLoaded()
			d.tables.put(t, packet)
			d.health.up()
			retry.healed()
			return t, nil
		}
		if err := retry.wait(ctx, err); err != nil {
			return nil, err
		}
	}
}

func (d *Delivery) load(ctx context.Context) (t *schema.Table, packet int, err error) {
	s := d.setup.Load()
	if err = s.db.GetContext(ctx, &packet, "SELECT @@max_allowed_packet"); err != nil {
		return nil, 0, &connectError{err}
	}
	t, err = schema.Load(ctx, s.db, s.options.Table)
	return t, packet, err
}
