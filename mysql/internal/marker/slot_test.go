package marker

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
)

// put is a Store into the bytes of a file, as far as it comes: so many bytes of
// the slot are written, and after all of them the word. A release before has none.
func put(file []byte, number uint64, record string, bytes int, before bool) {
	s := appendSlot(nil, number, []byte(record))
	if before {
		binary.LittleEndian.PutUint32(s, crc32.ChecksumIEEE(s[4:]))
	}
	copy(file[number%2*slotSize:], s[:min(bytes, len(s))])
	if bytes > len(s) && !before {
		binary.LittleEndian.PutUint32(file[wordAt:], word(number))
	}
}

func whole(file []byte, number uint64, record string) { put(file, number, record, slotSize+1, false) }

// recordOf is a note of 32 bytes, as the runtime keeps them: one differs from the next by little.
func recordOf(number uint64) string { return fmt.Sprintf("%032d", number) }

// before is what a release before makes of a file.
func before(file []byte) (record string) {
	best := uint64(0)
	for at := 0; at+slotSize <= min(len(file), 2*slotSize); at += slotSize {
		b := file[at : at+slotSize]
		n, number := binary.LittleEndian.Uint32(b[4:]), binary.LittleEndian.Uint64(b[8:])
		if n <= MaxRecord && binary.LittleEndian.Uint32(b) == crc32.ChecksumIEEE(b[4:slotHead+n]) && number > best {
			best, record = number, string(b[slotHead:slotHead+n])
		}
	}
	return record
}

func flip(b []byte, bit int) { b[bit/8] ^= 1 << (bit % 8) }

// states are files after so many stores, and what was stored last.
func states() map[string]struct {
	file []byte
	last string
} {
	all := map[string]struct {
		file []byte
		last string
	}{}
	now, old := make([]byte, fileSize), make([]byte, wordAt)
	mixed := make([]byte, fileSize) // written by a release before, after this one
	whole(mixed, 4, recordOf(4))
	clear(mixed[:wordAt])
	for n := range uint64(6) {
		last := ""
		if n > 0 {
			last = recordOf(n)
			whole(now, n, last)
			put(old, n, last, slotSize, true)
			put(mixed, n, last, slotSize, true)
		}
		for name, file := range map[string][]byte{"": now, "of a release before, ": old, "of a release before, after this one, ": mixed} {
			all[fmt.Sprintf("%s%d stores", name, n)] = struct {
				file []byte
				last string
			}{bytes.Clone(file), last}
		}
	}
	anew := image(9, []byte(recordOf(9)))
	all["made anew"] = struct {
		file []byte
		last string
	}{anew, recordOf(9)}
	return all
}

// TestNeverStale: whatever one or two bits are wrong, and wherever the file
// ends, what is found is what was stored last, or nothing.
func TestNeverStale(t *testing.T) {
	for name, s := range states() {
		t.Run(name, func(t *testing.T) {
			check := func(b []byte, format string, args ...any) {
				if is := newest(b); is.record != nil && string(is.record) != s.last {
					t.Errorf("%s: found %q, stored %q", fmt.Sprintf(format, args...), is.record, s.last)
				}
			}
			if is := newest(s.file); string(is.record) != s.last || is.damage {
				t.Errorf("whole: found %q, damage %t; stored %q", is.record, is.damage, s.last)
			}
			b := bytes.Clone(s.file)
			for i := range 8 * len(b) {
				flip(b, i)
				check(b, "bit %d wrong", i)
				for j := range i {
					flip(b, j)
					check(b, "bits %d and %d wrong", j, i)
					flip(b, j)
				}
				flip(b, i)
			}
			for n := range len(b) {
				check(b[:n], "cut at %d", n)
				check(append(bytes.Clone(b[:n]), make([]byte, fileSize-n)...), "zeros from %d on", n)
			}
			random := rand.New(rand.NewPCG(1, 1))
			for range 2000 { // whole stretches of it
				b := bytes.Clone(s.file)
				from := random.IntN(len(b))
				for i := from; i < min(len(b), from+1+random.IntN(40)); i++ {
					b[i] = byte(random.Uint32())
				}
				check(b, "wrong from %d on", from)
			}
		})
	}
}

// TestOneBit: of a file that this release has written one wrong bit makes the
// last record unknown only where it is in that one's slot.
func TestOneBit(t *testing.T) {
	file := make([]byte, fileSize)
	for n := uint64(1); n < 6; n++ {
		whole(file, n, recordOf(n))
		for i := range 8 * fileSize {
			inLast := i/8 < wordAt && i/8/slotSize == int(n%2)
			beyond := i/8%slotSize >= slotHead+len(recordOf(n)) // in what no record fills
			flip(file, i)
			is := newest(file)
			if known := is.record != nil; n > 1 && known == (inLast && !beyond) || known && string(is.record) != recordOf(n) {
				t.Errorf("%d stores, bit %d wrong: found %q", n, i, is.record)
			}
			if n > 1 && inLast && !beyond && !is.damage {
				t.Errorf("%d stores, bit %d wrong: not told", n, i)
			}
			flip(file, i)
		}
	}
}

// TestTorn: wherever a kill ends a Store, the record before is known, or the
// one that was to be stored; with a bit wrong as well, one of these or nothing.
func TestTorn(t *testing.T) {
	file := make([]byte, fileSize)
	for n := uint64(1); n < 6; n++ {
		for upTo := range slotHead + 33 {
			b := bytes.Clone(file)
			put(b, n, recordOf(n), upTo, false)
			is := newest(b)
			if n > 1 && is.record == nil || is.damage {
				t.Errorf("store %d was cut short at %d bytes: found %q, damage %t", n, upTo, is.record, is.damage)
			}
			for i := -1; i < 8*fileSize; i++ {
				if i >= 0 {
					flip(b, i)
				}
				if got := newest(b).record; got != nil && string(got) != recordOf(n) && string(got) != recordOf(n-1) {
					t.Errorf("store %d was cut short at %d bytes, bit %d wrong: found %q", n, upTo, i, got)
				}
				if i >= 0 {
					flip(b, i)
				}
			}
		}
		whole(file, n, recordOf(n))
	}
}

// TestReleases: a file of the release before is gone on with, and that one
// finds in a file of this one what was stored last or nothing.
func TestReleases(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m")
	for n := range uint64(6) {
		old := make([]byte, wordAt)
		for i := uint64(1); i <= n; i++ {
			put(old, i, recordOf(i), slotSize, true)
		}
		if err := os.WriteFile(path, old, 0o600); err != nil {
			t.Fatal(err)
		}
		m := open(t, path)
		last := ""
		if n > 0 {
			last = recordOf(n)
		}
		if got := string(m.Last()); got != last || m.Damaged() {
			t.Errorf("after %d stores: found %q, damaged %t", n, got, m.Damaged())
		}
		for i := range uint64(4) {
			file, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if got := before(file); got != "" && got != last {
				t.Errorf("%d stores and %d of this release: the release before finds %q, stored %q", n, i, got, last)
			}
			last = recordOf(100 + i)
			store(t, m, last)
		}
		_ = m.Close()
	}
}

// TestHarmed: damage is told, and the file is gone on with.
func TestHarmed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m")
	m := open(t, path)
	for n := range uint64(5) {
		store(t, m, recordOf(n))
	}
	_ = m.Close()
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	file[5%2*slotSize+slotHead] ^= 1
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
	m = open(t, path)
	if m.Last() != nil || !m.Damaged() {
		t.Errorf("found %q, damaged %t", m.Last(), m.Damaged())
	}
	for n := range uint64(3) {
		store(t, m, recordOf(n))
		if other := open(t, path); string(other.Last()) != recordOf(n) || other.Damaged() {
			t.Errorf("found %q after %q, damaged %t", other.Last(), recordOf(n), other.Damaged())
		}
	}
}

func FuzzFile(f *testing.F) {
	for _, s := range states() {
		f.Add(s.file)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		b = b[:min(len(b), fileSize)]
		if is := newest(b); is.record != nil && (is.number == 0 || len(is.record) > MaxRecord || is.damage) {
			t.Errorf("%x: %+v", b, is)
		}
	})
}
