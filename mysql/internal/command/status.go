package command

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"time"

	"ekuiper-mysql/mysql/internal/control"
	"ekuiper-mysql/mysql/internal/deadletter"
	"ekuiper-mysql/mysql/internal/status"
)

// statusCommand tells what the plugin is doing.
type statusCommand struct {
	Data  string `type:"path" placeholder:"DIR" help:"The plugin's data folder. Default: as the plugin finds it."`
	Watch bool   `short:"w" help:"Tell it again every second, until Ctrl-C."`
	JSON  bool   `name:"json" help:"Print JSON; with --watch, one object a line."`

	dataDir func() (string, error)
	watched func() (context.Context, context.CancelFunc)     // nil: until a signal
	ticks   func(context.Context, time.Duration) (more bool) // nil: waits
}

// Help adds to the command's help.
func (statusCommand) Help() string {
	return `Asks the running plugin, over a local socket that only its user and root can reach.
Where none answers it says so, and tells what the files do. STATE is idle, writing,
retrying, waiting (for the server), paused (somebody has to mend something) or stopped
(the rule has stopped and its last rows are being written). IN and OUT are rows per
second, accepted and stored; OLDEST is how long the oldest pending row has waited; LANE
of the pending rows those that are decoded; ROAD how the last batch went.

Examples:
  mysql status
  mysql status --watch
  mysql status --json

Exit codes: 0 all is well; 1 something waits for a person: rows of a rule that have
waited for the server for over a minute or for somebody to mend something, dead letters,
journals that no rule uses, or no plugin that answers; 2 a mistake in the command line.`
}

// watchEvery is how often --watch looks.
const watchEvery = time.Second

// operator is the class of errors that somebody has to mend.
const operator = "operator"

// tolerated is how long rows may wait for the server before that needs a person.
const tolerated = time.Minute

// report is what status prints as JSON: what the plugin answers, or what the
// files tell.
type report struct {
	Running bool `json:"running"`
	*status.Plugin
	Files    *files   `json:"files,omitempty"` // where no plugin answers
	Problems []string `json:"problems"`        // what waits for a person
}

// files is what they tell without the plugin.
type files struct {
	Folder      string        `json:"folder"`
	Journals    []journalLine `json:"journals"`
	DeadLetters int           `json:"deadLetters"`

	unread []string // why journals and letters cannot be read
}

// Run tells it once or, watched, until a signal.
func (c *statusCommand) Run(s streams) error {
	data, err := c.folder()
	if err != nil {
		return err
	}
	if !c.Watch {
		r, err := c.look(context.Background(), data, time.Second)
		if err != nil {
			return err
		}
		if err := c.print(s, r, false); err != nil {
			return err
		}
		return r.judge()
	}
	return c.watch(s, data)
}

func (c *statusCommand) folder() (string, error) {
	if c.Data != "" {
		return c.Data, nil
	}
	data, err := c.dataDir()
	if err != nil {
		return "", usageError(fmt.Sprintf("%v; or name the plugin's data folder with --data", err))
	}
	return data, nil
}

// watch tells it again and again. Ctrl-C is no error.
func (c *statusCommand) watch(s streams, data string) error {
	watched, ticks := c.watched, c.ticks
	if watched == nil {
		watched = interruptible
	}
	if ticks == nil {
		ticks = tick
	}
	ctx, stop := watched()
	defer stop()
	screen := !c.JSON && becomesScreen(s.out)
	for first := true; first || ticks(ctx, watchEvery); first = false {
		r, err := c.look(ctx, data, 0)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		if !first && !screen && !c.JSON {
			fmt.Fprintln(s.out)
		}
		if err := c.print(s, r, screen); err != nil {
			return err
		}
	}
	return nil
}

// tick waits, and reports whether to go on.
func tick(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// look asks the plugin or, where none answers, the files.
func (c *statusCommand) look(ctx context.Context, data string, over time.Duration) (*report, error) {
	p, err := control.Status(ctx, data, over)
	if err == nil {
		return &report{Running: true, Plugin: &p, Problems: problems(&p)}, nil
	}
	if !errors.Is(err, control.ErrSilent) {
		return nil, err
	}
	f, err := readFiles(data)
	if err != nil {
		return nil, err
	}
	return &report{Files: f, Problems: f.problems()}, nil
}

// readFiles finds out what the files in data tell.
func readFiles(data string) (*files, error) {
	f := &files{Folder: data, Journals: []journalLine{}}
	paths, err := journalFolder{Dir: filepath.Join(data, journalsFolder)}.all(nil)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	for _, path := range paths {
		l, err := readJournal(path)
		if errors.Is(err, fs.ErrNotExist) { // purged meanwhile
			continue
		}
		if err != nil {
			f.unread = append(f.unread, fmt.Sprintf("%s cannot be read: %v", filepath.Base(path), err))
			continue
		}
		f.Journals = append(f.Journals, l)
	}
	counts, _, err := deadletter.NewReader(filepath.Join(data, lettersFolder), nil).Count(deadletter.Filter{})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		f.unread = append(f.unread, fmt.Sprintf("the dead letters cannot be read: %v", err))
	}
	for _, n := range counts {
		f.DeadLetters += int(n.Letters)
	}
	return f, nil
}

func (f *files) problems() []string {
	all := []string{fmt.Sprintf("no plugin answers for %s: it is not running, or has had no rule with this sink since it started", f.Folder)}
	all = append(all, f.unread...)
	rows := uint64(0)
	for _, l := range f.Journals {
		rows += l.Pending
	}
	if rows > 0 {
		all = append(all, fmt.Sprintf("%d rows wait in journals: mysql journal list", rows))
	}
	return append(all, letterProblem(uint64(f.DeadLetters))...)
}

func letterProblem(n uint64) []string {
	if n == 0 {
		return nil
	}
	return []string{fmt.Sprintf("%d dead letters: mysql deadletters list", n)}
}

// problems are what waits for a person.
func problems(p *status.Plugin) []string {
	all := []string{}
	for _, r := range p.Rules {
		since := time.Duration(r.OldestPendingSeconds * float64(time.Second))
		text := ""
		switch {
		case r.Healthy:
			continue
		case r.LastError != nil && !r.LastError.Over:
			since, text = p.Now.Sub(r.LastError.Since), ": "+printable(r.LastError.Text)
		}
		if waits := "waits for the server"; since > tolerated || r.State == status.Paused {
			// A rule that has stopped is no longer called paused.
			if e := r.LastError; r.State == status.Paused || e != nil && !e.Over && e.Class == operator {
				waits = "waits for somebody to mend something"
			}
			all = append(all, fmt.Sprintf("rule %s, table %s %s, for %s%s", printable(r.Rule), printable(r.Table), waits, age(since), text))
		}
	}
	if p.Orphans.Journals > 0 {
		all = append(all, fmt.Sprintf("%d rows in %d journals that no rule uses: mysql journal list", p.Orphans.Rows, p.Orphans.Journals))
	}
	return append(all, letterProblem(p.DeadLetters.Count)...)
}

// judge is the error that the exit code comes from.
func (r *report) judge() error {
	if len(r.Problems) == 0 {
		return nil
	}
	return fmt.Errorf("this waits for a person: %s", strings.Join(r.Problems, "; "))
}

func (c *statusCommand) print(s streams, r *report, screen bool) error {
	if c.JSON {
		return json.NewEncoder(s.out).Encode(r)
	}
	var text strings.Builder
	if r.Running {
		writePlugin(&text, r.Plugin)
	} else {
		writeFiles(&text, r.Files)
	}
	out := text.String()
	if screen {
		out = "\x1b[H" + strings.ReplaceAll(out, "\n", "\x1b[K\n") + "\x1b[J"
	}
	_, err := fmt.Fprint(s.out, out)
	return err
}
