package delivery

import (
	"context"
	"errors"
	"fmt"
	"math"
	"reflect"
	"sync"
	"sync/atomic"
	"time"

	"ekuiper-mysql/mysql/internal/design"
	"ekuiper-mysql/mysql/internal/fault"
	"ekuiper-mysql/mysql/internal/schema"
)

// maxAge is how long a description is used: a column that was added, or has
// become another type, must be noticed although no statement fails. Most changes are
// noticed sooner: see altered.
const maxAge = time.Minute

// tables holds the table as last read. The feeder loads it, the writer may
// declare it stale.
type tables struct {
	mu      sync.Mutex
	table   *schema.Table // nil: never read
	suspect bool          // not to be used before it is read again
	read    time.Time
	text    string    // the table's definition, from before it was read; empty if not known
	doubted time.Time // when a row last was reason to read it
	lacked  error     // that there was none, when it was last read; nil if there was

	live   atomic.Pointer[schema.Table] // table, unless suspect: for each row's asking
	packet atomic.Int64                 // the server's max_allowed_packet in bytes, 0 unknown
}

// get returns the table, nil if it must be read first, and whether it is time
// to look for changes.
func (t *tables) get() (table *schema.Table, old bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.suspect {
		return nil, true
	}
	return t.table, time.Since(t.read) > maxAge
}

// put sets what was read, and returns the table as before if it has not changed.
func (t *tables) put(table *schema.Table, text string, packet int) *schema.Table {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.table == nil || !reflect.DeepEqual(t.table, table) {
		t.table = table
	}
	t.read, t.text, t.suspect, t.lacked = time.Now(), text, false, nil
	t.packet.Store(int64(packet))
	t.live.Store(t.table)
	return t.table
}

// definition is the text that table was read with, empty if it is not known, and
// when that was. replaced says that the table has been read since and was another one.
func (t *tables) definition(table *schema.Table) (text string, read time.Time, replaced bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.text, t.read, t.table != table
}

// lack notes that there is no table, as err says.
func (t *tables) lack(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.read, t.suspect, t.lacked = time.Now(), true, err
	t.live.Store(nil)
}

// lacking returns why there is no table, if that was found out less than
// minAge ago.
func (t *tables) lacking(minAge time.Duration) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.lacked != nil && time.Since(t.read) < minAge {
		return t.lacked
	}
	return nil
}

// isLacking tells whether there was no table when it was last looked for.
func (t *tables) isLacking() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.lacked != nil
}

// keep puts off the next look for changes.
func (t *tables) keep() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.read = time.Now()
}

// doubt makes the next use read the table again, because a row does not fit
// it, unless that was done less than minAge ago. It reports whether the table
// is now another one or none.
func (t *tables) doubt(table *schema.Table, minAge time.Duration) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.table != table {
		return true
	}
	if now := time.Now(); now.Sub(t.doubted) >= minAge {
		t.doubted = now
		t.suspect = true
		t.live.Store(nil)
		return true
	}
	return false
}

// drop makes the next use read the table again.
func (t *tables) drop(table *schema.Table) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.table == table {
		t.suspect = true
		t.live.Store(nil)
	}
}

// forget makes the next use read the table again, whatever it is.
func (t *tables) forget() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.suspect = true
	t.live.Store(nil)
}

// maxPacket is how many bytes of arguments one statement may carry.
func (t *tables) maxPacket() int {
	packet := int(t.packet.Load())
	if packet == 0 {
		return math.MaxInt
	}
	return max(packet-packet/8, 1) // the statement's head and type list come on top
}

// current returns the table, reading it first if need be, and making it from
// the rows that sample looks at where the rule says so. It waits for the
// server as long as it takes; an error means that ctx is done, unless it is
// design.ErrNothing or, where that is the rows' fault, schema.ErrNoTable.
func (d *Delivery) current(ctx context.Context, sample sampler) (*schema.Table, error) {
	table, old := d.tables.get()
	if table != nil && !old {
		return table, nil
	}
	if err := d.tables.lacking(d.setup.Load().options.MinReload); err != nil {
		return nil, err
	}
	retry := newRetry(d, "reading the columns of")
	known := sample.once()
	made := false
	for {
		through := d.setup.Load()
		t, text, packet, err := d.load(ctx, through)
		if through.options.Design.Create != design.Off && !made && errors.Is(err, schema.ErrNoTable) {
			if err = d.create(ctx, through, known); errors.As(err, new(*mendError)) {
				known = sample.once() // rows that come meanwhile may tell what is missing
			}
			if errors.Is(err, design.ErrNothing) || errors.Is(err, errStopped) {
				return nil, err
			}
			if made = err == nil; made {
				continue
			}
		}
		if through.options.RefuseMissing && through.options.Design.Create == design.Off && errors.Is(err, schema.ErrNoTable) {
			d.tables.lack(err)
			return nil, err
		}
		made = false // where it was and is not there yet, as on a replica, there is time
		switch {
		case err == nil:
			d.meter.SchemaLoaded()
			d.health.up()
			retry.healed()
			return d.tables.put(t, text, packet), nil
		case table != nil && !errors.As(err, new(*mendError)):
			// What is known serves on: the writer finds out what is wrong.
			d.log.Debugf("looking for changes of %s: %v", d.target(), err)
			d.tables.keep()
			return table, nil
		case d.setup.Load() != through:
			continue // and its connections are closed
		}
		if err := retry.wait(ctx, err); err != nil {
			return nil, err
		}
	}
}

func (d *Delivery) load(ctx context.Context, s *setup) (t *schema.Table, text string, packet int, err error) {
	var version string
	if err = s.db.QueryRowContext(ctx, "SELECT @@max_allowed_packet, VERSION()").Scan(&packet, &version); err != nil {
		return nil, "", 0, &beforeError{"connect", err}
	}
	flavour := fault.FlavourOf(version)
	d.flavour.Store(uint32(flavour))
	d.localInfile.Store(d.takesFiles(ctx, s, flavour))
	d.rowAlias.Store(knowsAlias(flavour, version))
	// First: if it is the same later, nothing has changed since before the table was read.
	if text, err = schema.Definition(ctx, s.db, s.options.Table); err == nil {
		t, err = schema.Load(ctx, s.db, s.options.Table)
	}
	if err == nil {
		err = s.options.Manner.Check(ctx, s.db, t)
	}
	if err == nil && s.options.Ledger != nil && !t.Atomic {
		name, engine := t.Unsafe()
		of := ""
		if name != t.Name {
			of = fmt.Sprintf(", which %s is a view of,", s.options.Table)
		}
		err = &mendError{fmt.Sprintf("delivery \"exactlyOnce\" needs a table with transactions, and the engine of %s%s is %s: alter it to InnoDB, or use atLeastOnce", name, of, engine)}
	}
	return t, text, packet, err
}

// knowsAlias tells whether a server of that VERSION() takes INSERT ... AS, as
// MySQL does from 8.0.19 on. TiDB and MariaDB do not.
func knowsAlias(flavour fault.Flavour, version string) bool {
	var major, minor, patch int
	if n, _ := fmt.Sscanf(version, "%d.%d.%d", &major, &minor, &patch); n < 3 || flavour != fault.MySQL {
		return false
	}
	return major > 8 || major == 8 && (minor > 0 || patch >= 19)
}

// takesFiles tells whether the server takes LOAD DATA LOCAL, if that is of
// interest, and takes empty text as text there and in INSERT.
func (d *Delivery) takesFiles(ctx context.Context, s *setup, flavour fault.Flavour) bool {
	road := s.options.Road
	if road == InsertRoad || flavour != fault.MySQL && (road == AutoRoad || flavour != fault.MariaDB) {
		return false
	}
	var on bool
	if err := s.db.QueryRowContext(ctx, "SELECT @@local_infile AND NOT FIND_IN_SET('EMPTY_STRING_IS_NULL', @@sql_mode)").Scan(&on); err != nil {
		d.log.Debugf("asking %s for local_infile: %v", s.options.Target, err)
		return false
	}
	return on
}
