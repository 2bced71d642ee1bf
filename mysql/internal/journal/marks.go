package journal

import (
	"slices"
	"sort"
	"time"
)

// mark says that rows from row on were accepted at seconds, Unix time.
type mark struct {
	row     uint64
	seconds uint32
}

// maxMarks bounds how many are kept: with more pending, age is known less exactly.
const maxMarks = 512

// addMark notes when rows from row on were accepted. mu is held.
func (d *Disk) addMark(row uint64, seconds uint32) {
	if n := len(d.marks); n > 0 && d.marks[n-1].seconds == seconds {
		return
	}
	d.trimMarks()
	if len(d.marks) >= maxMarks {
		n := 0
		for i := 0; i < len(d.marks); i += 2 {
			d.marks[n] = d.marks[i]
			n++
		}
		d.marks = d.marks[:n]
	}
	d.marks = append(d.marks, mark{row, seconds})
}

// markRead notes when a message was accepted that was taken from disk: Open
// knows only of its segment. mu is held.
func (d *Disk) markRead(m *Message) {
	i := sort.Search(len(d.marks), func(i int) bool { return d.marks[i].row > m.First })
	if i == 0 || d.marks[i-1].seconds == m.seconds || len(d.marks) >= maxMarks {
		return
	}
	if d.marks[i-1].row == m.First {
		d.marks[i-1].seconds = m.seconds
		return
	}
	d.marks = slices.Insert(d.marks, i, mark{m.First, m.seconds})
}

// acceptedBy returns when row was accepted, or a row not long before. mu is held.
func (d *Disk) acceptedBy(row uint64) uint32 {
	i := sort.Search(len(d.marks), func(i int) bool { return d.marks[i].row > row })
	if i == 0 {
		return now()
	}
	return d.marks[i-1].seconds
}

// trimMarks forgets the marks of settled rows. mu is held.
func (d *Disk) trimMarks() {
	low := d.settled.watermark()
	n := 0
	for n+1 < len(d.marks) && d.marks[n+1].row <= low {
		n++
	}
	if n > 0 {
		d.marks = append(d.marks[:0], d.marks[n:]...)
	}
}

// oldest returns when the oldest pending row was accepted. mu is held.
func (d *Disk) oldest() time.Time {
	d.trimMarks()
	if len(d.marks) == 0 {
		return time.Time{}
	}
	return d.shown(max(d.marks[0].row, d.settled.watermark()), d.marks[0].seconds)
}
