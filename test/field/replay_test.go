package field

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"ekuiper-mysql/test/ekuiper"
)

// recorded is a line of the file that is replayed.
type recorded struct {
	ID   int64   `json:"id"`
	Big  int64   `json:"big"`
	Name *string `json:"name"`
	X    float64 `json:"x"`
	OK   bool    `json:"ok"`
}

// record is the line number n, with what is hard to carry: numbers beyond what
// a float holds, quotes, other scripts, nulls.
func record(n int) recorded {
	r := recorded{ID: int64(n), Big: 1<<53 + int64(n), X: float64(n)*0.1 - 70, OK: n%3 == 0}
	if n%5 != 0 {
		name := []string{"it's", `back\slash`, `"quoted", and more`, "漢字 <b>&", "tab\tline\nend", "🙂", ""}[n%7] + strconv.Itoa(n)
		r.Name = &name
	}
	return r
}

// TestReplayedFile: eKuiper replays a file of JSON lines, one a millisecond,
// and the worker is killed in the middle. The table equals the file.
func TestReplayedFile(t *testing.T) {
	t.Parallel()
	const lines = 3_000
	s := installed(t, "CREATE TABLE replay (id BIGINT NOT NULL, big BIGINT, name VARCHAR(60) COLLATE utf8mb4_bin, x DOUBLE, ok BOOLEAN) CHARACTER SET utf8mb4")
	path := filepath.Join(s.host.Base, "data", "record.jsonl")
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	for n := 1; n <= lines; n++ {
		s.must(encoder.Encode(record(n)))
	}
	s.must(os.WriteFile(path, text.Bytes(), 0o600))
	s.must(s.host.PutSourceConfig("file", "record", map[string]any{"fileType": "lines", "path": filepath.Dir(path), "interval": 0, "sendInterval": 1}))
	// With types the whole numbers stay whole.
	s.must(s.host.CreateStream(`CREATE STREAM record (id BIGINT, big BIGINT, name STRING, x FLOAT, ok BOOLEAN) WITH (TYPE="file", DATASOURCE="record.jsonl", FORMAT="json", CONF_KEY="record")`))
	s.rule("replay", "SELECT * FROM record", map[string]any{"table": "replay", "delivery": "exactlyOnce", "requireAck": true, "resendInterval": 20})
	s.received("replay", lines/3)
	s.must(s.host.KillWorker("mysql"))
	s.settled("replay", lines)

	file, err := os.Open(path)
	s.must(err)
	defer file.Close()
	rows := s.rows("SELECT id, big, name, x, ok FROM replay ORDER BY id")
	n := 0
	for scanner := bufio.NewScanner(file); scanner.Scan(); n++ {
		var want recorded
		s.must(json.Unmarshal(scanner.Bytes(), &want))
		name := "-"
		if want.Name != nil {
			name = *want.Name
		}
		if n >= len(rows) {
			break
		}
		x, err := strconv.ParseFloat(rows[n][3], 64)
		s.must(err)
		ok := map[bool]string{false: "0", true: "1"}[want.OK]
		if row := rows[n]; row[0] != itoa(want.ID) || row[1] != itoa(want.Big) || row[2] != name || x != want.X || row[4] != ok {
			t.Fatalf("line %d is %s; the row is %q", n+1, scanner.Bytes(), row)
		}
	}
	if n != lines || len(rows) != lines {
		t.Errorf("%d rows for the %d lines of the file", len(rows), lines)
	}
	// The file has an end, and so has the rule; what it had handed over is stored all the same.
	status, err := s.host.WaitRule("replay", limit, func(r ekuiper.RuleStatus) bool { return strings.HasPrefix(r.State(), "stopped") })
	s.must(err)
	t.Log("after the last line the rule is", status.State())
	if got := fmt.Sprint(s.account("replay").SetAside); got != "0" {
		t.Errorf("%s rows were refused", got)
	}
}
