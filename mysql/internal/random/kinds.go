package random

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"sort"
)

// widest bounds floats, so that the width of a range is finite.
const widest = 1e300

func readInt(r *reader, _ int) kind {
	low := r.integer("min", 0, -exact, exact)
	high := r.integer("max", max(low, 100), -exact, exact)
	if high < low {
		r.refuse("max", high, fmt.Sprintf("at least min, %d", low))
		return intKind(low, low)
	}
	return intKind(low, high)
}

// intKind draws from low to high, both included; low must not be above high.
func intKind(low, high int64) kind {
	span := uint64(high) - uint64(low) + 1
	next := func(d *draw) any { return low + int64(d.Uint64N(span)) }
	return kind{size: 20, start: func() value { return next }}
}

// limits reads min, max and decimals of float and walk.
func limits(r *reader, fallback float64) (low, high float64, decimals int) {
	low = r.number("min", 0, -widest, widest)
	high = r.number("max", max(low, fallback), -widest, widest)
	if high < low {
		r.refuse("max", high, fmt.Sprintf("at least min, %v", low))
		high = low
	}
	decimals = int(r.integer("decimals", -1, 0, 15))
	if decimals >= 0 && max(math.Abs(low), math.Abs(high))*math.Pow10(decimals) > float64(exact) {
		r.refuse("decimals", decimals, fmt.Sprintf("less for numbers from %v to %v", low, high))
		decimals = -1
	}
	return low, high, decimals
}

func readFloat(r *reader, _ int) kind {
	low, high, decimals := limits(r, 1)
	if decimals < 0 {
		// The conversion keeps processors that fuse the two operations from
		// giving other rows for the same seed; so it does in readWalk.
		next := func(d *draw) any { return min(low+float64(d.Float64()*(high-low)), high) }
		return kind{size: 24, start: func() value { return next }}
	}
	// Whole steps of the last digit, so that both ends come as often as the
	// rest. The tolerance takes 0.07*100 for 7.
	scale := math.Pow10(decimals)
	first := math.Ceil(low*scale - 1e-6)
	last := math.Floor(high*scale + 1e-6)
	if last < first {
		r.refuse("decimals", decimals, fmt.Sprintf("more: no such number lies between %v and %v", low, high))
		return kind{}
	}
	span := uint64(last-first) + 1
	next := func(d *draw) any { return (first + float64(d.Uint64N(span))) / scale }
	return kind{size: 24, start: func() value { return next }}
}

func readWalk(r *reader, _ int) kind {
	low, high, decimals := limits(r, 100)
	start := r.number("start", low+(high-low)/2, low, high)
	step := r.number("step", (high-low)/100, 0, high-low)
	return kind{size: 24, start: func() value {
		at := start
		return func(d *draw) any {
			shown := at
			at += float64((float64(2*d.Float64()) - 1) * step)
			if at > high {
				at = float64(2*high) - at
			} else if at < low {
				at = float64(2*low) - at
			}
			at = min(max(at, low), high)
			if decimals < 0 {
				return shown
			}
			scale := math.Pow10(decimals)
			return min(max(math.Round(shown*scale)/scale, low), high)
		}
	}}
}

func readSequence(r *reader, _ int) kind {
	start := r.integer("start", 1, -exact, exact)
	step := r.integer("step", 1, -exact, exact)
	return kind{size: 20, start: func() value {
		at := start
		return func(*draw) any {
			shown := at
			at += step
			return shown
		}
	}}
}

// charsets are what texts are made of. Those of unicode take one to four bytes
// in UTF-8, which finds columns that cannot hold them.
var charsets = []struct {
	name  string
	runes []rune
}{
	{"alnum", []rune("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789")},
	{"alpha", []rune("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")},
	{"lower", []rune("abcdefghijklmnopqrstuvwxyz")},
	{"digits", []rune("0123456789")},
	{"hex", []rune("0123456789abcdef")},
	{"unicode", []rune("aZ09_ 'é\"ß\\ñÅжЯλΩ€中文字한국어日本ไทย😀🚀🌡𝄞")},
}

func charsetNames() []string {
	names := make([]string, len(charsets))
	for i, c := range charsets {
		names[i] = c.name
	}
	return names
}

func readString(r *reader, depth int) kind {
	if _, ok := r.get("values"); ok {
		for _, name := range []string{"length", "charset"} {
			if v, ok := r.get(name); ok {
				r.refuse(name, v, "absent where values is given")
			}
		}
		return readChoice(r, depth)
	}
	if v, ok := r.get("weights"); ok {
		r.refuse("weights", v, "absent where values is")
	}
	length := int(r.integer("length", 8, 0, 1_000_000))
	name := r.oneOf("charset", "alnum", charsetNames()...)
	var runes []rune
	for _, c := range charsets {
		if c.name == name {
			runes = c.runes
		}
	}
	if name == "unicode" {
		return kind{size: 4*int64(length) + 2, start: func() value {
			text := make([]rune, length)
			return func(d *draw) any {
				for i := range text {
					text[i] = runes[d.Uint32N(uint32(len(runes)))]
				}
				return string(text)
			}
		}}
	}
	letters := string(runes)
	return kind{size: int64(length) + 2, start: func() value {
		text := make([]byte, length)
		return func(d *draw) any {
			for i := range text {
				text[i] = letters[d.Uint32N(uint32(len(letters)))]
			}
			return string(text)
		}
	}}
}

func readChoice(r *reader, _ int) kind {
	given, _ := r.get("values")
	values, ok := given.([]any)
	if !ok || len(values) == 0 {
		r.refuse("values", given, "a list of texts, numbers, booleans or nulls, not empty")
		return kind{}
	}
	size := int64(0)
	for i, v := range values {
		switch v.(type) {
		case []any, map[string]any:
			r.refuse(fmt.Sprintf("values[%d]", i), v, "a text, number, boolean or null")
		}
		size = max(size, jsonSize(v))
	}
	limits := readWeights(r, len(values))
	next := func(d *draw) any { return values[d.IntN(len(values))] }
	if limits != nil {
		total := limits[len(limits)-1]
		next = func(d *draw) any {
			x := d.Float64() * total
			return values[min(sort.Search(len(limits), func(i int) bool { return limits[i] > x }), len(values)-1)]
		}
	}
	return kind{size: size, start: func() value { return next }}
}

// readWeights returns the running sums of weights, nil where there are none.
func readWeights(r *reader, n int) []float64 {
	given, ok := r.get("weights")
	if !ok {
		return nil
	}
	weights, ok := given.([]any)
	if !ok || len(weights) != n {
		r.refuse("weights", given, fmt.Sprintf("a list of %d numbers, one for each of values", n))
		return nil
	}
	sums, total := make([]float64, n), 0.0
	for i, w := range weights {
		x, ok := toFloat(w)
		if !ok || x < 0 || x > widest/float64(n) {
			r.refuse(fmt.Sprintf("weights[%d]", i), w, "a number, 0 or above")
			return nil
		}
		total += x
		sums[i] = total
	}
	if total == 0 {
		r.refuse("weights", given, "above 0 for one value at least")
		return nil
	}
	return sums
}

func readBoolean(r *reader, _ int) kind {
	share := r.number("probability", 0.5, 0, 1)
	next := func(d *draw) any { return d.Float64() < share }
	return kind{size: 5, start: func() value { return next }}
}

func readUUID(*reader, int) kind {
	next := func(d *draw) any {
		var b [16]byte
		high, low := d.Uint64(), d.Uint64()
		for i := range 8 {
			b[i], b[8+i] = byte(high>>(8*i)), byte(low>>(8*i))
		}
		b[6] = b[6]&0x0f | 0x40
		b[8] = b[8]&0x3f | 0x80
		var text [36]byte
		hex.Encode(text[0:8], b[0:4])
		hex.Encode(text[9:13], b[4:6])
		hex.Encode(text[14:18], b[6:8])
		hex.Encode(text[19:23], b[8:10])
		hex.Encode(text[24:36], b[10:16])
		text[8], text[13], text[18], text[23] = '-', '-', '-', '-'
		return string(text[:])
	}
	return kind{size: 38, start: func() value { return next }}
}

// readConstant shares one value among all rows; those who receive a row only
// read it.
func readConstant(r *reader, _ int) kind {
	constant, ok := r.values["value"]
	if !ok {
		r.refuse("value", nil, "given")
	}
	next := func(*draw) any { return constant }
	return kind{size: jsonSize(constant), start: func() value { return next }}
}

func readObject(r *reader, depth int) kind {
	given, _ := r.get("fields")
	fields := parseFields(r.at("fields"), given, depth+1, r.problems)
	refuseTwins(r.at("fields"), fields, r.problems)
	return kind{size: recordSize(fields), start: func() value {
		nested := startRecord(fields)
		return func(d *draw) any { return nested.make(d) }
	}}
}

func readArray(r *reader, depth int) kind {
	length := int(r.integer("length", 3, 0, 10_000))
	given, _ := r.get("of")
	if text, ok := given.(string); ok {
		given = map[string]any{"type": text}
	}
	spec, ok := given.(map[string]any)
	if !ok {
		r.refuse("of", given, "a type or a map with type and its options")
		return kind{}
	}
	of := parseKind(newReader(r.at("of"), spec, nil, r.problems), depth+1)
	return kind{size: min(int64(length)*(of.size+1)+2, 1<<40), start: func() value {
		next := of.start()
		return func(d *draw) any {
			list := make([]any, length)
			for i := range list {
				list[i] = next(d)
			}
			return list
		}
	}}
}

func jsonSize(v any) int64 {
	text, err := json.Marshal(v)
	if err != nil {
		return 0
	}
	return int64(len(text))
}
