package delivery

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strconv"
	"strings"

	"github.com/go-sql-driver/mysql"

	"ekuiper-mysql/mysql/internal/fault"
	"ekuiper-mysql/mysql/internal/schema"
	"ekuiper-mysql/mysql/internal/statement"
)

// Road is how rows travel to the server.
type Road uint8

// The roads. Rows that a road cannot take go by Insert.
const (
	AutoRoad   Road = iota // the faster of the two, by the kind of server
	InsertRoad             // INSERT of many rows, prepared
	LoadRoad               // LOAD DATA LOCAL, where the server allows it
)

// LOAD DATA LOCAL makes warnings of errors: a row that does not fit is changed
// until it does, and a duplicate is passed over. So it is used only for what
// can be undone, in a transaction of its own or the ledger's: any warning, or
// a row that is missing, takes the whole back and the same rows go by INSERT,
// which says what is wrong with which. What it bends without a warning does not
// go by it in the first place.

const (
	leastLoaded = 200   // rows: fewer are not worth the statements around them
	mostLoaded  = 10000 // Galera with wsrep_load_data_splitting commits after so many
	mostAvoided = 1024  // batches
)

// undoneError says that a LOAD DATA was taken back.
type undoneError struct{ why string }

func (e *undoneError) Error() string { return "LOAD DATA was taken back: " + e.why }

// loading is a writer's use of LOAD DATA.
type loading struct {
	file    loadFile
	avoid   int // batches that go by INSERT before it is tried again
	avoided int // how many were avoided the last time
	told    bool
	used    bool // for the rows that were written last
}

// begin makes the rows lo to hi of b known to the driver as a file, until end.
// No server can guess its name: another one could ask for it at any time, and
// the driver would hand over the rows that are not meant for it.
func (l *loading) begin(b *batch, lo, hi int) (name string) {
	l.file.open(b, lo, hi)
	name = "ekuiper_mysql_" + rand.Text()
	mysql.RegisterReaderHandler(name, func() io.Reader { return &l.file })
	return name
}

func (l *loading) end(name string) {
	mysql.DeregisterReaderHandler(name)
	l.file.release()
}

// failed notes that the road was of no use: the rows after are most likely
// like those before, so it is tried less and less often.
func (l *loading) failed() {
	l.avoided = min(max(2*l.avoided, 1), mostAvoided)
	l.avoid = l.avoided
}

// mayLoad tells whether rows may go by LOAD DATA at all.
func (d *Delivery) mayLoad(o *Options) bool {
	switch o.Road {
	case InsertRoad:
		return false
	case AutoRoad: // MariaDB is quicker with INSERT, and TiDB splits what it loads
		return d.localInfile.Load() && fault.Flavour(d.flavour.Load()) == fault.MySQL
	}
	return d.localInfile.Load()
}

// loads tells whether the rows lo to hi of b are to go by LOAD DATA.
func (w *writer) loads(b *batch, lo, hi int) bool {
	n := hi - lo
	if n < len(b.rows) {
		return false // a part is written because the whole was refused
	}
	if !w.mayLoad(&w.through.options) || b.manner != nil || n < leastLoaded || n > mostLoaded || !b.full || b.inDoubt(lo, hi) {
		return false
	}
	if !b.loadable(lo, hi) {
		return false
	}
	if w.loading.avoid > 0 {
		w.loading.avoid--
		return false
	}
	return true
}

// loadable tells whether LOAD DATA stores the rows lo to hi as INSERT would, or
// gives a warning, and can be taken back.
func (b *batch) loadable(lo, hi int) bool {
	// Other engines keep what was loaded, or commit it at once; a view may be
	// of any.
	if !strings.EqualFold(b.table.Engine, "InnoDB") {
		return false
	}
	for i, at := range b.at {
		if at < 0 && b.table.Columns[i].Required {
			return false // MySQL makes 0 or '' of what is missing, and says nothing
		}
	}
	cells, width := b.slice(lo, hi), len(b.cols)
	for i, c := range b.cols {
		column := &b.table.Columns[c]
		if !column.Loadable() {
			return false
		}
		if !column.MayBend() {
			continue
		}
		for at := i; at < len(cells); at += width {
			if column.Bends(&cells[at]) {
				return false
			}
		}
	}
	return true
}

// load writes the rows lo to hi of b in the transaction that is open.
func (w *writer) load(ctx context.Context, b *batch, lo, hi int) error {
	l, conn := &w.loading, w.session.conn
	name := l.begin(b, lo, hi)
	defer l.end(name)
	w.brief.begin() // the server asks for the file at once
	l.file.asked = w.brief.end
	result, err := conn.ExecContext(ctx, statement.Load(b.table, b.cols, name))
	l.file.isAsked()
	if err != nil {
		return err
	}
	stored, err := result.RowsAffected()
	if err != nil {
		return err
	}
	if stored != int64(hi-lo) {
		return &undoneError{fmt.Sprintf("it stored %d of %d rows", stored, hi-lo)}
	}
	var warnings int
	if err := conn.QueryRowContext(ctx, "SELECT @@warning_count").Scan(&warnings); err != nil {
		return err
	}
	if warnings > 0 {
		return &undoneError{fmt.Sprintf("it gave %d warnings", warnings)}
	}
	// Until the transaction ends the table stays as it is now: what has been
	// altered since it was read, such as a default dropped, makes LOAD DATA bend
	// rows where INSERT would refuse them.
	same, err := w.stillAs(ctx, b.table)
	if err != nil {
		return &beforeError{"reading the table's columns", err}
	}
	if !same {
		return &undoneError{"the table has been altered"}
	}
	return nil
}

// stillAs tells whether the table is as t describes it, in a transaction that has
// written to it. Its definition must be, word for word, the one that t was read with; to
// read all of its columns takes as long as to load hundreds of rows, so that is
// done where the definition is another one or not to be seen.
func (w *writer) stillAs(ctx context.Context, t *schema.Table) (bool, error) {
	conn, name := w.session.conn, w.through.options.Table
	is, err := schema.Definition(ctx, conn, name)
	if err != nil {
		return false, err
	}
	if was, _, replaced := w.tables.definition(t); is != "" && is == was && !replaced {
		return true, nil
	}
	now, err := schema.Load(ctx, conn, name)
	return err == nil && reflect.DeepEqual(now, t), err
}

// byLoad tells whether the rows are settled by LOAD DATA: with err, or stored.
// If not, nothing of them is stored and they are to go by INSERT.
func (w *writer) byLoad(err error) bool {
	if err == nil {
		w.loading.avoided = 0
		return true
	}
	var undone *undoneError
	var server *mysql.MySQLError
	switch {
	case errors.As(err, &undone):
	case errors.As(err, new(*displacedError)), errors.As(err, new(*beforeError)), errors.As(err, new(*mendError)):
		return true // of the ledger, or of the transaction around
	case errors.As(err, &server) && w.classify(err) != fault.Passing && fault.Usable(err) && !w.maybeStored(err):
		// The INSERT's error is the one that tells of the rows.
	default:
		return true
	}
	w.loading.failed()
	if !w.loading.told {
		w.loading.told = true
		w.log.Debugf("%s: %v; the rows go by INSERT", w.target(), err)
	}
	return false
}

// loadFile is the file that LOAD DATA reads: a row a line, columns parted by
// tabs. It is rendered as the driver reads it, a buffer's worth at a time.
type loadFile struct {
	cells []schema.Argument
	width int
	next  int
	line  []byte // what is rendered and not read yet
	buf   []byte
	asked func() // called when the server asks for the file; may be nil
}

func (f *loadFile) isAsked() {
	if f.asked != nil {
		f.asked()
		f.asked = nil
	}
}

func (f *loadFile) open(b *batch, lo, hi int) {
	f.cells, f.width, f.next = b.slice(lo, hi), len(b.cols), 0
	f.line = nil
}

func (f *loadFile) release() {
	f.cells, f.line, f.next = nil, nil, 0
	if cap(f.buf) > largeLine {
		f.buf = nil
	}
}

// The sizes of a loadFile's buffer, in bytes.
const (
	rendered  = 16 << 10 // at once, as the driver asks for it
	largeLine = 1 << 20  // is not kept
)

// Read implements io.Reader.
func (f *loadFile) Read(p []byte) (int, error) {
	f.isAsked()
	if len(f.line) == 0 {
		if f.next >= len(f.cells) {
			return 0, io.EOF
		}
		b := f.buf[:0]
		for f.next < len(f.cells) && len(b) < rendered {
			for range f.width {
				b = append(appendLoaded(b, &f.cells[f.next]), '\t')
				f.next++
			}
			b[len(b)-1] = '\n'
		}
		f.buf, f.line = b, b
	}
	n := copy(p, f.line)
	f.line = f.line[n:]
	return n, nil
}

// appendLoaded writes a as LOAD DATA reads it, with its default escapes.
func appendLoaded(b []byte, a *schema.Argument) []byte {
	switch a.Kind() {
	case schema.Int:
		return strconv.AppendInt(b, a.Int(), 10)
	case schema.Uint:
		return strconv.AppendUint(b, a.Uint(), 10)
	case schema.Float:
		return strconv.AppendFloat(b, a.Float(), 'g', -1, 64)
	case schema.Text:
		return appendEscaped(b, a.Text())
	default:
		return append(b, `\N`...)
	}
}

func appendEscaped(b []byte, text string) []byte {
	start := 0
	for i := 0; i < len(text); i++ {
		var c byte
		switch text[i] {
		case '\\':
			c = '\\'
		case '\t':
			c = 't'
		case '\n':
			c = 'n'
		case 0:
			c = '0'
		default:
			continue
		}
		b = append(append(b, text[start:i]...), '\\', c)
		start = i + 1
	}
	return append(b, text[start:]...)
}
