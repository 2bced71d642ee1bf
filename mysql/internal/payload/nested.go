package payload

// maxDepth is how deep values may nest, the arrays around a row included.
const maxDepth = 10_000

// kindStack holds which of the open values are objects, one bit each. It
// allocates only beyond 64 levels.
type kindStack struct {
	depth int
	top   uint64   // the innermost levels, the last opened in bit 0
	below []uint64 // full words of outer levels
}

func (s *kindStack) push(object bool) {
	if s.depth > 0 && s.depth%64 == 0 {
		s.below = append(s.below, s.top)
	}
	s.top <<= 1
	if object {
		s.top |= 1
	}
	s.depth++
}

func (s *kindStack) pop() {
	s.depth--
	s.top >>= 1
	if s.depth > 0 && s.depth%64 == 0 {
		s.top = s.below[len(s.below)-1]
		s.below = s.below[:len(s.below)-1]
	}
}

func (s *kindStack) inObject() bool { return s.top&1 != 0 }

// closer returns the byte that ends the innermost open value.
func (s *kindStack) closer() byte {
	if s.inObject() {
		return '}'
	}
	return ']'
}

// skipNested reads the object or array at i, outer levels deep already, and
// returns the offset after it, or, with broken set, that of the fault. It
// loops instead of calling itself: a hostile message costs no goroutine stack.
func skipNested(b []byte, i, outer int) (int, textFlags) {
	var open kindStack
	var all textFlags
	for {
		var f textFlags
		i, f = openNested(b, i, outer, &open)
		all |= f
		if f&broken != 0 {
			return i, all
		}
		// A value has ended at i, or an empty one is about to: close what ends
		// here, up to a comma or to the outermost value's end.
		for {
			if i = space(b, i); i >= len(b) {
				return i, all | broken
			}
			if b[i] == ',' {
				i++
				if open.inObject() {
					i, f = skipName(b, space(b, i))
					if all |= f; f&broken != 0 {
						return i, all
					}
				}
				break
			}
			if b[i] != open.closer() {
				return i, all | broken
			}
			i++
			if open.pop(); open.depth == 0 {
				return i, all
			}
		}
	}
}

// skipFlat reads the object at i as skipNested does, in less time. ok is false
// where it has a value that nests, white space, no members or a fault, about
// which nothing is said: skipNested has to look.
func skipFlat(b []byte, i int) (end int, ok bool) {
	for i++; ; i++ {
		if i >= len(b) || b[i] != '"' {
			return i, false
		}
		var f textFlags
		if i, f = scanString(b, i+1); f&broken != 0 || i+2 >= len(b) || b[i+1] != ':' {
			return i, false
		}
		i += 2
		if c := b[i]; c-'0' <= 9 || c == '-' {
			if i, ok = scanNumber(b, i); !ok {
				return i, false
			}
		} else if i, _, f = scanScalar(b, i); f&broken != 0 {
			return i, false
		}
		if i >= len(b) {
			return i, false
		}
		if b[i] != ',' {
			return i + 1, b[i] == '}'
		}
	}
}

// openNested reads on from i, where a value is due, through all values that
// open there, up to the end of the first scalar or to the end of an empty
// object or array.
func openNested(b []byte, i, outer int, open *kindStack) (int, textFlags) {
	var all textFlags
	for {
		if i = space(b, i); i >= len(b) {
			return i, all | broken
		}
		c := b[i]
		if c != '{' && c != '[' {
			end, _, f := scanScalar(b, i)
			return end, all | f
		}
		if outer+open.depth >= maxDepth {
			return i, all | broken
		}
		open.push(c == '{')
		if i = space(b, i+1); i >= len(b) {
			return i, all | broken
		}
		if b[i] == open.closer() {
			return i, all
		}
		if c == '{' {
			var f textFlags
			i, f = skipName(b, i)
			all |= f
			if f&broken != 0 {
				return i, all
			}
		}
	}
}

// skipName reads a member's name at i and its colon, and returns the offset
// after that, or, with broken set, that of the fault.
func skipName(b []byte, i int) (int, textFlags) {
	if i >= len(b) || b[i] != '"' {
		return i, broken
	}
	end, f := scanString(b, i+1)
	if f&broken != 0 {
		return end, f
	}
	if end = space(b, end+1); end >= len(b) || b[end] != ':' {
		return end, f | broken
	}
	return end + 1, f
}
