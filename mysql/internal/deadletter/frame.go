package deadletter

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"time"
)

// A file is its head and then frames:
//
//	head   "MYSQLDL\n", version u32, crc u32 of both
//	frame  head, meta, raw
//	head   "\xd7LTR", kind u8, 3 zeros, id u64, len(meta) u32, len(raw) u32,
//	       crc u32 of meta, crc u32 of raw, crc u32 of all before it
//
// Integers are little-endian, checksums CRC-32C. The head has a checksum of
// its own, so that the lengths of a damaged frame can be trusted or are known
// to be wrong, and a frame can be told from bytes that look like one.
const (
	fileMagic   = "MYSQLDL\n"
	fileVersion = 1
	fileHead    = 16

	frameMagic = "\xd7LTR"
	frameHead  = 36
	maxMeta    = 1 << 20
)

// The kinds of frames.
const (
	kindLetter  = 1
	kindRemoval = 2 // meta: pairs of ids, first and last, as uvarints
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// appendFileHead appends the head of a file of ours.
func appendFileHead(b []byte) []byte {
	start := len(b)
	b = append(b, fileMagic...)
	b = binary.LittleEndian.AppendUint32(b, fileVersion)
	return binary.LittleEndian.AppendUint32(b, crc32.Checksum(b[start:], castagnoli))
}

// readFileHead returns the version of a file that begins with b.
func readFileHead(b []byte) (version uint32, ok bool) {
	if len(b) < fileHead || string(b[:8]) != fileMagic || binary.LittleEndian.Uint32(b[12:]) != crc32.Checksum(b[:12], castagnoli) {
		return 0, false
	}
	return binary.LittleEndian.Uint32(b[8:]), true
}

// head is a frame's head, its fields as above.
type head struct {
	kind             byte
	id               uint64
	metaLen, rawLen  uint32
	crcMeta, crcData uint32
}

// size is the whole frame's, in bytes.
func (h *head) size() int64 { return frameHead + int64(h.metaLen) + int64(h.rawLen) }

func appendFrame(b []byte, kind byte, id uint64, meta, raw []byte) []byte {
	start := len(b)
	b = append(b, frameMagic...)
	b = append(b, kind, 0, 0, 0)
	b = binary.LittleEndian.AppendUint64(b, id)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(meta)))
	b = binary.LittleEndian.AppendUint32(b, uint32(len(raw)))
	b = binary.LittleEndian.AppendUint32(b, crc32.Checksum(meta, castagnoli))
	b = binary.LittleEndian.AppendUint32(b, crc32.Checksum(raw, castagnoli))
	b = binary.LittleEndian.AppendUint32(b, crc32.Checksum(b[start:], castagnoli))
	b = append(b, meta...)
	return append(b, raw...)
}

// readHead reads a frame's head; false says that b does not begin with one.
func readHead(b []byte) (h head, ok bool) {
	if len(b) < frameHead || string(b[:4]) != frameMagic || binary.LittleEndian.Uint32(b[32:]) != crc32.Checksum(b[:32], castagnoli) {
		return head{}, false
	}
	h = head{
		kind: b[4], id: binary.LittleEndian.Uint64(b[8:]),
		metaLen: binary.LittleEndian.Uint32(b[16:]), rawLen: binary.LittleEndian.Uint32(b[20:]),
		crcMeta: binary.LittleEndian.Uint32(b[24:]), crcData: binary.LittleEndian.Uint32(b[28:]),
	}
	return h, h.metaLen <= maxMeta && h.rawLen <= maxRaw
}

// A letter's meta is its fields, each a tag, a length and its bytes, in any
// order; a field at its zero value is left out, a tag not known is skipped.
const (
	tagTime     = 1 // Unix nanoseconds, i64
	tagRule     = 2
	tagOp       = 3
	tagInstance = 4 // i64
	tagTable    = 5
	tagColumn   = 6
	tagNumber   = 7 // i64
	tagSQLState = 8
	tagClass    = 9
	tagText     = 10
	tagJournal  = 11
	tagRecord   = 12 // i64
	tagRow      = 13 // i64
	tagAccepted = 14 // Unix seconds, i64
)

var errMeta = errors.New("the letter's fields are damaged")

func appendMeta(b []byte, l *Letter) []byte {
	for _, f := range []struct {
		tag  byte
		text string
	}{
		{tagRule, l.Rule},
		{tagOp, l.Op},
		{tagTable, l.Table},
		{tagColumn, l.Column},
		{tagSQLState, l.SQLState},
		{tagClass, l.Class},
		{tagText, l.Text},
		{tagJournal, l.Place.Journal},
	} {
		if f.text != "" {
			b = append(b, f.tag)
			b = binary.AppendUvarint(b, uint64(len(f.text)))
			b = append(b, f.text...)
		}
	}
	accepted := uint64(0)
	if !l.Accepted.IsZero() {
		accepted = uint64(l.Accepted.Unix())
	}
	for _, f := range []struct {
		tag    byte
		number uint64
	}{
		{tagTime, uint64(l.Time.UnixNano())},
		{tagInstance, uint64(l.Instance)},
		{tagNumber, uint64(l.Number)},
		{tagRecord, l.Place.Record},
		{tagRow, uint64(l.Place.Row)},
		{tagAccepted, accepted},
	} {
		if f.number != 0 {
			b = append(b, f.tag, 8)
			b = binary.LittleEndian.AppendUint64(b, f.number)
		}
	}
	return b
}

// readMeta fills l's fields from meta.
func readMeta(meta []byte, l *Letter) error {
	l.Time = time.Unix(0, 0).UTC()
	for len(meta) > 0 {
		tag := meta[0]
		n, width := binary.Uvarint(meta[1:])
		if width <= 0 || n > uint64(len(meta)-1-width) {
			return errMeta
		}
		value := meta[1+width:][:n]
		meta = meta[1+width+int(n):]
		if text := l.textField(tag); text != nil {
			*text = string(value)
			continue
		}
		if err := l.setNumber(tag, value); err != nil {
			return err
		}
	}
	return nil
}

// textField returns the text that tag stands for, or nil.
func (l *Letter) textField(tag byte) *string {
	switch tag {
	case tagRule:
		return &l.Rule
	case tagOp:
		return &l.Op
	case tagTable:
		return &l.Table
	case tagColumn:
		return &l.Column
	case tagSQLState:
		return &l.SQLState
	case tagClass:
		return &l.Class
	case tagText:
		return &l.Text
	case tagJournal:
		return &l.Place.Journal
	}
	return nil
}

// setNumber sets the number that tag stands for, if it does.
func (l *Letter) setNumber(tag byte, value []byte) error {
	switch tag {
	case tagTime, tagInstance, tagNumber, tagRecord, tagRow, tagAccepted:
	default:
		return nil
	}
	if len(value) != 8 {
		return errMeta
	}
	number := binary.LittleEndian.Uint64(value)
	switch tag {
	case tagTime:
		l.Time = time.Unix(0, int64(number)).UTC()
	case tagInstance:
		l.Instance = int(int64(number))
	case tagNumber:
		l.Number = uint16(number)
	case tagRecord:
		l.Place.Record = number
	case tagRow:
		l.Place.Row = uint32(number)
	case tagAccepted:
		l.Accepted = time.Unix(int64(number), 0).UTC()
	}
	return nil
}

func appendRanges(b []byte, ranges []span) []byte {
	for _, r := range ranges {
		b = binary.AppendUvarint(b, r.first)
		b = binary.AppendUvarint(b, r.last)
	}
	return b
}

// readRanges calls add for every range in meta, up to the first that is wrong.
func readRanges(meta []byte, add func(span)) {
	for len(meta) > 0 {
		first, n := binary.Uvarint(meta)
		if n <= 0 {
			return
		}
		last, m := binary.Uvarint(meta[n:])
		if m <= 0 || last < first || last > maxID {
			return
		}
		add(span{first, last})
		meta = meta[n+m:]
	}
}

// isZero tells whether b is all zeros, as a file system leaves behind.
func isZero(b []byte) bool { return len(bytes.TrimLeft(b, "\x00")) == 0 }
