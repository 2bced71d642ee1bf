package delivery

import (
	"database/sql/driver"
	"slices"
	"unsafe"

	"ekuiper-mysql/mysql/internal/schema"
)

// boxes hands arguments to the driver, which takes interfaces: a value that is
// boxed the usual way costs an allocation each, five for a row of five columns.
// Here the interfaces point to the arguments themselves, which stay as they
// are as long as the driver looks at them: it does so before it returns.
type boxes struct {
	args []driver.NamedValue
}

// of returns cells as the driver takes them, until the next call. The cells
// must stay unchanged meanwhile; none of them may be absent.
func (b *boxes) of(cells []schema.Argument) []driver.NamedValue {
	b.args = slices.Grow(b.args, max(len(cells)-len(b.args), 0))
	for n := len(b.args); n < len(cells); n++ {
		b.args = append(b.args, driver.NamedValue{Ordinal: n + 1})
	}
	args := b.args[:len(cells)]
	for i := range cells {
		args[i].Value = box(&cells[i])
	}
	return args
}

// begin returns the list that add fills, until the next call.
func (b *boxes) begin() { b.args = b.args[:0] }

// add appends a as the driver takes it, which must stay unchanged meanwhile.
func (b *boxes) add(a *schema.Argument) {
	b.args = append(b.args, driver.NamedValue{Ordinal: len(b.args) + 1, Value: box(a)})
}

// forget lets go of the arguments, which keep whole messages alive.
func (b *boxes) forget(n int) {
	args := b.args[:n]
	for i := range args {
		args[i].Value = nil
	}
}

// empty is how the compiler lays out an interface without methods: its type,
// and a pointer to a value of it that never changes.
type empty struct{ kind, value unsafe.Pointer }

func kindOf(v any) unsafe.Pointer { return (*empty)(unsafe.Pointer(&v)).kind }

var (
	intKind   = kindOf(int64(0))
	uintKind  = kindOf(uint64(0))
	floatKind = kindOf(float64(0))
	textKind  = kindOf("")
)

// box is a.Value without the allocation.
func box(a *schema.Argument) (v driver.Value) {
	number, text := a.Parts()
	e := (*empty)(unsafe.Pointer(&v))
	switch a.Kind() {
	case schema.Int:
		*e = empty{intKind, unsafe.Pointer(number)}
	case schema.Uint:
		*e = empty{uintKind, unsafe.Pointer(number)}
	case schema.Float:
		*e = empty{floatKind, unsafe.Pointer(number)}
	case schema.Text:
		*e = empty{textKind, unsafe.Pointer(text)}
	}
	return v
}
