package sink

import (
	"encoding/hex"
	"fmt"
	"os"

	"ekuiper-mysql/mysql/internal/config"
	"ekuiper-mysql/mysql/internal/delivery"
	"ekuiper-mysql/mysql/internal/journal"
	"ekuiper-mysql/mysql/internal/mapping"
)

// mappingOf is which value goes to which column, as the properties say; nil
// where fields go to the columns of their names.
func mappingOf(c *config.Config) (*mapping.Plan, error) {
	plan, err := mapping.Compile(mapping.Options{
		Columns: c.Columns, IgnoreOthers: c.IgnoreOtherFields, SnakeCase: c.SnakeCase,
		Rest: c.RestField, WholeRow: c.RestWholeRow, IgnoreExtra: c.IgnoreExtraFields, Pass: c.RowKindField,
	})
	if err != nil {
		return nil, err
	}
	if m := plan.NeedsJournal(); m != "" && !c.Journal {
		return nil, fmt.Errorf(`property columns: {"meta": %q} with journal off, where rows have numbers only until the plugin ends; allowed: journal on beside it, or leave it out`, m)
	}
	return plan, nil
}

// originOf says that all rows of the queue are id's.
func originOf(id identity, queue journal.Queue) delivery.Origins {
	o := &mapping.Origin{Rule: id.rule, Op: id.op, Instance: id.instance, Host: hostName()}
	if disk, ok := queue.(*journal.Disk); ok {
		name := disk.ID()
		o.Journal = hex.EncodeToString(name[:])
	}
	if o.Op == "" { // of a journal whose identity cannot be told, see identify
		o.Rule = ""
	}
	return func(number uint64) (*mapping.Origin, uint64) { return o, number }
}

// hostName is the machine's name, or empty where it has none.
func hostName() string {
	name, err := os.Hostname()
	if err != nil {
		return ""
	}
	return name
}
