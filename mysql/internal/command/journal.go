package command

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"text/tabwriter"
	"time"

	"ekuiper-mysql/mysql/internal/journal"
)

// journalCommand is what a person sees of the rows that wait.
type journalCommand struct {
	List journalListCommand `cmd:"" help:"List the journals, with what became of their rows."`

	dataDir func() (string, error)
}

// journalsFolder is the name of the folder under dataDir's.
const journalsFolder = "journal"

// Help adds to the command's help.
func (journalCommand) Help() string {
	return `Each action of each rule has a journal of its own. One that no rule uses any more,
because the rule was deleted or its target changed, stays until a person removes it.
All of this works beside a running plugin.

Examples:
  mysql journal list
  mysql journal list --json --dir /kuiper/data/mysql/journal`
}

type journalListCommand struct {
	Dir  string `type:"path" placeholder:"DIR" help:"Folder of the journals. Default: journal in the plugin's data folder."`
	JSON bool   `name:"json" help:"Print JSON, one object a line."`
}

// journalLine is what list tells of one journal.
type journalLine struct {
	Folder        string     `json:"folder"`
	Identity      string     `json:"identity"`
	Received      uint64     `json:"received"`
	Stored        uint64     `json:"stored"`
	SetAside      uint64     `json:"setAside"`
	Dropped       uint64     `json:"dropped"`
	Lost          uint64     `json:"lost"`
	Pending       uint64     `json:"pending"`
	PendingBytes  int64      `json:"pendingBytes"`
	OldestPending *time.Time `json:"oldestPending,omitempty"`
	Damaged       int64      `json:"damagedBytes"`
}

// Run lists the journals.
func (c journalListCommand) Run(parent *journalCommand, s streams) error {
	dir := c.Dir
	if dir == "" {
		data, err := parent.dataDir()
		if err != nil {
			return fmt.Errorf("%w; or name the folder of the journals with --dir", err)
		}
		dir = filepath.Join(data, journalsFolder)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("read the folder of the journals: %w", err)
	}
	table := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
	if !c.JSON {
		fmt.Fprintln(table, "IDENTITY\tPENDING\tOLDEST\tRECEIVED\tSTORED\tSET ASIDE\tDROPPED\tLOST")
	}
	for _, e := range entries {
		if !e.IsDir() {
			continue
		}
		in, err := journal.Inspect(filepath.Join(dir, e.Name()), nil)
		if err != nil {
			return err
		}
		if err := c.print(s, table, e.Name(), in); err != nil {
			return err
		}
	}
	return table.Flush()
}

func (c journalListCommand) print(s streams, table *tabwriter.Writer, folder string, in *journal.Inspection) error {
	n := in.Counts
	if !c.JSON {
		oldest := "-"
		if !n.OldestPending.IsZero() {
			oldest = n.OldestPending.UTC().Format(time.RFC3339)
		}
		_, err := fmt.Fprintf(table, "%s\t%d\t%s\t%d\t%d\t%d\t%d\t%d\n", in.Identity, n.Pending, oldest, n.Received, n.Stored, n.SetAside, n.Dropped, n.Lost)
		return err
	}
	line := journalLine{
		Folder: folder, Identity: in.Identity, Received: n.Received, Stored: n.Stored, SetAside: n.SetAside,
		Dropped: n.Dropped, Lost: n.Lost, Pending: n.Pending, PendingBytes: n.PendingBytes, Damaged: in.Damaged,
	}
	if !n.OldestPending.IsZero() {
		line.OldestPending = &n.OldestPending
	}
	return json.NewEncoder(s.out).Encode(line)
}
