package sink

import (
	"bufio"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// scrape reads the figures of rows, by name, as Prometheus would.
func (b *bundle) scrape(address string) map[string]uint64 {
	b.t.Helper()
	answer, err := http.Get("http://" + address + "/metrics")
	if err != nil {
		b.t.Fatal(err)
	}
	defer answer.Body.Close()
	defer http.DefaultClient.CloseIdleConnections()
	figures := map[string]uint64{}
	for lines := bufio.NewScanner(answer.Body); lines.Scan(); {
		if line := lines.Text(); strings.HasPrefix(line, "ekuiper_mysql_rows_") {
			name, rest, _ := strings.Cut(line, "{")
			labels, value, _ := strings.Cut(rest, "} ")
			if labels != `rule="ru\"le",op="op",instance="0",table="t",server="`+server.Addr()+"/"+b.database+`",queue="disk"` {
				b.t.Errorf("labels %s", labels)
			}
			n, err := strconv.ParseFloat(value, 64)
			if err != nil {
				b.t.Errorf("%s: %v", line, err)
			}
			figures[strings.TrimPrefix(name, "ekuiper_mysql_rows_")] = uint64(n)
		}
	}
	return figures
}

var served = regexp.MustCompile(`metrics are at http://(\S+)/metrics`)

func (b *bundle) servedAt() string {
	b.t.Helper()
	await(b.t, b.log.saying("metrics are at"), "the log to say where the metrics are")
	return served.FindStringSubmatch(b.log.String())[1]
}

// TestMetricsAddUpAtEveryMoment: while rows come and are written, and when the
// plugin has restarted.
func TestMetricsAddUpAtEveryMoment(t *testing.T) {
	b := newBundle(t, keyless)
	const rule = `ru"le`
	for restart := range 2 {
		b.outboxes.ServeMetrics("127.0.0.1:0")
		s := b.openRule(rule, b.props("", "t"))
		address := b.servedAt()
		for i := range 50 {
			b.collect(s, numbered(20*i, 20*i+20), fmt.Sprintf(`{"id":"wrong %d"}`, i))
			f := b.scrape(address)
			if f["received_total"] != f["stored_total"]+f["superseded_total"]+f["set_aside_total"]+f["dropped_total"]+f["lost_total"]+f["pending"] {
				t.Fatalf("the sums are wrong: %v", f)
			}
		}
		b.settle(s)
		rows := uint64(1000 * (restart + 1))
		if f := b.scrape(address); f["received_total"] != rows+rows/20 || f["stored_total"] != rows || f["set_aside_total"] != rows/20 || f["pending"] != 0 {
			t.Errorf("after %d restarts %v", restart, f)
		}
		if err := s.Close(b.context(rule)); err != nil {
			t.Fatal(err)
		}
		if f := b.scrape(address); len(f) != 0 {
			t.Errorf("the rule has stopped, but %v", f)
		}
		b.outboxes.Close()
		b.outboxes, b.log = b.newOutboxes(), &logLines{}
	}
}

func TestMetricsAtABadAddressAreToldOnce(t *testing.T) {
	b := newBundle(t, keyless)
	b.outboxes.ServeMetrics("no such host:port")
	s := b.open(b.props("", "t"))
	await(t, b.log.saying("EKUIPER_MYSQL_METRICS is to be a free host:port"), "the log to say what the address may be")
	b.collect(s, numbered(0, 10))
	b.settle(s)
	b.wantRows("SELECT COUNT(*) FROM t", "10")
}
