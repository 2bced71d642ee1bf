package command

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"ekuiper-mysql/mysql/internal/deadletter"
)

// letters makes a folder with letters in it; its store stays open, as a
// running plugin's does.
func letters(t *testing.T, all ...deadletter.Letter) (data string, store *deadletter.Store) {
	t.Helper()
	data = t.TempDir()
	s, err := deadletter.Open(deadletter.Options{Dir: filepath.Join(data, lettersFolder)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	for _, l := range all {
		if err := s.Put(context.Background(), l); err != nil {
			t.Fatal(err)
		}
	}
	return data, s
}

var day = time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC)

func some() []deadletter.Letter {
	return []deadletter.Letter{
		{Time: day, Rule: "demo", Op: "op", Table: "t", Column: "a", Number: 1406, SQLState: "22001", Class: "row", Text: "Data too long for column 'a' at row 1", Place: deadletter.Place{Journal: "j", Record: 7, Row: 2}, Raw: []byte(`{"a":"<x>"}`)},
		{Time: day.Add(time.Hour), Rule: "demo", Table: "t", Number: 1062, Text: "Duplicate entry", Raw: []byte(`{"a":1}`)},
		{Time: day.Add(2 * time.Hour), Rule: "other\x1b[31m", Table: "u", Text: "not a row", Raw: []byte("\xff\x00")},
	}
}

// terminal is a person's answer.
type terminal struct {
	io.Reader
	mode os.FileMode
}

func (c terminal) Stat() (os.FileInfo, error) { return terminalInfo{mode: c.mode}, nil }

type terminalInfo struct {
	os.FileInfo
	mode os.FileMode
}

func (i terminalInfo) Mode() os.FileMode { return i.mode }

func answer(text string) terminal { return terminal{strings.NewReader(text), os.ModeCharDevice} }

// run carries out a command line of deadletters as Run does.
func run(t *testing.T, data string, in letterInput, args ...string) (out, errs string, code int) {
	t.Helper()
	return runLine(t, data, in, append([]string{"deadletters"}, args...))
}

// runJournal carries out a command line of journal as Run does.
func runJournal(t *testing.T, data string, in letterInput, args ...string) (out, errs string, code int) {
	t.Helper()
	return runLine(t, data, in, append([]string{"journal"}, args...))
}

func runLine(t *testing.T, data string, in letterInput, args []string) (out, errs string, code int) {
	t.Helper()
	dataDir := func() (string, error) {
		if data == "" {
			return "", errors.New("the data folder is not known: set KuiperBaseKey")
		}
		return data, nil
	}
	line := commandLine{Journal: journalCommand{dataDir: dataDir, stdin: in}, DeadLetters: deadLettersCommand{dataDir: dataDir, stdin: in}}
	var stdout, stderr bytes.Buffer
	code = execute(&line, args, &stdout, &stderr)
	return stdout.String(), stderr.String(), code
}

func TestDeadLetters(t *testing.T) {
	time.Local = time.UTC
	for _, c := range []struct {
		args string
		out  []string // lines, in parts
		not  string   // in no line
		errs string
		code int
	}{
		{args: "list", out: []string{"ID  TIME", "1  2026-11-20 10:00:00  demo              t                 a                  1406  Data too long", "1062  Duplicate entry", "other\u00b7[31m"}},
		{args: "list --error 1062,0 --table u", out: []string{"ID", "not a row"}},
		{args: "list --since 2026-11-20T10:30:00Z --until 2026-11-20T11:30:00Z", out: []string{"ID", "Duplicate entry"}},
		{args: "list --limit 1", out: []string{"ID", "Data too long"}, errs: "more than these 1"},
		{args: "list --rule absent"},
		{args: "list --json --rule demo", out: []string{`{"id":1,"time":"2026-11-20T10:00:00Z","rule":"demo","op":"op","instance":0,"table":"t","column":"a","error":1406`, `"error":1062`}, not: "row\":"},
		{args: "count", out: []string{"RULE", "demo                       1062           1               7", "1406", "other\u00b7[31m", "all                                       3              20"}},
		{args: "count --json --rule demo", out: []string{`[{"rule":"demo","error":1062,"letters":1,"bytes":7,"first":"2026-11-20T11:00:00Z","last":"2026-11-20T11:00:00Z"},{"rule":"demo","error":1406`}},
		{args: "count --json --rule absent", out: []string{"[]"}},
		{args: "show 1", out: []string{"id        1", "time      2026-11-20T10:00:00Z", "rule      demo", "op        op, instance 0", "table     t", "column    a", "error     1406", "sqlstate  22001", "class     row", "reason    Data", "place     journal j, record 7, row 2", "bytes     11", `row       {"a":"<x>"}`, ""}},
		{args: "show 3 --json", out: []string{`"rowBase64":"/wA="`}},
		{args: "show 3 --raw", out: []string{"\xff\x00"}},
		{args: "show 3 --raw --json", errs: "can't be used together", code: exitUsage},
		{args: "show 9", errs: "no such dead letter: 9", code: 1},
		{args: "show", errs: "expected \"<id> ...\"", code: exitUsage},
		{args: "export --rule demo", out: []string{`"bytes":11,"row":"{\"a\":\"<x>\"}"}`, `"row":"{\"a\":1}"}`}, errs: "2 exported"},
		{args: "list --since tomorrow", errs: "\"tomorrow\" is no time: use 24h, 7d", code: exitUsage},
		{args: "list --error x", errs: "--error", code: exitUsage},
		{args: "list --rule=", errs: "--rule: it is empty", code: exitUsage},
		{args: "purge --yes --rule=", errs: "--rule: it is empty", code: exitUsage},
		{args: "purge --yes --table=", errs: "--table: it is empty", code: exitUsage},
		{args: "purge --yes --error=", errs: `--error: "" is no number of an error: use 0 to 65535`, code: exitUsage},
		{args: "list --error 65536", errs: `"65536" is no number of an error`, code: exitUsage},
		{args: "list --error 1062 --error 0 --table u", out: []string{"ID", "not a row"}},
		{args: "list --limit=-1", errs: "--limit: -1; allowed", code: exitUsage},
		{args: "list --dir /absent/folder", errs: "no dead letters there", code: 1},
		{args: "purge", errs: "say --yes", code: exitUsage},
		{args: "purge --rule absent", out: []string{"0 removed"}},
		{args: "list --help", out: nil, not: "panic"},
	} {
		t.Run(c.args, func(t *testing.T) {
			data, _ := letters(t, some()...)
			out, errs, code := run(t, data, terminal{strings.NewReader("y\n"), 0}, strings.Fields(c.args)...)
			if code != c.code || !strings.Contains(errs, c.errs) || c.errs == "" && errs != "" {
				t.Errorf("code %d, errors %q", code, errs)
			}
			if c.not != "" {
				if strings.Contains(out, c.not) {
					t.Errorf("output %q", out)
				}
				if c.out == nil {
					return
				}
			}
			got := strings.Split(strings.TrimSuffix(out, "\n"), "\n")
			if out == "" {
				got = nil
			}
			if len(got) != len(c.out) {
				t.Fatalf("output:\n%s", out)
			}
			for i := range got {
				if !strings.Contains(got[i], c.out[i]) {
					t.Errorf("line %d is %q, want %q in it", i, got[i], c.out[i])
				}
			}
		})
	}
}

func TestDeadLettersHelpHasExamples(t *testing.T) {
	for _, sub := range []string{"", "list", "count", "show", "export", "purge"} {
		out, _, code := run(t, "", nil, strings.Fields(sub+" --help")...)
		if code != 0 || !strings.Contains(out, "mysql deadletters "+sub) || !strings.Contains(out, "Examples:") {
			t.Errorf("%s: code %d\n%s", sub, code, out)
		}
	}
}

func TestDeadLettersFolder(t *testing.T) {
	data, _ := letters(t, some()...)
	if out, _, code := run(t, "", nil, "list", "--dir", filepath.Join(data, lettersFolder)); code != 0 || strings.Count(out, "\n") != 4 {
		t.Errorf("--dir: code %d\n%s", code, out)
	}
	if _, errs, code := run(t, "", nil, "list"); code != exitUsage || !strings.Contains(errs, "set KuiperBaseKey; or name the folder of the dead letters with --dir") {
		t.Errorf("no folder known: code %d, %s", code, errs)
	}
	file := filepath.Join(data, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, errs, code := run(t, "", nil, "list", "--dir", file); code != 1 || !strings.Contains(errs, "is not a folder") {
		t.Errorf("a file: code %d, %s", code, errs)
	}
}

func TestExportIntoAFile(t *testing.T) {
	data, _ := letters(t, some()...)
	file := filepath.Join(data, "out.jsonl")
	if _, errs, code := run(t, data, nil, "export", "-o", file); code != 0 {
		t.Fatal(errs)
	}
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	d := json.NewDecoder(bytes.NewReader(b))
	for i, want := range some() {
		var got jsonLetter
		if err := d.Decode(&got); err != nil {
			t.Fatal(err)
		}
		raw := got.RowBase64
		if got.Row != nil {
			raw = []byte(*got.Row)
		}
		if got.ID != uint64(i+1) || !bytes.Equal(raw, want.Raw) || !got.Time.Equal(want.Time) || got.Rule != want.Rule || got.Error != want.Number {
			t.Errorf("%+v", got)
		}
	}
	if info, err := os.Stat(file); err != nil || os.PathSeparator == '/' && info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	if _, errs, code := run(t, data, nil, "export", "-o", file); code != 1 || !strings.Contains(errs, "export: ") {
		t.Errorf("over a file that is there: code %d, %s", code, errs)
	}
}

func TestPurge(t *testing.T) {
	for _, c := range []struct {
		name string
		in   letterInput
		args string
		left []uint64
		out  string
		errs string
		code int
	}{
		{"a person agrees", answer("Y\n"), "purge", nil, "3 removed\n", "Remove 3 dead letters from ", 0},
		{"a person does not", answer("\n"), "purge", []uint64{1, 2, 3}, "", "nothing was removed", 1},
		{"the null device", answer(""), "purge", []uint64{1, 2, 3}, "", "nobody is there to ask", exitUsage},
		{"a pipe", terminal{strings.NewReader("y\n"), os.ModeNamedPipe}, "purge", []uint64{1, 2, 3}, "", "say --yes", exitUsage},
		{"without a question", nil, "purge --yes --error 1062", []uint64{1, 3}, "1 removed\n", "", 0},
		{"ids", nil, "purge 1 3 99 -y --json", []uint64{2}, "{\"removed\":2}\n", "", 0},
		{"ids and a filter", nil, "purge 1 3 -y --rule demo", []uint64{2, 3}, "1 removed\n", "", 0},
		{"nothing is chosen", nil, "purge --table absent", []uint64{1, 2, 3}, "0 removed\n", "", 0},
	} {
		for _, running := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, plugin running %v", c.name, running), func(t *testing.T) {
				data, store := letters(t, some()...)
				if !running {
					if err := store.Close(); err != nil {
						t.Fatal(err)
					}
				}
				in := c.in
				if a, ok := in.(terminal); ok {
					text, _ := io.ReadAll(a.Reader)
					in = terminal{bytes.NewReader(text), a.mode}
					t.Cleanup(func() { a.Reader.(*strings.Reader).Reset(string(text)) })
				}
				out, errs, code := run(t, data, in, strings.Fields(c.args)...)
				if out != c.out || !strings.Contains(errs, c.errs) || code != c.code {
					t.Errorf("code %d, %q, %q", code, out, errs)
				}
				var left []uint64
				for l, err := range deadletter.NewReader(filepath.Join(data, lettersFolder), nil).Letters(deadletter.Filter{}) {
					if err != nil {
						t.Fatal(err)
					}
					left = append(left, l.ID)
				}
				if !slices.Equal(left, c.left) {
					t.Errorf("left are %v, want %v", left, c.left)
				}
			})
		}
	}
}

// TestExportOfDamagedLetters: who exports before a purge is to know that it is not all.
func TestExportOfDamagedLetters(t *testing.T) {
	data, store := letters(t, some()...)
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(data, lettersFolder, "*.letters"))
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	b, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	b[bytes.Index(b, []byte(`{"a":1}`))] ^= 1
	if err := os.WriteFile(files[0], b, 0o600); err != nil {
		t.Fatal(err)
	}
	out, errs, code := run(t, data, nil, "export", "--json")
	if code != exitFailed || strings.Count(out, "\n") != 2 || !strings.Contains(errs, `{"damaged":1,"exported":2}`) || !strings.Contains(errs, "1 damaged pieces of files are not exported") {
		t.Errorf("code %d, %s%s", code, out, errs)
	}
}

// hesitant is a person who takes a while to say yes.
type hesitant struct{ meanwhile func() }

func (h hesitant) Read(b []byte) (int, error) {
	h.meanwhile()
	return copy(b, "y\n"), nil
}

// TestPurgeTakesWhatWasAskedOf: letters that come while the person thinks stay.
func TestPurgeTakesWhatWasAskedOf(t *testing.T) {
	data, store := letters(t, some()...)
	in := terminal{hesitant{func() {
		if err := store.Put(t.Context(), deadletter.Letter{Rule: "demo", Raw: []byte("new")}); err != nil {
			t.Error(err)
		}
	}}, os.ModeCharDevice}
	out, errs, code := run(t, data, in, "purge", "--rule", "demo")
	if out != "2 removed\n" || !strings.Contains(errs, "Remove 2 dead letters from ") || code != 0 {
		t.Errorf("code %d, %q, %q", code, out, errs)
	}
	if l, err := store.Get(4); err != nil || string(l.Raw) != "new" {
		t.Errorf("%+v, %v", l, err)
	}
}

func TestTextIsMadeSafeForATerminal(t *testing.T) {
	if got := printable("a\x1b[2J\nb\u202e\xffü"); got != "a·[2J·b··ü" {
		t.Errorf("%q", got)
	}
	if got := fit("abcdef", 4); got != "abc…" {
		t.Errorf("%q", got)
	}
}
