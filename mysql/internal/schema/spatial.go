package schema

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"strings"

	"ekuiper-mysql/mysql/internal/payload"
)

// Geometry goes to the server as WKB. As WKT it would be short of a check:
// MariaDB makes NULL of what it cannot read, without an error, and reads "2."
// and "MULTIPOINT((1 2))" otherwise than MySQL.

// The types of geometry, numbered as in WKB.
const (
	wkbPoint = 1 + iota
	wkbLineString
	wkbPolygon
	wkbMultiPoint
	wkbMultiLineString
	wkbMultiPolygon
	wkbCollection
)

var wktNames = map[string]uint32{
	"POINT": wkbPoint, "LINESTRING": wkbLineString, "POLYGON": wkbPolygon,
	"MULTIPOINT": wkbMultiPoint, "MULTILINESTRING": wkbMultiLineString, "MULTIPOLYGON": wkbMultiPolygon,
	"GEOMETRYCOLLECTION": wkbCollection, "GEOMCOLLECTION": wkbCollection,
}

var geoJSONNames = map[string]uint32{
	"Point": wkbPoint, "LineString": wkbLineString, "Polygon": wkbPolygon,
	"MultiPoint": wkbMultiPoint, "MultiLineString": wkbMultiLineString, "MultiPolygon": wkbMultiPolygon,
	"GeometryCollection": wkbCollection,
}

// maxGeometryDepth bounds nested collections, and so the stack.
const maxGeometryDepth = 32

// geometry is one geometry: a tree of lists with points as leaves.
type geometry struct {
	kind  uint32
	at    [2]float64 // of a point
	parts []geometry // points of a line, rings of a polygon (kind: line), members
}

// spatial converts for GEOMETRY and its kin; the server checks the subtype.
func spatial(v payload.Value) (any, string) {
	var g geometry
	var reason string
	switch v.Kind {
	case payload.String:
		g, reason = parseWKT(view(v.Text))
	case payload.Object:
		g, reason = parseGeoJSON(v.Text, 0)
	default:
		return nil, "wants WKT text or a GeoJSON geometry"
	}
	if reason == "" {
		reason = g.check()
	}
	if reason != "" {
		return nil, reason
	}
	return g.appendWKB(nil), ""
}

// check refuses what a server would store as NULL, or not at all.
func (g *geometry) check() string {
	switch g.kind {
	case wkbPoint:
		for _, x := range g.at {
			if math.IsNaN(x) || math.IsInf(x, 0) {
				return "a coordinate is out of range"
			}
		}
	case wkbLineString:
		if len(g.parts) < 2 {
			return "a line needs two points"
		}
	case wkbPolygon:
		for i := range g.parts {
			ring := g.parts[i].parts
			if len(ring) < 4 || ring[0].at != ring[len(ring)-1].at {
				return "a polygon's ring needs four points and ends where it began"
			}
		}
	}
	if len(g.parts) == 0 && g.kind != wkbPoint && g.kind != wkbCollection {
		return "an empty geometry"
	}
	for i := range g.parts {
		if reason := g.parts[i].check(); reason != "" {
			return reason
		}
	}
	return ""
}

// appendWKB writes the geometry with its header, little endian.
func (g *geometry) appendWKB(b []byte) []byte {
	b = append(b, 1)
	b = binary.LittleEndian.AppendUint32(b, g.kind)
	return g.appendBody(b)
}

func (g *geometry) appendBody(b []byte) []byte {
	if g.kind == wkbPoint {
		b = binary.LittleEndian.AppendUint64(b, math.Float64bits(g.at[0]))
		return binary.LittleEndian.AppendUint64(b, math.Float64bits(g.at[1]))
	}
	b = binary.LittleEndian.AppendUint32(b, uint32(len(g.parts)))
	for i := range g.parts {
		if g.kind >= wkbMultiPoint {
			b = g.parts[i].appendWKB(b)
		} else { // points of a line and rings of a polygon have no headers
			b = g.parts[i].appendBody(b)
		}
	}
	return b
}

// partKind is the kind of a geometry's parts; of a collection, any.
func partKind(kind uint32) uint32 {
	switch kind {
	case wkbLineString, wkbMultiPoint:
		return wkbPoint
	case wkbPolygon, wkbMultiLineString:
		return wkbLineString
	default:
		return wkbPolygon
	}
}

// parseGeoJSON reads a geometry object of RFC 7946.
func parseGeoJSON(raw []byte, depth int) (geometry, string) {
	if depth > maxGeometryDepth {
		return geometry{}, "collections nested too deep"
	}
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
	if kind != wkbCollection {
		return geoJSONPart(kind, object.Coordinates)
	}
	if object.Geometries == nil {
		return geometry{}, "a GeometryCollection without geometries"
	}
	g := geometry{kind: kind}
	for _, raw := range object.Geometries {
		part, reason := parseGeoJSON(raw, depth+1)
		if reason != "" {
			return g, reason
		}
		g.parts = append(g.parts, part)
	}
	return g, ""
}

func geoJSONPart(kind uint32, raw json.RawMessage) (geometry, string) {
	g := geometry{kind: kind}
	if kind == wkbPoint {
		var at []float64
		if err := json.Unmarshal(raw, &at); err != nil || len(at) < 2 {
			return g, "a GeoJSON position is not two numbers"
		}
		if len(at) > 2 {
			return g, "a position of more than two dimensions, which the server cannot hold"
		}
		g.at = [2]float64{at[0], at[1]}
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
	g := r.geometry(0)
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

func (r *wktReader) geometry(depth int) geometry {
	g := geometry{kind: wktNames[r.word()]}
	switch {
	case g.kind == 0:
		r.fail("not WKT, e.g. POINT(13.4 52.5)")
	case depth > maxGeometryDepth:
		r.fail("collections nested too deep")
	case g.kind == wkbCollection:
		r.collection(&g, depth)
	case g.kind == wkbPoint:
		r.list(func() { g = r.point() })
	default:
		r.parts(&g)
	}
	return g
}

// collection reads EMPTY, () or a list of geometries.
func (r *wktReader) collection(g *geometry, depth int) {
	if r.skip(); len(r.rest) >= 5 && strings.EqualFold(r.rest[:5], "EMPTY") {
		r.rest = r.rest[5:]
		return
	}
	r.list(func() {
		if strings.HasPrefix(r.rest, ")") {
			return
		}
		for {
			g.parts = append(g.parts, r.geometry(depth+1))
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
			case part.kind != wkbPoint:
				r.parts(&part)
			case g.kind == wkbMultiPoint && strings.HasPrefix(r.rest, "("):
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
	return geometry{kind: wkbPoint, at: [2]float64{r.coordinate(), r.coordinate()}}
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
	return x.(float64)
}
