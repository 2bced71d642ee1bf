package status

import (
	"encoding/json"
	"net/http"
	"time"
)

// maxOver bounds how long a request may ask to be kept waiting.
const maxOver = 5 * time.Second

// Handler answers GET with a Plugin as JSON. With the parameter over, a
// duration such as 1s, it looks twice, so long apart, at most 5 s: rates are
// then of that time at least, also for who asks for the first time.
func Handler(look func() Plugin) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if text := r.URL.Query().Get("over"); text != "" {
			over, err := time.ParseDuration(text)
			if err != nil || over < 0 || over > maxOver {
				http.Error(w, "over is to be a duration from 0s to 5s, such as 1s", http.StatusBadRequest)
				return
			}
			look()
			timer := time.NewTimer(over)
			defer timer.Stop()
			select {
			case <-timer.C:
			case <-r.Context().Done():
				return
			}
		}
		p := look()
		if p.Rules == nil {
			p.Rules = []Rule{}
		}
		h := w.Header()
		h.Set("Content-Type", "application/json; charset=utf-8")
		h.Set("Cache-Control", "no-store")
		h.Set("X-Content-Type-Options", "nosniff")
		_ = json.NewEncoder(w).Encode(p) // an error is the reader's, who has gone
	})
}
