package journal

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"time"
)

// All numbers on disk are little-endian, all checksums CRC-32C, started from
// the journal's salt: what another journal wrote does not pass for this one's.

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func checksum(salt uint32, data []byte) uint32 { return update(salt, data) }

// update goes on with a checksum.
func update(crc uint32, data []byte) uint32 { return crc32.Update(crc, castagnoli, data) }

// journalID is made at random when a journal is created.
type journalID [16]byte

func (id journalID) salt() uint32 { return checksum(0, id[:]) }

// digest is the SHA-256 of a message's bytes; zero for none.
type digest [32]byte

const formatVersion = 1

// Sizes in bytes.
const (
	recordHead  = 40
	segmentHead = 128
	stateHead   = 24
	entrySize   = 24
)

// maxMessage bounds a message, in bytes: it has to fit into memory in one piece.
const maxMessage = 1 << 30

// Magics begin what they name. A record's is searched for after damage.
var (
	recordMagic  = [4]byte{0xE5, 'r', 0xC0, 0x0D}
	segmentMagic = [8]byte{0xE5, 'j', 'r', 'n', 's', 'e', 'g', '\n'}
	stateMagic   = [8]byte{0xE5, 'j', 'r', 'n', 's', 't', 'a', '\n'}
)

// record is a record's head:
//
//	 0 magic        4 bytes
//	 4 head's CRC   uint32, of bytes 8 to 40
//	 8 data's CRC   uint32
//	12 length       uint32, of the data that follow
//	16 rows         uint32
//	20 accepted     uint32, Unix seconds
//	24 number       uint64, of the message
//	32 first        uint64, number of its first row
type record struct {
	crc, length, rows, seconds uint32
	number, first              uint64
}

func (r *record) end() uint64 { return r.first + uint64(r.rows) }

// size is what the record takes on disk, in bytes.
func (r *record) size() int64 { return recordHead + int64(r.length) }

// appendRecord appends the record of data to dst.
func appendRecord(dst []byte, salt uint32, r record, data []byte) []byte {
	at := len(dst)
	dst = append(dst, make([]byte, recordHead)...)
	h := dst[at:]
	copy(h, recordMagic[:])
	binary.LittleEndian.PutUint32(h[8:], checksum(salt, data))
	binary.LittleEndian.PutUint32(h[12:], uint32(len(data)))
	binary.LittleEndian.PutUint32(h[16:], r.rows)
	binary.LittleEndian.PutUint32(h[20:], r.seconds)
	binary.LittleEndian.PutUint64(h[24:], r.number)
	binary.LittleEndian.PutUint64(h[32:], r.first)
	binary.LittleEndian.PutUint32(h[4:], checksum(salt, h[8:]))
	return append(dst, data...)
}

// parseRecord reads a record's head from the first 40 bytes of b.
func parseRecord(b []byte, salt uint32) (r record, ok bool) {
	if len(b) < recordHead || !bytes.Equal(b[:4], recordMagic[:]) ||
		binary.LittleEndian.Uint32(b[4:]) != checksum(salt, b[8:recordHead]) {
		return record{}, false
	}
	r = record{
		crc: binary.LittleEndian.Uint32(b[8:]), length: binary.LittleEndian.Uint32(b[12:]),
		rows: binary.LittleEndian.Uint32(b[16:]), seconds: binary.LittleEndian.Uint32(b[20:]),
		number: binary.LittleEndian.Uint64(b[24:]), first: binary.LittleEndian.Uint64(b[32:]),
	}
	return r, r.length <= maxMessage && r.rows > 0 && r.first < maxNumber && r.number < maxNumber
}

// maxNumber bounds the numbers of messages and rows, so that sums of them do not overflow.
const maxNumber = 1 << 62

// header is the head of a segment:
//
//	  0 magic        8 bytes
//	  8 CRC          uint32, of bytes 12 to 128
//	 12 version      uint32
//	 16 journal      16 bytes
//	 32 segment      uint64, its number: a later segment has a higher one
//	 40 base         uint64, number of the first message that it may hold
//	 48 base row     uint64, number of that message's first row
//	 56 end          uint64, 0 or, where it replaces older segments, the first message beyond them
//	 64 created      uint64, Unix seconds
//	 72 last         32 bytes, digest of the message before base
//	104 reserved     24 bytes, zero
type header struct {
	journal   journalID
	segment   uint64
	base      uint64
	baseRow   uint64
	end       uint64
	created   uint64
	lastBytes digest
}

func (h *header) encode() []byte {
	b := make([]byte, segmentHead)
	copy(b, segmentMagic[:])
	binary.LittleEndian.PutUint32(b[12:], formatVersion)
	copy(b[16:], h.journal[:])
	binary.LittleEndian.PutUint64(b[32:], h.segment)
	binary.LittleEndian.PutUint64(b[40:], h.base)
	binary.LittleEndian.PutUint64(b[48:], h.baseRow)
	binary.LittleEndian.PutUint64(b[56:], h.end)
	binary.LittleEndian.PutUint64(b[64:], h.created)
	copy(b[72:], h.lastBytes[:])
	binary.LittleEndian.PutUint32(b[8:], checksum(0, b[12:]))
	return b
}

// errVersion says that a newer release wrote a file: it must not be touched.
var errVersion = errors.New("written by a newer release")

// parseHeader reads a segment's head. ok is false for what is none.
func parseHeader(b []byte) (h header, ok bool, err error) {
	if len(b) < segmentHead || !bytes.Equal(b[:8], segmentMagic[:]) ||
		binary.LittleEndian.Uint32(b[8:]) != checksum(0, b[12:segmentHead]) {
		return header{}, false, nil
	}
	if binary.LittleEndian.Uint32(b[12:]) != formatVersion {
		return header{}, false, errVersion
	}
	h = header{
		journal: journalID(b[16:32]), segment: binary.LittleEndian.Uint64(b[32:]),
		base: binary.LittleEndian.Uint64(b[40:]), baseRow: binary.LittleEndian.Uint64(b[48:]),
		end: binary.LittleEndian.Uint64(b[56:]), created: binary.LittleEndian.Uint64(b[64:]),
		lastBytes: digest(b[72:104]),
	}
	return h, h.base < maxNumber && h.baseRow < maxNumber, nil
}

// entry is one line of a state file: rows and their fate. The pseudo-fate
// closedMark says that the journal was closed in order: from and to are then
// the numbers of the next message and row.
//
//	0 CRC    uint32, of bytes 4 to 24
//	4 fate   uint32
//	8 from   uint64
//	16 to    uint64
type entry struct {
	fate Fate
	span Span
}

const closedMark Fate = 200

func appendEntry(dst []byte, salt uint32, e entry) []byte {
	at := len(dst)
	dst = append(dst, make([]byte, entrySize)...)
	b := dst[at:]
	binary.LittleEndian.PutUint32(b[4:], uint32(e.fate))
	binary.LittleEndian.PutUint64(b[8:], e.span.From)
	binary.LittleEndian.PutUint64(b[16:], e.span.To)
	binary.LittleEndian.PutUint32(b[:], checksum(salt, b[4:]))
	return dst
}

func parseEntry(b []byte, salt uint32) (e entry, ok bool) {
	if len(b) < entrySize || binary.LittleEndian.Uint32(b) != checksum(salt, b[4:entrySize]) {
		return entry{}, false
	}
	fate := binary.LittleEndian.Uint32(b[4:])
	e = entry{Fate(fate), Span{binary.LittleEndian.Uint64(b[8:]), binary.LittleEndian.Uint64(b[16:])}}
	if e.span.From >= maxNumber || e.span.To >= maxNumber {
		return entry{}, false
	}
	return e, fate == uint32(closedMark) || fate < uint32(fates) && e.span.From < e.span.To
}

// snapshot is what a state file begins with: everything known when it was made.
//
//	 0 magic     8 bytes
//	 8 CRC       uint32, of all bytes from 12 to the snapshot's end
//	12 version   uint32
//	16 length    uint32, of the body that follows
//	20 reserved  uint32, zero
//
// Body: journal 16 bytes; generation, next message, next row uint64; synced
// uint32 (1 if only synced rows are handed out); boot 16 bytes; last 32 bytes;
// rows by fate uint64 each; length of the identity uint32 and its text; number
// of spans uint32 and each as two uint64.
type snapshot struct {
	journal    journalID
	generation uint64
	nextRecord uint64
	nextRow    uint64
	strict     bool
	boot       [16]byte
	lastBytes  digest
	counts     [fates]uint64
	identity   string
	settled    []Span
}

func (s *snapshot) encode() []byte {
	b := make([]byte, stateHead, stateHead+256+len(s.identity)+16*len(s.settled))
	copy(b, stateMagic[:])
	b = append(b, s.journal[:]...)
	for _, n := range []uint64{s.generation, s.nextRecord, s.nextRow} {
		b = binary.LittleEndian.AppendUint64(b, n)
	}
	strict := uint32(0)
	if s.strict {
		strict = 1
	}
	b = binary.LittleEndian.AppendUint32(b, strict)
	b = append(b, s.boot[:]...)
	b = append(b, s.lastBytes[:]...)
	for _, n := range s.counts {
		b = binary.LittleEndian.AppendUint64(b, n)
	}
	b = binary.LittleEndian.AppendUint32(b, uint32(len(s.identity)))
	b = append(b, s.identity...)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(s.settled)))
	for _, a := range s.settled {
		b = binary.LittleEndian.AppendUint64(b, a.From)
		b = binary.LittleEndian.AppendUint64(b, a.To)
	}
	binary.LittleEndian.PutUint32(b[12:], formatVersion)
	binary.LittleEndian.PutUint32(b[16:], uint32(len(b)-stateHead))
	binary.LittleEndian.PutUint32(b[8:], checksum(0, b[12:]))
	return b
}

// parseSnapshot reads what a state file begins with; n is its length.
func parseSnapshot(b []byte) (s snapshot, n int, ok bool, err error) {
	if len(b) < stateHead || !bytes.Equal(b[:8], stateMagic[:]) {
		return snapshot{}, 0, false, nil
	}
	length := binary.LittleEndian.Uint32(b[16:])
	if uint64(length) > uint64(len(b)-stateHead) {
		return snapshot{}, 0, false, nil
	}
	n = stateHead + int(length)
	if binary.LittleEndian.Uint32(b[8:]) != checksum(0, b[12:n]) {
		return snapshot{}, 0, false, nil
	}
	if binary.LittleEndian.Uint32(b[12:]) != formatVersion {
		return snapshot{}, 0, false, errVersion
	}
	f := fields{b[stateHead:n], true}
	copy(s.journal[:], f.bytes(16))
	s.generation, s.nextRecord, s.nextRow = f.uint64(), f.uint64(), f.uint64()
	s.strict = f.uint32() == 1
	copy(s.boot[:], f.bytes(16))
	copy(s.lastBytes[:], f.bytes(32))
	for i := range s.counts {
		s.counts[i] = f.uint64()
	}
	s.identity = string(f.bytes(int64(f.uint32())))
	spans := int64(f.uint32())
	if spans*16 != int64(len(f.b)) {
		return snapshot{}, 0, false, nil
	}
	before := uint64(0)
	for range spans {
		a := Span{f.uint64(), f.uint64()}
		f.ok = f.ok && a.From < a.To && a.From >= before && a.To < maxNumber
		before = a.To + 1 // spans do not touch
		s.settled = append(s.settled, a)
	}
	f.ok = f.ok && s.nextRecord < maxNumber && s.nextRow < maxNumber
	return s, n, f.ok, nil
}

// fields reads one after the other; once it has come to the end ok is false.
type fields struct {
	b  []byte
	ok bool
}

func (f *fields) bytes(n int64) []byte {
	if n > int64(len(f.b)) {
		f.ok, f.b = false, nil
		return nil
	}
	b := f.b[:n]
	f.b = f.b[n:]
	return b
}

func (f *fields) uint64() uint64 {
	if b := f.bytes(8); b != nil {
		return binary.LittleEndian.Uint64(b)
	}
	return 0
}

func (f *fields) uint32() uint32 {
	if b := f.bytes(4); b != nil {
		return binary.LittleEndian.Uint32(b)
	}
	return 0
}

// now returns Unix seconds as they are kept on disk, up to the year 2106.
func now() uint32 { return uint32(time.Now().Unix()) }
