package deadletter

import (
	"errors"
	"os"
	"slices"
	"testing"
)

func never() error { return nil }

// newest reads page by page and returns the ids of each.
func newest(t *testing.T, r *Reader, filter Filter, n int) (pages [][]uint64) {
	t.Helper()
	for before := uint64(Latest); ; {
		letters, more, err := r.Newest(filter, before, n, never)
		if err != nil {
			t.Fatal(err)
		}
		pages = append(pages, ids(letters))
		if !more {
			return pages
		}
		before = letters[len(letters)-1].ID
	}
}

func TestNewestComesInPagesOverAllFiles(t *testing.T) {
	dir := filled(t) // three files with three letters each
	r := NewReader(dir, nil)
	even := func(l *Letter) bool { return l.ID%2 == 0 }
	if err := r.Remove([]uint64{8, 4}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name   string
		filter Filter
		n      int
		want   [][]uint64
	}{
		{"one by one", Filter{}, 1, [][]uint64{{9}, {7}, {6}, {5}, {3}, {2}, {1}}},
		{"over files", Filter{}, 4, [][]uint64{{9, 7, 6, 5}, {3, 2, 1}}},
		{"all but one", Filter{}, 6, [][]uint64{{9, 7, 6, 5, 3, 2}, {1}}},
		{"just all", Filter{}, 7, [][]uint64{{9, 7, 6, 5, 3, 2, 1}}},
		{"more than all", Filter{}, 100, [][]uint64{{9, 7, 6, 5, 3, 2, 1}}},
		{"that match", Filter{Match: even}, 1, [][]uint64{{6}, {2}}},
		{"some ids", Filter{IDs: []uint64{1, 4, 9}}, 5, [][]uint64{{9, 1}}},
		{"none", Filter{Rule: "another"}, 5, [][]uint64{nil}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := newest(t, r, c.filter, c.n)
			if !slices.EqualFunc(got, c.want, slices.Equal) {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
	letters, _, err := r.Newest(Filter{}, Latest, 1, never)
	if err != nil || letters[0].Raw != nil || letters[0].Size != len(letter(9).Raw) || letters[0].Text != letter(9).Text {
		t.Errorf("%+v, %v", letters, err)
	}
}

func TestNewestPassesDamageOver(t *testing.T) {
	dir := filled(t)
	file := segmentFiles(t, dir)[1]
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, flip(int64(fileHead+letterFrame))(b), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := newest(t, NewReader(dir, nil), Filter{}, 100); !slices.Equal(got[0], []uint64{9, 8, 7, 6, 4, 3, 2, 1}) {
		t.Errorf("got %v", got)
	}
}

func TestNewestEnds(t *testing.T) {
	r := NewReader(filled(t), nil)
	enough := errors.New("enough")
	for _, filter := range []Filter{{}, {Rule: "another"}} {
		asked := 0
		_, _, err := r.Newest(filter, Latest, 5, func() error {
			if asked++; asked > 2 {
				return enough
			}
			return nil
		})
		if !errors.Is(err, enough) || asked != 3 {
			t.Errorf("%v after %d questions", err, asked)
		}
	}
	if letters, more, err := NewReader(t.TempDir()+"/none", nil).Newest(Filter{}, Latest, 5, never); err != nil || more || len(letters) != 0 {
		t.Errorf("no folder: %v, %v, %v", letters, more, err)
	}
}
