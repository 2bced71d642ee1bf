package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/lf-edge/ekuiper/sdk/go/fakehost"
)

// row is a row of the table whose values are compared, as JSON and as text of
// the database.
func row(id int) (sent string, stored [6]string) {
	at := time.Date(2026, 2, 28, 23, 59, 58, 0, time.UTC).Add(time.Duration(id) * 37 * time.Second)
	big := uint64(1)<<63 + uint64(id)
	name := fmt.Sprintf("Nº %d \"quoted\" 水", id)
	text, _ := json.Marshal(name)
	sent = fmt.Sprintf(`{"id":%d,"x":%g,"name":%s,"at":%q,"big":%d,"price":-%d.000125}`,
		id, float64(id)/8, text, at.Format("2006-01-02 15:04:05.000"), big, id)
	return sent, [6]string{
		fmt.Sprint(id), fmt.Sprintf("%g", float64(id)/8), name, at.Format("2006-01-02 15:04:05.000"), fmt.Sprint(big), fmt.Sprintf("-%d.000125", id),
	}
}

// rows is a message of some rows from first on.
func rows(first, n int) []byte {
	var all []string
	for id := first; id < first+n; id++ {
		sent, _ := row(id)
		all = append(all, sent)
	}
	return []byte("[" + strings.Join(all, ",") + "]")
}

// rule: rows in messages of any size, each acknowledged, the worker killed with
// a message on its way; then the table holds what was sent, each row once.
func (s *stage) rule() (string, error) {
	const kills, wanted = 5, 600
	err := s.exec("CREATE TABLE " + s.database + ".kept (id BIGINT PRIMARY KEY, x DOUBLE, name VARCHAR(60), at DATETIME(3), big BIGINT UNSIGNED, price DECIMAL(20,6)) CHARACTER SET utf8mb4")
	if err != nil {
		return "", err
	}
	began := time.Now()
	rule, err := s.open("kept", map[string]any{"table": "kept", "requireAck": true, "resendInterval": 100})
	if err != nil {
		return "", err
	}
	killed := 0
	for first, n := 1, 1; first <= wanted; first, n = first+n, n%7+1 {
		n = min(n, wanted+1-first)
		message := rows(first, n)
		if first > (killed+1)*wanted/(kills+1) {
			// Taken or not, no answer counts.
			if err := rule.Send(message); err != nil {
				return "", err
			}
			if _, err := s.replaceWorker(); err != nil {
				return "", err
			}
			killed++
			settle(rule)
		}
		if err := s.deliver(rule, message); err != nil {
			return "", fmt.Errorf("row %d: %w", first, err)
		}
	}
	if err := s.count("SELECT COUNT(*) FROM "+s.database+".kept", wanted); err != nil {
		return "", err
	}
	took := time.Since(began)
	if err := s.compare(wanted); err != nil {
		return "", err
	}
	return fmt.Sprintf("%d rows, %d kills, read back equal (%.1f s)", wanted, killed, took.Seconds()), rule.Close()
}

// compare reads the table back.
func (s *stage) compare(wanted int) error {
	found, err := s.db.Query("SELECT CAST(id AS CHAR), CAST(x AS CHAR), name, CAST(at AS CHAR), CAST(big AS CHAR), CAST(price AS CHAR) FROM " + s.database + ".kept ORDER BY id")
	if err != nil {
		return err
	}
	defer found.Close()
	id := 0
	for found.Next() {
		id++
		var got [6]string
		if err := found.Scan(&got[0], &got[1], &got[2], &got[3], &got[4], &got[5]); err != nil {
			return err
		}
		if _, want := row(id); got != want {
			return fmt.Errorf("row %d is %q, want %q", id, got, want)
		}
	}
	if id != wanted {
		return fmt.Errorf("%d rows are read back, want %d", id, wanted)
	}
	return found.Err()
}

// exactlyOnce: the table has no key, and the worker is killed whenever the
// journal has what was sent and the database perhaps not.
func (s *stage) exactlyOnce() (string, error) {
	const bursts, burst, size = 4, 40, 25
	if err := s.exec("CREATE TABLE " + s.database + ".once (id BIGINT)"); err != nil {
		return "", err
	}
	rule, err := s.open("once", map[string]any{"table": "once", "delivery": "exactlyOnce"})
	if err != nil {
		return "", err
	}
	id := 0
	for range bursts {
		for range burst {
			var message bytes.Buffer
			for range size {
				id++
				fmt.Fprintf(&message, `{"id":%d}`, id)
			}
			if err := rule.Send(message.Bytes()); err != nil {
				return "", err
			}
		}
		if err := s.received("once", id); err != nil {
			return "", err
		}
		if _, err := s.replaceWorker(); err != nil {
			return "", err
		}
	}
	if err := s.count("SELECT COUNT(*) FROM "+s.database+".once", id); err != nil {
		return "", err
	}
	if err := rule.Close(); err != nil {
		return "", err
	}
	// Nothing comes after that: the rows are all there, and each once.
	if err := s.count("SELECT COUNT(DISTINCT id) FROM "+s.database+".once", id); err != nil {
		return "", err
	}
	if err := s.count("SELECT COUNT(*) FROM "+s.database+".once", id); err != nil {
		return "", err
	}
	return fmt.Sprintf("%d rows, %d kills, no key, no row twice", id, bursts), nil
}

// received waits until the journal has so many rows.
func (s *stage) received(rule string, want int) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(s.limit); ; <-tick.C {
		l, err := s.journalOf(rule)
		if err != nil {
			return err
		}
		if l.Received == want {
			return nil
		}
		if l.Received > want || time.Now().After(end) {
			return fmt.Errorf("the journal of rule %s has received %d rows, want %d", rule, l.Received, want)
		}
	}
}

// refused: rows that the table does not take are kept with the reason.
func (s *stage) refused() (string, error) {
	if err := s.exec("CREATE TABLE " + s.database + ".strict (id INT PRIMARY KEY)"); err != nil {
		return "", err
	}
	rule, err := s.open("strict", map[string]any{"table": "strict", "requireAck": true})
	if err != nil {
		return "", err
	}
	for id := range 20 {
		if err := s.deliver(rule, fmt.Appendf(nil, `[{"id":%d},{"id":"wrong %d"}]`, id, id)); err != nil {
			return "", err
		}
	}
	if err := s.count("SELECT COUNT(*) FROM "+s.database+".strict", 20); err != nil {
		return "", err
	}
	if err := rule.Close(); err != nil {
		return "", err
	}
	out, err := s.command("deadletters", "export")
	if err != nil {
		return "", err
	}
	if n := strings.Count(out, "wrong "); n < 20 {
		return "", fmt.Errorf("mysql deadletters export shows %d of 20 rows:\n%s", n, out)
	}
	return "20 kept with their reasons, 20 stored", nil
}

// source: rows of the source random, as many as it was asked for.
func (s *stage) source() (string, error) {
	const wanted = 200
	control := fakehost.Source("random", "random", map[string]any{"count": wanted, "rate": "max", "randomSeed": 7})
	occupy(fmt.Sprintf("ipc:///tmp/%s_%s_0.ipc", control.Meta.RuleID, control.Meta.OpID))
	source, err := s.host.OpenSource(control)
	if err != nil {
		return "", err
	}
	for n := range wanted {
		got, err := source.Read(s.limit)
		if err != nil {
			return "", fmt.Errorf("row %d: %w", n+1, err)
		}
		if got.Message["id"] == nil {
			return "", fmt.Errorf("row %d has no id: %v", n+1, got.Message)
		}
	}
	return fmt.Sprintf("%d rows", wanted), source.Close()
}

// journal: the database is away, supervisor and worker are killed, and the
// command line finds, verifies and delivers what was accepted.
func (s *stage) journal() (string, error) {
	const wanted = 300
	if err := s.exec("CREATE TABLE " + s.database + ".later (id BIGINT PRIMARY KEY)"); err != nil {
		return "", err
	}
	rule, err := s.open("later", map[string]any{"table": "later", "requireAck": true, "url": "root@tcp(127.0.0.1:1)/" + s.database})
	if err != nil {
		return "", err
	}
	for id := range wanted {
		if err := s.deliver(rule, fmt.Appendf(nil, `[{"id":%d}]`, id)); err != nil {
			return "", err
		}
	}
	if err := s.plugin.KillPlugin(); err != nil {
		return "", err
	}
	_ = rule.Disconnect()
	if l, err := s.journalOf("later"); err != nil || l.Pending != wanted || l.Received != wanted {
		return "", fmt.Errorf("after the kill the journal has %+v, want %d rows pending: %w", l, wanted, err)
	}
	if _, err := s.command("journal", "verify"); err != nil {
		return "", err
	}
	action, err := json.Marshal(map[string]any{"mysql": map[string]any{"url": "root@tcp(" + s.address + ")/" + s.database, "table": "later"}})
	file := filepath.Join(s.data, "action.json")
	if err = errors.Join(err, os.WriteFile(file, action, 0o600)); err != nil {
		return "", err
	}
	if _, err := s.command("journal", "drain", "later", "--props", file); err != nil {
		return "", err
	}
	if err := s.count("SELECT COUNT(*) FROM "+s.database+".later", wanted); err != nil {
		return "", err
	}
	if err := s.launch(); err != nil {
		return "", err
	}
	return fmt.Sprintf("%d rows outlive a kill; listed, verified, drained", wanted), rule.Close()
}
