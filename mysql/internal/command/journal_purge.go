package command

import (
	"errors"
	"fmt"
	"path/filepath"

	"ekuiper-mysql/mysql/internal/journal"
)

type journalPurgeCommand struct {
	journalFolder `embed:""`
	Journal       string `arg:"" help:"The journal, by folder or rule."`
	Yes           bool   `short:"y" help:"Do not ask."`
	JSON          bool   `name:"json" help:"Print JSON."`
}

// Help adds to the command's help.
func (journalPurgeCommand) Help() string {
	return `Rows that are still pending are thrown away: drain or export them first. A journal
that a rule uses is not purged.

Examples:
  mysql journal purge demo-mysql-0-0
  mysql journal purge demo --yes --json

Exit codes: 0 it is gone; 1 it is in use, or an error, or a person said no; 2 a mistake
in the command line.`
}

// Run removes the journal, when a person agrees.
func (c *journalPurgeCommand) Run(parent *journalCommand, s streams) error {
	path, err := c.choose(parent, c.Journal)
	if err != nil {
		return err
	}
	var pending uint64
	err = journal.Purge(path, func() error {
		in, err := journal.Inspect(path, nil)
		if err != nil {
			if !c.Yes {
				return fmt.Errorf("%w; --yes removes it all the same", err)
			}
			return nil
		}
		pending = in.Counts.Pending
		if c.Yes {
			return nil
		}
		return confirm(parent.stdin, s, fmt.Sprintf("Remove the journal %s (%s) and the %d rows that wait in it for good?", filepath.Base(path), printable(in.Identity), pending))
	})
	if errors.Is(err, journal.ErrLocked) {
		return fmt.Errorf("%w; nothing was removed", err)
	}
	if err != nil {
		return err
	}
	if c.JSON {
		return jsonLines(s.out).Encode(map[string]any{"folder": filepath.Base(path), "thrownAway": pending})
	}
	_, err = fmt.Fprintf(s.out, "%s is gone, and %d pending rows with it\n", filepath.Base(path), pending)
	return err
}
