package link

import (
	"strings"
	"testing"
)

func TestMembership(t *testing.T) {
	for name, c := range map[string]struct {
		rows [][2]string
		want string // why it is not fit
	}{
		"in its group":              {[][2]string{{"ONLINE", "1"}, {"ONLINE", "0"}, {"ONLINE", "0"}}, ""},
		"another comes":             {[][2]string{{"ONLINE", "1"}, {"RECOVERING", "0"}, {"UNREACHABLE", "0"}}, ""},
		"alone in a group of one":   {[][2]string{{"ONLINE", "1"}}, ""},
		"without the majority":      {[][2]string{{"ONLINE", "1"}, {"UNREACHABLE", "0"}, {"UNREACHABLE", "0"}}, "it sees 1 of the 3"},
		"on its way":                {[][2]string{{"RECOVERING", "1"}, {"ONLINE", "0"}}, "it is RECOVERING"},
		"thrown out":                {[][2]string{{"ERROR", "1"}}, "it is ERROR"},
		"started, not yet joined":   {[][2]string{{"OFFLINE", "0"}}, "in no group"},
		"has left, or never joined": {[][2]string{{"OFFLINE", "1"}}, "in no group"},
		"tells nothing":             {nil, "in no group"},
	} {
		got := membership(c.rows)
		if want := c.want == ""; (got.fitness == fit) != want || !strings.Contains(got.reason, c.want) {
			t.Errorf("%s: fitness %v, %q; want %q", name, got.fitness, got.reason, c.want)
		}
	}
}
