// Package page looks at the web page of the packaged plugin as a person does:
// in a real headless Chromium, over the mock host and a real MariaDB; and asks
// for what it is made of as a script would.
package page

import (
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"ekuiper-mysql/test/plant"
	"ekuiper-mysql/test/suite"
)

var (
	inBrowser = flag.Bool("browser", false, "look at the page in Chromium too: make page")
	pictures  = flag.String("pictures", "", "take the pictures of the documents, into this folder")
)

// needsBrowser leaves a test to make page, which installs a browser: that is
// large.
func needsBrowser(t *testing.T) {
	t.Helper()
	if !*inBrowser {
		t.Skip("make page runs this")
	}
}

const token = "a-token-for-tests-only"

var executable string

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(suite.Run(m, func(dir string) (_ func() error, err error) {
		executable, err = plant.Build(dir)
		return nil, err
	}))
}

// plugin is what the tests read of GET /api/status.
type plugin struct {
	Version string
	Rules   []struct {
		Rule, State string
		PendingRows uint64
		Rows        struct{ Received, Stored, SetAside uint64 }
		LastError   *struct{ Text string }
		Rates       *struct{ Received, Stored float64 }
	}
	DeadLetters struct{ Count uint64 }
}

type letters struct {
	Letters []struct {
		ID          uint64
		Rule, Table string
		Column      string
		Error       int
		Reason      string
		Row         *string
	}
}

type progress struct {
	Running         bool
	Stored, Refused int
	Error           string
	Refusals        []struct{ Reason string }
}

// status waits until the plugin tells what is wanted.
func status(p *plant.Plant, t *testing.T, what string, wanted func(plugin) bool) (s plugin) {
	t.Helper()
	p.Wait(what, func() bool { return p.Get("/api/status", "", &s) && wanted(s) })
	return s
}

func settled(stored, aside uint64) func(plugin) bool {
	return func(s plugin) bool {
		var sum struct{ stored, aside, pending uint64 }
		for _, r := range s.Rules {
			sum.stored += r.Rows.Stored
			sum.aside += r.Rows.SetAside
			sum.pending += r.PendingRows
		}
		return sum.pending == 0 && sum.stored == stored && sum.aside == aside
	}
}

// order asks for a replay.
func order(p *plant.Plant, t *testing.T, body, with string) (code int, answer string) {
	t.Helper()
	header := http.Header{"Content-Type": {"application/json"}}
	if with != "" {
		header.Set("Authorization", "Bearer "+with)
	}
	code, b, err := p.Ask(http.MethodPost, "/api/deadletters/replay", body, header)
	if err != nil {
		t.Fatal(err)
	}
	return code, string(b)
}

// TestReplayOverHTTP: with the token the running plugin brings rows back to
// their table, also after its worker was killed.
func TestReplayOverHTTP(t *testing.T) {
	p := plant.Start(t, executable, []string{"EKUIPER_MYSQL_TOKEN=" + token}, "CREATE TABLE plant.t (id INT PRIMARY KEY, x TINYINT)")
	rule := p.Rule("replay", "t", "", nil)
	if err := rule.Send([]byte(`[{"id":1,"x":1},{"id":2,"x":2000},{"id":3,"x":"secret"}]`)); err != nil {
		t.Fatal(err)
	}
	status(p, t, "the rows to be settled", settled(1, 2))
	var list letters
	if p.Get("/api/deadletters", "", &list); len(list.Letters) != 2 || list.Letters[0].Row != nil || strings.Contains(fmt.Sprint(list), "secret") {
		t.Errorf("without the token: %+v", list)
	}
	if p.Get("/api/deadletters", token, &list); len(list.Letters) != 2 || *list.Letters[0].Row != `{"id":3,"x":"secret"}` || list.Letters[0].Column != "x" {
		t.Errorf("with the token: %+v", list)
	}
	if code, answer := order(p, t, `{"rule":"replay"}`, ""); code != http.StatusUnauthorized {
		t.Errorf("without the token: %d %s", code, answer)
	}
	if err := p.Server.Exec("ALTER TABLE plant.t MODIFY x INT"); err != nil {
		t.Fatal(err)
	}
	former, err := p.Plugin.KillWorker()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Plugin.WaitWorker(former); err != nil {
		t.Fatal(err)
	}
	status(p, t, "the rule to run again", func(s plugin) bool { return len(s.Rules) == 1 })
	if code, answer := order(p, t, `{"rule":"replay"}`, token); code != http.StatusAccepted {
		t.Fatalf("%d %s", code, answer)
	}
	var done progress
	p.Wait("the replay to end", func() bool { return p.Get("/api/deadletters/replay", token, &done) && !done.Running })
	if done.Stored != 1 || done.Refused != 1 || done.Error != "" || len(done.Refusals) != 1 {
		t.Errorf("%+v", done)
	}
	if n := p.Count("SELECT x FROM plant.t WHERE id = 2"); n != 2000 {
		t.Errorf("x is %d", n)
	}
	if p.Get("/api/deadletters", token, &list); len(list.Letters) != 1 || list.Letters[0].ID != 2 {
		t.Errorf("left: %+v", list)
	}
	if strings.Contains(p.Plugin.Log(), token) {
		t.Error("the token is in the log")
	}
}

// TestTokenThatIsTooShortIsNone and is told of; the metrics are there all the same.
func TestTokenThatIsTooShortIsNone(t *testing.T) {
	p := plant.Start(t, executable, []string{"EKUIPER_MYSQL_TOKEN=short"}, "CREATE TABLE plant.t (id INT)")
	p.Rule("short", "t", "", nil)
	var access struct{ Token bool }
	p.Wait("the page", func() bool { return p.Get("/api/access", "", &access) })
	if access.Token {
		t.Error("a short token is taken")
	}
	if log := p.Plugin.Log(); !strings.Contains(log, "16") || strings.Contains(log, "short\n") {
		t.Errorf("the log does not say what is allowed:\n%s", log)
	}
	if code, _, err := p.Ask(http.MethodGet, "/metrics", "", nil); err != nil || code != http.StatusOK {
		t.Errorf("metrics: %d, %v", code, err)
	}
}

var (
	desktop = look{width: 1120, height: 900}
	phone   = look{width: 320, height: 640, dark: true}
)

// hostile is markup that would tell of itself if it ran.
const hostile = `"><img src=x onerror=alert(1)><svg onload=alert(1)>`

// TestInABrowser shows a plugin with rules whose names are hostile, rows that
// were refused, and no token at first.
func TestInABrowser(t *testing.T) {
	needsBrowser(t)
	p := plant.Start(t, executable, []string{"EKUIPER_MYSQL_TOKEN=" + token},
		"CREATE TABLE plant.t (id INT PRIMARY KEY, x TINYINT, name VARCHAR(4))", "CREATE TABLE plant.`"+hostile+"` (id INT PRIMARY KEY, name VARCHAR(4))")
	plain, rule := p.Rule("plain", "t", "", nil), p.Rule("<img src=x onerror=alert(1)>", "`"+hostile+"`", "", nil)
	row, err := json.Marshal(map[string]any{"id": 1, "name": "</script><script>alert(1)</script>" + hostile})
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{
		rule.Send(row), rule.Send([]byte(`[{"id":7}]`)), plain.Send([]byte(`[{"id":2000,"x":1000},{"id":2,"x":3},{"id":3,"x":4}]`)),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	status(p, t, "the rows to be settled", settled(3, 2))
	b := newBrowser(t)
	url := "http://" + p.Address + "/"
	b.open(url, desktop)
	b.shows(p, "#letters li", 2)
	b.figures(p)
	if b.holds("[...document.querySelectorAll('button')].some(e => /bring/i.test(e.innerText))") {
		t.Error("rows can be brought back without the token")
	}
	if text := b.text("body"); strings.Contains(text, "</script>") || !strings.Contains(text, "<img src=x onerror=alert(1)>") || !strings.Contains(text, hostile) {
		t.Errorf("without the token the page shows\n%s", text)
	}
	b.trust(p)
	if text := b.text("#letters"); !strings.Contains(text, "</script><script>alert(1)</script>") {
		t.Errorf("with the token the letters are\n%s", text)
	}
	b.namesEverything()
	for _, l := range []look{desktop, phone, {width: 320, height: 640, language: "zh-CN"}, {width: 768, height: 900, dark: true}} {
		t.Run(fmt.Sprintf("%d wide, dark %v, %s", l.width, l.dark, l.language), func(t *testing.T) {
			b.t = t
			b.open(url, l)
			b.shows(p, "#letters li", 2)
			b.fits(l)
			b.readable(l)
			if got, want := b.text("#h-rules"), map[string]string{"": "Rules", "zh-CN": "规则"}[l.language]; got != want {
				t.Errorf("the rules are called %q, want %q", got, want)
			}
		})
	}
	b.t = t
	b.open(url, desktop)
	b.shows(p, "#groups button.main", 2)
	b.bringsBack(p)
	b.rests(p)
	b.clean()
	if b.holds("document.querySelector('img, svg[onload], script:not(:last-of-type)')") {
		t.Error("what rows and rules say became markup")
	}
}

// shows waits until there are n elements.
func (b *browser) shows(p *plant.Plant, selector string, n int) {
	b.t.Helper()
	p.Wait(fmt.Sprintf("%d of %s", n, selector), func() bool { return b.holds(fmt.Sprintf("document.querySelectorAll(%q).length === %d", selector, n)) })
}

// figures compares what is shown with what the plugin tells.
func (b *browser) figures(p *plant.Plant) {
	b.t.Helper()
	var s plugin
	if !p.Get("/api/status", "", &s) {
		b.t.Fatal("the plugin does not answer")
	}
	if got := b.text("#about"); !strings.HasPrefix(got, s.Version+" ") {
		b.t.Errorf("version %q, want %s", got, s.Version)
	}
	if got, want := b.text("#tile-dead dd"), fmt.Sprint(s.DeadLetters.Count); got != want {
		b.t.Errorf("dead letters %q, want %s", got, want)
	}
	if got := b.text("#tile-waiting dd"); got != "0" {
		b.t.Errorf("waiting %q, want 0", got)
	}
	if n := len(s.Rules); n != 2 {
		b.t.Fatalf("%d rules", n)
	}
	var cards []struct{ Name, State, Total, Aside, Waiting string }
	b.eval(`[...document.querySelectorAll('#rules > li')].map(li => ({name: li.querySelector('h3').innerText, state: li.querySelector('.pill').innerText,
		total: li.querySelector('[data-fact=total] dd').innerText, aside: li.querySelector('[data-fact=aside] dd').innerText, waiting: li.querySelector('[data-fact=waiting] dd').innerText}))`, &cards)
	if len(cards) != len(s.Rules) {
		b.t.Fatalf("%d cards for %d rules", len(cards), len(s.Rules))
	}
	for i, r := range s.Rules { // both are ordered by name
		want := fmt.Sprintln(r.Rule, "idle", r.Rows.Stored, r.Rows.SetAside, 0)
		c := cards[i]
		if c.State == "writing" { // for some seconds after the last row
			c.State = "idle"
		}
		if fmt.Sprintln(c.Name, c.State, c.Total, c.Aside, c.Waiting) != want {
			b.t.Errorf("%+v, want %s", c, want)
		}
	}
}

// trust types the token, as a person does, and waits for the rows.
func (b *browser) trust(p *plant.Plant) {
	b.t.Helper()
	b.eval("document.querySelector('#token').focus()", nil)
	b.must("Input.insertText", map[string]string{"text": "not the token at all"}, nil)
	b.press("Enter", "\r", 13)
	p.Wait("the wrong token to be refused", func() bool { return strings.Contains(b.text("#tokensaid"), "wrong") })
	b.eval("document.querySelector('#token').value = ''; document.querySelector('#token').focus()", nil)
	b.must("Input.insertText", map[string]string{"text": token}, nil)
	b.press("Enter", "\r", 13)
	p.Wait("the rows to be shown", func() bool { return b.holds("document.querySelector('#letters pre')") })
	p.Wait("the buttons to be shown", func() bool { return b.holds("document.querySelector('#letters button')") })
}

// fits fails if anything is wider than the window.
func (b *browser) fits(l look) {
	b.t.Helper()
	var wide int
	b.eval("document.documentElement.scrollWidth", &wide)
	if wide > l.width {
		b.t.Errorf("the page is %d wide in a window of %d", wide, l.width)
	}
	var out []string
	b.eval(`[...document.querySelectorAll('body *:not(.sr, .sr *, caption)')].filter(e => { const r = e.getBoundingClientRect(); return r.width && (r.right > innerWidth + .5 || r.left < -.5) && !e.closest('pre, svg'); })
		.map(e => e.tagName + '.' + e.className + ' ' + e.innerText.slice(0, 40))`, &out)
	if len(out) > 0 {
		b.t.Errorf("out of the window: %q", out)
	}
}

// readable checks the colours: dark where that is wanted, and all text with a
// contrast of 4.5 at least, as the Web Content Accessibility Guidelines have it.
func (b *browser) readable(l look) {
	b.t.Helper()
	var light float64
	var poor []string
	b.eval(`(() => {
		const rgb = c => { const m = c.match(/[\d.]+/g).map(Number); return m.length < 4 || m[3] > 0 ? m.slice(0, 3) : null; };
		const lum = c => { const [r, g, b] = c.map(v => (v /= 255) <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4); return .2126 * r + .7152 * g + .0722 * b; };
		const back = e => { for (; e; e = e.parentElement) { const c = rgb(getComputedStyle(e).backgroundColor); if (c) return c; } return [255, 255, 255]; };
		window.poor = [...document.querySelectorAll('body *')].filter(e => [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim()) && e.getClientRects().length && !e.closest('script, style, noscript'))
			.map(e => { const a = lum(rgb(getComputedStyle(e).color)), b = lum(back(e)); return [(Math.max(a, b) + .05) / (Math.min(a, b) + .05), e]; })
			.filter(([ratio]) => ratio < 4.5).map(([ratio, e]) => ratio.toFixed(2) + ' ' + e.innerText.slice(0, 30));
		return lum(back(document.body));
	})()`, &light)
	b.eval("window.poor", &poor)
	if l.dark != (light < .2) {
		b.t.Errorf("the background's luminance is %.2f, dark is %v", light, l.dark)
	}
	if len(poor) > 0 {
		b.t.Errorf("too little contrast: %q", poor)
	}
}

// namesEverything: what can be pressed or filled in has a name for who cannot
// see it, and tables say what they are.
func (b *browser) namesEverything() {
	b.t.Helper()
	var tree struct {
		Nodes []struct {
			Role, Name struct{ Value any }
			Ignored    bool
		}
	}
	b.must("Accessibility.getFullAXTree", nil, &tree)
	roles := map[any]int{}
	for _, n := range tree.Nodes {
		if n.Ignored {
			continue
		}
		roles[n.Role.Value]++
		switch n.Role.Value {
		case "button", "textbox", "searchbox", "table", "columnheader", "heading", "progressbar":
			if name, _ := n.Name.Value.(string); name == "" {
				b.t.Errorf("a %v without a name", n.Role.Value)
			}
		}
	}
	for role, least := range map[string]int{"button": 6, "textbox": 1, "table": 1, "columnheader": 5, "heading": 5, "main": 1, "list": 2} {
		if roles[role] < least {
			b.t.Errorf("%d of role %s, want %d at least: %v", roles[role], role, least, roles)
		}
	}
}

// bringsBack mends a table and brings the row back with the keyboard alone.
func (b *browser) bringsBack(p *plant.Plant) {
	b.t.Helper()
	for _, statement := range []string{"ALTER TABLE plant.t MODIFY x INT", "ALTER TABLE plant.`" + hostile + "` MODIFY name TEXT"} {
		if err := p.Server.Exec(statement); err != nil {
			b.t.Fatal(err)
		}
	}
	for left := 1; left >= 0; left-- {
		pressed := false
		b.eval("document.activeElement.blur()", nil)
		for range 30 {
			b.press("Tab", "", 9)
			if pressed = b.holds("document.activeElement.matches('#groups button.main')"); pressed {
				break
			}
		}
		if !pressed {
			b.t.Fatal("the keyboard does not reach the button")
		}
		b.press("Enter", "\r", 13)
		b.shows(p, "#letters li", left)
		p.Wait("the page to tell of it", func() bool { return strings.Contains(b.text("#replay"), "1 of 1 stored") })
	}
	if n := p.Count("SELECT COUNT(*) FROM plant.t WHERE x = 1000") + p.Count("SELECT COUNT(*) FROM plant.`"+hostile+"` WHERE name LIKE '</script>%'"); n != 2 {
		b.t.Errorf("%d rows came back, want 2", n)
	}
	p.Wait("the page to tell that none is left", func() bool {
		return b.text("#tile-dead dd") == "0" && strings.HasPrefix(b.text("#noletters"), "No row")
	})
}

// rests: while nobody looks, nothing is asked. The browser's time is made to
// pass, so that the test need not wait.
func (b *browser) rests(p *plant.Plant) {
	b.t.Helper()
	b.eval("performance.setResourceTimingBufferSize(100000)", nil)
	b.eval("Object.defineProperty(document, 'hidden', {value: true, configurable: true}); document.dispatchEvent(new Event('visibilitychange'))", nil)
	asked := func() (n int) {
		b.eval("performance.getEntriesByType('resource').length", &n)
		return n
	}
	p.Wait("the last answer", func() bool { return b.holds("document.hidden") })
	before := asked()
	b.pass(time.Minute)
	if n := asked() - before; n > 3 { // of a turn that had begun
		b.t.Errorf("%d questions in a minute while hidden", n)
	}
	before = asked()
	b.pass(time.Minute)
	if n := asked() - before; n != 0 {
		b.t.Errorf("%d questions in another minute while hidden", n)
	}
	b.eval("delete document.hidden; document.dispatchEvent(new Event('visibilitychange'))", nil)
	p.Wait("the page to ask again", func() bool { return asked() > before })
}

// pass makes the browser's clock go on.
func (b *browser) pass(d time.Duration) {
	b.t.Helper()
	over := b.event("Emulation.virtualTimeBudgetExpired")
	b.must("Emulation.setVirtualTimePolicy", map[string]any{"policy": "pauseIfNetworkFetchesPending", "budget": d.Milliseconds()}, nil)
	b.await(over, "the browser's time to pass")
	b.must("Emulation.setVirtualTimePolicy", map[string]any{"policy": "advance"}, nil)
}

// TestWithoutScript says where to look instead.
func TestWithoutScript(t *testing.T) {
	needsBrowser(t)
	p := plant.Start(t, executable, nil, "CREATE TABLE plant.t (id INT)")
	p.Rule("silent", "t", "", nil)
	status(p, t, "the rule", func(s plugin) bool { return len(s.Rules) == 1 })
	b := newBrowser(t)
	b.must("Emulation.setScriptExecutionDisabled", map[string]any{"value": true}, nil)
	b.open("http://"+p.Address+"/", phone)
	var shown struct{ OuterHTML string }
	var root struct{ Root struct{ NodeID int } }
	b.must("DOM.getDocument", nil, &root)
	b.must("DOM.getOuterHTML", map[string]any{"nodeId": root.Root.NodeID}, &shown)
	if !strings.Contains(shown.OuterHTML, `<p class="alert">This page draws`) { // as an element, which a script would make text
		t.Errorf("%s", shown.OuterHTML)
	}
	b.clean()
}
