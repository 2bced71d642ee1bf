package fault

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Overrides are a rule's own classes for some of the server's errors. The zero
// value has none.
type Overrides struct {
	numbers map[uint16]Class
	states  map[string]Class
}

// classNames are the words for a class; the first of each is the one to show.
// Case, spaces, hyphens and underscores do not matter.
var classNames = []struct {
	class Class
	names []string
}{
	{Row, []string{"row", "setAside", "deadLetter", "data"}},
	{Passing, []string{"retry", "passing", "wait", "transient"}},
	{Operator, []string{"operator", "pause"}},
	{SchemaChanged, []string{"schema", "schemaChanged", "reload"}},
	{TooLarge, []string{"split", "tooLarge"}},
	{OutcomeUnknown, []string{"unknown", "outcomeUnknown"}},
	{Unlisted, []string{"unlisted", "default"}},
}

// bySymbol finds the numbers of a symbol: "DUP_ENTRY" is 1062.
var bySymbol = func() map[string][]uint16 {
	m := make(map[string][]uint16, len(table))
	for _, e := range table {
		if !slices.Contains(m[e.symbol], e.number) {
			m[e.symbol] = append(m[e.symbol], e.number)
		}
	}
	return m
}()

// ParseOverrides reads the property errors: its keys are the server's error
// numbers ("1452"), SQLSTATEs of five characters ("23000") or symbols
// ("ER_DUP_ENTRY"), its values words such as row, retry and operator. The
// error names every key that is wrong, its value and what is allowed.
func ParseOverrides(property map[string]any) (Overrides, error) {
	o := Overrides{map[uint16]Class{}, map[string]Class{}}
	var wrong []error
	keys := make([]string, 0, len(property))
	for key := range property {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	for _, key := range keys {
		class, ok := parseClass(property[key])
		if !ok {
			wrong = append(wrong, fmt.Errorf("property errors: %q: value %s is not allowed: use one of %s", key, show(property[key]), allowedClasses()))
			continue
		}
		if err := o.set(key, class); err != nil {
			wrong = append(wrong, err)
		}
	}
	if len(wrong) > 0 {
		return Overrides{}, errors.Join(wrong...)
	}
	return o, nil
}

func (o Overrides) set(key string, class Class) error {
	name := strings.ToUpper(strings.TrimSpace(key))
	numbers := bySymbol[strings.TrimPrefix(name, "ER_")]
	if n, err := strconv.ParseUint(name, 10, 16); err == nil && n > 0 && len(name) <= 4 {
		numbers = []uint16{uint16(n)}
	}
	if len(numbers) == 0 && isState(name) {
		if name == "00000" {
			return fmt.Errorf("property errors: key %q is the SQLSTATE of success", key)
		}
		if old, ok := o.states[name]; ok && old != class {
			return fmt.Errorf("property errors: key %q: its SQLSTATE is given twice, as %v and %v", key, old, class)
		}
		o.states[name] = class
		return nil
	}
	if len(numbers) == 0 {
		return fmt.Errorf("property errors: key %q is not allowed: use an error number of 1 to 9999, a SQLSTATE of five characters or a symbol such as ER_DUP_ENTRY", key)
	}
	for _, n := range numbers {
		if old, ok := o.numbers[n]; ok && old != class {
			return fmt.Errorf("property errors: key %q: number %d is given twice, as %v and %v", key, n, old, class)
		}
		o.numbers[n] = class
	}
	return nil
}

func isState(s string) bool {
	return len(s) == 5 && strings.IndexFunc(s, func(r rune) bool { return (r < '0' || r > '9') && (r < 'A' || r > 'Z') }) < 0
}

func parseClass(value any) (Class, bool) {
	text, ok := value.(string)
	if !ok {
		return None, false
	}
	plain := plainWord(text)
	for _, c := range classNames {
		for _, name := range c.names {
			if plain == plainWord(name) {
				return c.class, true
			}
		}
	}
	return None, false
}

func plainWord(s string) string {
	return strings.NewReplacer(" ", "", "-", "", "_", "").Replace(strings.ToLower(s))
}

func allowedClasses() string {
	shown := make([]string, len(classNames))
	for i, c := range classNames {
		shown[i] = c.names[0]
	}
	return strings.Join(shown, ", ")
}

func show(value any) string {
	if s, ok := value.(string); ok {
		return strconv.Quote(s)
	}
	return fmt.Sprintf("%v", value)
}
