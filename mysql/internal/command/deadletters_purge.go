package command

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"strings"

	"ekuiper-mysql/mysql/internal/deadletter"
)

type letterPurgeCommand struct {
	letterFilter `embed:""`
	IDs          []uint64 `arg:"" optional:"" name:"id" help:"Ids, as list prints them. Default: all that the flags choose."`
	Yes          bool     `short:"y" help:"Do not ask."`
	JSON         bool     `name:"json" help:"Print JSON."`
}

// Help adds to the command's help.
func (letterPurgeCommand) Help() string {
	return `What is purged is gone: export it first. Without flags and ids, everything is.

Examples:
  mysql deadletters purge 17 18
  mysql deadletters purge --rule demo --error 1062
  mysql deadletters purge --until 30d --yes

Exit codes: 0 they are gone; 1 an error, or a person said no; 2 a mistake in the command
line.`
}

// removeAtOnce is how many letters one write removes: those are what a crash
// may leave undone.
const removeAtOnce = 1000

// Run removes the letters, when a person agrees.
func (c *letterPurgeCommand) Run(parent *deadLettersCommand, s streams) error {
	r, dir, err := c.open(parent)
	if err == nil {
		err = forOwner(dir)
	}
	if err != nil {
		return err
	}
	filter := c.filter()
	filter.IDs, filter.SkipRaw = c.IDs, true
	n, last, err := survey(r, filter)
	if err != nil {
		return err
	}
	if n > 0 && !c.Yes {
		if err := confirm(parent.stdin, s, fmt.Sprintf("Remove %d dead letters from %s for good?", n, dir)); err != nil {
			return err
		}
	}
	filter.Match = func(l *deadletter.Letter) bool { return l.ID <= last } // nobody was asked about those that came meanwhile
	removed, err := c.remove(s, r, filter)
	if err != nil {
		return fmt.Errorf("after %d were removed: %w", removed, err)
	}
	if err := deadletter.Reclaim(dir, warnings{s}); err != nil {
		fmt.Fprintf(s.err, "mysql: their space is not free yet: %v\n", err)
	}
	if c.JSON {
		return jsonLines(s.out).Encode(map[string]int{"removed": removed})
	}
	_, err = fmt.Fprintf(s.out, "%d removed\n", removed)
	return err
}

// survey counts the letters that match, and returns the id of the last.
func survey(r *deadletter.Reader, filter deadletter.Filter) (n int, last uint64, err error) {
	for l, err := range r.Letters(filter) {
		var corrupt *deadletter.CorruptError
		switch {
		case errors.As(err, &corrupt): // told of when they are removed
		case err != nil:
			return n, last, err
		default:
			n, last = n+1, l.ID
		}
	}
	return n, last, nil
}

func (c *letterPurgeCommand) remove(s streams, r *deadletter.Reader, filter deadletter.Filter) (removed int, err error) {
	batch := make([]uint64, 0, removeAtOnce)
	flush := func() error {
		if err := r.Remove(batch); err != nil {
			return err
		}
		removed += len(batch)
		batch = batch[:0]
		return nil
	}
	_, err = each(s, r, filter, func(l deadletter.Letter) error {
		if batch = append(batch, l.ID); len(batch) < removeAtOnce {
			return nil
		}
		return flush()
	})
	if err == nil {
		err = flush()
	}
	return removed, err
}

const errNobody = usageError("nobody is there to ask: say --yes to remove them without a question")

// confirm asks a person, and fails where there is none.
func confirm(in letterInput, s streams, question string) error {
	if in == nil {
		in = os.Stdin
	}
	if info, err := in.Stat(); err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return errNobody
	}
	fmt.Fprintf(s.err, "%s [y/N] ", question)
	answer, err := bufio.NewReader(in).ReadString('\n')
	switch strings.ToLower(strings.TrimSpace(answer)) {
	case "y", "yes":
		return nil
	case "":
		if err != nil { // the null device looks like a terminal
			return errNobody
		}
	}
	return errors.New("nothing was removed")
}

// warnings prints what the store would log.
type warnings struct{ streams }

// Errorf implements the store's logger.
func (w warnings) Errorf(format string, args ...any) { w.Warnf(format, args...) }

// Warnf implements the store's logger.
func (w warnings) Warnf(format string, args ...any) {
	fmt.Fprintf(w.err, "mysql: "+format+"\n", args...)
}
