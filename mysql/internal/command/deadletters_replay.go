package command

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"ekuiper-mysql/mysql/internal/config"
	"ekuiper-mysql/mysql/internal/deadletter"
	"ekuiper-mysql/mysql/internal/route"
	"ekuiper-mysql/mysql/internal/schema"
	"ekuiper-mysql/mysql/internal/sink"
)

type letterReplayCommand struct {
	letterFilter `embed:""`
	targetFlags  `embed:""`
	IDs          []uint64 `arg:"" optional:"" name:"id" help:"Ids, as list prints them."`
	All          bool     `help:"Replay all that there are."`
	JSON         bool     `name:"json" help:"Print JSON lines: the letters that were refused again, then the sums."`
}

// Help adds to the command's help.
func (letterReplayCommand) Help() string {
	return `Rows go back by the sink's own way, in batches, to the table that refused them or to
the one that --into names. With --props, letters of other tables than the action's are
passed over, unless --into sends them there too. A letter is removed once its row is
stored. One that is refused again stays, and its new reason is printed. This works
beside a running plugin. If it is killed, up to some 1,000 rows may be stored whose
letters are still there: another replay stores them again or, in a table with a key,
finds them there.

` + targetHelp + `
Examples:
  mysql deadletters replay --all --props action.json
  mysql deadletters replay --rule demo --error 1406 --url-file /etc/kuiper/mysql.url
  mysql deadletters replay 17 18 --into repaired --props action.json

Exit codes: 0 all that were chosen are stored; 1 an error, or some stayed; 2 a
mistake in the command line, and nothing was tried.`
}

// jsonRefusal is a letter that was refused again.
type jsonRefusal struct {
	ID     uint64 `json:"id"`
	Rule   string `json:"rule"`
	Reason string `json:"refused"`
}

// jsonReplayed is the sums of a replay.
type jsonReplayed struct {
	Stored     int `json:"stored"`
	Refused    int `json:"refused"`    // and kept
	PassedOver int `json:"passedOver"` // letters of other tables
	Damaged    int `json:"damaged"`    // pieces of files that cannot be read
}

// errStayed makes the exit code 1 where letters are left; they were told of.
var errStayed = errors.New("not all of the chosen letters are stored")

// Run replays the letters.
func (c *letterReplayCommand) Run(parent *deadLettersCommand, s streams) error {
	filter := c.filter()
	filter.IDs = c.IDs
	chosen := len(c.IDs) > 0 || c.Rule != "" || len(c.Error) > 0 || c.Table != "" || !c.Since.IsZero() || !c.Until.IsZero()
	if chosen == c.All {
		return usageError("say which letters to replay: ids, --rule, --error, --table, --since, --until, or --all for all of them")
	}
	r, dir, err := c.open(parent)
	if err == nil {
		err = forOwner(dir)
	}
	if err != nil {
		return err
	}
	props, err := c.props()
	if err != nil {
		return err
	}
	s.err = &shared{to: s.err}
	p := replayPlan{letterReplayCommand: c, streams: s, letters: r, filter: filter, props: props}
	lock, err := deadletter.LockReplay(dir)
	if err != nil {
		return err
	}
	defer lock.Close()
	if err := p.survey(); err != nil {
		return err
	}
	ctx, cancel := interruptible()
	defer cancel()
	err = p.run(ctx)
	if e := deadletter.Reclaim(dir, warnings{s}); e != nil {
		fmt.Fprintf(s.err, "mysql: the replayed letters' space is not free yet: %v\n", e)
	}
	if e := p.report(); e != nil {
		return e
	}
	if err == nil && p.sums != (jsonReplayed{Stored: p.sums.Stored}) {
		err = errStayed
	}
	return err
}

// replayPlan is one replay: where which letters go.
type replayPlan struct {
	*letterReplayCommand
	streams
	letters *deadletter.Reader
	filter  deadletter.Filter
	props   map[string]any
	tables  []string // whose letters are taken, as the letters name them
	configs []*config.Config
	last    uint64 // no letter above is taken
	sums    jsonReplayed
}

// survey finds out which tables the letters are for, and what is wrong with
// the properties, before anything is written.
func (p *replayPlan) survey() error {
	counts := map[string]int{}
	filter := p.filter
	filter.SkipRaw = true
	_, err := each(p.streams, p.letters, filter, func(l deadletter.Letter) error {
		counts[l.Table]++
		p.last = max(p.last, l.ID)
		return nil
	})
	if err != nil {
		return err
	}
	own, err := p.ownTables()
	if err != nil {
		return err
	}
	for table, n := range counts {
		if own.text != "" && !own.has(table) {
			p.sums.PassedOver += n
			fmt.Fprintf(p.err, "mysql: passed over %d letters of table %s: the action writes to %s; --into names the table for all\n", n, printable(orDash(table)), own.text)
			continue
		}
		p.tables = append(p.tables, table)
	}
	if p.Into != "" && len(counts) > 0 {
		return p.add(p.Into)
	}
	slices.Sort(p.tables)
	for _, table := range p.tables {
		if own.way != nil { // the rows choose again
			table = ""
		} else if table == "" {
			return usageError("some letters name no table; say with --into where they go")
		}
		if err := p.add(table); err != nil {
			return err
		}
	}
	return nil
}

// add plans a passage of letters to table.
func (p *replayPlan) add(table string) error {
	c, err := p.configure(p.streams, p.props, table)
	p.configs = append(p.configs, c)
	return err
}

// ownTables are those that the properties name, as letters name them.
type ownTables struct {
	text string       // "": the properties do not choose letters
	way  *route.Route // nil: one table
}

func (o ownTables) has(table string) bool {
	if table == o.text || o.way == nil {
		return table == o.text
	}
	name, err := schema.ParseName(table)
	return err == nil && o.way.Allows(name)
}

// ownTables returns the tables of the properties, if they choose the letters.
func (p *replayPlan) ownTables() (own ownTables, err error) {
	if p.Into != "" || !has(p.props, "table") {
		return own, nil
	}
	c, err := p.configure(p.streams, p.props, "")
	if err != nil {
		return own, err
	}
	way, err := sink.RouteOf(c)
	if err != nil {
		return own, usageError(err.Error())
	}
	if way.Varies() {
		return ownTables{way.String(), way}, nil
	}
	name, err := schema.ParseName(c.Table)
	if err != nil {
		return own, usageError(fmt.Sprintf("property table: %v", err))
	}
	return ownTables{name.String(), nil}, nil
}

// run replays table by table.
func (p *replayPlan) run(ctx context.Context) error {
	var missing error // tables that are not there: the others' letters may go
	for i, c := range p.configs {
		t, err := p.reach(ctx, p.streams, c)
		if errors.Is(err, schema.ErrNoTable) {
			missing = errors.Join(missing, err)
			continue
		}
		if err != nil {
			return errors.Join(missing, err)
		}
		filter := p.filter
		if p.Into == "" {
			filter.Table = p.tables[i]
		}
		done, err := t.Replay(ctx, p.letters, filter, p.last, p.refused)
		p.sums.Stored += done.Stored
		p.sums.Refused += done.Refused
		p.sums.Damaged = max(p.sums.Damaged, done.Damaged)
		switch {
		case errors.Is(err, context.Canceled):
			return errors.New("interrupted; what is not stored is still a letter")
		case errors.Is(err, sink.ErrStalled):
			return fmt.Errorf("given up: %w; what is not stored is still a letter", err)
		case err != nil:
			return err
		}
	}
	return missing
}

// refused tells of a letter that stays.
func (p *replayPlan) refused(l deadletter.Letter, reason error) {
	if p.JSON {
		_ = jsonLines(p.out).Encode(jsonRefusal{l.ID, l.Rule, reason.Error()})
		return
	}
	fmt.Fprintf(p.err, "mysql: letter %d of rule %s is refused again and stays: %s\n", l.ID, printable(orDash(l.Rule)), fit(reason.Error(), 400))
}

// report prints the sums.
func (p *replayPlan) report() error {
	if p.JSON {
		return jsonLines(p.out).Encode(p.sums)
	}
	texts := []string{fmt.Sprintf("%d stored", p.sums.Stored), fmt.Sprintf("%d refused again and kept", p.sums.Refused)}
	if p.sums.PassedOver > 0 {
		texts = append(texts, fmt.Sprintf("%d of other tables passed over", p.sums.PassedOver))
	}
	if p.sums.Damaged > 0 {
		texts = append(texts, fmt.Sprintf("%d damaged pieces", p.sums.Damaged))
	}
	_, err := fmt.Fprintln(p.out, strings.Join(texts, ", "))
	return err
}
