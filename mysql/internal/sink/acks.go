package sink

import (
	"path/filepath"

	"github.com/lf-edge/ekuiper/sdk/go/api"

	"ekuiper-mysql/mysql/internal/journal"
	"ekuiper-mysql/mysql/internal/marker"
)

// ackFile is the name of the marker in a journal's folder: it is about the
// messages of that journal, and goes with it.
const ackFile = "acks"

// ackMemory keeps the runtime's note of acknowledgements over a kill. The
// journal tells which messages are kept.
type ackMemory struct {
	queue *journal.Disk
	note  *marker.File
}

// openAckMemory returns nil where nothing is kept: without requireAck there is
// nothing to remember, and without a journal nothing to keep it in.
func (o *Outboxes) openAckMemory(id identity, queue journal.Queue, acks bool, log api.Logger) *ackMemory {
	disk, ok := queue.(*journal.Disk)
	if !ok || !acks {
		return nil
	}
	dir, err := o.journalDir(id)
	if err == nil {
		var note *marker.File
		if note, err = marker.Open(filepath.Join(dir, ackFile)); err == nil {
			if note.Damaged() {
				log.Warnf("%s was damaged: how far acknowledgements had come is not known, and after a kill eKuiper may wait for seconds, once; it is made anew, but the disk should be checked", filepath.Join(dir, ackFile))
			}
			return &ackMemory{disk, note}
		}
	}
	log.Warnf("how far acknowledgements have come is not kept; after a kill eKuiper may wait for seconds, and rows may be doubled: %v", err)
	return nil
}

func (m *ackMemory) close() {
	if m != nil {
		_ = m.note.Close() // nothing is lost by an error: it was not synced anyway
	}
}

// The methods below are what the runtime asks of a sink that remembers.

// AckNote returns the note of this run or the one before, and whether notes
// are kept at all.
func (s *Sink) AckNote() ([]byte, bool) {
	if s.acks == nil {
		return nil, false
	}
	return s.acks.note.Last(), true
}

// SetAckNote keeps a note, which outlasts a SIGKILL.
func (s *Sink) SetAckNote(note []byte) error { return s.acks.note.Store(note) }

// Kept counts what was journalled, in rows: a message is one append.
func (s *Sink) Kept() uint64 { return s.acks.queue.NextRow() }

// IsLastKept reports whether message is the last in the journal.
func (s *Sink) IsLastKept(message []byte) bool { return s.acks.queue.IsLast(message) }
