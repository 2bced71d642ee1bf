//go:build linux

package main

import (
	"fmt"
	"maps"

	"ekuiper-mysql/test/ekuiper"
)

const columns = "id BIGINT NOT NULL, name VARCHAR(50), x DOUBLE"

// rule is one rule with its tables. Its rows come from the plugin's own
// source, which begins again when the worker dies, or are posted to eKuiper,
// and then it is known how many there must be.
type rule struct {
	name   string
	action map[string]any
	tables map[string]string // columns by name
	fields []any             // of the plugin's source; nil: posted
	rate   int
	pusher *pusher
	// unkeyed tables hold a row for each one that is stored.
	unkeyed bool

	stored, posted int64 // when the tables were empty
}

func rules(s *stage) []*rule {
	sequence := map[string]any{"name": "id", "type": "sequence", "start": 1}
	name := map[string]any{"name": "name", "type": "string", "length": 12}
	x := map[string]any{"name": "x", "type": "float", "max": 1000}
	acks := map[string]any{"requireAck": true, "resendInterval": 50}
	once := map[string]any{"delivery": "exactlyOnce"}
	all := []*rule{
		{name: "acked", rate: 400, unkeyed: true, action: merged(acks, once), tables: map[string]string{"acked": columns}},
		{name: "keyed", rate: 400, unkeyed: true, action: acks, tables: map[string]string{"keyed": columns + ", PRIMARY KEY (id)"}},
		{name: "plain", rate: 600, unkeyed: true, action: once, fields: []any{sequence, name, x}, tables: map[string]string{"plain": columns}},
		{
			name: "faulty", rate: 200, unkeyed: true, action: once, tables: map[string]string{"faulty": "id BIGINT NOT NULL, v TINYINT"},
			fields: []any{sequence, map[string]any{"name": "v", "type": "int", "min": 0, "max": 129}}, // 128 and 129 are too large
		},
		{
			name: "latest", rate: 200, action: map[string]any{"mode": "upsert"}, tables: map[string]string{"latest": columns + ", PRIMARY KEY (id)"},
			fields: []any{map[string]any{"name": "id", "type": "int", "min": 0, "max": 999}, name, x},
		},
		{
			name: "routed", rate: 200, action: map[string]any{"mode": "upsert", "table": "routed_{device}", "allowedTables": []any{"routed_*"}},
			tables: map[string]string{"routed_a": routed, "routed_b": routed, "routed_c": routed},
			fields: []any{sequence, map[string]any{"name": "device", "type": "choice", "values": []any{"a", "b", "c"}}, x},
		},
	}
	for _, r := range all {
		if r.fields == nil {
			r.pusher = newPusher("http://"+s.push+"/"+r.name, r.rate)
			s.pushers = append(s.pushers, r.pusher)
		}
	}
	return all
}

const routed = "id BIGINT NOT NULL PRIMARY KEY, device VARCHAR(10), x DOUBLE"

func merged(all ...map[string]any) map[string]any {
	sum := map[string]any{}
	for _, m := range all {
		maps.Copy(sum, m)
	}
	return sum
}

// create makes the rule with its stream and tables.
func (r *rule) create(s *stage) error {
	for table, columns := range r.tables {
		if err := s.server.Exec("CREATE TABLE soak." + table + " (" + columns + ")"); err != nil {
			return err
		}
	}
	if err := r.stream(s); err != nil {
		return err
	}
	return s.host.CreateRule(r.document(s, nil))
}

func (r *rule) stream(s *stage) error {
	if r.fields == nil {
		return s.host.CreateStream(fmt.Sprintf(`CREATE STREAM %s () WITH (TYPE="httppush", DATASOURCE="/%[1]s", FORMAT="json", CONF_KEY="post")`, r.name))
	}
	if err := s.host.PutSourceConfig("randomrows", r.name, map[string]any{"rate": r.rate, "fields": r.fields}); err != nil {
		return err
	}
	return s.host.CreateStream(fmt.Sprintf(`CREATE STREAM %s () WITH (TYPE="randomrows", FORMAT="json", CONF_KEY="%[1]s")`, r.name))
}

// document is the rule's. eKuiper loses nothing of what it can keep.
func (r *rule) document(s *stage, more map[string]any) map[string]any {
	action := merged(map[string]any{"url": "root@tcp(" + s.proxy.Addr() + ")/soak?readTimeout=10s", "table": r.name}, r.action, more)
	return map[string]any{
		"id": r.name, "sql": "SELECT * FROM " + r.name, "actions": []any{map[string]any{"mysql": action}},
		"options": map[string]any{"disableBufferFullDiscard": true, "bufferLength": 100_000},
	}
}

// settled waits until a rule that gets no more rows has nothing pending, and
// has received at least so many.
func (s *stage) settled(name string, received int64) (account, error) {
	var last account
	err := ekuiper.Wait(patience, func() (bool, error) {
		a, _, err := s.account(name)
		last = a
		return a.Pending == 0 && a.Received >= uint64(received), err
	})
	if err != nil {
		return last, fmt.Errorf("rule %s: wait for its rows: %w: %+v", name, err, last)
	}
	return last, nil
}

// endDay lets all rules come to rest, counts every row and empties the tables.
func (s *stage) endDay() error {
	for _, p := range s.pushers {
		p.pause()
	}
	for _, r := range s.rules {
		if r.pusher != nil {
			if _, err := s.settled(r.name, r.pusher.pause()); err != nil {
				return err
			}
		}
		if err := s.host.StopRule(r.name); err != nil {
			return err
		}
	}
	s.deeds.rows, s.deeds.stored, s.deeds.refused = 0, 0, 0
	for _, r := range s.rules {
		if err := r.check(s); err != nil {
			return fmt.Errorf("rule %s: %w", r.name, err)
		}
	}
	if _, err := s.command("deadletters", "purge", "--yes"); err != nil {
		return err
	}
	for _, r := range s.rules {
		for table := range r.tables {
			if err := s.server.Exec("TRUNCATE TABLE soak." + table); err != nil {
				return err
			}
		}
		if err := s.host.StartRule(r.name); err != nil {
			return err
		}
	}
	for _, p := range s.pushers {
		p.resume()
	}
	return nil
}

// check counts the rows of a rule that has come to rest.
func (r *rule) check(s *stage) error {
	a, err := s.settled(r.name, 1)
	if err != nil {
		return err
	}
	s.deeds.rows += a.Received
	s.deeds.stored += a.Stored + a.Superseded
	s.deeds.refused += a.SetAside
	if sum := a.Stored + a.Superseded + a.SetAside; sum != a.Received || a.Dropped != 0 || a.Lost != 0 {
		return fmt.Errorf("the sums do not add up: %+v", a)
	}
	if (a.SetAside > 0) != (r.name == "faulty") {
		return fmt.Errorf("%d rows were refused", a.SetAside)
	}
	if !r.unkeyed {
		return nil
	}
	n, err := s.count("SELECT COUNT(*) FROM soak." + r.name)
	if err != nil {
		return err
	}
	if before := r.stored; n != int64(a.Stored)-before {
		return fmt.Errorf("%d rows in the table, %d were stored", n, int64(a.Stored)-before)
	}
	r.stored = int64(a.Stored)
	if r.pusher == nil {
		return nil
	}
	different, err := s.count("SELECT COUNT(DISTINCT id) FROM soak." + r.name)
	if err != nil {
		return err
	}
	pushed := r.pusher.pause()
	if want := pushed - r.posted; n != want || different != want {
		return fmt.Errorf("%d rows in the table, %d different; %d were posted", n, different, want)
	}
	r.posted = pushed
	return nil
}
