package field

import (
	"encoding/json"
	"fmt"
	"strconv"
	"testing"

	"ekuiper-mysql/test/mosquitto"
)

// connected is how often eKuiper has come to a broker.
func (s *site) connected() int { return s.logged("action=mqtt_connection_established") }

// publish publishes the readings from to to with QoS 1. It goes no further
// ahead of rule than eKuiper's buffers reach, so that nothing is lost before
// the plugin.
func (s *site) publish(broker *mosquitto.Broker, rule string, from, to int) {
	s.Helper()
	const ahead = 200
	for from <= to {
		last := min(from+ahead-1, to)
		p, err := broker.Publisher(s.Context(), "plant/readings")
		s.must(err)
		for _, reading := range readings(from, last) {
			message, err := json.Marshal(reading)
			s.must(err)
			s.must(p.Publish(message))
		}
		s.must(p.Close())
		s.received(rule, int64(last))
		from = last + 1
	}
}

// TestMQTT: readings of three devices come by MQTT; one rule stores them, two
// store what windows make of them. The database goes, the broker is killed and
// comes back, the database comes back. Everything is there, once.
func TestMQTT(t *testing.T) {
	t.Parallel()
	broker := mosquitto.Start(t)
	const window, devices = 30, 3
	const windowTable = " (device VARCHAR(20), n BIGINT, first BIGINT, last BIGINT, total DOUBLE, highest DOUBLE)"
	s := installed(t, "CREATE TABLE readings"+readingsTable, "CREATE TABLE windows"+windowTable, "CREATE TABLE seconds"+windowTable)
	once := func(table string) map[string]any { return map[string]any{"table": table, "delivery": "exactlyOnce"} }
	const aggregates = "SELECT device, count(*) AS n, min(id) AS first, max(id) AS last, sum(temp) AS total, max(temp) AS highest FROM plant GROUP BY device, "
	// The stream is made when its first rule is.
	s.must(s.host.PutSourceConfig("mqtt", "plant", map[string]any{"server": "tcp://" + broker.Addr(), "qos": 1}))
	s.must(s.host.CreateStream(`CREATE STREAM plant (id BIGINT, device STRING, temp FLOAT) WITH (TYPE="mqtt", DATASOURCE="plant/+", FORMAT="json", CONF_KEY="plant", SHARED="true")`))
	s.shared("windows", aggregates+"COUNTWINDOW("+strconv.Itoa(window)+")", once("windows"))
	s.shared("seconds", aggregates+"TUMBLINGWINDOW(ss, 1)", once("seconds"))
	s.shared("readings", "SELECT id, device, temp FROM plant", once("readings"))
	for _, rule := range []string{"windows", "seconds", "readings"} {
		s.running(rule)
	}
	s.wait("eKuiper connects to the broker", func() bool { return s.connected() > 0 })
	s.wait("eKuiper subscribes", func() bool { return broker.Subscriptions() > 0 })

	s.publish(broker, "readings", 1, 600)
	s.must(s.server.Kill())
	s.publish(broker, "readings", 601, 1200)
	before, subscribed := s.connected(), broker.Subscriptions()
	s.must(broker.Kill())
	s.must(broker.Restart())
	s.wait("eKuiper comes back to the broker", func() bool { return s.connected() > before && broker.Subscriptions() > subscribed })
	s.publish(broker, "readings", 1201, 1500)
	s.must(s.server.Restart())
	const rows = 1800
	s.publish(broker, "readings", 1501, rows)

	s.settled("readings", rows)
	var want [][]string
	for n := 1; n <= rows; n++ {
		want = append(want, []string{itoa(n), fmt.Sprint("press-", n%devices), float(float64(n) / 4)})
	}
	s.same("SELECT id, device, temp FROM readings ORDER BY id", want)

	s.settled("windows", rows/window*devices)
	want = nil
	for first := 1; first <= rows; first += window {
		for n := first; n < first+devices; n++ {
			last, total := n+window-devices, 0.0
			for id := n; id <= last; id += devices {
				total += float64(id) / 4
			}
			want = append(want, []string{fmt.Sprint("press-", n%devices), itoa(window / devices), itoa(n), itoa(last), float(total), float(float64(last) / 4)})
		}
	}
	s.same("SELECT device, n, first, last, total, highest FROM windows ORDER BY first", want)

	// Where a second ends is the clock's: together they have every reading once.
	s.wait("the last second ends", func() bool { return s.count("SELECT SUM(n) FROM seconds") >= rows })
	s.settled("seconds", 1)
	s.same(`SELECT device, SUM(n), MIN(first), MAX(last), SUM(total) FROM seconds GROUP BY device ORDER BY MIN(first)`, perDevice(rows))
	s.equal("SELECT COUNT(*) FROM seconds WHERE last - first <> (n - 1) * 3 OR ABS(total - (first + last) / 2 * n / 4) > 1e-6 OR highest <> last / 4", 0)
}

// perDevice is what all readings of each device come to.
func perDevice(rows int) (want [][]string) {
	for n := 1; n <= 3; n++ {
		count, last, total := 0, 0, 0.0
		for id := n; id <= rows; id += 3 {
			count, last, total = count+1, id, total+float64(id)/4
		}
		want = append(want, []string{fmt.Sprint("press-", n%3), itoa(count), itoa(n), itoa(last), float(total)})
	}
	return want
}

// float is how the server shows a DOUBLE of few digits.
func float(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }

// TestBrokerKilledInFullFlow: what the broker and eKuiper lose or double then
// is theirs, and every row that the plugin has received is in the table.
func TestBrokerKilledInFullFlow(t *testing.T) {
	t.Parallel()
	broker := mosquitto.Start(t)
	s := installed(t, "CREATE TABLE readings"+readingsTable)
	// A session outlives the connection: the broker keeps what comes meanwhile.
	s.must(s.host.PutSourceConfig("mqtt", "plant", map[string]any{"server": "tcp://" + broker.Addr(), "qos": 1, "clientid": "plant", "enableClientSession": true}))
	s.must(s.host.CreateStream(`CREATE STREAM plant (id BIGINT, device STRING, temp FLOAT) WITH (TYPE="mqtt", DATASOURCE="plant/+", FORMAT="json", CONF_KEY="plant")`))
	s.rule("readings", "SELECT id, device, temp FROM plant", map[string]any{"table": "readings", "delivery": "exactlyOnce", "requireAck": true, "resendInterval": 50})
	s.running("readings")
	s.wait("eKuiper subscribes", func() bool { return broker.Subscriptions() > 0 })
	published := 0
	for range 3 {
		p, err := broker.Publisher(t.Context(), "plant/readings")
		s.must(err)
		sent, first := make(chan int), published+1
		go func() { // until the client ends with its broker, or has told enough
			n := 0
			defer func() { sent <- n }()
			for ; n < 20_000; n++ {
				if p.Publish(fmt.Appendf(nil, `{"id":%d,"device":"press","temp":1}`, first+n)) != nil {
					return
				}
			}
		}()
		s.received("readings", int64(published+1))
		before := s.connected()
		s.must(broker.Kill())
		s.must(broker.Restart())
		published += <-sent
		_ = p.Close() // says that its broker was gone, or that it came back to it
		s.wait("eKuiper comes back to the broker", func() bool { return s.connected() > before })
	}
	// A message of its own after all others: when it is there, they are.
	last := published + 1_000_000
	p, err := broker.Publisher(t.Context(), "plant/readings")
	s.must(err)
	s.must(p.Publish(fmt.Appendf(nil, `{"id":%d}`, last)))
	s.must(p.Close())
	s.wait("the last message is stored", func() bool { return s.count("SELECT COUNT(*) FROM readings WHERE id = "+itoa(last)) > 0 })
	a := s.settled("readings", 1)
	stored := s.count("SELECT COUNT(*) FROM readings")
	if stored != a.Received || a.Stored != a.Received {
		t.Errorf("%d rows in the table, of %+v", stored, a)
	}
	different := s.count("SELECT COUNT(DISTINCT id) FROM readings") - 1
	t.Logf("of %d lines that were given to publishers %d came to the plugin, %d of them again: %d were lost in the client, the broker or eKuiper, none in the plugin",
		published, different, stored-1-different, int64(published)-different)
	s.equal(fmt.Sprintf("SELECT COUNT(*) FROM readings WHERE id NOT BETWEEN 1 AND %d AND id <> %d", published, last), 0)
}
