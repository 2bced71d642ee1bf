package config

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// word is what a property's name looks like. Anything else is not printed: it
// may be a url that was put in the wrong place.
var word = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.-]{0,39}$`)

// unknownText warns of a property that neither we nor eKuiper know.
func unknownText(name string, known map[string]string) string {
	if !word.MatchString(name) {
		return "a property whose name is not a word is not known and has no effect"
	}
	text := fmt.Sprintf("property %s is not known and has no effect", name)
	if n := nearest(strings.ToLower(name), known); n != "" {
		text += "; did you mean " + n + "?"
	}
	return text
}

// nearest returns the known name with the fewest typing errors from name, or
// "" if none is near.
func nearest(name string, known map[string]string) string {
	best, least := "", max(2, len(name)/3)+1
	for _, low := range slices.Sorted(maps.Keys(known)) {
		if d := distance(name, low); d < least {
			best, least = known[low], d
		}
	}
	return best
}

// distance counts the bytes to insert, delete, replace or swap with their
// neighbour to get from a to b.
func distance(a, b string) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}

// Nearest returns the one of names with the fewest typing errors from name,
// whatever its case, or "" if none is near or name is not a word.
func Nearest(name string, names []string) string {
	if !word.MatchString(name) {
		return ""
	}
	known := make(map[string]string, len(names))
	for _, n := range names {
		known[strings.ToLower(n)] = n
	}
	return nearest(strings.ToLower(name), known)
}

// Lookup returns the usual spelling of a property's name and, unless eKuiper
// itself reads it, the property. The error of a name that nobody knows has
// the nearest that somebody does.
func Lookup(name string) (usual string, ours *Property, err error) {
	known := knownNames()
	low := strings.ToLower(name)
	usual, ok := known[low]
	if !ok {
		if !word.MatchString(name) {
			return "", nil, errors.New("the name of a property is a word of letters, digits, _, . and -")
		}
		text := "property " + name + " is not known"
		if n := nearest(low, known); n != "" {
			text += "; did you mean " + n + "?"
		}
		return "", nil, errors.New(text)
	}
	for i := range properties {
		p := &properties[i]
		if strings.EqualFold(p.Name, name) || slices.ContainsFunc(p.Aliases, func(a string) bool { return strings.EqualFold(a, name) }) {
			own := *p
			return p.Name, &own, nil
		}
	}
	return usual, nil, nil
}
