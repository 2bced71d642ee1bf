package runtime

import (
	"fmt"
	"io"
	"log/slog"
	"math"
	"strconv"
	"sync"
	"time"
)

// newLog returns the plugin's log: one line per record, whatever is in it.
func newLog(w io.Writer, getenv func(string) string) *slog.Logger {
	level, text := slog.LevelInfo, getenv(EnvLogLevel)
	var wrong error
	if text != "" {
		wrong = level.UnmarshalText([]byte(text))
	}
	if wrong != nil {
		level = slog.LevelInfo
	}
	log := slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: level}))
	if wrong != nil {
		log.Warn("unknown log level, using info", "variable", EnvLogLevel, "value", text,
			"allowed", "debug, info, warn, error")
	}
	return log
}

// maxMessage reads the limit for a sink's message, in bytes.
func maxMessage(getenv func(string) string, log *slog.Logger) int64 {
	const usual = 64 << 20
	text := getenv(EnvMaxMessage)
	if text == "" {
		return usual
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n <= 0 {
		log.Warn("not a number of bytes above 0, using the default",
			"variable", EnvMaxMessage, "value", text, "default", usual)
		return usual
	}
	return min(n, math.MaxInt)
}

// sparse lets through the first of a kind of complaint and then one in each
// interval, with the number of those since the last.
type sparse struct {
	interval time.Duration

	mu    sync.Mutex
	until time.Time
	held  uint64
	total uint64
}

// next reports whether to speak now, and the count since it last did.
func (s *sparse) next(now time.Time) (count, total uint64, speak bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held++
	s.total++
	if now.Before(s.until) {
		return 0, s.total, false
	}
	count, s.held, s.until = s.held, 0, now.Add(s.interval)
	return count, s.total, true
}

// report logs err at error level unless one was logged just before.
func (s *sparse) report(log *slog.Logger, msg string, err error) {
	if count, total, speak := s.next(time.Now()); speak {
		log.Error(msg, "error", err, "since_last_line", count, "in_all", total)
	}
}

// contain calls f and turns a panic into an error, logged with its stack.
func contain(log *slog.Logger, what string, f func() error) error {
	return new(sparse).contain(log, what, f)
}

// contain is that for what is called for every message or row: one that
// panics each time is logged now and then.
func (s *sparse) contain(log *slog.Logger, what string, f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%s panicked: %v", what, p)
			if count, total, speak := s.next(time.Now()); speak {
				log.Error("panic contained", "in", what, "panic", fmt.Sprint(p), "stack", stack(), "since_last_line", count, "in_all", total)
			}
		}
	}()
	return f()
}
