package deadletter

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// damage reads all letters of dir and the pieces that were skipped.
func damage(t testing.TB, dir string) (letters []Letter, pieces []*CorruptError) {
	t.Helper()
	for l, err := range NewReader(dir, nil).Letters(Filter{}) {
		var corrupt *CorruptError
		switch {
		case errors.As(err, &corrupt):
			pieces = append(pieces, corrupt)
		case err != nil:
			t.Fatal(err)
		default:
			letters = append(letters, l)
		}
	}
	return letters, pieces
}

// segmentFiles returns the paths of the segments in dir, in order.
func segmentFiles(t testing.TB, dir string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*"+segmentEnd))
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// filled returns a folder of two full segments and one begun, with 3 letters in each.
func filled(t testing.TB) string {
	t.Helper()
	s := open(t, Options{Dir: t.TempDir(), SegmentBytes: 3*letterFrame + fileHead})
	for i := range 9 {
		put(t, s, letter(i+1))
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if n := len(segmentFiles(t, s.options.Dir)); n != 3 {
		t.Fatalf("%d segments", n)
	}
	return s.options.Dir
}

var letterFrame = func() int64 {
	l := letter(1)
	return int64(len(appendFrame(nil, kindLetter, 1, appendMeta(nil, &l), l.Raw)))
}()

func TestDamageCostsOnlyWhatItHits(t *testing.T) {
	second := int64(fileHead + letterFrame) // where the second letter of a segment begins
	for _, c := range []struct {
		name    string
		segment int
		change  func(b []byte) []byte
		want    []uint64
		pieces  int
	}{
		{"a bit of a row", 0, flip(second + letterFrame - 1), []uint64{1, 3, 4, 5, 6, 7, 8, 9}, 1},
		{"a bit of the fields", 1, flip(second + frameHead + 1), []uint64{1, 2, 3, 4, 6, 7, 8, 9}, 1},
		{"a bit of a head", 1, flip(second + 17), []uint64{1, 2, 3, 4, 6, 7, 8, 9}, 1},
		{"a bit of the mark", 1, flip(second), []uint64{1, 2, 3, 4, 6, 7, 8, 9}, 1},
		{"the file's head", 1, flip(3), []uint64{1, 2, 3, 4, 5, 6, 7, 8, 9}, 1},
		{"a torn end", 0, func(b []byte) []byte { return b[:len(b)-5] }, []uint64{1, 2, 4, 5, 6, 7, 8, 9}, 1},
		{"an end of zeros", 0, func(b []byte) []byte { return append(b, make([]byte, 4096)...) }, []uint64{1, 2, 3, 4, 5, 6, 7, 8, 9}, 1},
		{"zeros amid", 0, func(b []byte) []byte { clear(b[second : second+letterFrame]); return b }, []uint64{1, 3, 4, 5, 6, 7, 8, 9}, 1},
		{"all zeros", 1, func(b []byte) []byte { clear(b); return b }, []uint64{1, 2, 3, 7, 8, 9}, 1},
		{"nothing left", 1, func([]byte) []byte { return nil }, []uint64{1, 2, 3, 7, 8, 9}, 0},
		{"a foreign file", 1, func([]byte) []byte { return []byte(strings.Repeat("not a letter\n", 999)) }, []uint64{1, 2, 3, 7, 8, 9}, 1},
		{"a letter twice", 1, func(b []byte) []byte { return append(b, b[second:second+letterFrame]...) }, []uint64{1, 2, 3, 4, 5, 6, 7, 8, 9}, 1},
		{"a torn end of the last", 2, func(b []byte) []byte { return b[:len(b)-5] }, []uint64{1, 2, 3, 4, 5, 6, 7, 8}, 0},
		{"noise behind the last", 2, func(b []byte) []byte { return append(b, frameMagic+"noise"...) }, []uint64{1, 2, 3, 4, 5, 6, 7, 8, 9}, 0},
		{"noise in place of the last", 2, func(b []byte) []byte { return []byte("noise") }, []uint64{1, 2, 3, 4, 5, 6}, 0},
		{"an empty last", 2, func(b []byte) []byte { return nil }, []uint64{1, 2, 3, 4, 5, 6}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := filled(t)
			file := segmentFiles(t, dir)[c.segment]
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			broken := c.change(b)
			if err := os.WriteFile(file, broken, 0o600); err != nil {
				t.Fatal(err)
			}
			letters, pieces := damage(t, dir)
			if !slices.Equal(ids(letters), c.want) || len(pieces) != c.pieces {
				t.Fatalf("letters %v, pieces %v", ids(letters), pieces)
			}
			// A writer goes on, and the letters are still what they were.
			s := open(t, Options{Dir: dir})
			put(t, s, letter(100))
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			letters, _ = damage(t, dir)
			if n := len(letters) - 1; !slices.Equal(ids(letters[:n]), c.want) || letters[n].Place.Record != 100 {
				t.Fatalf("after a writer: %v", ids(letters))
			}
		})
	}
}

func flip(at int64) func([]byte) []byte {
	return func(b []byte) []byte {
		b[at] ^= 4
		return b
	}
}

func TestDamagedPiecesAreKeptAside(t *testing.T) {
	dir := filled(t)
	files := segmentFiles(t, dir)
	for _, i := range []int{0, 2} {
		b, err := os.ReadFile(files[i])
		if err != nil {
			t.Fatal(err)
		}
		b[len(b)-1] ^= 1 // the row of its third letter
		if err := os.WriteFile(files[i], b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var out lines
	s := open(t, Options{Dir: dir, Logger: &out}) // cuts the last file's end
	if err := s.Remove([]uint64{1, 2, 3, 4}); err != nil {
		t.Fatal(err)
	}
	settle(t, s, func(st Stats) bool { return st.Letters == 4 })
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile(files[2])
	if err != nil {
		t.Fatal(err)
	}
	if len(want) != int(fileHead+2*letterFrame) {
		t.Errorf("the last file has %d bytes", len(want))
	}
	aside, err := filepath.Glob(filepath.Join(dir, asideName, "*"))
	if err != nil || len(aside) != 2 {
		t.Fatalf("aside: %v, %v", aside, err)
	}
	for _, name := range aside {
		b, err := os.ReadFile(name)
		if err != nil || int64(len(b)) != letterFrame || !bytes.HasPrefix(b, []byte(frameMagic)) {
			t.Errorf("%s: %d bytes, %v", name, len(b), err)
		}
	}
	if len(out) == 0 || !strings.Contains(strings.Join(out, "\n"), asideName) {
		t.Errorf("log %q", out)
	}
}

func TestNewerVersionIsRefused(t *testing.T) {
	dir := filled(t)
	newer := appendFileHead(nil)
	newer[8] = 2
	newer = append(newer[:12], appendCRC(newer[:12])...)
	for _, file := range segmentFiles(t, dir) {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, append(bytes.Clone(newer), b[fileHead:]...), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if s, err := Open(Options{Dir: dir}); !errors.Is(err, ErrVersion) {
		_ = s.Close()
		t.Errorf("opening: %v", err)
	}
	for _, err := range NewReader(dir, nil).Letters(Filter{}) {
		if !errors.Is(err, ErrVersion) {
			t.Errorf("reading: %v", err)
		}
	}
}

func appendCRC(b []byte) []byte {
	whole := appendFrame(nil, 0, 0, b, nil) // whose head holds the sum of b
	return whole[24:28]
}

// Every byte of a segment flipped, one at a time: no letter changes, at most one is missed.
func TestNoFlippedBitGoesUnnoticed(t *testing.T) {
	dir := filled(t)
	file := segmentFiles(t, dir)[1]
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for at := range whole {
		b := bytes.Clone(whole)
		b[at] ^= 1 << rand.IntN(8)
		if err := os.WriteFile(file, b, 0o600); err != nil {
			t.Fatal(err)
		}
		letters, _ := damage(t, dir)
		if len(letters) < 8 {
			t.Fatalf("byte %d: %d letters", at, len(letters))
		}
		for _, l := range letters {
			if want := letter(int(l.ID)); !bytes.Equal(l.Raw, want.Raw) || l.Place != want.Place || l.Text != want.Text {
				t.Fatalf("byte %d: %+v", at, l)
			}
		}
	}
}

func FuzzReadMeta(f *testing.F) {
	l := letter(1)
	f.Add(appendMeta(nil, &l))
	f.Add([]byte{tagTime, 8, 0})
	f.Add([]byte{99, 0})
	f.Fuzz(func(t *testing.T, meta []byte) {
		var l Letter
		if readMeta(meta, &l) != nil {
			return
		}
		var again Letter
		if err := readMeta(appendMeta(nil, &l), &again); err != nil || again.Rule != l.Rule || !again.Time.Equal(l.Time) || again.Place != l.Place {
			t.Errorf("%+v comes back as %+v, %v", l, again, err)
		}
	})
}

func FuzzScan(f *testing.F) {
	l := letter(1)
	frame := appendFrame(nil, kindLetter, 1, appendMeta(nil, &l), l.Raw)
	f.Add(append(appendFileHead(nil), frame...))
	f.Add(append(newRemovalLog(), appendRemovalFrames(nil, spans{{1, 5}, {7, 7}})...))
	f.Add(append(append([]byte(frameMagic), frame[:40]...), frame...))
	f.Fuzz(func(t *testing.T, b []byte) {
		s := newScanner(bytes.NewReader(b), "file", int64(len(b)))
		if s.open() != nil {
			return
		}
		end, err := wholeFrames(s, func(*CorruptError) {})
		if err != nil || end > int64(len(b)) {
			t.Fatalf("ends at %d of %d: %v", end, len(b), err)
		}
	})
}

// Whatever lies in the folder, opening it, writing and reading work.
func FuzzOpen(f *testing.F) {
	l := letter(1)
	segment := append(appendFileHead(nil), appendFrame(nil, kindLetter, 1, appendMeta(nil, &l), l.Raw)...)
	f.Add(segment, segment, append(newRemovalLog(), appendRemovalFrames(nil, spans{{1, 1}})...))
	f.Add([]byte{}, []byte(frameMagic), []byte(fileMagic))
	f.Fuzz(func(t *testing.T, first, second, removed []byte) {
		m := newSimDisk(1)
		for name, b := range map[string][]byte{"d/00000000000000000001-0.letters": first, "d/00000000000000000005-1.letters": second, "d/" + removalName: removed} {
			m.Put(name, b)
		}
		s, err := Open(Options{Dir: "d", FS: processOf(m)})
		if errors.Is(err, ErrVersion) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		if err := s.Put(context.Background(), letter(77)); err != nil {
			t.Fatal(err)
		}
		found := false
		for l, err := range s.Letters(Filter{}) {
			var corrupt *CorruptError
			if err != nil && !errors.As(err, &corrupt) {
				t.Fatal(err)
			}
			found = found || l.Place == letter(77).Place
		}
		if !found {
			t.Error("what was put is not there")
		}
	})
}
