package connection

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"testing"
)

func TestFramesResumeAtWholeMessages(t *testing.T) {
	var f Frames
	f.Add([]byte("one"))
	f.Begin()
	_, _ = f.Write([]byte("given up"))
	f.Drop()
	f.Add(nil)
	f.Begin()
	_, _ = f.Write([]byte("three\n"))
	f.End(1)
	if f.Len() != 3 || f.Size() != 3*header+len("onethree") {
		t.Fatalf("%d messages in %d bytes", f.Len(), f.Size())
	}
	for _, c := range []struct{ sent, resume int }{
		{0, 0}, {11, 0}, {12, 12}, {20, 12}, {21, 21}, {34, 21}, {35, 35},
	} {
		if got := f.whole(c.sent); got != c.resume {
			t.Errorf("after %d bytes resume at %d, want %d", c.sent, got, c.resume)
		}
	}
	p := piped(t, f.buf)
	for _, want := range []string{"one", "", "three"} {
		if got, err := p.read(0); err != nil || string(got) != want {
			t.Errorf("got %q, %v; want %q", got, err, want)
		}
	}
	if _, err := p.read(0); err != io.EOF {
		t.Errorf("at the end: %v, want io.EOF", err)
	}
}

func (p *pipe) read(limit int64) ([]byte, error) {
	size, err := p.begin()
	if err != nil {
		return nil, err
	}
	return p.body(size, limit)
}

// piped returns a pipe that will read raw.
func piped(t testing.TB, raw []byte) *pipe {
	return newTestPipe(nopConn{r: bytes.NewReader(raw)})
}

type nopConn struct {
	net.Conn
	r io.Reader
}

func (c nopConn) Read(b []byte) (int, error) { return c.r.Read(b) }

func TestTooLargeIsReadPast(t *testing.T) {
	var f Frames
	f.Add(make([]byte, 100_000))
	f.Add([]byte("next"))
	p := piped(t, f.buf)
	_, err := p.read(99_999)
	var large *TooLargeError
	if !errors.As(err, &large) || large.Size != 100_000 || large.Limit != 99_999 {
		t.Fatalf("got %v", err)
	}
	if got, err := p.read(99_999); err != nil || string(got) != "next" {
		t.Fatalf("then %q, %v", got, err)
	}
}

func TestBrokenFrames(t *testing.T) {
	huge := append([]byte{1}, binary.BigEndian.AppendUint64(nil, 1<<63)...)
	for name, c := range map[string]struct {
		raw  []byte
		want error
	}{
		"nothing":          {nil, io.EOF},
		"half a header":    {[]byte{1, 0, 0}, io.ErrUnexpectedEOF},
		"half a body":      {[]byte{1, 0, 0, 0, 0, 0, 0, 0, 2, 'x'}, io.ErrUnexpectedEOF},
		"half, too large":  {[]byte{1, 0, 0, 0, 0, 0, 0, 1, 0, 'x'}, io.ErrUnexpectedEOF},
		"not a message":    {[]byte("GET / HTTP/1.1"), errFraming},
		"a negative lenth": {huge, errFraming},
	} {
		if _, err := piped(t, c.raw).read(10); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

func FuzzRead(f *testing.F) {
	var good Frames
	good.Add([]byte("hello"))
	f.Add(good.buf, int64(3))
	f.Add([]byte{1, 0, 0, 0, 0, 0, 0, 0, 0}, int64(1))
	f.Add([]byte{1, 255, 0, 0, 0, 0, 0, 0, 0}, int64(1<<20))
	f.Fuzz(func(t *testing.T, raw []byte, limit int64) {
		if limit <= 0 || limit > 1<<20 {
			limit = 1 << 20
		}
		p := piped(t, raw)
		for {
			data, err := p.read(limit)
			if int64(len(data)) > limit {
				t.Fatalf("%d bytes over the limit %d", len(data), limit)
			}
			var large *TooLargeError
			if err != nil && !errors.As(err, &large) {
				return
			}
		}
	})
}
