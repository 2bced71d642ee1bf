package command

import (
	"fmt"
	"io"
	"strings"

	"github.com/lf-edge/ekuiper/sdk/go/api"
)

// terminalLog prints what the sink would log, warnings and errors alone
// unless it is verbose. Lines are made safe for a terminal: rows are quoted in them.
type terminalLog struct {
	to      io.Writer // for several goroutines
	verbose bool
}

var _ api.Logger = (*terminalLog)(nil)

func (l *terminalLog) print(show bool, text string) {
	if show {
		fmt.Fprintf(l.to, "mysql: %s\n", printable(strings.TrimSuffix(text, "\n")))
	}
}

func (l *terminalLog) Debug(a ...any)            { l.print(l.verbose, fmt.Sprint(a...)) }
func (l *terminalLog) Info(a ...any)             { l.print(l.verbose, fmt.Sprint(a...)) }
func (l *terminalLog) Warn(a ...any)             { l.print(true, fmt.Sprint(a...)) }
func (l *terminalLog) Error(a ...any)            { l.print(true, fmt.Sprint(a...)) }
func (l *terminalLog) Debugln(a ...any)          { l.print(l.verbose, fmt.Sprintln(a...)) }
func (l *terminalLog) Infoln(a ...any)           { l.print(l.verbose, fmt.Sprintln(a...)) }
func (l *terminalLog) Warnln(a ...any)           { l.print(true, fmt.Sprintln(a...)) }
func (l *terminalLog) Errorln(a ...any)          { l.print(true, fmt.Sprintln(a...)) }
func (l *terminalLog) Debugf(f string, a ...any) { l.print(l.verbose, fmt.Sprintf(f, a...)) }
func (l *terminalLog) Infof(f string, a ...any)  { l.print(l.verbose, fmt.Sprintf(f, a...)) }
func (l *terminalLog) Warnf(f string, a ...any)  { l.print(true, fmt.Sprintf(f, a...)) }
func (l *terminalLog) Errorf(f string, a ...any) { l.print(true, fmt.Sprintf(f, a...)) }
