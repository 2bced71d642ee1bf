package command

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"ekuiper-mysql/mysql/internal/status"
)

// writePlugin writes what the plugin tells, for a person.
func writePlugin(out io.Writer, p *status.Plugin) {
	fmt.Fprintf(out, "mysql %s, process %d, running for %s\n", printable(p.Version), p.PID, age(p.Now.Sub(p.Since)))
	disk := ""
	if p.Data.Size > 0 {
		disk = fmt.Sprintf(", %s of %s free", size(int64(p.Data.Free)), size(int64(p.Data.Size)))
	}
	memory := ""
	if p.Memory.Resident > 0 {
		memory = ", of " + size(p.Memory.Resident) + " in all"
	}
	fmt.Fprintf(out, "data in %s%s; rows in memory %s%s\n\n", printable(p.Data.Folder), disk, size(p.Memory.Rows), memory)
	if len(p.Rules) == 0 {
		fmt.Fprintln(out, "No rule uses the sink now.")
	} else {
		writeRules(out, p.Rules)
	}
	for _, r := range p.Rules {
		if r.LastError != nil {
			writeTrouble(out, p.Now, r)
		}
	}
	for _, r := range p.Rules {
		if r.Blocked {
			fmt.Fprintf(out, "\n%s, %s: the queue is full, %s of at most %s: eKuiper is made to wait, and drops rows once its own buffers are full\n", fit(r.Rule, 30), fit(r.Table, 30), size(r.QueueBytes), size(r.QueueLimit))
		}
	}
	if p.DeadLetters.Count > 0 {
		fmt.Fprintf(out, "\n%d dead letters, %s of at most %s: mysql deadletters list\n", p.DeadLetters.Count, size(p.DeadLetters.Bytes), size(p.DeadLetters.Limit))
	}
	if p.Orphans.Journals > 0 {
		fmt.Fprintf(out, "\n%d rows in %d journals that no rule uses: mysql journal list\n", p.Orphans.Rows, p.Orphans.Journals)
	}
}

func writeRules(out io.Writer, rules []status.Rule) {
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "RULE\tTABLE\tSTATE\tIN/s\tOUT/s\tPENDING\tBYTES\tOLDEST\tLANE\tROAD\tBATCH\tSTORED\tSET ASIDE\tLOST\tSERVER")
	for _, r := range rules {
		in, stored := "-", "-"
		if r.Rates != nil {
			in, stored = rate(r.Rates.Received), rate(r.Rates.Stored)
		}
		oldest := "-"
		if r.PendingRows > 0 {
			oldest = age(time.Duration(r.OldestPendingSeconds * float64(time.Second)))
		}
		road := r.Road
		if road == "" {
			road = "-"
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%d\t%s\t%s\t%d\t%s\t%d\t%d\t%d\t%d\t%s\n", fit(r.Rule, 30), fit(r.Table, 30), printable(string(r.State)), in, stored,
			r.PendingRows, size(r.PendingBytes), oldest, r.LaneRows, printable(road), r.BatchRows, r.Rows.Stored, r.Rows.SetAside, r.Rows.Lost+r.Rows.Dropped, fit(r.Server, 60))
	}
	_ = t.Flush()
}

// writeTrouble tells of an action's last error.
func writeTrouble(out io.Writer, now time.Time, r status.Rule) {
	e := r.LastError
	times := "once"
	if e.Count > 1 {
		times = fmt.Sprintf("%d times", e.Count)
	}
	when := "for " + age(now.Sub(e.Since))
	if e.Over {
		when = age(now.Sub(e.Time)) + " ago, and works since"
	}
	fmt.Fprintf(out, "\n%s, %s: failed %s, %s (%s): %s\n", fit(r.Rule, 30), fit(r.Table, 30), times, when, printable(e.Class), fit(e.Text, 400))
}

// writeFiles writes what the files tell, for a person.
func writeFiles(out io.Writer, f *files) {
	fmt.Fprintf(out, "No plugin answers for %s: it is not running, or has had no rule with this sink since it started.\n", printable(f.Folder))
	switch {
	case len(f.Journals) == 0 && len(f.unread) == 0:
		fmt.Fprintln(out, "There are no journals.")
	case len(f.Journals) > 0:
		fmt.Fprintln(out, "What the files tell:")
		fmt.Fprintln(out)
		t := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
		fmt.Fprintln(t, "JOURNAL\tUSE\tPENDING\tBYTES\tOLDEST\tSTORED\tSET ASIDE\tLOST\tIDENTITY")
		for _, l := range f.Journals {
			oldest := "-"
			if l.OldestPending != nil {
				oldest = l.OldestPending.UTC().Format(time.RFC3339)
			}
			fmt.Fprintf(t, "%s\t%s\t%d\t%s\t%s\t%d\t%d\t%d\t%s\n", l.Folder, l.use(), l.Pending, size(l.PendingBytes), oldest, l.Stored, l.SetAside, l.Lost+l.Dropped, printable(l.Identity))
		}
		_ = t.Flush()
	}
	if f.DeadLetters > 0 {
		fmt.Fprintf(out, "\n%d dead letters: mysql deadletters list\n", f.DeadLetters)
	}
}

// rate is rows per second, short.
func rate(v float64) string {
	if v > 0 && v < 10 {
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.0f", v)
}

// size is bytes, short.
func size(n int64) string {
	if n < 1<<10 {
		return fmt.Sprintf("%d B", n)
	}
	v, unit := float64(n), ""
	for _, unit = range []string{"KiB", "MiB", "GiB", "TiB", "PiB"} {
		if v /= 1024; v < 1000 {
			break
		}
	}
	return fmt.Sprintf("%.3g %s", v, unit)
}

// age is a duration, short: its two largest units.
func age(d time.Duration) string {
	d = max(d, 0)
	switch {
	case d < time.Minute:
		return d.Round(100 * time.Millisecond).String()
	case d < 48*time.Hour:
		text := d.Round(time.Second).String()
		if d >= time.Hour {
			text = strings.TrimSuffix(d.Round(time.Minute).String(), "0s")
		}
		return text
	}
	return fmt.Sprintf("%dd%dh", d/(24*time.Hour), d%(24*time.Hour)/time.Hour)
}
