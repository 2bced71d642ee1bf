package sink

import (
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"

	"ekuiper-mysql/test/proxy"
)

// TestMetricsOfARuleThatMoves: what it left for a server that is away is still
// shown beside what it writes to another, and is when it comes back.
func TestMetricsOfARuleThatMoves(t *testing.T) {
	b := newBundle(t, keyless)
	way := proxy.Start(t, server.Addr())
	way.BlackHole()
	at := func(address string) *Sink { return b.open(b.props(address, "t")) }
	shows := func(when string, pending map[string]int) {
		t.Helper()
		w := httptest.NewRecorder()
		b.outboxes.page.ServeHTTP(w, nil)
		for address, n := range pending {
			line := fmt.Sprintf("ekuiper_mysql_rows_pending{rule=\"rule\",op=\"op\",instance=\"0\",table=\"t\",server=%q,queue=\"disk\"} %d\n", address+"/"+b.database, n)
			if !strings.Contains(w.Body.String(), line) {
				t.Errorf("%s, %s is missing", when, strings.TrimSpace(line))
			}
		}
		if n := strings.Count(w.Body.String(), "\nekuiper_mysql_rows_pending{"); n != len(pending) {
			t.Errorf("%s, %d actions are shown", when, n)
		}
	}
	s := at(way.Addr())
	b.collect(s, numbered(0, 10))
	if err := s.Close(b.context("rule")); err != nil {
		t.Fatal(err)
	}
	s = at("")
	b.collect(s, numbered(10, 30))
	b.settle(s)
	shows("moved", map[string]int{way.Addr(): 10, server.Addr(): 0})
	if err := s.Close(b.context("rule")); err != nil {
		t.Fatal(err)
	}
	s = at(way.Addr())
	shows("back", map[string]int{way.Addr(): 10})
	way.Pass()
	b.settle(s)
	shows("written", map[string]int{way.Addr(): 0})
}
