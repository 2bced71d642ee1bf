package command

import (
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"

	"ekuiper-mysql/mysql/internal/journal"
)

type journalVerifyCommand struct {
	journalFolder `embed:""`
	Journal       []string `arg:"" optional:"" help:"Journals, by folder or rule. Default: all."`
	JSON          bool     `name:"json" help:"Print JSON, one object a line."`
}

// Help adds to the command's help.
func (journalVerifyCommand) Help() string {
	return `Every record and every settled row is read and its checksum is compared. It takes no
lock and changes nothing; beside a running plugin a piece that is being written may
pass for an unfinished one, which is no damage. Files that were kept aside because of
earlier damage are named, and are no new damage.

Examples:
  mysql journal verify
  mysql journal verify demo --json

Exit codes: 0 whole; 1 damaged, or not to be read; 2 a mistake in the command line.`
}

// verified is what verify tells of one journal.
type verified struct {
	Folder     string         `json:"folder"`
	Identity   string         `json:"identity"`
	Messages   uint64         `json:"messages"`
	Pending    uint64         `json:"pending"`
	Damaged    bool           `json:"damaged"`
	Places     []damagedPlace `json:"places"`          // up to 100
	Unreadable uint64         `json:"unreadable"`      // pending rows that are gone
	Unfinished int64          `json:"unfinishedBytes"` // of a write that was cut short or goes on
	Aside      []string       `json:"aside"`           // kept of earlier damage
	Lost       uint64         `json:"lost"`            // rows, by earlier damage or a power cut
}

type damagedPlace struct {
	File   string `json:"file"`
	Offset int64  `json:"offset"`
	Bytes  int64  `json:"bytes"`
}

var errDamaged = errors.New("there is damage")

// Run verifies the journals.
func (c *journalVerifyCommand) Run(parent *journalCommand, s streams) error {
	paths, err := c.chosen(parent)
	if err != nil {
		return err
	}
	unread := 0
	for _, path := range paths {
		in, e := journal.Inspect(path, nil)
		if e != nil {
			fmt.Fprintf(s.err, "mysql: %s: %v\n", filepath.Base(path), e)
			unread++
			continue
		}
		v := verify(path, in)
		if v.Damaged {
			err = errDamaged
		}
		if e := c.print(s, v); e != nil {
			return e
		}
	}
	if unread > 0 {
		err = errors.Join(err, errUnread(unread))
	}
	return err
}

func (c *journalVerifyCommand) chosen(parent *journalCommand) (paths []string, err error) {
	if len(c.Journal) == 0 {
		return c.all(parent)
	}
	for _, text := range c.Journal {
		path, err := c.choose(parent, text)
		if err != nil {
			return nil, err
		}
		paths = append(paths, path)
	}
	return paths, nil
}

func verify(path string, in *journal.Inspection) verified {
	v := verified{
		Folder: filepath.Base(path), Identity: in.Identity, Messages: in.Messages, Pending: in.Counts.Pending,
		Places: []damagedPlace{}, Unreadable: in.Unreadable, Unfinished: in.Torn, Aside: append([]string{}, in.Aside...), Lost: in.Counts.Lost,
		Damaged: len(in.Places) > 0 || in.Unreadable > 0 || in.Identity == "",
	}
	for _, p := range in.Places {
		v.Places = append(v.Places, damagedPlace(p))
	}
	return v
}

func (c *journalVerifyCommand) print(s streams, v verified) error {
	if c.JSON {
		return json.NewEncoder(s.out).Encode(v)
	}
	word := "whole"
	if v.Damaged {
		word = "DAMAGED"
	}
	fmt.Fprintf(s.out, "%s: %s, %d messages, %d rows pending\n", v.Folder, word, v.Messages, v.Pending)
	if v.Identity == "" {
		fmt.Fprintln(s.out, "  no state file can be read: whose rows these are is not known")
	}
	for _, p := range v.Places {
		fmt.Fprintf(s.out, "  %s: %d bytes from byte %d on are damaged\n", p.File, p.Bytes, p.Offset)
	}
	if v.Unreadable > 0 {
		fmt.Fprintf(s.out, "  %d pending rows cannot be read and count as lost when the journal is next opened\n", v.Unreadable)
	}
	if v.Unfinished > 0 {
		fmt.Fprintf(s.out, "  the last %d bytes are of an unfinished write: nothing that was accepted\n", v.Unfinished)
	}
	for _, name := range v.Aside {
		fmt.Fprintf(s.out, "  kept of earlier damage: %s\n", name)
	}
	if v.Lost > 0 {
		fmt.Fprintf(s.out, "  %d rows were lost earlier\n", v.Lost)
	}
	return nil
}
