package schema

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"ekuiper-mysql/mysql/internal/payload"
)

// Geometry goes to the server as WKT in one strict spelling, whatever it came
// as: MariaDB makes NULL of WKT that it cannot read, without an error, cannot
// read "2." nor "MULTIPOINT((1 2))", and overlooks text after the end.

// The types of geometry. Points come first, then what consists of points.
const (
	geoPoint = 1 + iota
	geoLineString
	geoPolygon
	geoMultiPoint
	geoMultiLineString
	geoMultiPolygon
	geoCollection
)

var wktSpelling = [...]string{
	geoPoint: "POINT", geoLineString: "LINESTRING", geoPolygon: "POLYGON",
	geoMultiPoint: "MULTIPOINT", geoMultiLineString: "MULTILINESTRING", geoMultiPolygon: "MULTIPOLYGON",
	geoCollection: "GEOMETRYCOLLECTION",
}

var wktNames = map[string]int{
	"POINT": geoPoint, "LINESTRING": geoLineString, "POLYGON": geoPolygon,
	"MULTIPOINT": geoMultiPoint, "MULTILINESTRING": geoMultiLineString, "MULTIPOLYGON": geoMultiPolygon,
	"GEOMETRYCOLLECTION": geoCollection, "GEOMCOLLECTION": geoCollection,
}

var geoJSONNames = map[string]int{
	"Point": geoPoint, "LineString": geoLineString, "Polygon": geoPolygon,
	"MultiPoint": geoMultiPoint, "MultiLineString": geoMultiLineString, "MultiPolygon": geoMultiPolygon,
	"GeometryCollection": geoCollection,
}

// reasonNested: MariaDB makes NULL of such a collection.
const reasonNested = "a collection inside a collection"

// geometry is one geometry: a tree of lists with points as leaves.
type geometry struct {
	kind  int
	at    [2]float64 // of a point
	parts []geometry // points of a line, rings of a polygon (kind: line), members
}

// spatial converts for GEOMETRY and its kin; the server checks the subtype.
func spatial(v payload.Value) (Argument, string) {
	var g geometry
	var reason string
	switch v.Kind {
	case payload.String:
		g, reason = parseWKT(view(v.Text))
	case payload.Object:
		g, reason = parseGeoJSON(v.Text, true)
	default:
		return Argument{}, "wants WKT text or a GeoJSON geometry"
	}
	if reason == "" {
		reason = g.check()
	}
	if reason != "" {
		return Argument{}, reason
	}
	return textArg(view(g.appendWKT(nil))), ""
}

// check refuses what a server would store as NULL, or not at all.
func (g *geometry) check() string {
	switch g.kind {
	case geoPoint:
		for _, x := range g.at {
			if math.IsNaN(x) || math.IsInf(x, 0) {
				return "a coordinate is out of range"
			}
		}
	case geoLineString:
		if len(g.parts) < 2 {
			return "a line needs two points"
		}
	case geoPolygon:
		for i := range g.parts {
			ring := g.parts[i].parts
			if len(ring) < 4 || ring[0].at != ring[len(ring)-1].at {
				return "a polygon's ring needs four points and ends where it began"
			}
		}
	}
	if len(g.parts) == 0 && g.kind != geoPoint && g.kind != geoCollection {
		return "an empty geometry"
	}
	for i := range g.parts {
		if reason := g.parts[i].check(); reason != "" {
			return reason
		}
	}
	return ""
}

// appendWKT writes the geometry with its type's name.
func (g *geometry) appendWKT(b []byte) []byte {
	b = append(b, wktSpelling[g.kind]...)
	if len(g.parts) == 0 && g.kind == geoCollection {
		return append(b, " EMPTY"...)
	}
	if g.kind == geoPoint {
		return append(g.appendBody(append(b, '(')), ')')
	}
	return g.appendBody(b)
}

// appendBody writes a position, or a list in parentheses.
func (g *geometry) appendBody(b []byte) []byte {
	if g.kind == geoPoint {
		b = strconv.AppendFloat(b, g.at[0], 'g', -1, 64)
		return strconv.AppendFloat(append(b, ' '), g.at[1], 'g', -1, 64)
	}
	for i := range g.parts {
		b = append(b, "(,"[min(i, 1)])
		if g.kind == geoCollection {
			b = g.parts[i].appendWKT(b)
		} else {
			b = g.parts[i].appendBody(b)
		}
	}
	return append(b, ')')
}

// partKind is the kind of a geometry's parts; of a collection, any.
func partKind(kind int) int {
	switch kind {
	case geoLineString, geoMultiPoint:
		return geoPoint
	case geoPolygon, geoMultiLineString:
		return geoLineString
	default:
		return geoPolygon
	}
}

// parseGeoJSON reads a geometry object of RFC 7946.
func parseGeoJSON(raw []byte, outermost bool) (geometry, string) {
	var object struct {
		Type        string            `json:"type"`
		Coordinates json.RawMessage   `json:"coordinates"`
		Geometries  []json.RawMessage `json:"geometries"`
	}
	if err := json.Unmarshal(raw, &object); err != nil {
		return geometry{}, "not a GeoJSON geometry"
	}
	kind, ok := geoJSONNames[object.Type]
	if !ok {
		return geometry{}, fmt.Sprintf("%q is no type of a GeoJSON geometry", shorten(object.Type))
	}
	if kind != geoCollection {
		return geoJSONPart(kind, object.Coordinates)
	}
	if !outermost {
		return geometry{}, reasonNested
	}
	if object.Geometries == nil {
		return geometry{}, "a GeometryCollection without geometries"
	}
	g := geometry{kind: kind}
	for _, raw := range object.Geometries {
		part, reason := parseGeoJSON(raw, false)
		if reason != "" {
			return g, reason
		}
		g.parts = append(g.parts, part)
	}
	return g, ""
}

func geoJSONPart(kind int, raw json.RawMessage) (geometry, string) {
	g := geometry{kind: kind}
	if kind == geoPoint {
		var at []*float64 // null would leave a number as it was
		if err := json.Unmarshal(raw, &at); err != nil || len(at) < 2 || slices.Contains(at, nil) {
			return g, "a GeoJSON position is not two numbers"
		}
		if len(at) > 2 {
			return g, "a position of more than two dimensions, which the server cannot hold"
		}
		g.at = [2]float64{*at[0], *at[1]}
		return g, ""
	}
	var parts []json.RawMessage
	if err := json.Unmarshal(raw, &parts); err != nil {
		return g, "GeoJSON coordinates nested otherwise than their type demands"
	}
	for _, raw := range parts {
		part, reason := geoJSONPart(partKind(kind), raw)
		if reason != "" {
			return g, reason
		}
		g.parts = append(g.parts, part)
	}
	return g, ""
}

// wktReader takes WKT apart from the left; after a failure it fails for good.
type wktReader struct {
	rest   string
	reason string
}

// parseWKT reads well-known text in two dimensions.
func parseWKT(text string) (geometry, string) {
	r := wktReader{rest: text}
	g := r.geometry(true)
	if r.skip(); r.rest != "" {
		r.fail("text after the end of the WKT")
	}
	return g, r.reason
}

func (r *wktReader) fail(reason string) {
	if r.reason == "" {
		r.reason = reason
	}
	r.rest = ""
}

func (r *wktReader) skip() { r.rest = strings.TrimLeft(r.rest, " \t\r\n") }

func (r *wktReader) take(c byte) bool {
	r.skip()
	if r.rest == "" || r.rest[0] != c {
		return false
	}
	r.rest = r.rest[1:]
	return true
}

func (r *wktReader) word() string {
	r.skip()
	end := 0
	for end < len(r.rest) && 'a' <= r.rest[end]|0x20 && r.rest[end]|0x20 <= 'z' {
		end++
	}
	word := strings.ToUpper(r.rest[:end])
	r.rest = r.rest[end:]
	return word
}

func (r *wktReader) geometry(outermost bool) geometry {
	g := geometry{kind: wktNames[r.word()]}
	switch {
	case g.kind == 0:
		r.fail("not WKT, e.g. POINT(13.4 52.5)")
	case g.kind == geoCollection && !outermost:
		r.fail(reasonNested)
	case g.kind == geoCollection:
		r.collection(&g)
	case g.kind == geoPoint:
		r.list(func() { g = r.point() })
	default:
		r.parts(&g)
	}
	return g
}

// collection reads EMPTY, () or a list of geometries.
func (r *wktReader) collection(g *geometry) {
	if r.skip(); len(r.rest) >= 5 && strings.EqualFold(r.rest[:5], "EMPTY") {
		r.rest = r.rest[5:]
		return
	}
	r.list(func() {
		if strings.HasPrefix(r.rest, ")") {
			return
		}
		for {
			g.parts = append(g.parts, r.geometry(false))
			if !r.take(',') {
				return
			}
		}
	})
}

// parts reads what a line, a polygon or a multi-geometry consists of.
func (r *wktReader) parts(g *geometry) {
	r.list(func() {
		for {
			part := geometry{kind: partKind(g.kind)}
			switch {
			case part.kind != geoPoint:
				r.parts(&part)
			case g.kind == geoMultiPoint && strings.HasPrefix(r.rest, "("):
				r.list(func() { part = r.point() })
			default:
				part = r.point()
			}
			g.parts = append(g.parts, part)
			if !r.take(',') {
				return
			}
			r.skip()
		}
	})
}

// list reads what stands in parentheses; inside starts at its first character.
func (r *wktReader) list(inside func()) {
	if !r.take('(') {
		r.fail("a parenthesis is missing in the WKT")
		return
	}
	r.skip()
	inside()
	if !r.take(')') {
		r.fail("a parenthesis is missing in the WKT, or a position is not two numbers")
	}
}

func (r *wktReader) point() geometry {
	return geometry{kind: geoPoint, at: [2]float64{r.coordinate(), r.coordinate()}}
}

func (r *wktReader) coordinate() float64 {
	r.skip()
	end := strings.IndexAny(r.rest, " \t\r\n,()")
	if end < 0 {
		end = len(r.rest)
	}
	text := r.rest[:end]
	r.rest = r.rest[end:]
	s := spec{family: familyDouble}
	x, reason := s.float(payload.Value{Kind: payload.String, Text: []byte(text)})
	if reason != "" {
		r.fail("a coordinate is not a number")
		return 0
	}
	return x.Float()
}
