package sink

import (
	"encoding/json"
	"math"
	"strings"
	"testing"

	"ekuiper-mysql/mysql/internal/config"
)

// configured is what Configure says of a property beside what is needed.
func configured(name string, value any) error {
	props := map[string]any{"url": "user:right@tcp(localhost:3306)/database", "table": "t"}
	if name == "tableField" {
		props["allowedTables"] = "*"
	}
	props[name] = value
	return New(nil).Configure(props)
}

// A url that stands where none belongs, however deep, shows its password to nobody.
func TestMisplacedAddressesDoNotShow(t *testing.T) {
	const secret = "zq7secret"
	for _, address := range []string{"user:" + secret + "@tcp(localhost:3306)/database", "mysql://user:" + secret + "@localhost/database", "user:" + secret + "@unix(/run/s.sock)/d?x=1"} {
		for _, p := range config.Properties() {
			for _, value := range []any{
				address,
				[]any{address},
				[]any{"a", address},
				map[string]any{address: "a"},
				map[string]any{"a": address},
				map[string]any{"a": map[string]any{"b": address}},
				map[string]any{"a": []any{address}},
				map[string]any{"a": map[string]any{"meta": address}},
				`["` + address + `"]`, `{"a":"` + address + `"}`, `{"` + address + `":"a"}`,
			} {
				if err := configured(p.Name, value); err != nil && strings.Contains(err.Error(), secret) {
					text, _ := json.Marshal(value)
					t.Errorf("%s: %s: %v", p.Name, text, err)
				}
			}
		}
	}
}

// Whatever a property's value is, an error is short, names the property and says what is allowed.
func TestEveryPropertyTakesAnything(t *testing.T) {
	long := strings.Repeat("x", 1<<20)
	wide := map[string]any{}
	for i := range 5000 {
		wide[strings.Repeat("y", 60)+string(rune('a'+i%26))+string(rune('a'+i/26%26))+string(rune('a'+i/676))] = i
	}
	values := []any{
		0, -1, 1.5, int64(math.MaxInt64), int64(math.MinInt64), math.Inf(1), math.NaN(), true, false, "", " ", "x", "\x00", "a\nb", "\xff", "'; DROP TABLE t; --", "{}", "[]", "{", "[", "null", `"x"`, `{"a":1,"a":2}`,
		long,
		[]any{},
		[]any{1},
		[]any{nil},
		[]any{[]any{}},
		[]any{long},
		[]string{"x"},
		[]string{long},
		map[string]any{},
		map[string]any{"": nil},
		map[string]any{"a": nil},
		map[string]any{long: long},
		map[string]any{"a": map[string]any{"b": map[string]any{}}},
		wide, json.Number("1"), json.Number("x"),
		struct{}{},
		[]byte("x"), func() {}, make(chan int),
	}
	for _, p := range config.Properties() {
		for i, value := range values {
			err := configured(p.Name, value)
			if err == nil {
				continue
			}
			text := err.Error()
			if len(text) > 10000 {
				t.Errorf("%s: value %d (%.40T): an error of %d bytes: %.300s", p.Name, i, value, len(text), text)
			}
			if !strings.Contains(text, p.Name) || !strings.Contains(text, "allowed") {
				t.Errorf("%s: value %d (%T): %.300s", p.Name, i, value, text)
			}
		}
	}
}
