package page

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"io"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"ekuiper-mysql/test/plant"
)

// browser is a headless Chromium, driven by its DevTools protocol over a pipe:
// JSON messages that end with a zero byte, to its descriptor 3, from its 4.
type browser struct {
	t       *testing.T
	to      io.Writer
	session string // of the one tab

	mu       sync.Mutex
	last     int
	answers  map[int]chan message
	waiting  map[string][]chan message // for an event, by method
	troubles []string                  // what the page should not have done
	broken   error
}

// message is a call, an answer or an event.
type message struct {
	ID        int             `json:"id,omitempty"`
	Method    string          `json:"method,omitempty"`
	Params    json.RawMessage `json:"params,omitempty"`
	SessionID string          `json:"sessionId,omitempty"`
	Result    json.RawMessage `json:"result,omitempty"`
	Error     *struct{ Message string }
}

// newBrowser starts a browser with a profile of its own, until the test ends.
func newBrowser(t *testing.T) *browser {
	t.Helper()
	program, err := plant.Program("chromium", "page")
	if err != nil {
		t.Fatal(err)
	}
	in, to, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	from, out, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	command := exec.Command(program, "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync",
		"--disable-dev-shm-usage", "--hide-scrollbars", "--no-first-run", "--lang=en-US", "--remote-debugging-pipe", "--user-data-dir="+t.TempDir(), "about:blank")
	command.ExtraFiles = []*os.File{in, out}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	_, _ = in.Close(), out.Close()
	b := &browser{t: t, to: to, answers: map[int]chan message{}, waiting: map[string][]chan message{}}
	var reading sync.WaitGroup
	reading.Go(func() { b.read(from) })
	t.Cleanup(func() {
		b.call("Browser.close", nil, nil)
		_ = to.Close()
		end := time.AfterFunc(plant.Limit, func() { _ = command.Process.Kill() })
		defer end.Stop()
		_ = command.Wait()
		reading.Wait()
		_ = from.Close()
	})
	var target struct{ TargetID string }
	b.must("Target.createTarget", map[string]any{"url": "about:blank"}, &target)
	var attached struct{ SessionID string }
	b.must("Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}, &attached)
	b.session = attached.SessionID
	for _, domain := range []string{"Page", "Runtime", "Log", "Network", "Accessibility"} {
		b.must(domain+".enable", nil, nil)
	}
	return b
}

// read passes on what the browser says, until it ends.
func (b *browser) read(from io.Reader) {
	messages := bufio.NewReader(from)
	for {
		text, err := messages.ReadBytes(0)
		var m message
		if err == nil {
			err = json.Unmarshal(text[:len(text)-1], &m)
		}
		b.mu.Lock()
		switch {
		case err != nil:
			b.broken = fmt.Errorf("the browser has ended: %w", err)
			for id, c := range b.answers {
				close(c)
				delete(b.answers, id)
			}
			b.mu.Unlock()
			return
		case m.ID != 0:
			if c := b.answers[m.ID]; c != nil {
				c <- m
				delete(b.answers, m.ID)
			}
		default:
			b.note(m)
			for _, c := range b.waiting[m.Method] {
				c <- m
			}
			delete(b.waiting, m.Method)
		}
		b.mu.Unlock()
	}
}

// note remembers what no page of ours does: a script that fails, anything that
// the policy refuses, a dialog. mu is held.
func (b *browser) note(m message) {
	switch m.Method {
	case "Runtime.exceptionThrown", "Page.javascriptDialogOpening":
		b.troubles = append(b.troubles, m.Method+" "+string(m.Params))
	case "Log.entryAdded":
		var p struct {
			Entry struct{ Source, Level, Text string }
		}
		if json.Unmarshal(m.Params, &p) == nil && p.Entry.Level == "error" && p.Entry.Source != "network" {
			b.troubles = append(b.troubles, p.Entry.Source+": "+p.Entry.Text)
		}
	}
}

// call makes one call and waits for its answer.
func (b *browser) call(method string, params, result any) error {
	b.mu.Lock()
	if b.broken != nil {
		b.mu.Unlock()
		return b.broken
	}
	b.last++
	c := make(chan message, 1)
	b.answers[b.last] = c
	text, err := json.Marshal(map[string]any{"id": b.last, "method": method, "params": orEmpty(params)})
	if b.session != "" && !strings.HasPrefix(method, "Browser.") {
		text, err = json.Marshal(map[string]any{"id": b.last, "method": method, "params": orEmpty(params), "sessionId": b.session})
	}
	if err == nil {
		_, err = b.to.Write(append(text, 0))
	}
	b.mu.Unlock()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), plant.Limit)
	defer cancel()
	select {
	case m, ok := <-c:
		switch {
		case !ok:
			return errors.New("the browser has ended")
		case m.Error != nil:
			return fmt.Errorf("%s: %s", method, m.Error.Message)
		case result != nil:
			return json.Unmarshal(m.Result, result)
		}
		return nil
	case <-ctx.Done():
		return fmt.Errorf("%s: no answer", method)
	}
}

func orEmpty(params any) any {
	if params == nil {
		return struct{}{}
	}
	return params
}

func (b *browser) must(method string, params, result any) {
	b.t.Helper()
	if err := b.call(method, params, result); err != nil {
		b.t.Fatal(err)
	}
}

// event returns a channel that gets the next event of a method.
func (b *browser) event(method string) <-chan message {
	b.mu.Lock()
	defer b.mu.Unlock()
	c := make(chan message, 1)
	b.waiting[method] = append(b.waiting[method], c)
	return c
}

// await waits for an event.
func (b *browser) await(c <-chan message, what string) {
	b.t.Helper()
	select {
	case <-c:
	case <-time.After(plant.Limit):
		b.t.Fatalf("waited for %s", what)
	}
}

// look is the size of the window and what its owner prefers.
type look struct {
	width, height int
	dark          bool
	language      string // "": English
	scale         float64
}

// become changes the window and what its owner prefers.
func (b *browser) become(l look) {
	b.t.Helper()
	scheme := "light"
	if l.dark {
		scheme = "dark"
	}
	if l.language == "" {
		l.language = "en-US"
	}
	if l.scale == 0 {
		l.scale = 1
	}
	b.must("Emulation.setDeviceMetricsOverride", map[string]any{"width": l.width, "height": l.height, "deviceScaleFactor": l.scale, "mobile": l.width < 600}, nil)
	b.must("Emulation.setEmulatedMedia", map[string]any{"features": []any{map[string]string{"name": "prefers-color-scheme", "value": scheme}}}, nil)
	b.must("Emulation.setUserAgentOverride", map[string]any{"userAgent": "test", "acceptLanguage": l.language}, nil)
}

// open shows an address.
func (b *browser) open(url string, l look) {
	b.t.Helper()
	b.become(l)
	loaded := b.event("Page.loadEventFired")
	b.must("Page.navigate", map[string]any{"url": url}, nil)
	b.await(loaded, "the page to load")
}

// eval runs an expression in the page and reads its value.
func (b *browser) eval(expression string, to any) {
	b.t.Helper()
	var answer struct {
		Result           struct{ Value json.RawMessage }
		ExceptionDetails json.RawMessage
	}
	b.must("Runtime.evaluate", map[string]any{"expression": expression, "returnByValue": true, "awaitPromise": true}, &answer)
	if answer.ExceptionDetails != nil {
		b.t.Fatalf("%s: %s", expression, answer.ExceptionDetails)
	}
	if to == nil {
		return
	}
	if err := json.Unmarshal(answer.Result.Value, to); err != nil {
		b.t.Fatalf("%s: %v: %s", expression, err, answer.Result.Value)
	}
}

// text is the text that a reader sees of an element, or "" where there is none.
func (b *browser) text(selector string) (text string) {
	b.t.Helper()
	b.eval(fmt.Sprintf("(document.querySelector(%q) || {innerText: ''}).innerText", selector), &text)
	return text
}

// holds tells whether an expression is true.
func (b *browser) holds(expression string) (is bool) {
	b.t.Helper()
	b.eval("!!("+expression+")", &is)
	return is
}

// press presses and releases a key, with the text that it makes.
func (b *browser) press(key, text string, code int) {
	b.t.Helper()
	b.must("Input.dispatchKeyEvent", map[string]any{"type": "keyDown", "key": key, "code": key, "text": text, "windowsVirtualKeyCode": code}, nil)
	b.must("Input.dispatchKeyEvent", map[string]any{"type": "keyUp", "key": key, "code": key, "windowsVirtualKeyCode": code}, nil)
}

// picture takes one of the whole window, or of more where height says so.
func (b *browser) picture(path string, l look) {
	b.t.Helper()
	var shot struct{ Data string }
	b.must("Page.captureScreenshot", map[string]any{
		"format": "png", "captureBeyondViewport": true,
		"clip": map[string]any{"x": 0, "y": 0, "width": l.width, "height": l.height, "scale": 1},
	}, &shot)
	data, err := base64.StdEncoding.DecodeString(shot.Data)
	if err == nil {
		data, err = smaller(data)
	}
	if err == nil {
		err = os.WriteFile(path, data, 0o644)
	}
	if err != nil {
		b.t.Fatal(err)
	}
}

// smaller is a PNG of 256 colours at most, of each shade the one that it has
// most of: a page has few but for the edges of letters.
func smaller(data []byte) ([]byte, error) {
	full, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	type shade [3]uint32
	shadeOf := func(c color.Color) shade {
		r, g, b, _ := c.RGBA()
		return shade{r >> 12, g >> 12, b >> 12}
	}
	counts, sums := map[color.Color]int{}, map[shade]int{}
	area := full.Bounds()
	for y := area.Min.Y; y < area.Max.Y; y++ {
		for x := area.Min.X; x < area.Max.X; x++ {
			counts[full.At(x, y)]++
			sums[shadeOf(full.At(x, y))]++
		}
	}
	best := map[shade]color.Color{}
	for c, n := range counts {
		if s := shadeOf(c); best[s] == nil || n > counts[best[s]] {
			best[s] = c
		}
	}
	var most []color.Color
	for _, s := range slices.SortedFunc(maps.Keys(sums), func(a, b shade) int { return cmp.Compare(sums[b], sums[a]) }) {
		most = append(most, best[s])
	}
	few := image.NewPaletted(area, most[:min(256, len(most))])
	draw.Draw(few, area, full, area.Min, draw.Src)
	var out bytes.Buffer
	err = (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&out, few)
	return out.Bytes(), err
}

// clean fails if the page did what it should not.
func (b *browser) clean() {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, trouble := range b.troubles {
		b.t.Errorf("in the browser: %.500s", trouble)
	}
}
