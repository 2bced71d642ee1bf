package runtime

import (
	"encoding/binary"
	"fmt"
	"log/slog"
	"math"
	"time"
)

// ackStep is how far the answering of a message has come.
type ackStep uint8

const (
	ackIdle      ackStep = iota // no message yet
	ackReceived                 // a message is here, and the host waits
	ackAnswering                // its answer is about to go out, or has gone out
	ackAnswered                 // its answer has gone out
)

// ackNote is what a successor has to know when the process is killed: about
// the message received last, and about the host.
type ackNote struct {
	listener uint64 // the host's, see connection.SocketFile; 0 is unknown
	kept     uint64 // what the sink's count was before the message
	gap      time.Duration
	step     ackStep
	failed   bool   // its answer is an error
	stopped  bool   // the host has stopped the rule
	surplus  uint8  // how many answers the host may have got that it did not wait for
	unlike   uint16 // how many messages in a row were unlike the one before, up to unlikeEnough
}

const (
	noteSize    = 32
	noteVersion = 1
	noteFailed  = 1 << 0
	noteStopped = 1 << 1
)

func (n *ackNote) encode(b *[noteSize]byte) {
	var flags byte
	if n.failed {
		flags |= noteFailed
	}
	if n.stopped {
		flags |= noteStopped
	}
	*b = [noteSize]byte{noteVersion, byte(n.step), flags, n.surplus}
	binary.LittleEndian.PutUint16(b[4:], n.unlike)
	binary.LittleEndian.PutUint64(b[8:], n.listener)
	binary.LittleEndian.PutUint64(b[16:], n.kept)
	binary.LittleEndian.PutUint32(b[24:], uint32(min(n.gap.Milliseconds(), math.MaxUint32)))
}

// decodeNote reports whether b is a note of this version.
func decodeNote(b []byte) (n ackNote, ok bool) {
	if len(b) != noteSize || b[0] != noteVersion || ackStep(b[1]) > ackAnswered {
		return ackNote{}, false
	}
	return ackNote{
		listener: binary.LittleEndian.Uint64(b[8:]),
		kept:     binary.LittleEndian.Uint64(b[16:]),
		gap:      time.Duration(binary.LittleEndian.Uint32(b[24:])) * time.Millisecond,
		step:     ackStep(b[1]),
		failed:   b[2]&noteFailed != 0,
		stopped:  b[2]&noteStopped != 0,
		surplus:  b[3],
		unlike:   binary.LittleEndian.Uint16(b[4:]),
	}, true
}

// ackMemory is the note and the sink that keeps it.
type ackMemory struct {
	note    ackNote
	keeper  AckKeeper // nil: the note ends with the process
	log     *slog.Logger
	trouble sparse
	panics  sparse

	again again
	buf   [noteSize]byte
}

// again says whether the next message is one that the sink has kept already.
type again uint8

const (
	never again = iota
	// ifProbed: perhaps, if it came because of the error that ended a silence.
	// The process was killed within the microseconds in which an ok goes out,
	// and it is not known whether it did: this may be the same message, or the
	// next, equal one.
	ifProbed
	surely // the host was not told that it is kept
)

// debt is what the host is owed by a former run.
type debt uint8

const (
	nothing    debt = iota
	oweOK           // it waits for a message's answer; the message is kept
	oweError        // it waits for a message's answer; the message is gone
	oweUnknown      // it waits, or it does not
)

// earlier is what a start knows of the run before.
type earlier struct {
	unclean bool // it has left its socket behind, for the same listener
	intact  bool // it has handed over its connection, and nothing is lost
}

func newAckMemory(run *sinkRun) *ackMemory {
	m := &ackMemory{log: run.log, trouble: sparse{interval: run.p.timing.complain}, panics: sparse{interval: run.p.timing.complain}}
	if k, ok := run.sink.(AckKeeper); ok {
		err := contain(run.log, "AckNote", func() error {
			if _, keeps := k.AckNote(); keeps {
				m.keeper = k
			}
			return nil
		})
		if err != nil {
			m.keeper = nil
		}
	}
	return m
}

// recall reads what the run before has left about this listener of the host,
// and begins a note of its own.
func (m *ackMemory) recall(listener uint64, terms ackTerms, e earlier) debt {
	old, ok := m.read()
	if !ok || old.listener != listener || listener == 0 && old.stopped {
		m.note = ackNote{listener: listener, unlike: old.unlike}
		if m.keeper != nil {
			m.note.kept = m.kept(math.MaxUint64)
		}
		if !e.unclean || e.intact {
			m.keep()
			return nothing
		}
		// Something has run, and nobody knows how far: the host may even have
		// got an answer too many.
		m.note.surplus = 1
		m.keep()
		return oweUnknown
	}
	m.note = old
	m.note.stopped = false
	m.keep()
	if e.intact && old.surplus == 0 {
		return nothing
	}
	kept := old.step != ackIdle && m.kept(0) > old.kept
	if old.step == ackReceived && old.surplus == 0 && listener != 0 {
		if kept {
			return oweOK
		}
		return oweError
	}
	switch {
	case !terms.resends || !kept:
	case old.step == ackReceived, old.failed:
		m.again = surely
	case old.step == ackAnswering && old.unlike >= unlikeEnough:
		m.again = ifProbed
	}
	return oweUnknown
}

func (m *ackMemory) read() (ackNote, bool) {
	if m.keeper == nil {
		return ackNote{}, false
	}
	var raw []byte
	_ = m.panics.contain(m.log, "AckNote", func() error { raw, _ = m.keeper.AckNote(); return nil })
	return decodeNote(raw)
}

// keep gives the sink the note. Where it cannot be kept, the sink has none.
func (m *ackMemory) keep() {
	if m.keeper == nil {
		return
	}
	m.note.encode(&m.buf)
	if err := m.set(); err != nil {
		m.trouble.report(m.log, "cannot keep a note of the acknowledgements; after a kill the host may wait for seconds", err)
	}
}

func (m *ackMemory) set() (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("SetAckNote panicked: %v", p)
		}
	}()
	return m.keeper.SetAckNote(m.buf[:])
}

// received notes that a message is about to be collected. One that comes again
// after an error may be kept since it first came.
func (m *ackMemory) received(again bool) {
	if m.keeper == nil {
		return
	}
	if !again {
		m.note.kept = m.kept(math.MaxUint64)
	}
	m.note.step, m.note.failed = ackReceived, false
	m.keep()
}

// at notes a step of the answer.
func (m *ackMemory) at(step ackStep, failed bool) {
	m.note.step, m.note.failed = step, failed
	m.keep()
}

// setSurplus notes how many answers too many the host may have.
func (m *ackMemory) setSurplus(n uint8) {
	if m.note.surplus != n {
		m.note.surplus = n
		m.keep()
	}
}

// isKept reports whether data, the first message of this run, is the one that
// the run before has kept last and the host does not know of.
func (m *ackMemory) isKept(data []byte, probed bool) bool {
	a := m.again
	m.again = never
	return (a == surely || a == ifProbed && probed) && m.isLastKept(data)
}

// kept asks the keeper for its count. unknown stands for that of one that panics:
// no message is then taken for kept that may not be.
func (m *ackMemory) kept(unknown uint64) (n uint64) {
	n = unknown
	_ = m.panics.contain(m.log, "Kept", func() error { n = m.keeper.Kept(); return nil })
	return n
}

func (m *ackMemory) isLastKept(data []byte) (is bool) {
	_ = m.panics.contain(m.log, "IsLastKept", func() error { is = m.keeper.IsLastKept(data); return nil })
	return is
}
