package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"time"

	"ekuiper-mysql/mysql/internal/journal"
	"ekuiper-mysql/mysql/internal/sink"
)

type journalDrainCommand struct {
	journalFolder `embed:""`
	targetFlags   `embed:""`
	Journal       string `arg:"" help:"The journal, by folder or rule."`
	Letters       string `type:"path" placeholder:"DIR" help:"Folder for the rows that the table refuses. Default: that of the plugin or, while that runs, deadletters-drained beside it."`
	JSON          bool   `name:"json" help:"Print JSON, the progress on the standard error too."`
}

// drainedFolder takes the refused rows of a drain beside a running plugin.
const drainedFolder = "deadletters-drained"

// Help adds to the command's help.
func (journalDrainCommand) Help() string {
	return `Rows go by the sink's own way, in order and in batches. Refused rows become dead
letters. The journal must not be in use; a rule that comes back meanwhile is refused
until the drain has ended. When it has, the journal is empty, and mysql journal purge
removes it. If the drain is killed, what is not settled is still in the journal; rows
of the batches being written may then be stored twice, unless a key keeps them apart.

` + targetHelp + `The table is that of the action, or --into.

Examples:
  mysql journal drain demo --props action.json
  mysql journal drain demo-mysql-0-0 --url-file /etc/kuiper/mysql.url --into test

Exit codes: 0 the journal is empty; 1 an error, and the rest is still in the journal, or
rows of it were damaged and are lost; 2 a mistake in the command line.`
}

// drained is the sums of a drain.
type drained struct {
	Folder   string `json:"folder"`
	Stored   uint64 `json:"stored"`
	Replaced uint64 `json:"superseded"`
	SetAside uint64 `json:"setAside"`
	Lost     uint64 `json:"lost"` // could not be read any more
	Pending  uint64 `json:"pending"`
	Letters  string `json:"letters,omitempty"` // the folder of those set aside
}

// progressEvery is how often a drain says how far it is.
const progressEvery = 2 * time.Second

// Run drains the journal.
func (c *journalDrainCommand) Run(parent *journalCommand, s streams) (err error) {
	path, err := c.choose(parent, c.Journal)
	if err == nil {
		err = forOwner(path)
	}
	if err != nil {
		return err
	}
	props, err := c.props()
	if err != nil {
		return err
	}
	conf, err := c.configure(s, props, "")
	if err != nil {
		return err
	}
	letters, spare := c.Letters, c.Letters
	if letters == "" {
		data := filepath.Dir(filepath.Dir(path))
		letters, spare = filepath.Join(data, lettersFolder), filepath.Join(data, drainedFolder)
	}
	s.err = &shared{to: s.err}
	ctx, cancel := interruptible()
	defer cancel()
	target, err := c.reach(ctx, s, conf)
	if err != nil {
		return err
	}
	d, err := sink.OpenDrain(path, letters, spare, &terminalLog{to: s.err, verbose: c.Verbose})
	if errors.Is(err, journal.ErrLocked) {
		return fmt.Errorf("%w; its rule delivers it, or the plugin, if the rule was deleted or writes elsewhere now: that lets go of it when it is started anew", err)
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	before := d.Counts()
	if c.JSON {
		_ = jsonLines(s.err).Encode(progress{before.Pending, 0})
	} else {
		fmt.Fprintf(s.err, "mysql: %d rows of %s to %v\n", before.Pending, filepath.Base(path), target)
	}
	err = c.run(ctx, s.err, d, target)
	lost, e := c.report(s, path, d, before)
	if e != nil {
		return e
	}
	if err == nil && lost > 0 {
		return fmt.Errorf("%d rows could not be read any more and are lost", lost)
	}
	return err
}

// run delivers, and says how far it is.
func (c *journalDrainCommand) run(ctx context.Context, to io.Writer, d *sink.Drain, target *sink.Target) error {
	ended := make(chan error, 1)
	go func() { ended <- d.Run(ctx, target) }()
	tick := time.NewTicker(progressEvery)
	defer tick.Stop()
	for left := d.Counts().Pending; ; {
		select {
		case err := <-ended:
			switch {
			case errors.Is(err, context.Canceled):
				return errors.New("interrupted; the rest is still in the journal")
			case errors.Is(err, sink.ErrStalled):
				return fmt.Errorf("given up: %w; the rest is still in the journal", err)
			}
			return err
		case <-tick.C:
			now := d.Counts().Pending
			c.tell(to, progress{now, math.Round(float64(left-now) / progressEvery.Seconds())})
			left = now
		}
	}
}

// progress is how far a drain is.
type progress struct {
	Pending   uint64  `json:"pending"`
	PerSecond float64 `json:"rowsPerSecond"` // just now
}

// tell says how far the drain is, on the standard error.
func (c *journalDrainCommand) tell(to io.Writer, p progress) {
	if c.JSON {
		_ = jsonLines(to).Encode(p)
		return
	}
	fmt.Fprintf(to, "mysql: %d rows to go, %.0f a second\n", p.Pending, p.PerSecond)
}

// report prints the sums, and returns how many rows were lost.
func (c *journalDrainCommand) report(s streams, path string, d *sink.Drain, before journal.Counts) (lost uint64, err error) {
	now := d.Counts()
	sums := drained{
		Folder: filepath.Base(path), Stored: now.Stored - before.Stored, Replaced: now.Superseded - before.Superseded,
		SetAside: now.SetAside - before.SetAside, Lost: now.Lost - before.Lost + d.Damaged(), Pending: now.Pending,
	}
	if sums.SetAside > 0 {
		sums.Letters = d.LettersDir
	}
	if c.JSON {
		return sums.Lost, jsonLines(s.out).Encode(sums)
	}
	text := ""
	if sums.Lost > 0 {
		text = fmt.Sprintf("%d lost, ", sums.Lost)
	}
	_, err = fmt.Fprintf(s.out, "%d stored, %d set aside, %s%d pending\n", sums.Stored+sums.Replaced, sums.SetAside, text, sums.Pending)
	if sums.SetAside > 0 {
		fmt.Fprintf(s.err, "mysql: see what was set aside with: mysql deadletters list --dir %s\n", d.LettersDir)
	}
	if sums.Pending == 0 {
		fmt.Fprintf(s.err, "mysql: the journal is empty; remove it with: mysql journal purge %s\n", filepath.Base(path))
	}
	return sums.Lost, err
}
