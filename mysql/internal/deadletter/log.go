package deadletter

import (
	"strconv"
	"sync"
	"time"
	"unicode/utf8"
)

const (
	burst    = 100 // rows logged at once
	perTick  = 10  // rows logged per second after that
	perKept  = 0.1 // the same, of rows that are kept elsewhere
	maxShown = 1024
)

// Logger is what Log needs of a log.
type Logger interface {
	Errorf(format string, args ...any)
	Warnf(format string, args ...any)
}

// Log writes each row set aside to the log at error level, up to 1,024 bytes
// of it. A flood is thinned to ten rows a second, and to one in ten seconds of
// rows that are kept elsewhere; the number left out is told. The log must not
// fill the disk that the rows could not, nor push out what else it tells: a
// host keeps but some megabytes of it.
type Log struct {
	log Logger
	now func() time.Time

	mu      sync.Mutex
	tokens  float64
	filled  time.Time
	skipped int64
}

// NewLog returns a Log that writes to log.
func NewLog(log Logger) *Log {
	return &Log{log: log, now: time.Now, tokens: burst, filled: time.Now()}
}

// SetAside logs one row, which is nowhere else, and why it cannot be stored.
func (l *Log) SetAside(raw []byte, reason error) { l.line(raw, reason, perTick) }

// Kept is SetAside for a row that is kept elsewhere.
func (l *Log) Kept(raw []byte, reason error) { l.line(raw, reason, perKept) }

func (l *Log) line(raw []byte, reason error, perSecond float64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	l.tokens = min(burst, l.tokens+now.Sub(l.filled).Seconds()*perSecond)
	l.filled = now
	if l.tokens < 1 {
		l.skipped++
		return
	}
	l.tokens--
	l.tellSkipped()
	l.log.Errorf("row set aside: %v; row: %s", reason, shorten(raw))
}

// Flush tells of the rows left out since the last line.
func (l *Log) Flush() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.tellSkipped()
}

func (l *Log) tellSkipped() {
	if l.skipped > 0 {
		l.log.Warnf("%d more rows were set aside without a line each", l.skipped)
		l.skipped = 0
	}
}

// shorten returns raw for a log line, cut between characters.
func shorten(raw []byte) string {
	if len(raw) <= maxShown {
		return string(raw)
	}
	n := maxShown
	for n > 0 && !utf8.RuneStart(raw[n]) {
		n--
	}
	return string(raw[:n]) + "... (" + strconv.Itoa(len(raw)) + " bytes)"
}
