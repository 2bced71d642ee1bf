package deadletter

import (
	"bufio"
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// childDir names the environment variable that makes the test binary a writer
// in the folder it holds.
const childDir = "DEADLETTER_TEST_DIR"

// crashRecords is how many rows the child sets aside and settles in all.
const crashRecords = 400

// child goes on where its predecessor was killed, as the sink does: a row that
// is among the letters is settled, another is put and then settled. What is
// settled stands in a file, a line each; what is put is told on stdout.
func child(dir string) int {
	s, err := Open(Options{Dir: filepath.Join(dir, "letters"), SegmentBytes: 2000, FsyncEvery: -1})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	journal, err := os.OpenFile(filepath.Join(dir, "settled"), os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	from := countLines(journal)
	s.Recall("journal", uint64(from), math.MaxUint64)
	for i := from; i < crashRecords; i++ {
		if l := letter(i); !s.Has(l.Place) {
			if err := s.Put(context.Background(), l); err != nil {
				fmt.Fprintln(os.Stderr, err)
				return 1
			}
		}
		fmt.Println(i)
		fmt.Fprintln(journal, i)
	}
	return 0
}

func countLines(f *os.File) (n int) {
	for s := bufio.NewScanner(f); s.Scan(); {
		n++
	}
	return n
}

// Killed at any moment and started again, the child loses no letter and
// doubles none.
func TestKilledBetweenPutAndSettle(t *testing.T) {
	dir := t.TempDir()
	kills := 0
	for done := false; !done; {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), childDir+"="+dir)
		var stderr strings.Builder
		cmd.Stderr = &stderr
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		last := -1
		lines := bufio.NewScanner(out)
		for n := rand.IntN(60); lines.Scan(); n-- {
			if last, err = strconv.Atoi(lines.Text()); err != nil {
				t.Fatal(err)
			}
			if n == 0 && last < crashRecords-1 {
				_ = cmd.Process.Kill()
				kills++
				break
			}
		}
		for lines.Scan() { // what it said before it died
			last, _ = strconv.Atoi(lines.Text())
		}
		err = cmd.Wait()
		if stderr.Len() > 0 {
			t.Fatal(stderr.String())
		}
		done = err == nil
		checkRecords(t, dir, last)
	}
	t.Logf("%d kills", kills)
	checkRecords(t, dir, crashRecords-1)
}

// checkRecords expects each record up to told once, and at most one more.
func checkRecords(t *testing.T, dir string, told int) {
	t.Helper()
	n := 0
	for l, err := range NewReader(filepath.Join(dir, "letters"), nil).Letters(Filter{}) {
		if err != nil {
			t.Fatal(err)
		}
		if l.Place.Record != uint64(n) || string(l.Raw) != fmt.Sprintf(`{"a":%d}`, n) {
			t.Fatalf("letter %d is of record %d: %s", n, l.Place.Record, l.Raw)
		}
		n++
	}
	if n <= told || n > crashRecords {
		t.Fatalf("%d letters, the last that was told of is %d", n, told)
	}
}
