package command

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ekuiper-mysql/mysql/internal/deadletter"
	"ekuiper-mysql/mysql/internal/journal"
	"ekuiper-mysql/test/mariadb"
)

// waiting makes a journal of a rule in data, with messages in it, and returns
// it open, as a running rule has it.
func waiting(t *testing.T, data, rule string, messages ...string) (*journal.Disk, string) {
	t.Helper()
	target := "localhost:3306/d/t"
	name := journal.DirName(rule, "mysql_0", 0, target)
	d, err := journal.Open(journal.Options{
		Dir: filepath.Join(data, journalsFolder, name), Identity: fmt.Sprintf("rule %s, op mysql_0, instance 0, to %s", rule, target),
		MaxBytes: 1 << 20, SyncEvery: time.Hour,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	for _, m := range messages {
		if err := d.Append(context.Background(), []byte(m), strings.Count(m, "{")); err != nil {
			t.Fatal(err)
		}
	}
	return d, name
}

func settleFirst(t *testing.T, d *journal.Disk, fates ...journal.Fate) {
	t.Helper()
	for i, f := range fates {
		d.Settle(f, journal.Span{From: uint64(i), To: uint64(i + 1)})
	}
	if err := d.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestJournalList(t *testing.T) {
	data := t.TempDir()
	open, openName := waiting(t, data, "running", `[{"id":1},{"id":2},{"id":3},{"id":4},{"id":5}]`)
	settleFirst(t, open, journal.Stored, journal.Superseded, journal.SetAside, journal.Dropped)
	left, leftName := waiting(t, data, "gone", `{"id":1}`, `{"id":2}`)
	done, _ := waiting(t, data, "idle")
	for _, d := range []*journal.Disk{left, done} {
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
	}
	out, errs, code := runJournal(t, data, nil, "list")
	for _, want := range []string{openName + " open ", leftName + " orphan 2 ", "STORED SUPERSEDED", "rule running, op mysql_0"} {
		if !strings.Contains(strings.Join(strings.Fields(out), " "), want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	if code != 0 || !strings.Contains(errs, "rows wait in 1 journals that nobody has open") {
		t.Errorf("code %d, %s", code, errs)
	}
	out, errs, code = runJournal(t, data, nil, "list", "--json")
	if code != 0 || errs != "" {
		t.Errorf("code %d, %s", code, errs)
	}
	for line := range strings.Lines(out) {
		var l journalLine
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			t.Fatal(err)
		}
		if l.Folder != openName {
			continue
		}
		if !l.Open || l.Orphan || l.OldestPending == nil || l.PendingBytes == 0 ||
			l.Received != 5 || l.Stored != 1 || l.Superseded != 1 || l.SetAside != 1 || l.Dropped != 1 || l.Pending != 1 {
			t.Errorf("%+v", l)
		}
	}
}

// TestJournalListGoesOn: one that cannot be read, as one of a newer version,
// does not hide the others.
func TestJournalListGoesOn(t *testing.T) {
	data := t.TempDir()
	for _, rule := range []string{"a", "b", "c"} {
		waiting(t, data, rule, `{"id":1}`)
	}
	_, name := waiting(t, data, "of tomorrow", `{"id":1}`)
	states, err := filepath.Glob(filepath.Join(data, journalsFolder, name, "*.state"))
	if err != nil || len(states) == 0 {
		t.Fatal(states, err)
	}
	for _, path := range states {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		if err := os.Mkdir(path, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for _, args := range [][]string{{"list"}, {"list", "--json"}} {
		out, errs, code := runJournal(t, data, nil, args...)
		if code != 1 || strings.Count(out, "rule ") != 3 || !strings.Contains(errs, "mysql: "+name+": ") || !strings.Contains(errs, "1 journals cannot be read") {
			t.Errorf("%v: code %d\n%s\n%s", args, code, out, errs)
		}
	}
	if out, errs, code := runJournal(t, data, nil, "verify"); code != 1 || strings.Count(out, ": whole, ") != 3 || !strings.Contains(errs, "1 journals cannot be read") || strings.Contains(errs, "there is damage") {
		t.Errorf("code %d, %s%s", code, out, errs)
	}
	var line commandLine
	var out, errs bytes.Buffer
	code := execute(&line, []string{"status", "--data", data, "--json"}, &out, &errs)
	var r report
	if err := json.Unmarshal(out.Bytes(), &r); err != nil || code != 1 || len(r.Files.Journals) != 3 || !strings.Contains(errs.String(), name+" cannot be read: ") {
		t.Errorf("code %d, %v: %s\n%s", code, err, out.String(), errs.String())
	}
}

func TestJournalIsNamedByFolderOrRule(t *testing.T) {
	data := t.TempDir()
	_, demo := waiting(t, data, "demo", `{"id":1}`)
	_, second := waiting(t, data, "demo2")
	_, capital := waiting(t, data, "Demo2")
	for _, c := range []struct{ text, want, err string }{
		{demo, demo, ""},
		{demo[:len(demo)-3], demo, ""},
		{"demo", demo, ""}, // the rule's id, although three folders begin with it
		{"demo2", second, ""},
		{"Demo2", capital, ""},
		{"rule demo, op mysql_0, instance 0, to localhost:3306/d/t", demo, ""},
		{"demo2-", "", "may be any of these journals: "},
		{"none", "", `no journal is called "none"`},
		{"", "", "the journal's name is empty"},
	} {
		path, err := journalFolder{}.choose(&journalCommand{dataDir: func() (string, error) { return data, nil }}, c.text)
		got := ""
		if err == nil {
			got = filepath.Base(path)
		}
		if got != c.want || err != nil && (!strings.Contains(err.Error(), c.err) || exitCode(err) != exitUsage) {
			t.Errorf("%s: %q, %v", c.text, got, err)
		}
	}
}

// spoil flips a bit of a message in the one segment of a journal, and returns
// where that begins.
func spoil(t *testing.T, data, name, message string) (at int) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(data, journalsFolder, name, "*.log"))
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	b, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	at = bytes.Index(b, []byte(message))
	b[at] ^= 1
	if err := os.WriteFile(files[0], b, 0o600); err != nil {
		t.Fatal(err)
	}
	return at
}

func TestJournalVerify(t *testing.T) {
	data := t.TempDir()
	whole, _ := waiting(t, data, "whole", `{"id":1}`)
	spoilt, name := waiting(t, data, "spoilt", `{"id":1}`, `{"id":2}`, `{"id":3}`)
	for _, d := range []*journal.Disk{whole, spoilt} {
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if out, errs, code := runJournal(t, data, nil, "verify"); code != 0 || strings.Count(out, ": whole, ") != 2 {
		t.Errorf("code %d, %s%s", code, out, errs)
	}
	at := spoil(t, data, name, `{"id":2}`)
	out, errs, code := runJournal(t, data, nil, "verify")
	for _, want := range []string{name + ": DAMAGED, 2 messages, 3 rows pending", fmt.Sprintf("48 bytes from byte %d on are damaged", at-40), "1 pending rows cannot be read"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	if code != exitFailed || !strings.Contains(errs, "there is damage") || strings.Count(out, ": whole, ") != 1 {
		t.Errorf("code %d, %s", code, errs)
	}
	if out, _, code := runJournal(t, data, nil, "verify", "whole"); code != 0 || strings.Contains(out, "spoilt") {
		t.Errorf("code %d, %s", code, out)
	}
	out, _, code = runJournal(t, data, nil, "verify", "--json", "spoilt")
	var v verified
	if err := json.Unmarshal([]byte(out), &v); err != nil || code != exitFailed || !v.Damaged || v.Unreadable != 1 || len(v.Places) != 1 || v.Places[0].Bytes != 48 {
		t.Errorf("code %d, %+v, %v", code, v, err)
	}
	// What is left can be had, and that something is missing is told.
	out, errs, code = runJournal(t, data, nil, "export", "spoilt")
	if code != exitFailed || strings.Count(out, "\n") != 2 || !strings.Contains(errs, "1 pending rows cannot be read") {
		t.Errorf("code %d, %s%s", code, out, errs)
	}
}

func TestJournalExport(t *testing.T) {
	data := t.TempDir()
	d, _ := waiting(t, data, "demo", `[{"id":1},{"id":2}]`, `{"name":"<é>"}`, "{\"a\":\"\xff\"}", `{"id":`)
	settleFirst(t, d, journal.Stored)
	out, errs, code := runJournal(t, data, nil, "export", "demo")
	var got []string
	for line := range strings.Lines(out) {
		var r pendingRow
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatal(err)
		}
		row := fmt.Sprintf("%q", r.RowBase64)
		if r.Row != nil {
			row = *r.Row
		}
		got = append(got, fmt.Sprint(r.Record, r.Number, " "+row+" ", r.Error != "", time.Since(r.Accepted) < time.Hour))
	}
	want := `0 1 {"id":2} false true|1 2 {"name":"<é>"} false true|2 3 "{\"a\":\"\xff\"}" true true|3 4 {"id": true true`
	if strings.Join(got, "|") != want || code != 0 || !strings.Contains(errs, "4 exported") {
		t.Errorf("code %d, %s\n got %s\nwant %s", code, errs, strings.Join(got, "|"), want)
	}
	file := filepath.Join(data, "rows.jsonl")
	for i := range 2 {
		if _, errs, code := runJournal(t, data, nil, "export", "demo", "-o", file); code != i {
			t.Errorf("code %d, %s", code, errs)
		}
	}
	if b, err := os.ReadFile(file); err != nil || string(b) != out {
		t.Errorf("%q, %v", b, err)
	}
}

func TestJournalPurge(t *testing.T) {
	data := t.TempDir()
	d, name := waiting(t, data, "demo", `{"id":1}`, `{"id":2}`)
	dir := filepath.Join(data, journalsFolder, name)
	there := func() bool { _, err := os.Stat(dir); return err == nil }
	if _, errs, code := runJournal(t, data, nil, "purge", "demo", "--yes"); code != exitFailed || !strings.Contains(errs, "in use") || !there() {
		t.Errorf("in use: code %d, %s", code, errs)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	if _, errs, code := runJournal(t, data, answer("n\n"), "purge", "demo"); code != exitFailed || !strings.Contains(errs, "the 2 rows that wait in it") || !there() {
		t.Errorf("a person does not agree: code %d, %s", code, errs)
	}
	if _, errs, code := runJournal(t, data, answer(""), "purge", "demo"); code != exitUsage || !there() {
		t.Errorf("nobody is there: code %d, %s", code, errs)
	}
	if out, errs, code := runJournal(t, data, nil, "purge", "demo", "--yes", "--json"); code != 0 || out != fmt.Sprintf("{\"folder\":%q,\"thrownAway\":2}\n", name) || there() {
		t.Errorf("code %d, %s%s", code, out, errs)
	}
	if _, _, code := runJournal(t, data, nil, "purge", "demo", "--yes"); code != exitUsage {
		t.Errorf("code %d for what is gone", code)
	}
}

// TestRowsComeBackToATable drains a journal and replays the letters of that,
// by the command line and into a real table.
func TestRowsComeBackToATable(t *testing.T) {
	server := mariadb.Start(t)
	const password = "p@ss:w/o?rd"
	for _, step := range []error{
		server.CreateDatabase("d"), server.CreateUser("user", password, "ALL PRIVILEGES ON d.*"),
		server.Exec("CREATE TABLE d.t (id INT PRIMARY KEY, x SMALLINT)"),
	} {
		if step != nil {
			t.Fatal(step)
		}
	}
	data := t.TempDir()
	d, name := waiting(t, data, "demo", `[{"id":1,"x":1},{"id":2,"x":70000}]`, `[{"id":3,"x":"z"},{"id":4,"x":4}]`)
	url := fmt.Sprintf("user:%s@tcp(%s)/d", password, server.Addr())
	props := write(t, fmt.Sprintf(`{"mysql":{"url":%q,"table":"t","sendSingle":true}}`, url))
	count := func() (n int) {
		if err := server.DB().QueryRow("SELECT COUNT(*) FROM d.t").Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	check := func(out, errs string, code, wantCode int, parts ...string) {
		t.Helper()
		if code != wantCode {
			t.Errorf("code %d, want %d: %s%s", code, wantCode, out, errs)
		}
		for _, p := range parts {
			if !strings.Contains(out+errs, p) {
				t.Errorf("no %q in\n%s%s", p, out, errs)
			}
		}
		if strings.Contains(out+errs, password) {
			t.Errorf("the password is shown: %s%s", out, errs)
		}
	}
	out, errs, code := runJournal(t, data, nil, "drain", "demo", "--props", props)
	check(out, errs, code, exitFailed, "in use")
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	out, errs, code = runJournal(t, data, nil, "drain", "demo", "--props", props, "--into", "absent")
	check(out, errs, code, exitFailed, "absent")
	out, errs, code = runJournal(t, data, nil, "drain", "demo", "--url", url, "--into", "t")
	check(out, errs, code, exitUsage, "the list of processes")
	out, errs, code = runJournal(t, data, nil, "drain", "demo", "--props", props)
	check(out, errs, code, 0, "2 stored, 2 set aside, 0 pending", "mysql journal purge "+name)
	out, errs, code = runJournal(t, data, nil, "drain", "demo", "--props", props, "--json")
	check(out, errs, code, 0, `{"folder":"`+name+`","stored":0,"superseded":0,"setAside":0,"lost":0,"pending":0}`)
	out, errs, code = runJournal(t, data, nil, "list", "--json")
	check(out, errs, code, 0, `"received":4,"stored":2,"superseded":0,"setAside":2,"dropped":0,"lost":0,"pending":0`)
	if n := count(); n != 2 {
		t.Errorf("%d rows in the table", n)
	}

	if err := server.Exec("CREATE TABLE d.whole (id INT)"); err != nil {
		t.Fatal(err)
	}
	for _, form := range []struct{ flag, want string }{
		{"--verbose", "2 stored, 0 set aside, 1 lost, 0 pending"},
		{"--json", `"stored":2,"superseded":0,"setAside":0,"lost":1,"pending":0}`},
	} {
		d, name := waiting(t, data, "spoilt"+form.flag, `{"id":1}`, `{"id":2}`, `{"id":3}`)
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
		spoil(t, data, name, `{"id":2}`)
		out, errs, code = runJournal(t, data, nil, "drain", name, "--props", props, "--into", "whole", form.flag)
		check(out, errs, code, exitFailed, form.want, "1 rows could not be read any more and are lost")
	}

	letters := filepath.Join(data, lettersFolder)
	store, err := deadletter.Open(deadletter.Options{Dir: letters}) // the plugin runs
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	if err := store.Put(t.Context(), deadletter.Letter{Rule: "demo", Table: "other", Raw: []byte(`{"id":9}`)}); err != nil {
		t.Fatal(err)
	}
	for _, args := range []string{"replay --props " + props, "replay --all --rule demo --props " + props} {
		out, errs, code = run(t, data, nil, strings.Fields(args)...)
		check(out, errs, code, exitUsage, "say which letters")
	}
	if err := server.Exec("ALTER TABLE d.t MODIFY x INT"); err != nil {
		t.Fatal(err)
	}
	lock, err := deadletter.LockReplay(letters)
	if err != nil {
		t.Fatal(err)
	}
	out, errs, code = run(t, data, nil, "replay", "--all", "--props", props)
	check(out, errs, code, exitFailed, "another process replays")
	_ = lock.Close()
	out, errs, code = run(t, data, nil, "replay", "--all", "--props", props)
	check(out, errs, code, exitFailed, "1 stored, 1 refused again and kept, 1 of other tables passed over",
		"letter 2 of rule demo is refused again and stays: column \"x\"", "passed over 1 letters of table other: the action writes to t", "not all")
	t.Setenv(urlVariable, url)
	out, errs, code = run(t, data, nil, "replay", "--rule", "demo", "--json")
	check(out, errs, code, exitFailed, "other", `{"id":2,"rule":"demo","refused":"column \"x\"`, `{"stored":0,"refused":1,"passedOver":0,"damaged":0}`)
	out, errs, code = run(t, data, nil, "replay", "3", "--into", "t")
	check(out, errs, code, 0, "1 stored, 0 refused again and kept\n")
	out, errs, code = run(t, data, nil, "count")
	check(out, errs, code, 0, "all                                       1 ")
	if n := count(); n != 4 {
		t.Errorf("%d rows in the table", n)
	}
}
