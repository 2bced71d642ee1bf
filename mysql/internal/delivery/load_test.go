package delivery

import (
	"io"
	"testing"
)

// TestLoadFileEnds: a server that asks for a file once more than it was told
// to gets none, and the driver does not read it for ever.
func TestLoadFileEnds(t *testing.T) {
	b := &batch{}
	b.reset(testTable())
	fill(b, `[{"id":1,"name":"a\tb"},{"id":2,"name":null}]`, &testOptions)
	var f loadFile
	f.open(b, 0, 2)
	text, err := io.ReadAll(&f)
	if want := "1\ta\\tb\n2\t\\N\n"; string(text) != want || err != nil {
		t.Errorf("%q, %v; want %q", text, err, want)
	}
	for range 2 {
		if n, err := f.Read(make([]byte, 100)); n != 0 || err != io.EOF {
			t.Errorf("after its end: %d bytes, %v", n, err)
		}
		f.release()
	}
}
