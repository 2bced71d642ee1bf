package schema

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"math"
	"math/big"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"ekuiper-mysql/mysql/internal/payload"
)

// everyType has one column of each family and width.
var everyType = []string{
	"tinyint", "tinyint unsigned", "smallint", "smallint unsigned", "mediumint", "mediumint unsigned", "int", "int unsigned", "bigint", "bigint unsigned",
	"decimal(10,2)", "decimal(65,30)", "decimal(5,5) unsigned", "decimal(65,0)", "float", "double", "double unsigned", "bit(1)", "bit(12)", "bit(64)",
	"char(3)", "varchar(10)", "tinytext", "longtext", "json", "binary(3)", "blob", "enum('a','b','1')", "enum('?')", "set('a','b')", "date", "datetime", "datetime(6)",
	"timestamp", "timestamp(3)", "time", "time(6)", "year", "point", "geometry", "vector(3)", "uuid",
}

var sampleValues = []payload.Value{
	{Kind: payload.Null},
	{Kind: payload.Bool, Text: []byte("true")},
	{Kind: payload.Number, Text: []byte("12")},
	{Kind: payload.Number, Text: []byte("-1.5e3")},
	{Kind: payload.String, Text: []byte("a")},
	{Kind: payload.String, Text: []byte("2026-11-20T10:30:17.5+08:00")},
	{Kind: payload.Object, Text: []byte(`{"type":"Point","coordinates":[1,2]}`)},
	{Kind: payload.Array, Text: []byte(`["a"]`)},
}

var testOptions = &Options{Location: time.FixedZone("", 8*3600)}

// converted is what the driver is given for v.
func converted(c *Column, v payload.Value, o *Options) (any, error) {
	arg, err := c.Convert(v, o, nil)
	return arg.Value(), err
}

// convertAndCheck converts and checks what holds for every column and value.
func convertAndCheck(t *testing.T, c *Column, v payload.Value) (any, error) {
	t.Helper()
	before := bytes.Clone(v.Text)
	arg, err := converted(c, v, testOptions)
	if !bytes.Equal(before, v.Text) {
		t.Fatalf("%s: converting %q changed it to %q", c.Type, before, v.Text)
	}
	if err != nil {
		var refused *ConvertError
		if !errors.As(err, &refused) || refused.Column != c.Name || refused.Type != c.Type || refused.Reason == "" || arg != nil {
			t.Fatalf("%s: %q: %v with %#v", c.Type, before, arg, err)
		}
		if !utf8.ValidString(refused.Value) || len(refused.Value) > 3*maxShown+8 || strings.Contains(err.Error(), "\n") {
			t.Fatalf("%s: %q shows as %q", c.Type, before, err)
		}
		return nil, err
	}
	switch arg.(type) {
	case nil:
		if v.Kind != payload.Null {
			t.Fatalf("%s: %q became NULL", c.Type, before)
		}
	case int64, uint64, float64, string:
		if v.Kind == payload.Null {
			t.Fatalf("%s: NULL became %#v", c.Type, arg)
		}
	default:
		t.Fatalf("%s: %q became a %T", c.Type, before, arg)
	}
	return arg, nil
}

// Integers and decimals are checked against math/big, JSON against encoding/json.
func FuzzConvert(f *testing.F) {
	for i, v := range sampleValues {
		f.Add(i, uint8(v.Kind), v.Text)
	}
	for i := range everyType {
		f.Add(i, uint8(payload.Number), []byte("1e3"))
		f.Add(i, uint8(payload.Number), []byte("1e0"))
		f.Add(i, uint8(payload.String), []byte("9223372036854775808.00"))
		f.Add(i, uint8(payload.String), []byte("POLYGON((0 0,1 0,1 1,0 0))"))
		f.Add(i, uint8(payload.Object), []byte(`{"a":"\u003c\\u003c"}`))
	}
	columns := make([]Column, len(everyType))
	for i, typ := range everyType {
		columns[i] = NewColumn("c", typ)
	}
	f.Fuzz(func(t *testing.T, which int, kind uint8, text []byte) {
		c := &columns[uint(which)%uint(len(columns))]
		v := payload.Value{Kind: payload.Kind(kind % 6), Text: text}
		switch v.Kind {
		case payload.Null:
			v.Text = nil
		case payload.Bool:
			v.Text = []byte(strconv.FormatBool(len(text)%2 == 0))
		case payload.Number, payload.Object, payload.Array: // the decoder lets through JSON only
			if !json.Valid(text) || bytes.ContainsAny(text[:1], " \t\r\n") {
				return
			}
		}
		arg, err := convertAndCheck(t, c, v)
		switch c.spec.family {
		case familyInteger, familyBit, familyDecimal:
			checkExact(t, c, v, arg, err)
		case familyJSON:
			if s, ok := arg.(string); ok && utf8.Valid(text) && !json.Valid([]byte(s)) {
				t.Fatalf("%q is not JSON", s)
			}
		}
	})
}

// checkExact compares with math/big both ways: nothing wrong is accepted, nothing right refused.
func checkExact(t *testing.T, c *Column, v payload.Value, arg any, err error) {
	t.Helper()
	n, ok := parseNumeral(v.Text)
	if !ok || n.exp > 100 || n.exp < -100 || v.Kind != payload.Number && v.Kind != payload.String {
		return
	}
	want, ok := new(big.Rat).SetString(strings.TrimPrefix(string(v.Text), "+"))
	if !ok {
		t.Fatalf("math/big does not read %q", v.Text)
	}
	if err != nil {
		if fits(c, want) {
			t.Fatalf("%s: %q refused: %v", c.Type, v.Text, err)
		}
		return
	}
	got := new(big.Rat)
	switch a := arg.(type) {
	case int64:
		got.SetInt64(a)
	case uint64:
		got.SetInt(new(big.Int).SetUint64(a))
	case string:
		if _, ok := got.SetString(a); !ok || strings.ContainsAny(a, "eE+") {
			t.Fatalf("%s: %q became %q", c.Type, v.Text, a)
		}
	}
	if got.Cmp(want) != 0 || !fits(c, want) {
		t.Fatalf("%s: %q became %v", c.Type, v.Text, arg)
	}
}

// fits says whether the column's type holds x exactly.
func fits(c *Column, x *big.Rat) bool {
	s := &c.spec
	if x.Sign() < 0 && (s.unsigned || s.family == familyBit) {
		return false
	}
	if s.family == familyDecimal {
		scaled := new(big.Rat).Mul(x, new(big.Rat).SetInt(pow10(s.scale)))
		return scaled.IsInt() && scaled.Num().CmpAbs(pow10(s.whole+s.scale)) < 0
	}
	if !x.IsInt() {
		return false
	}
	limit := new(big.Int).Lsh(big.NewInt(1), uint(s.bits))
	if s.unsigned || s.family == familyBit {
		return x.Num().Cmp(limit) < 0
	}
	limit.Rsh(limit, 1)
	return x.Num().Cmp(limit) < 0 && x.Num().Cmp(new(big.Int).Neg(limit)) >= 0
}

func pow10(n int) *big.Int { return new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil) }

func TestConvertEveryKindIntoEveryType(t *testing.T) {
	for _, typ := range everyType {
		c := NewColumn("c", typ)
		for _, v := range sampleValues {
			convertAndCheck(t, &c, v)
		}
	}
}

func TestConvertErrorNamesColumnValueTypeAndReason(t *testing.T) {
	c := NewColumn("größe", "tinyint")
	_, err := converted(&c, payload.Value{Kind: payload.Number, Text: []byte("300")}, testOptions)
	if want := `column "größe": "300" does not fit tinyint: out of range -128..127`; err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
	_, err = converted(&c, payload.Value{Kind: payload.String, Text: []byte("\x00\xff\n" + strings.Repeat("é", 1000))}, testOptions)
	if err == nil || len(err.Error()) > 250 || !utf8.ValidString(err.Error()) || strings.ContainsAny(err.Error(), "\x00\n") {
		t.Errorf("error %v", err)
	}
}

func TestVectorTakesArrays(t *testing.T) {
	c := NewColumn("v", "vector(3)")
	for _, v := range []payload.Value{{Kind: payload.Array, Text: []byte("[1,2.5,-3]")}, {Kind: payload.String, Text: []byte("[1,2.5,-3]")}} {
		if arg, err := converted(&c, v, testOptions); err != nil || arg != "[1,2.5,-3]" {
			t.Errorf("%v: %v, %v", v.Kind, arg, err)
		}
	}
	if _, err := converted(&c, payload.Value{Kind: payload.Number, Text: []byte("1")}, testOptions); err == nil {
		t.Error("a number is accepted")
	}
}

func TestSetVectorPlaceholders(t *testing.T) {
	for version, want := range map[string]string{"11.8.2-MariaDB": "VEC_FromText(?)", "9.7.4": "STRING_TO_VECTOR(?)", "8.0.11-TiDB-v8.5.0": "?"} {
		tab := NewTable(Name{Table: "t"}, NewColumn("v", "vector(3)"), NewColumn("i", "int"))
		tab.setVectorPlaceholders(version, strings.Contains(version, "MariaDB"))
		if got := tab.Columns[0].Placeholder; got != want || tab.Columns[1].Placeholder != "?" {
			t.Errorf("%s: %s, want %s", version, got, want)
		}
	}
}

func TestIsGenerated(t *testing.T) {
	for extra, want := range map[string]bool{
		"": false, "auto_increment": false, "VIRTUAL GENERATED": true, "STORED GENERATED": true, "STORED GENERATED, INVISIBLE": true, "PERSISTENT": true,
		"DEFAULT_GENERATED": false, "DEFAULT_GENERATED on update CURRENT_TIMESTAMP": false, "virtual generated": true, "INVISIBLE": false,
	} {
		if isGenerated(extra) != want {
			t.Errorf("%q: %v", extra, !want)
		}
	}
}

var benchCases = []struct {
	name, typ string
	v         payload.Value
}{
	{"int", "int", payload.Value{Kind: payload.Number, Text: []byte("123456789")}},
	{"bigint unsigned", "bigint unsigned", payload.Value{Kind: payload.Number, Text: []byte("18446744073709551615")}},
	{"tinyint bool", "tinyint(1)", payload.Value{Kind: payload.Bool, Text: []byte("true")}},
	{"int exponent", "int", payload.Value{Kind: payload.Number, Text: []byte("1.5e3")}},
	{"decimal", "decimal(10,2)", payload.Value{Kind: payload.Number, Text: []byte("12345.67")}},
	{"double", "double", payload.Value{Kind: payload.Number, Text: []byte("23.456")}},
	{"varchar", "varchar(50)", payload.Value{Kind: payload.String, Text: []byte("a device name of some length")}},
	{"text nested", "text", payload.Value{Kind: payload.Object, Text: []byte(`{"a":1,"b":"\u003cx\u003e"}`)}},
	{"json string", "json", payload.Value{Kind: payload.String, Text: []byte("plain text")}},
	{"blob", "blob", payload.Value{Kind: payload.String, Text: []byte("AP8QAP8QAP8QAP8Q")}},
	{"datetime(3) epoch ms", "datetime(3)", payload.Value{Kind: payload.Number, Text: []byte("1795170617123")}},
	{"datetime iso zone", "datetime(3)", payload.Value{Kind: payload.String, Text: []byte("2026-11-20T10:30:17.123+08:00")}},
	{"datetime now()", "datetime", payload.Value{Kind: payload.String, Text: []byte("2026-11-20 10:30:17")}},
	{"timestamp(6) iso", "timestamp(6)", payload.Value{Kind: payload.String, Text: []byte("2026-11-20T10:30:17.123456Z")}},
	{"enum", "enum('red','green','blue')", payload.Value{Kind: payload.String, Text: []byte("green")}},
	{"point", "point", payload.Value{Kind: payload.String, Text: []byte("POINT(13.4 52.5)")}},
	{"point geojson", "point", payload.Value{Kind: payload.Object, Text: []byte(`{"type":"Point","coordinates":[13.4,52.5]}`)}},
}

func BenchmarkConvert(b *testing.B) {
	o := &Options{Location: time.UTC}
	for _, c := range benchCases {
		b.Run(c.name, func(b *testing.B) {
			column := NewColumn("c", c.typ)
			var room Room
			b.ReportAllocs()
			for b.Loop() {
				room.Reset()
				if _, err := column.Convert(c.v, o, &room); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkLookup(b *testing.B) {
	for _, width := range []int{5, 20, 500} {
		var columns []Column
		for i := range width {
			columns = append(columns, NewColumn("column_"+strconv.Itoa(i), "int"))
		}
		tab := NewTable(Name{Table: "t"}, columns...)
		exact, folded := []byte("column_"+strconv.Itoa(width-1)), []byte("COLUMN_"+strconv.Itoa(width-1))
		b.Run(strconv.Itoa(width)+"/exact", func(b *testing.B) {
			for b.Loop() {
				tab.Lookup(exact)
			}
		})
		b.Run(strconv.Itoa(width)+"/folded", func(b *testing.B) {
			for b.Loop() {
				tab.Lookup(folded)
			}
		})
	}
}

// The hot path must not rot.
func TestConvertAllocatesNothing(t *testing.T) {
	dearer := map[string]float64{"point": 3, "point geojson": 30}
	o := &Options{Location: time.UTC}
	var room Room
	for _, c := range benchCases {
		column := NewColumn("c", c.typ)
		if got := testing.AllocsPerRun(100, func() { room.Reset(); _, _ = column.Convert(c.v, o, &room) }); got > dearer[c.name] {
			t.Errorf("%s: %v allocations, want at most %v", c.name, got, dearer[c.name])
		}
	}
	tab := NewTable(Name{Table: "t"}, NewColumn("device", "int"), NewColumn("größe", "int"))
	name := []byte("GRÖßE")
	if got := testing.AllocsPerRun(100, func() { tab.Lookup(name) }); got != 0 {
		t.Errorf("Lookup: %v allocations", got)
	}
}

// Each byte that is no digit is seen at each of eight places, and so is each digit.
func TestEightDigits(t *testing.T) {
	for place := range 8 {
		for c := range 256 {
			text := []byte("12345678")
			text[place] = byte(c)
			want, err := strconv.ParseUint(string(text), 10, 64)
			n, ok := eightDigits(binary.LittleEndian.Uint64(text))
			if ok != (err == nil) || ok && n != want {
				t.Errorf("%q: %d, %v", text, n, ok)
			}
		}
	}
	for _, text := range []string{"00000000", "99999999", "00000001", "10000000", "90909090", "09090909"} {
		want, _ := strconv.ParseUint(text, 10, 64)
		if n, ok := eightDigits(binary.LittleEndian.Uint64([]byte(text))); !ok || n != want {
			t.Errorf("%s: %d, %v", text, n, ok)
		}
	}
}

func TestShortFloatIsTheNearest(t *testing.T) {
	texts := []string{"0", "-0", "0.1", "-0.1", "123456789012345", "12345678901234.5", "0.00000000000001", "999999999999999", "9.99999999999999", "5", "00.5", "1.0"}
	random := rand.New(rand.NewPCG(1, 2))
	for range 100_000 {
		f := random.Float64() * math.Pow(10, float64(random.IntN(14)-3))
		texts = append(texts, strconv.FormatFloat(f, 'f', random.IntN(14), 64))
	}
	short := 0
	for _, text := range texts {
		got, ok := shortFloat([]byte(text))
		if !ok {
			continue
		}
		short++
		want, err := strconv.ParseFloat(text, 64)
		if err != nil || math.Float64bits(got) != math.Float64bits(want) {
			t.Errorf("%s is %v, want %v, %v", text, got, want, err)
		}
	}
	if short < len(texts)/2 {
		t.Errorf("%d of %d texts are read", short, len(texts))
	}
	for _, text := range []string{"", "-", ".", "1.", ".5", "-.5", "1..2", "1.2.3", "1e3", "+1", " 1", "1 ", "0x10", "1_000", "inf", "1234567890123456", "12345678901234567", "--1"} {
		if f, ok := shortFloat([]byte(text)); ok {
			t.Errorf("%q is read as %v", text, f)
		}
	}
}
