package deadletter

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"ekuiper-mysql/mysql/internal/simdisk"
)

// fate is what a reader may find of a letter.
type fate uint8

const (
	kept    fate = iota // it was acknowledged: there, once
	refused             // its Put failed: not there, but that a crash may bring it back, once
	gone                // its removal was acknowledged: not there
	unsure              // either
)

// machine puts a store through everything that can happen to it and compares
// it with a model: the fate of each record.
type machine struct {
	t       rapid.TB
	disk    *simdisk.Disk
	options Options
	store   *Store
	choice  *rand.Rand
	sound   bool // the disk is, since it was opened
	fates   map[uint64]fate
	next    uint64
}

func (m *machine) open() {
	var err error
	m.options.FS = processOf(m.disk)
	if m.store, err = Open(m.options); err != nil {
		m.t.Fatal(err)
	}
}

func body(record uint64) []byte {
	r := rand.New(rand.NewPCG(record, 1))
	b := make([]byte, r.IntN(300))
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	if r.IntN(4) == 0 { // rows may look like frames
		b = appendFrame(b, kindLetter, 1, nil, b)
	}
	return b
}

func (m *machine) put() {
	record := m.next
	m.next++
	err := m.store.Put(context.Background(), Letter{Rule: fmt.Sprint(record % 3), Place: Place{"j", record, 0}, Raw: body(record)})
	m.fates[record] = kept
	if err != nil {
		m.fates[record] = refused
	}
}

// remove removes one in share of the letters that are there, chosen at random.
func (m *machine) remove(share int) {
	var ids, records []uint64
	for l, err := range m.store.Letters(Filter{SkipRaw: true}) {
		if err == nil && m.choice.IntN(share) == 0 {
			ids, records = append(ids, l.ID), append(records, l.Place.Record)
		}
	}
	err := m.store.Remove(ids)
	for _, r := range records {
		m.fates[r] = gone
		if err != nil {
			m.fates[r] = unsure
		}
	}
}

func (m *machine) reopen() {
	if err := m.store.Close(); err != nil && m.sound {
		m.t.Fatal(err)
	}
	m.after()
}

func (m *machine) kill() {
	m.disk.Restart(false)
	_ = m.store.Close()
	m.after()
}

func (m *machine) cut() {
	m.disk.Restart(true)
	_ = m.store.Close()
	m.after()
}

// after opens the store on a sound disk and allows for what a crash may have
// brought back.
func (m *machine) after() {
	m.disk.BadSyncs(0)
	m.disk.Space(-1)
	m.sound = true
	for r, f := range m.fates {
		if f == refused {
			m.fates[r] = unsure
		}
	}
	m.open()
}

func (m *machine) check() {
	seen := map[uint64]bool{}
	last := uint64(0)
	for l, err := range m.store.Letters(Filter{}) {
		var corrupt *CorruptError
		if errors.As(err, &corrupt) { // a write that failed and could not be cut off
			continue
		}
		if err != nil {
			m.t.Fatal(err)
		}
		r := l.Place.Record
		f, known := m.fates[r]
		if !known || f == gone || f == refused || seen[r] || l.ID <= last || !bytes.Equal(l.Raw, body(r)) {
			m.t.Fatalf("record %d, id %d after %d: known %v, fate %d, seen %v, %d bytes", r, l.ID, last, known, f, seen[r], len(l.Raw))
		}
		seen[r], last = true, l.ID
	}
	for r, f := range m.fates {
		if f == kept && !seen[r] {
			m.t.Fatalf("record %d of %d is lost; there are %v", r, m.next, slices.Sorted(maps.Keys(seen)))
		}
	}
}

func checkModel(t *testing.T, every time.Duration, withCuts bool) {
	rapid.Check(t, func(t *rapid.T) {
		disk := newSimDisk(rapid.Uint64().Draw(t, "seed"))
		m := &machine{
			t: t, disk: disk, choice: rand.New(rand.NewPCG(1, 1)), sound: true, fates: map[uint64]fate{}, next: 1,
			options: Options{Dir: "d", MaxBytes: 1 << 30, SegmentBytes: 1000, FsyncEvery: every},
		}
		m.open()
		defer func() { _ = m.store.Close() }()
		actions := []func(){
			m.put, m.put, m.put, m.put, m.put, m.check, m.reopen, m.kill,
			func() { m.remove(rapid.IntRange(1, 4).Draw(t, "share")) },
			func() { // room for everything
				select {
				case m.store.tidy <- struct{}{}:
				default:
				}
			},
			func() { m.sound = false; m.disk.Space(int64(rapid.IntRange(0, 600).Draw(t, "room"))) },
			func() { m.disk.Space(-1) },
		}
		if withCuts {
			actions = append(actions, m.cut, func() { m.sound = false; m.disk.BadSyncs(rapid.IntRange(0, 1000).Draw(t, "bad syncs")) })
		}
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			actions[rapid.IntRange(0, len(actions)-1).Draw(t, "action")]()
		}
		m.disk.Restart(false)
		_ = m.store.Close()
		m.after()
		m.check()
	})
}

func TestModelWithPowerCuts(t *testing.T) { checkModel(t, 0, true) }

func TestModelWithKillsAndLateFsync(t *testing.T) { checkModel(t, time.Hour, false) }

func TestModelWithKillsAndNoFsync(t *testing.T) { checkModel(t, -1, false) }

// However a power cut mixes up what was not synced, opening and reading work,
// and what is read was put.
func TestPowerCutWithLateFsyncLeavesOnlyWholeLetters(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		disk := newSimDisk(rapid.Uint64().Draw(t, "seed"))
		o := Options{Dir: "d", SegmentBytes: 1000, FsyncEvery: time.Hour}
		record := uint64(1)
		for range 4 {
			o.FS = processOf(disk)
			s, err := Open(o)
			if err != nil {
				t.Fatal(err)
			}
			for range rapid.IntRange(0, 20).Draw(t, "puts") {
				if err := s.Put(context.Background(), Letter{Place: Place{"j", record, 0}, Raw: body(record)}); err != nil {
					t.Fatal(err)
				}
				record++
			}
			last := uint64(0)
			for l, err := range s.Letters(Filter{}) {
				var corrupt *CorruptError
				if err != nil && !errors.As(err, &corrupt) {
					t.Fatal(err)
				}
				if err == nil && (l.ID <= last || !bytes.Equal(l.Raw, body(l.Place.Record))) {
					t.Fatalf("%+v after %d", l, last)
				}
				last = max(last, l.ID)
			}
			disk.Restart(true)
			_ = s.Close()
		}
	})
}

func TestSpansAreASet(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var s spans
		want := map[uint64]bool{}
		base := rapid.SampledFrom([]uint64{0, 100, 1<<64 - 41}).Draw(t, "base")
		for range rapid.IntRange(0, 30).Draw(t, "spans") {
			first := base + uint64(rapid.IntRange(0, 35).Draw(t, "first"))
			last := first + uint64(rapid.IntRange(0, 5).Draw(t, "length"))
			s.add(span{first, last})
			for id := first; ; id++ {
				want[id] = true
				if id == last {
					break
				}
			}
		}
		for i := uint64(0); i <= 40; i++ {
			if s.has(base+i) != want[base+i] {
				t.Fatalf("%d in %v", base+i, s)
			}
		}
		if n := s.count(base, base+40); n != uint64(len(want)) {
			t.Fatalf("%d of %v, want %d", n, s, len(want))
		}
		for i := 1; i < len(s); i++ {
			if s[i].first <= s[i-1].last+1 {
				t.Fatalf("%v touch", s)
			}
		}
		cut := base + uint64(rapid.IntRange(0, 40).Draw(t, "cut"))
		if rest := s.from(cut); rest.count(0, 1<<64-1) != s.count(cut, 1<<64-1) {
			t.Fatalf("%v from %d is %v", s, cut, rest)
		}
	})
}
