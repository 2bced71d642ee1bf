package context

import (
	"context"
	"fmt"
	"log/slog"
	"strings"

	"github.com/lf-edge/ekuiper/sdk/go/api"
)

// logger is an api.Logger over slog. Arguments are formatted only if their
// level is enabled.
type logger struct{ to *slog.Logger }

// NewLogger returns a Logger that writes to l.
func NewLogger(l *slog.Logger) api.Logger { return logger{to: l} }

func (l logger) print(level slog.Level, args []interface{}) {
	if l.to.Enabled(context.Background(), level) {
		l.to.Log(context.Background(), level, fmt.Sprint(args...))
	}
}

func (l logger) println(level slog.Level, args []interface{}) {
	if l.to.Enabled(context.Background(), level) {
		l.to.Log(context.Background(), level, strings.TrimSuffix(fmt.Sprintln(args...), "\n"))
	}
}

func (l logger) printf(level slog.Level, format string, args []interface{}) {
	if l.to.Enabled(context.Background(), level) {
		l.to.Log(context.Background(), level, fmt.Sprintf(format, args...))
	}
}

func (l logger) Debug(args ...interface{})   { l.print(slog.LevelDebug, args) }
func (l logger) Info(args ...interface{})    { l.print(slog.LevelInfo, args) }
func (l logger) Warn(args ...interface{})    { l.print(slog.LevelWarn, args) }
func (l logger) Error(args ...interface{})   { l.print(slog.LevelError, args) }
func (l logger) Debugln(args ...interface{}) { l.println(slog.LevelDebug, args) }
func (l logger) Infoln(args ...interface{})  { l.println(slog.LevelInfo, args) }
func (l logger) Warnln(args ...interface{})  { l.println(slog.LevelWarn, args) }
func (l logger) Errorln(args ...interface{}) { l.println(slog.LevelError, args) }

func (l logger) Debugf(format string, args ...interface{}) {
	l.printf(slog.LevelDebug, format, args)
}

func (l logger) Infof(format string, args ...interface{}) {
	l.printf(slog.LevelInfo, format, args)
}

func (l logger) Warnf(format string, args ...interface{}) {
	l.printf(slog.LevelWarn, format, args)
}

func (l logger) Errorf(format string, args ...interface{}) {
	l.printf(slog.LevelError, format, args)
}
