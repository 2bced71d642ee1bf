package random

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// property describes one property of the source, for docs/random.md and for
// the tests that hold the packaged files to it.
type property struct {
	name     string
	kind     string
	fallback string
	text     string
}

var properties = []property{
	{
		"fields", "list, map or JSON text", "a small sensor",
		"The row's fields, each with a name, a type and the type's options; see Field types. A list keeps the case of the names everywhere.",
	},
	{
		"rate", `number or "max"`, "1",
		`Rows per second, from 0.00001 to 10000000. 0 or "max" is as fast as the host takes.`,
	},
	{
		"count", "integer", "0",
		"Stop after this many rows; the stream then stays open and idle. 0 does not stop.",
	},
	{
		"randomSeed", "integer", "none",
		"Makes the same rows again, timestamps of the present apart. Without it every run differs; its seed is in the log.",
	},
	{
		"deduplicate", "integer", "0",
		"0 sends any row. A number n above 0 (at most 1000000) sends no row equal to one of the last n. Below 0 sends no row twice, " +
			"and memory grows with every row.",
	},
	{
		"pattern", "map or JSON text", "none",
		"Short form for integer fields, as in eKuiper's own random source: field name to base number. Each value is from base up to, but not including, base + seed.",
	},
	{
		"seed", "integer", "1",
		"For pattern alone: how many different values a field takes, from 1.",
	},
	{
		"interval", "milliseconds or duration", "0",
		"Accepted for old rules: time between rows; above 0 it overrides rate. eKuiper 2.x loses rows when a property of this name is set; use rate.",
	},
}

// hostProperties are those that eKuiper itself adds to a source's
// configuration or reads from it.
var hostProperties = []string{
	"datasource", "key", "format", "type", "extra", "kind", "version", "temp", "shared", "confKey", "conf_key",
	"schemaId", "delimiter", "retainSize", "retain_size", "strictValidation", "strict_validation",
	"timestamp", "timestampFormat", "timestamp_format", "colAliasMapping",
	"payloadFormat", "payloadSchemaId", "payloadDelimiter", "payloadBatchField", "payloadField",
	"decompression", "compression", "encryption", "connectionSelector", "merger", "mergeField", "sendInterval",
	"bufferLength", "concurrency", "resourceId", "resendInterval", "enableCache", "hasHeader", "qos",
}

const (
	slowestRate    = 0.00001
	fastestRate    = 10_000_000
	defaultRate    = 1
	maxDeduplicate = 1_000_000
	maxInterval    = 24 * time.Hour
)

// settings is a valid configuration. It is not changed once made.
type settings struct {
	fields      []field
	rate        float64 // rows per second, 0 for as fast as the host takes
	count       int64   // 0 for no end
	deduplicate int     // 0 off, below 0 all rows, else the last so many
	seed        int64
	seeded      bool
	warnings    []string
}

func propertyNames() []string {
	names := make([]string, len(properties))
	for i, p := range properties {
		names[i] = p.name
	}
	return names
}

// parse validates props. The error joins all problems.
func parse(props map[string]any) (*settings, error) {
	p := &problems{}
	known := propertyNames()
	r := newReader("", props, known, p)
	set := &settings{
		rate:  readRate(r),
		count: r.integer("count", 0, 0, exact),
	}
	if _, ok := r.get("randomSeed"); ok {
		set.seeded = true
		set.seed = r.integer("randomSeed", 0, -exact, exact)
	}
	set.deduplicate = int(max(-1, r.integer("deduplicate", 0, -exact, maxDeduplicate)))
	set.fields = readRow(r)

	for _, names := range r.twice {
		set.warnings = append(set.warnings, fmt.Sprintf("the same property is given as %s; one of them is ignored", names))
	}
	for _, name := range r.unknown(slices.Concat(known, hostProperties)) {
		set.warnings = append(set.warnings, fmt.Sprintf("property %q is unknown%s", name, suggest(name, known)))
	}
	if every := readInterval(r); every > 0 {
		set.rate = float64(time.Second) / float64(every)
		set.warnings = append(set.warnings, fmt.Sprintf("eKuiper 2.x limits a source's rate by itself when a property named interval is set, "+
			"and loses rows in doing so; use rate: %.6g (rows per second) instead. Until interval is gone it overrides rate", set.rate))
	}
	if err := p.err(); err != nil {
		return nil, err
	}
	return set, nil
}

func readRate(r *reader) float64 {
	v, ok := r.get("rate")
	if !ok {
		return defaultRate
	}
	if text, ok := v.(string); ok && strings.EqualFold(strings.TrimSpace(text), "max") {
		return 0
	}
	n, ok := toFloat(v)
	if !ok || (n != 0 && (n < slowestRate || n > fastestRate)) {
		r.refuse("rate", v, fmt.Sprintf("rows per second from %.5f to %d, or 0 or \"max\" for as fast as the host takes", slowestRate, fastestRate))
	}
	return n
}

// readInterval takes what eKuiper takes: 0, or a millisecond and more.
func readInterval(r *reader) time.Duration {
	every := r.duration("interval", 0, 0, maxInterval)
	if every > 0 && every < time.Millisecond {
		v, _ := r.get("interval")
		r.refuse("interval", v, "0 or at least 1 millisecond")
	}
	return every
}

// readRow reads fields and pattern, which may be used together.
func readRow(r *reader) []field {
	var fields []field
	if v, ok := r.get("fields"); ok {
		fields = parseFields("fields", unpack(v), 0, r.problems)
	}
	fields = append(fields, readPattern(r)...)
	if len(fields) == 0 {
		fields = parseFields("fields", defaultFields(), 0, r.problems)
	}
	refuseTwins("fields", fields, r.problems)
	return fields
}

func readPattern(r *reader) []field {
	seed := r.integer("seed", 1, 1, exact)
	v, ok := r.get("pattern")
	if !ok {
		return nil
	}
	pattern, ok := unpack(v).(map[string]any)
	if !ok {
		r.refuse("pattern", v, "a map of field name to base number")
		return nil
	}
	var fields []field
	for _, name := range sortedKeys(pattern) {
		base, ok := toInt(pattern[name])
		if !ok {
			r.refuse("pattern."+name, pattern[name], fmt.Sprintf("an integer from %d to %d", -exact, exact))
			continue
		}
		if most := exact - (seed - 1); base > most {
			r.refuse("pattern."+name, base, fmt.Sprintf("at most %d with seed %d", most, seed))
			continue
		}
		fields = append(fields, field{name: name, kind: intKind(base, base+seed-1)})
	}
	return fields
}

// unpack reads JSON text, which forms and environment variables give for
// lists and maps; any other value is returned as it is.
func unpack(v any) any {
	text, ok := v.(string)
	if !ok {
		return v
	}
	var inner any
	if json.Unmarshal([]byte(text), &inner) != nil {
		return v
	}
	return inner
}

// suggest names the known name that an unknown one was probably meant to be.
func suggest(name string, known []string) string {
	best, least := "", 3
	for _, k := range known {
		if d := distance(strings.ToLower(name), strings.ToLower(k)); d < least && d < len(k) {
			best, least = k, d
		}
	}
	if best == "" {
		return " and ignored"
	}
	return fmt.Sprintf(" and ignored; did you mean %q?", best)
}

// distance is the number of bytes to insert, delete or replace between a and b.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
