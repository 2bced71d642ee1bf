package page

import (
	"strings"
	"testing"

	"ekuiper-mysql/mysql/internal/deadletter"
	"ekuiper-mysql/mysql/internal/payload"
	"ekuiper-mysql/mysql/internal/status"
)

// refusedElement is the error of a message's second element.
func refusedElement(t *testing.T, message string) string {
	t.Helper()
	var d payload.Decoder
	d.Reset([]byte(message))
	for {
		if _, err := d.Next(); err != nil {
			return err.Error()
		}
	}
}

// TestNoReasonTellsAValue: what servers, triggers and this plugin put into an
// error without quotes is hidden as well.
func TestNoReasonTellsAValue(t *testing.T) {
	for text, want := range map[string]string{
		refusedElement(t, `[4711]`):                                 "element at byte 1: a number is no row: …",
		refusedElement(t, `[{"name":"\ud800","pin":4711}]`):         `element at byte 1: an escape such as \ud800 stands for half a character: …`,
		"Error 1526 (HY000): Table has no partition for value 4711": "Error 1526 (HY000): Table has no partition for value …",
		"Error 3617 (22S03): Latitude 4711.000000 is out of range in function st_geomfromtext. It must be within [-90.000000, 90.000000].": "Error 3617 (22S03): Latitude … is out of range in function st_geomfromtext. It must be within [-…, …].",
		"INSERT of 3 rows: Error 1062 (23000): Duplicate entry '4711' for key 'PRIMARY'":                                                   "INSERT of 3 rows: Error 1062 (23000): Duplicate entry …",
		"INSERT of 3 rows: Error 1644 (45000): the pin is 4711":                                                                            "INSERT of 3 rows: Error 1644 (45000): …",
		"Error 1999 (45123): the pin is 4711":                                                                                              "Error 1999 (45123): …",
		"Error 1264 (22003): Out of range value for column 'x' at row 4711":                                                                "Error 1264 (22003): Out of range value for column … at row …",
		"dial tcp 192.0.2.1:3306: connect: connection refused":                                                                             "dial tcp 192.0.2.1:3306: connect: connection refused",
		`column "x": "4711" does not fit tinyint(4): out of range -128..127`:                                                               "column … does not fit tinyint(4): out of range -128..127",
	} {
		if strings.Contains(want, "4711") || !strings.Contains(text, "4711") && !strings.Contains(text, "dial") {
			t.Fatalf("%s tests nothing", text)
		}
		b := newBundle(t, token)
		b.handler = New(Options{
			Status: func() status.Plugin {
				return status.Plugin{Rules: []status.Rule{{LastError: &status.Error{Text: text}}}}
			},
			Letters: func() *deadletter.Store { return b.store },
		})
		b.put(deadletter.Letter{Rule: "r", Text: text, Raw: []byte(`{}`)})
		var s status.Plugin
		b.get("/api/status", "", &s)
		var l letterList
		b.get("/api/deadletters", "", &l)
		if s.Rules[0].LastError.Text != want || l.Letters[0].Reason != want {
			t.Errorf("%s is told as\n%s and\n%s; want\n%s", text, s.Rules[0].LastError.Text, l.Letters[0].Reason, want)
		}
	}
}
