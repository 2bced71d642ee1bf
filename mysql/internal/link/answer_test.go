package link

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
)

// response and request are first packets of ours: with a user, and only to ask for TLS.
func response(flags uint32) []byte {
	b := append([]byte{0, 0, 0, 1}, binary.LittleEndian.AppendUint32(nil, flags)...)
	return append(b, make([]byte, 40)...)
}

func request() []byte { return []byte{1, 0, 0, 0, 3} }

// packet is one packet, in which size says how long the payload claims to be.
func packet(sequence byte, size int, payload ...byte) []byte {
	return append([]byte{byte(size), byte(size >> 8), byte(size >> 16), sequence}, payload...)
}

// many feeds n zeros.
func (a *answers) many(n int64) (err error) {
	zeros := make([]byte, 1<<20)
	for ; n > 0 && err == nil; n -= int64(len(zeros)) {
		err = a.follow(zeros[:min(n, int64(len(zeros)))])
	}
	return err
}

// TestAnswersAreBounded: what a server may tell is bounded before the driver
// takes memory for it; what servers do tell is not.
func TestAnswersAreBounded(t *testing.T) {
	number := func(b ...byte) func(*answers) error {
		return func(a *answers) error { return a.follow(packet(1, len(b), b...)) }
	}
	plain := func(a *answers) {
		a.asked(response(0))
		a.asked(request())
	}
	tls := func(a *answers) { a.asked(response(clientSSL)[:sslRequest]) }
	// joined is a row of n full packets, then one of a byte.
	joined := func(n int) func(*answers) error {
		return func(a *answers) error {
			for i := range n {
				if err := errors.Join(a.follow(packet(byte(i), mostPacket)), a.many(mostPacket)); err != nil {
					return err
				}
			}
			return a.follow(packet(byte(n), 1, 0))
		}
	}
	for name, c := range map[string]struct {
		begin  func(*answers)
		answer func(*answers) error
		want   string // "" is none
	}{
		"one column":                {plain, number(1), ""},
		"250 columns":               {plain, number(250), ""},
		"an error":                  {plain, number(0xff, 0x10, 0x04), ""},
		"nothing":                   {plain, number(0, 0, 0), ""},
		"4096 columns":              {plain, number(0xfc, 0, 0x10), ""},
		"4097 columns":              {plain, number(0xfc, 1, 0x10), "4097 columns"},
		"4097 in three bytes":       {plain, number(0xfd, 1, 0x10, 0), "4097 columns"},
		"two columns in nine bytes": {plain, number(0xfe, 2, 0, 0, 0, 0, 0, 0, 0), ""},
		"a number cut short":        {plain, number(0xfe, 2, 0), ""},
		"2^30 columns":              {plain, number(0xfe, 0, 0, 0, 0x40, 0, 0, 0, 0), "1073741824 columns"},
		"2^63 columns":              {plain, number(0xfe, 0, 0, 0, 0, 0, 0, 0, 0x80), "9223372036854775808 columns"},
		"a switch of the login":     {func(a *answers) { a.asked(response(0)) }, number(0xfe, 'm', 'y', 's', 'q', 'l', '_', 'n', 'a'), ""},
		"a row of 240 MiB":          {plain, joined(15), ""},
		"a row of 256 MiB":          {plain, joined(17), "a row of more than 256 MiB"},
		"nearly a GiB": {plain, func(a *answers) error {
			for range 1<<6 - 1 {
				if err := errors.Join(a.follow(packet(0, mostPacket-1)), a.many(mostPacket-1)); err != nil {
					return err
				}
			}
			return nil
		}, ""},
		"a GiB over TLS":          {tls, func(a *answers) error { return a.many(mostAnswer) }, ""},
		"more than that over TLS": {tls, func(a *answers) error { return a.many(mostAnswer + 1) }, "more than 1024 MiB to one request"},
		"two answers over TLS": {tls, func(a *answers) error {
			err := a.many(mostAnswer)
			a.asked(request())
			return errors.Join(err, a.many(mostAnswer))
		}, ""},
		"compressed": {func(a *answers) {
			a.asked(response(clientCompress))
			a.asked(request())
		}, func(a *answers) error { return a.follow(packet(1, 9, 0xfe, 0, 0, 0, 0, 0, 0, 0, 1)) }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			a := &answers{}
			c.begin(a)
			err := c.answer(a)
			if c.want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if err == nil || !strings.HasSuffix(err.Error(), c.want) || !errors.Is(err, mysql.ErrMalformPkt) {
				t.Errorf("%v, want %s", err, c.want)
			}
		})
	}
}

// FuzzAnswers: it makes no difference in what pieces an answer comes.
func FuzzAnswers(f *testing.F) {
	f.Add(packet(1, 9, 0xfe, 0, 0, 0, 0x40, 0, 0, 0, 0), uint8(1), uint32(0))
	f.Add(append(packet(1, 1, 2), packet(2, 3, 0xfd, 0xff, 0xff, 0xff)...), uint8(3), uint32(clientCompress))
	f.Add(bytes.Repeat(packet(1, 0), 4), uint8(7), uint32(clientSSL))
	f.Fuzz(func(t *testing.T, b []byte, piece uint8, flags uint32) {
		whole, pieces := &answers{}, &answers{}
		for _, a := range []*answers{whole, pieces} {
			a.asked(response(flags))
			a.asked(request())
		}
		want := whole.follow(b)
		var got error
		for from := 0; from < len(b) && got == nil; from += int(piece) + 1 {
			got = pieces.follow(b[from:min(from+int(piece)+1, len(b))])
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("in pieces of %d: %v, at once: %v", int(piece)+1, got, want)
		}
	})
}

// script is a connection to a server that says what it says, whatever it is
// asked: a packet at a time, as if each were waited for.
type script struct {
	net.Conn
	says []byte
	left int // of the packet that is being read
}

func (s *script) Read(b []byte) (int, error) {
	if len(s.says) == 0 {
		return 0, io.EOF
	}
	if s.left == 0 {
		s.left = len(s.says)
		if s.left >= packetHeader {
			s.left = min(s.left, packetHeader+lengthOf(s.says))
		}
	}
	n := copy(b, s.says[:s.left])
	s.says, s.left = s.says[n:], s.left-n
	return n, nil
}

func (*script) Write(b []byte) (int, error)           { return len(b), nil }
func (*script) Close() error                          { return nil }
func (*script) SetDeadline(time.Time) error           { return nil }
func (*script) SetReadDeadline(time.Time) error       { return nil }
func (*script) SetWriteDeadline(time.Time) error      { return nil }
func (*script) SyscallConn() (syscall.RawConn, error) { return nil, errors.ErrUnsupported }

var _ transport = (*script)(nil)

// hear connects to a server that says that, and asks it all that can be asked.
func hear(t testing.TB, says []byte) error {
	t.Helper()
	d := mysql.NewConfig()
	d.User, d.Net, d.Addr, d.MaxAllowedPacket, d.Logger = "user", "tcp", "server:3306", 0, &mysql.NopLogger{}
	d.CheckConnLiveness = false
	wire := &script{says: says} // a second connection gets what is left
	d.DialFunc = func(context.Context, string, string) (net.Conn, error) { return wire, nil }
	c, err := New(Options{Driver: d}, &Cluster{})
	if err != nil {
		t.Fatal(err)
	}
	db := sql.OpenDB(c)
	defer db.Close()
	ctx := t.Context()
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	if _, err := conn.ExecContext(ctx, "x"); err != nil {
		return err
	}
	rows, err := conn.QueryContext(ctx, "x")
	if err != nil {
		return err
	}
	for more := true; more; more = rows.Next() { // to the end
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return err
	}
	s, err := conn.PrepareContext(ctx, "x")
	if err != nil {
		return err
	}
	defer s.Close()
	_, err = s.ExecContext(ctx)
	return err
}

// scene is what a server says, one packet after the other.
func scene(packets ...[]byte) (b []byte) {
	for _, p := range packets {
		b = append(b, packet(p[0], len(p)-1, p[1:]...)...)
	}
	return b
}

func at(sequence byte, payload []byte) []byte { return append([]byte{sequence}, payload...) }

// FuzzServer: whatever a server says, there is an answer or an error, and no
// memory that it only tells of.
func FuzzServer(f *testing.F) {
	login := scene(at(0, greetingPacket()), at(2, okPacket),
		at(1, []byte{1}), at(2, columnPacket()), at(3, eofPacket), at(4, append([]byte{8}, "67108864"...)), at(5, eofPacket),
		at(1, okPacket)) // to the isolation level
	table := scene(at(1, []byte{1}), at(2, columnPacket()), at(3, eofPacket), at(4, []byte("\x011")), at(5, eofPacket))
	prepared := scene(at(1, []byte{0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}), at(1, okPacket))
	all := bytes.Join([][]byte{login, scene(at(1, okPacket)), table, prepared}, nil)
	f.Add(all)
	f.Add(login)
	f.Add(append(bytes.Clone(login), scene(at(1, columns(1<<62)))...))
	f.Add(append(bytes.Clone(login), scene(at(1, []byte("\xfb/etc/passwd")))...))
	f.Add(scene(at(0, greetingPacket()), at(2, []byte("\xfecaching_sha2_password\x0012345678901234567890\x00")), at(4, []byte{1, 4})))
	if err := hear(f, all); err != nil {
		f.Fatalf("what a server does say: %v", err)
	}
	f.Fuzz(func(t *testing.T, says []byte) { _ = hear(t, says) })
}

// FuzzGreets: a greeting is one in whatever pieces it comes, and what is told
// of it early is not taken back.
func FuzzGreets(f *testing.F) {
	f.Add(scene(at(0, greetingPacket())))
	f.Add([]byte("SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n"))
	f.Add([]byte("\x05\x00\x00\x00\xff\x10\x04#4"))
	f.Fuzz(func(t *testing.T, b []byte) {
		before := halfGreeting
		for n := range len(b) + 1 {
			now := greets(b[:n])
			if before != halfGreeting && now != before {
				t.Fatalf("%q is %d, with the next byte %d", b[:n-1], before, now)
			}
			before = now
		}
	})
}

// TestServerThatTellsOfMuch: a server that announces more than there can be
// costs its own connection, over TCP and over a socket alike, and no memory.
func TestServerThatTellsOfMuch(t *testing.T) {
	m := &impostor{t: t, answer: func(query []byte) []byte {
		if !strings.Contains(string(query), "HOSTILE") {
			return nil
		}
		return columns(1 << 31)
	}}
	err := visit(t, m.start(m.serve), func(ctx context.Context, db *sql.DB) error {
		var s string
		return db.QueryRowContext(ctx, "HOSTILE").Scan(&s)
	})
	var excess *ExcessError
	if !errors.As(err, &excess) || err.Error() != "the server's answer makes no sense: 2147483648 columns" {
		t.Errorf("%v", err)
	}
}
