package command

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"ekuiper-mysql/mysql/internal/journal"
)

// journalCommand is what a person does with the rows that wait.
type journalCommand struct {
	List   journalListCommand   `cmd:"" help:"List the journals, with what became of their rows."`
	Verify journalVerifyCommand `cmd:"" help:"Read journals whole and say what is damaged."`
	Export journalExportCommand `cmd:"" help:"Write the rows that wait as JSON lines."`
	Drain  journalDrainCommand  `cmd:"" help:"Deliver the rows of a journal that no rule uses."`
	Purge  journalPurgeCommand  `cmd:"" help:"Remove a journal that no rule uses, with the rows in it."`

	dataDir func() (string, error)
	stdin   letterInput // nil stands for the process's own
}

// journalsFolder is the name of the folder under dataDir's.
const journalsFolder = "journal"

// Help adds to the command's help.
func (journalCommand) Help() string {
	return `Each action of each rule has a journal of its own. One that no rule uses any more,
because the rule was deleted or its target changed, stays until a person drains or
purges it. A journal is named by its folder, the beginning of that, or its rule's id.
list, verify and export read beside a running plugin.

Examples:
  mysql journal list
  mysql journal verify
  mysql journal export demo > rows.jsonl
  mysql journal drain demo-mysql-0-0 --props action.json
  mysql journal purge demo-mysql-0-0

Exit codes: 0 done; 1 an error; 2 a mistake in the command line.`
}

// journalFolder is the flag that names the folder of all journals.
type journalFolder struct {
	Dir string `type:"path" placeholder:"DIR" help:"Folder of the journals. Default: journal in the plugin's data folder."`
}

func (f journalFolder) dir(parent *journalCommand) (string, error) {
	if f.Dir != "" {
		return f.Dir, nil
	}
	data, err := parent.dataDir()
	if err != nil {
		return "", usageError(fmt.Sprintf("%v; or name the folder of the journals with --dir", err))
	}
	return filepath.Join(data, journalsFolder), nil
}

// noFolderYet says why what the plugin keeps may not be where it is looked for.
const noFolderYet = "no rule has used the sink yet, or eKuiper was told of another folder by EKUIPER_MYSQL_DATA or KuiperBaseKey, which is to be set here too, or named with --dir"

// all returns the paths of the journals.
func (f journalFolder) all(parent *journalCommand) ([]string, error) {
	dir, err := f.dir(parent)
	if err != nil {
		return nil, err
	}
	names, err := journal.Folders(dir)
	if errors.Is(err, fs.ErrNotExist) && f.Dir == "" {
		err = fmt.Errorf("%w; %s", err, noFolderYet)
	}
	for i, name := range names {
		names[i] = filepath.Join(dir, name)
	}
	return names, err
}

// choose returns the path of the journal that text means: its folder's name,
// else the beginning of one, else its rule's id or all of its identity.
func (f journalFolder) choose(parent *journalCommand, text string) (string, error) {
	if text == "" { // a variable of a shell that is not set must not mean the only one
		return "", usageError("the journal's name is empty; mysql journal list shows them")
	}
	all, err := f.all(parent)
	if err != nil {
		return "", err
	}
	var byPrefix, byIdentity []string
	for _, path := range all {
		name := filepath.Base(path)
		if name == text {
			return path, nil
		}
		if strings.HasPrefix(name, text) {
			byPrefix = append(byPrefix, path)
		}
		identity, err := journal.Identify(path)
		if err == nil && (identity == text || strings.HasPrefix(identity, "rule "+text+",")) {
			byIdentity = append(byIdentity, path)
		}
	}
	found := byPrefix
	if len(found) == 0 || len(byIdentity) == 1 {
		found = byIdentity
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return "", usageError(fmt.Sprintf("no journal is called %q; mysql journal list shows them", text))
	}
	names := make([]string, len(found))
	for i, path := range found {
		names[i] = filepath.Base(path)
	}
	return "", usageError(fmt.Sprintf("%q may be any of these journals: %s", text, strings.Join(names, ", ")))
}

type journalListCommand struct {
	journalFolder `embed:""`
	JSON          bool `name:"json" help:"Print JSON, one object a line."`
}

// Help adds to the command's help.
func (journalListCommand) Help() string {
	return `For every journal, rows: received = stored + superseded + set aside + dropped + lost +
pending. USE is "open" while a rule or a drain has it; "orphan" where nobody has and
rows are waiting, which is true of all that wait while the plugin is not running.

Examples:
  mysql journal list
  mysql journal list --json --dir /kuiper/data/mysql/journal

Exit codes: 0 done; 1 an error; 2 a mistake in the command line.`
}

// journalLine is what list tells of one journal.
type journalLine struct {
	Folder        string     `json:"folder"`
	Identity      string     `json:"identity"`
	Open          bool       `json:"open"`   // somebody has it
	Orphan        bool       `json:"orphan"` // nobody has, and rows are pending
	Received      uint64     `json:"received"`
	Stored        uint64     `json:"stored"`
	Superseded    uint64     `json:"superseded"`
	SetAside      uint64     `json:"setAside"`
	Dropped       uint64     `json:"dropped"`
	Lost          uint64     `json:"lost"`
	Pending       uint64     `json:"pending"`
	PendingBytes  int64      `json:"pendingBytes"`
	OldestPending *time.Time `json:"oldestPending,omitempty"`
	Damaged       int64      `json:"damagedBytes"`
}

// readJournal finds out about the journal in path.
func readJournal(path string) (journalLine, error) {
	in, err := journal.Inspect(path, nil)
	if err != nil {
		return journalLine{}, err
	}
	open, err := journal.InUse(path)
	if err != nil {
		return journalLine{}, err
	}
	n := in.Counts
	line := journalLine{
		Folder: filepath.Base(path), Identity: in.Identity, Open: open, Orphan: !open && n.Pending > 0,
		Received: n.Received, Stored: n.Stored, Superseded: n.Superseded, SetAside: n.SetAside, Dropped: n.Dropped, Lost: n.Lost,
		Pending: n.Pending, PendingBytes: n.PendingBytes, Damaged: in.Damaged - in.Torn,
	}
	if !n.OldestPending.IsZero() {
		line.OldestPending = &n.OldestPending
	}
	return line, nil
}

// errUnread is of so many journals that cannot be read, each of which was told of.
func errUnread(n int) error { return fmt.Errorf("%d journals cannot be read", n) }

func (l *journalLine) use() string {
	switch {
	case l.Open:
		return "open"
	case l.Orphan:
		return "orphan"
	}
	return "-"
}

// Run lists the journals.
func (c *journalListCommand) Run(parent *journalCommand, s streams) error {
	paths, err := c.all(parent)
	if err != nil {
		return err
	}
	table := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
	if !c.JSON {
		fmt.Fprintln(table, "FOLDER\tUSE\tPENDING\tOLDEST\tRECEIVED\tSTORED\tSUPERSEDED\tSET ASIDE\tDROPPED\tLOST\tIDENTITY")
	}
	orphans, unread := 0, 0
	for _, path := range paths {
		l, err := readJournal(path)
		if errors.Is(err, fs.ErrNotExist) { // purged meanwhile
			continue
		}
		if err != nil { // the others are worth telling of
			fmt.Fprintf(s.err, "mysql: %s: %v\n", filepath.Base(path), err)
			unread++
			continue
		}
		if l.Orphan {
			orphans++
		}
		if c.JSON {
			err = json.NewEncoder(s.out).Encode(l)
		} else {
			oldest := "-"
			if l.OldestPending != nil {
				oldest = l.OldestPending.UTC().Format(time.RFC3339)
			}
			_, err = fmt.Fprintf(table, "%s\t%s\t%d\t%s\t%d\t%d\t%d\t%d\t%d\t%d\t%s\n", l.Folder, l.use(), l.Pending, oldest,
				l.Received, l.Stored, l.Superseded, l.SetAside, l.Dropped, l.Lost, printable(l.Identity))
		}
		if err != nil {
			return err
		}
	}
	if err := table.Flush(); err != nil {
		return err
	}
	if orphans > 0 && !c.JSON {
		fmt.Fprintf(s.err, "mysql: rows wait in %d journals that nobody has open. If the plugin is running with all its rules, no rule delivers them: mysql journal drain does\n", orphans)
	}
	if unread > 0 {
		return errUnread(unread)
	}
	return nil
}
