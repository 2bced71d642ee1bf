package page

import (
	"fmt"
	"math"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ekuiper-mysql/test/plant"
)

// TestPictures takes the pictures of docs/page.md: a plugin with rules in
// several states, rows that were refused for several reasons, after a minute
// of it.
func TestPictures(t *testing.T) {
	if *pictures == "" {
		t.Skip("make page-pictures takes them")
	}
	p := plant.Start(t, executable, []string{"EKUIPER_MYSQL_TOKEN=" + token},
		"CREATE TABLE plant.temperatures (id BIGINT PRIMARY KEY, device VARCHAR(16), celsius DECIMAL(4,1), ts DATETIME(3))",
		"CREATE TABLE plant.presses (press VARCHAR(8) PRIMARY KEY, strokes INT UNSIGNED, ts BIGINT)",
		"CREATE TABLE plant.alarms (id INT PRIMARY KEY, device VARCHAR(8) NOT NULL, level ENUM('info','warning','stop'))")
	// An address where nobody listens.
	away, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := away.Close(); err != nil {
		t.Fatal(err)
	}
	wave := func(i int, least, most float64) int {
		return int(least + (most-least)*(0.5+0.35*math.Sin(float64(i)/260)+0.15*math.Sin(float64(i)/37)))
	}
	id := 0
	p.Flow(p.Rule("line-temperatures", "temperatures", "", nil), 20*time.Millisecond, func(i int) string {
		var rows []string
		for range wave(i, 10, 120) {
			id++
			rows = append(rows, fmt.Sprintf(`{"id":%d,"device":"line-%d","celsius":%.1f,"ts":%d}`, id, id%8, 20+float64(id%200)/10, 1795262400000+int64(id)))
		}
		return "[" + strings.Join(rows, ",") + "]"
	})
	p.Flow(p.Rule("press-counters", "presses", "", map[string]any{"mode": "upsert"}), 50*time.Millisecond, func(i int) string {
		var rows []string
		for n := range wave(i, 2, 9) {
			rows = append(rows, fmt.Sprintf(`{"press":"P%d","strokes":%d,"ts":%d}`, n, i, i))
		}
		return "[" + strings.Join(rows, ",") + "]"
	})
	p.Flow(p.Rule("energy-offsite", "energy", away.Addr().String(), nil), 100*time.Millisecond, func(i int) string {
		return fmt.Sprintf(`{"meter":%d,"kwh":%d}`, i%12, i)
	})
	alarms := p.Rule("alarms", "alarms", "", map[string]any{"delivery": "exactlyOnce"})
	p.Flow(alarms, 400*time.Millisecond, func(i int) string {
		return fmt.Sprintf(`{"id":%d,"device":"line-%d","level":"info"}`, i, i%8)
	})
	for _, row := range []string{
		`{"id":900001,"device":"conveyor-north-7","level":"warning"}`, `{"id":900002,"device":"conveyor-north-7","level":"stop"}`,
		`{"id":900003,"device":"line-3","level":"emergency"}`, `{"id":1,"device":"line-9","level":"stop"}`, `{"id":900004,"level":"warning"}`,
	} {
		if err := alarms.Send([]byte(row)); err != nil {
			t.Fatal(err)
		}
	}
	status(p, t, "the rows to be refused", func(s plugin) bool { return s.DeadLetters.Count >= 4 })
	b := newBrowser(t)
	large, small := look{width: 1120, height: 1560, scale: 1}, look{width: 360, height: 1240, dark: true, scale: 1}
	b.open("http://"+p.Address+"/", large)
	b.shows(p, "#rules > li", 4)
	b.trust(p)
	p.Wait("a minute of figures", func() bool {
		return b.holds("(document.querySelector('.spark .out')?.getAttribute('points') || '').split(' ').length > 25")
	})
	b.picture(filepath.Join(*pictures, "page.png"), large)
	b.become(small)
	p.Wait("the page to be narrow", func() bool { return b.holds("innerWidth === 360") })
	b.picture(filepath.Join(*pictures, "page-phone.png"), small)
	b.clean()
}
