package status

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"
)

func TestPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p Pace
		if r := p.Look(time.Now(), 100, 50); r != nil {
			t.Errorf("the first look gives %+v", r)
		}
		time.Sleep(leastSpan - 1)
		if r := p.Look(time.Now(), 200, 60); r != nil {
			t.Errorf("after too short a time %+v", r)
		}
		time.Sleep(500*time.Millisecond + 1)
		if r := p.Look(time.Now(), 1100, 550); r == nil || *r != (Rates{1000, 500, 1}) {
			t.Errorf("after a second %+v", r)
		}
		time.Sleep(2 * time.Second)
		if r := p.Look(time.Now(), 1100, 1100); r == nil || r.Seconds != 3 || r.Received != 1000.0/3 || r.Stored != 350 {
			t.Errorf("after three seconds %+v", r)
		}
		time.Sleep(4 * time.Second) // what is older than five counts no more
		if r := p.Look(time.Now(), 1500, 1500); r == nil || *r != (Rates{100, 100, 4}) {
			t.Errorf("after seven seconds %+v", r)
		}
		time.Sleep(time.Hour)
		if r := p.Look(time.Now(), 9000, 9000); r != nil {
			t.Errorf("after an hour %+v", r)
		}
		time.Sleep(time.Second)
		if r := p.Look(time.Now(), 10, 10); r == nil || *r != (Rates{0, 0, 1}) { // the journal was made anew
			t.Errorf("a sum that goes back gives %+v", r)
		}
	})
}

// TestPaceKeepsLittle however often somebody asks.
func TestPaceKeepsLittle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p Pace
		for range 10_000 {
			p.Look(time.Now(), 1, 1)
			time.Sleep(time.Millisecond)
		}
		if n := len(p.seen); n > int(mostSpan/keepEvery)+2 {
			t.Errorf("%d samples are kept", n)
		}
	})
}

func TestHandler(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		looks := 0
		h := Handler(func() Plugin {
			looks++
			return Plugin{Version: "1"}
		})
		get := func(query string) *httptest.ResponseRecorder {
			w := httptest.NewRecorder()
			h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/status"+query, nil))
			return w
		}
		var p map[string]any
		w := get("")
		if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || p["version"] != "1" || p["rules"] == nil || looks != 1 {
			t.Errorf("%s, %v, %d looks", w.Body, err, looks)
		}
		if w.Header().Get("Cache-Control") != "no-store" {
			t.Error("it may be cached")
		}
		looks = 0
		start := time.Now()
		if w := get("?over=2s"); w.Code != http.StatusOK || looks != 2 || time.Since(start) != 2*time.Second {
			t.Errorf("%d, %d looks, %v", w.Code, looks, time.Since(start))
		}
		for _, wrong := range []string{"?over=1h", "?over=-1s", "?over=x"} {
			if w := get(wrong); w.Code != http.StatusBadRequest {
				t.Errorf("%s: %d", wrong, w.Code)
			}
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		looks = 0
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(ctx, http.MethodGet, "/status?over=5s", nil))
		if looks != 1 {
			t.Errorf("who asked has gone, and there were %d looks", looks)
		}
	})
}
