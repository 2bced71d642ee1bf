package fault

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"ekuiper-mysql/test/markdown"
)

// Markers in the file of the report.
const (
	tableBegin = "<!-- table: written by make fault -->"
	tableEnd   = "<!-- end of table -->"
)

// tell prints the results, and writes them where that is asked for, unless
// something has failed.
func tell(passed bool) error {
	if len(results) == 0 {
		return nil
	}
	names := map[string]bool{}
	var all result
	for _, r := range results {
		names[r.scenario] = true
		all.rounds += r.rounds
		all.rows += r.rows
		all.lost += r.lost
		all.doubled += r.doubled
	}
	table := tableOf(results)
	sum := fmt.Sprintf("fault: %d scenarios, %d rounds, %d rows, lost %d, doubled %d", len(names), all.rounds, all.rows, all.lost, all.doubled)
	fmt.Printf("\n%s\nseed %d\n%s\n", table, *seed, sum)
	if all.lost+all.doubled > 0 {
		return fmt.Errorf("rows were lost or doubled")
	}
	if *report == "" || !passed {
		return nil
	}
	return markdown.Replace(*report, tableBegin, tableEnd, table+"\n"+sum+"\n")
}

// tableOf is the results as a table of Markdown.
func tableOf(results []*result) string {
	var b strings.Builder
	b.WriteString("| Fault | Rule | Rounds | Rows | Lost | Doubled | Set aside | In flight | Copies | Recovery median, max |\n")
	b.WriteString("| --- | --- | --: | --: | --: | --: | --: | --: | --: | --: |\n")
	for _, r := range results {
		doubled, copies, inFlight := "0", fmt.Sprint(r.copies), "-"
		if !r.mode.once && !r.mode.keyed {
			doubled = "-"
		} else {
			doubled, copies = fmt.Sprint(r.doubled), "-"
		}
		if !r.mode.acks || r.inFlight > 0 {
			inFlight = fmt.Sprint(r.inFlight)
		}
		fault := r.scenario
		if r.note != "" {
			fault += " (" + r.note + ")"
		}
		fmt.Fprintf(&b, "| %s | %s | %d | %d | %d | %s | %d | %s | %s | %s |\n",
			fault, r.mode.name, r.rounds, r.rows, r.lost, doubled, r.setAside, inFlight, copies, recoveryOf(r.recovery))
	}
	return b.String()
}

func recoveryOf(times []time.Duration) string {
	if len(times) == 0 {
		return "-"
	}
	slices.Sort(times)
	return fmt.Sprintf("%.2f s, %.2f s", times[len(times)/2].Seconds(), times[len(times)-1].Seconds())
}
