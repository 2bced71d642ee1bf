package journal

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// victimEnv makes the test binary the process that is killed.
const victimEnv = "JOURNAL_VICTIM"

// victim appends messages with numbers to the journal in the folder that the
// environment names, settles some, and says on stdout what is done, until it
// is killed. It reports whether this process is one.
func victim() bool {
	dir := os.Getenv(victimEnv)
	if dir == "" {
		return false
	}
	d, err := openVictim(dir)
	if err != nil {
		fmt.Println("error", err)
		return true
	}
	if os.Getenv(victimEnv+"_HOLD") != "" {
		fmt.Println("open")
		_, _ = io.Copy(io.Discard, os.Stdin)
		return true
	}
	first, _ := strconv.Atoi(os.Getenv(victimEnv + "_FIRST"))
	go func() {
		for {
			m, ok := d.Next()
			if !ok {
				<-d.Ready()
				continue
			}
			if m.Record%3 > 0 {
				fmt.Println("settling", string(m.Data))
				d.Settle(Stored, one(m))
				fmt.Println("settled", string(m.Data))
			}
		}
	}()
	for i := first; ; {
		var all []Arrival
		for range 1 + i%victimBatch { // one, or several with one write
			all = append(all, Arrival{[]byte(strconv.Itoa(i + len(all))), 1})
		}
		if len(all) == 1 {
			err = d.Append(context.Background(), all[0].Data, 1)
		} else {
			err = d.AppendAll(context.Background(), all)
		}
		if err != nil {
			fmt.Println("error", err)
			return true
		}
		for range all {
			fmt.Println("appended", i)
			i++
		}
	}
}

const victimBatch = 7 // messages at most

// openVictim opens a journal with an intake, which takes most messages where
// the environment asks for a large cache. It rewrites segments as soon as it can.
func openVictim(dir string) (*Disk, error) {
	o := Options{Dir: dir, Identity: "victim", MaxBytes: 64 << 20, SegmentBytes: 8 << 10, CacheBytes: 4 << 10, SyncEvery: time.Minute, linger: -1}
	if os.Getenv(victimEnv+"_CACHE") != "" {
		o.CacheBytes = 1 << 20
	}
	return Open(o)
}

func startVictim(t *testing.T, dir string, env ...string) (*exec.Cmd, *bufio.Scanner) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(append(os.Environ(), victimEnv+"="+dir), env...)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd, bufio.NewScanner(out)
}

// TestKilledProcess kills a process in the midst of its work, again and again:
// whatever it said to be appended is there, and what it said to be settled
// does not come back.
func TestKilledProcess(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "journal")
	rng := rand.New(rand.NewPCG(*seed, 0))
	appended, settling, settled := map[string]bool{}, map[string]bool{}, map[string]bool{}
	kills := max(8, numberOfRounds()/50)
	next := 0
	for range kills {
		env := []string{fmt.Sprintf("%s_FIRST=%d", victimEnv, next)}
		if rng.IntN(3) > 0 {
			env = append(env, victimEnv+"_CACHE=large")
		}
		cmd, lines := startVictim(t, dir, env...)
		enough := rng.IntN(3000)
		for n := 0; lines.Scan(); n++ {
			if n == enough {
				_ = cmd.Process.Kill()
			}
			what, text, _ := strings.Cut(lines.Text(), " ")
			switch what {
			case "appended":
				appended[text] = true
			case "settling":
				settling[text] = true
			case "settled":
				settled[text] = true
			default:
				t.Fatal(lines.Text())
			}
		}
		_ = cmd.Wait()
		for appended[strconv.Itoa(next)] {
			next++
		}
		next += victimBatch // those whose answer was cut off may be there
	}
	d, err := openVictim(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = d.Close() }()
	checkSums(t, d)
	if r := d.Recovered(); r.Lost > 0 || len(r.Damaged) > 0 {
		t.Errorf("%+v", r)
	}
	pending := map[string]bool{}
	before := -1
	for {
		m, ok := d.Next()
		if !ok {
			break
		}
		n, err := strconv.Atoi(string(m.Data))
		if err != nil || n <= before {
			t.Fatalf("message %q after %d", m.Data, before)
		}
		before = n
		pending[string(m.Data)] = true
		if settled[string(m.Data)] {
			t.Errorf("message %q comes again although it was settled", m.Data)
		}
	}
	for text := range appended {
		if !pending[text] && !settling[text] {
			t.Errorf("message %s is gone", text)
		}
	}
	t.Logf("%d kills, %d messages appended, %d settled, %d pending", kills, len(appended), len(settled), len(pending))
}

// TestSecondProcess is refused while the first lives, and let in by its kill.
func TestSecondProcess(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "journal")
	cmd, lines := startVictim(t, dir, victimEnv+"_HOLD=1")
	defer func() { _ = cmd.Wait() }()
	defer func() { _ = cmd.Process.Kill() }()
	if !lines.Scan() || lines.Text() != "open" {
		t.Fatalf("the other process said %q", lines.Text())
	}
	_, err := openVictim(dir)
	if !errors.Is(err, ErrLocked) || !strings.Contains(err.Error(), dir) || !strings.Contains(err.Error(), strconv.Itoa(cmd.Process.Pid)) {
		t.Errorf("got %v", err)
	}
	if _, err := Inspect(dir, nil); err != nil {
		t.Errorf("inspect beside it: %v", err)
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	d, err := openVictim(dir)
	if err != nil {
		t.Fatal(err)
	}
	_ = d.Close()
}
