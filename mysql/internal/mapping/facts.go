package mapping

import (
	"strconv"
	"time"

	"ekuiper-mysql/mysql/internal/payload"
)

// Origin is where rows come from. It does not change once it is in use. What
// is empty is not known, and NULL where a column takes it.
type Origin struct {
	Rule, Op string
	Instance int    // known where Op is
	Host     string // the machine's name
	Journal  string // the id of the journal that numbers the rows
}

// Facts is what metadata can tell of a row.
type Facts struct {
	Origin   *Origin // nil: not known
	Number   uint64  // the row's in its journal; known where Origin.Journal is
	Accepted uint32  // when the plugin took it, Unix seconds; 0: not known
}

// factValues are facts as values, kept from row to row while they do not change.
type factValues struct {
	origin   *Origin
	of       [len(metaWords)]payload.Value // of origin
	accepted uint32
	received payload.Value
}

// value returns what m is of a row with these facts. A number is written into t.
func (v *factValues) value(m meta, f *Facts, t *texts) payload.Value {
	if f.Origin == nil {
		f.Origin = &unknown
	}
	if v.origin != f.Origin {
		v.turnTo(f.Origin)
	}
	switch m {
	case number:
		if f.Origin.Journal == "" {
			return payload.Value{}
		}
		b := strconv.AppendUint(t.take(20), f.Number, 10)
		return payload.Value{Kind: payload.Number, Text: t.keep(b)}
	case received:
		if f.Accepted == 0 {
			return payload.Value{}
		}
		if v.accepted != f.Accepted {
			v.accepted = f.Accepted
			text := time.Unix(int64(f.Accepted), 0).UTC().AppendFormat(nil, time.RFC3339)
			v.received = payload.Value{Kind: payload.String, Text: text}
		}
		return v.received
	}
	return v.of[m]
}

var unknown Origin

func (v *factValues) turnTo(o *Origin) {
	v.origin = o
	v.of[rule], v.of[op], v.of[host], v.of[journal] = textOf(o.Rule), textOf(o.Op), textOf(o.Host), textOf(o.Journal)
	v.of[instance] = payload.Value{}
	if o.Op != "" {
		v.of[instance] = payload.Value{Kind: payload.Number, Text: strconv.AppendInt(nil, int64(o.Instance), 10)}
	}
}

func textOf(s string) payload.Value {
	if s == "" {
		return payload.Value{}
	}
	return payload.Value{Kind: payload.String, Text: []byte(s)}
}

// texts is memory for values that do not stand in the message. Bytes once kept
// are never written again, so they live as long as anybody holds them.
type texts struct{ chunk []byte }

// chunkSize in bytes: one that is used in part stays in memory as a whole.
const chunkSize = 16 << 10

// take returns an empty slice for up to n bytes, to be given to keep before
// anything else is taken.
func (t *texts) take(n int) []byte {
	if cap(t.chunk)-len(t.chunk) < n {
		t.chunk = make([]byte, 0, max(n, chunkSize))
	}
	end := len(t.chunk)
	return t.chunk[end : end : end+n]
}

func (t *texts) keep(b []byte) []byte {
	t.chunk = t.chunk[:len(t.chunk)+len(b)]
	return b[:len(b):len(b)]
}
