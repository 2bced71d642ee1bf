package marker

import (
	"encoding/binary"
	"hash/crc32"
)

const (
	// MaxRecord is the largest record, in bytes.
	MaxRecord = 48
	slotHead  = 4 + 4 + 8 // checksum, length, number
	slotSize  = slotHead + MaxRecord
	wordAt    = 2 * slotSize
	fileSize  = wordAt + 4

	// presentForm is in the checksums since the file ends in a word. A release
	// before takes no such slot for one, and so nothing for the last record;
	// and what it stores itself, without a word, is known by its lack of this.
	presentForm = 0x6D61726B
)

// appendSlot appends the slot of a record, which may be shorter than a slot.
func appendSlot(dst []byte, number uint64, record []byte) []byte {
	at := len(dst)
	dst = append(dst, make([]byte, slotHead)...)
	dst = append(dst, record...)
	b := dst[at:]
	binary.LittleEndian.PutUint32(b[4:], uint32(len(record)))
	binary.LittleEndian.PutUint64(b[8:], number)
	binary.LittleEndian.PutUint32(b, crc32.ChecksumIEEE(b[4:])^presentForm)
	return dst
}

// word names the number of the slot that was stored last: its lower half, and
// that times an odd number, to check it by. No number gives the word zero.
func word(number uint64) uint32 {
	low := uint32(uint16(number))
	return low | (low*0x9E37+0x79B9)<<16
}

// slot is what one of the two places holds.
type slot struct {
	number  uint64
	record  []byte
	whole   bool
	present bool // of the form that has a word
	empty   bool // never written to
}

// parse reads the i-th slot of a file.
func parse(file []byte, i int) slot {
	b := file[i*slotSize : (i+1)*slotSize]
	n, number := binary.LittleEndian.Uint32(b[4:]), binary.LittleEndian.Uint64(b[8:])
	if n > MaxRecord || number == 0 || number%2 != uint64(i) {
		return slot{empty: [slotSize]byte(b) == [slotSize]byte{}}
	}
	sum, is := crc32.ChecksumIEEE(b[4:slotHead+n]), binary.LittleEndian.Uint32(b)
	if is != sum && is != sum^presentForm {
		return slot{}
	}
	return slot{
		number: number, record: append([]byte{}, b[slotHead:slotHead+n]...), whole: true, present: is != sum,
	}
}

// found is what a file says.
type found struct {
	number uint64
	record []byte // nil: there is none, or it is not known
	sound  bool   // the file can be gone on with as it is
	damage bool   // it has something that no kill leaves
}

// newest finds the record that was stored last, and none where that cannot be
// told: a slot that is not whole may have had a younger one than the other. It
// had none only where the word tells that the other was stored last, so that
// this is one of before or one whose Store was cut short by a kill; or where
// the other is the very first.
func newest(file []byte) found {
	if len(file) < wordAt {
		return found{damage: len(file) > 0}
	}
	a, b := parse(file, 0), parse(file, 1)
	if a.number > b.number {
		a, b = b, a
	}
	if !b.whole {
		return found{sound: a.empty && b.empty && len(file) == fileSize, damage: !a.empty && !b.empty}
	}
	stored := len(file) == fileSize && b.present && binary.LittleEndian.Uint32(file[wordAt:]) == word(b.number)
	known := stored
	switch {
	case a.whole:
		known = a.number+1 == b.number
	case a.empty && b.number == 1:
		known = true
	}
	if !known {
		return found{damage: true}
	}
	return found{
		number: b.number, record: b.record,
		sound: len(file) == fileSize && b.present && (!a.whole || a.present),
	}
}

// image is a whole file whose last record is this one, whichever slot is damaged later.
func image(number uint64, record []byte) []byte {
	b := make([]byte, fileSize)
	for _, n := range []uint64{number - 1, number} {
		copy(b[n%2*slotSize:], appendSlot(nil, n, record))
	}
	binary.LittleEndian.PutUint32(b[wordAt:], word(number))
	return b
}
