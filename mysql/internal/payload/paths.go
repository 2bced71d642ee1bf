package payload

import (
	"slices"
	"strings"
)

// Step leads from a value to one inside it: to a member of an object by its
// name or, where Name is empty and Element set, to an element of an array.
type Step struct {
	Name    string
	Element bool
	Index   int // from 0
}

// Paths are places inside a value, joined where they begin alike, so that each
// part of a value is read once. They do not change once they are built; any
// number of goroutines may use them. The zero Paths are none.
type Paths struct{ root pathNode }

// pathNode is a place that paths lead to or through.
type pathNode struct {
	slots    []int // of the paths that end here
	members  []pathMember
	elements []pathElement
}

type pathMember struct {
	name string
	node *pathNode
}

type pathElement struct {
	index int
	node  *pathNode
}

// Add makes what steps lead to the value of that slot. Without steps it is the
// value itself.
func (p *Paths) Add(slot int, steps ...Step) {
	n := &p.root
	for _, s := range steps {
		n = n.child(s)
	}
	n.slots = append(n.slots, slot)
}

// child returns the node that s leads to, which is made if there is none.
func (n *pathNode) child(s Step) *pathNode {
	if s.Element {
		i, found := slices.BinarySearchFunc(n.elements, s.Index, func(e pathElement, index int) int { return e.index - index })
		if !found {
			n.elements = slices.Insert(n.elements, i, pathElement{s.Index, &pathNode{}})
		}
		return n.elements[i].node
	}
	i, found := slices.BinarySearchFunc(n.members, s.Name, func(m pathMember, name string) int { return strings.Compare(m.name, name) })
	if !found {
		n.members = slices.Insert(n.members, i, pathMember{s.Name, &pathNode{}})
	}
	return n.members[i].node
}

// Picked is what a path leads to.
type Picked struct {
	Value Value
	Found bool // nothing is there otherwise; a null is something
	// Half says that the value is a string with an escape of half a surrogate
	// pair, such as \ud800: no column could hold it as it was meant.
	Half bool
}

// Picker takes values out of others, without allocating but for strings that
// hold escapes, which share chunks of memory. It is for one goroutine.
type Picker struct {
	arena   arena
	scratch []byte // a name that holds escapes
}

// Pick sets the slots of paths in into, by what they lead to in v, an Object or
// Array of a Decoder. Of a repeated name the last counts. Values alias v's text.
func (p *Picker) Pick(v Value, paths *Paths, into []Picked) {
	paths.root.clear(into)
	if v.Kind == Object || v.Kind == Array {
		p.walk(v.Text, 0, &paths.root, into)
	}
}

// clear makes the slots of n, and of all below, those of nothing.
func (n *pathNode) clear(into []Picked) {
	for _, s := range n.slots {
		into[s] = Picked{}
	}
	for i := range n.members {
		n.members[i].node.clear(into)
	}
	for i := range n.elements {
		n.elements[i].node.clear(into)
	}
}

// walk reads the value at i for the paths from n on, and returns the offset
// after it. It calls itself once for each step of the longest path.
func (p *Picker) walk(b []byte, i int, n *pathNode, into []Picked) int {
	start, kind := i, Object
	var f textFlags
	switch {
	case b[i] == '{' && len(n.members) > 0:
		i = p.members(b, i, n, into)
	case b[i] == '[' && len(n.elements) > 0:
		kind = Array
		i = p.elements(b, i, n, into)
	default:
		i, kind, f = skipValue(b, i)
	}
	if len(n.slots) == 0 {
		return i
	}
	found := Picked{Found: true, Value: Value{kind, b[start:i:i]}}
	switch kind {
	case Null:
		found.Value.Text = nil
	case String:
		text := b[start+1 : i-1 : i-1]
		if f&escaped != 0 {
			text, f = p.arena.unescape(text, len(text))
			found.Half = f&halfPair != 0
		}
		found.Value.Text = text
	}
	for _, s := range n.slots {
		into[s] = found
	}
	return i
}

// skipValue returns the offset after the value at i. The text has been read
// before and is JSON.
func skipValue(b []byte, i int) (int, Kind, textFlags) {
	switch b[i] {
	case '{', '[':
		end, f := skipNested(b, i, 0)
		if b[i] == '[' {
			return end, Array, f
		}
		return end, Object, f
	}
	return scanScalar(b, i)
}

// members walks through the object at i.
func (p *Picker) members(b []byte, i int, n *pathNode, into []Picked) int {
	next := 0 // the member that most likely follows: eKuiper sorts them, and so are n's
	for i = space(b, i+1); b[i] != '}'; i = space(b, i) {
		if b[i] == ',' {
			i = space(b, i+1)
		}
		end, f := scanString(b, i+1)
		name := b[i+1 : end]
		if f&escaped != 0 {
			p.scratch, f = appendUnescaped(p.scratch[:0], name)
			name = p.scratch
		}
		i = space(b, space(b, end+1)+1) // the colon
		at := -1
		if f&halfPair == 0 {
			at = n.find(name, next)
		}
		if at < 0 {
			i, _, _ = skipValue(b, i)
			continue
		}
		next = at + 1
		child := n.members[at].node
		child.clear(into)
		i = p.walk(b, i, child, into)
	}
	return i + 1
}

// fewMembers is up to how many names comparing one by one is quick.
const fewMembers = 8

// find returns the index of the member of that name, -1 if there is none, and
// looks at index guess first.
func (n *pathNode) find(name []byte, guess int) int {
	if guess < len(n.members) && n.members[guess].name == string(name) {
		return guess
	}
	if len(n.members) <= fewMembers {
		for i := range n.members {
			if n.members[i].name == string(name) {
				return i
			}
		}
		return -1
	}
	i, end := 0, len(n.members)
	for i < end {
		if mid := (i + end) / 2; n.members[mid].name < string(name) {
			i = mid + 1
		} else {
			end = mid
		}
	}
	if i < len(n.members) && n.members[i].name == string(name) {
		return i
	}
	return -1
}

// elements walks through the array at i.
func (p *Picker) elements(b []byte, i int, n *pathNode, into []Picked) int {
	next, index := 0, 0
	for i = space(b, i+1); b[i] != ']'; i = space(b, i) {
		if b[i] == ',' {
			i = space(b, i+1)
		}
		if next < len(n.elements) && n.elements[next].index == index {
			i = p.walk(b, i, n.elements[next].node, into)
			next++
		} else {
			i, _, _ = skipValue(b, i)
		}
		index++
	}
	return i + 1
}

// Member is where a member of an object stands in the object's text: from the
// quote before its name up to its value's end.
type Member struct{ Start, End int }

// AppendMembers appends the members of an object to into, given its text as a
// Decoder's Row has it, in the order of the Row's Fields.
func AppendMembers(into []Member, object []byte) []Member {
	b := object
	for i := space(b, 1); b[i] != '}'; i = space(b, i) {
		if b[i] == ',' {
			i = space(b, i+1)
		}
		start := i
		end, _ := scanString(b, i+1)
		i = space(b, space(b, end+1)+1)
		i, _, _ = skipValue(b, i)
		into = append(into, Member{start, i})
	}
	return into
}
