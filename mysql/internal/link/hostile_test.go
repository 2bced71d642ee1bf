package link

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
)

// impostor is what answers in a server's place.
type impostor struct {
	t      *testing.T
	answer func(query []byte) []byte // a payload of its own, nil for what a server would say
}

// start returns the address where it answers.
func (m *impostor) start(serve func(net.Conn)) string {
	m.t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		m.t.Fatal(err)
	}
	m.t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				serve(conn)
			}()
		}
	}()
	return l.Addr().String()
}

func send(conn net.Conn, sequence byte, payload []byte) {
	n := len(payload)
	_, _ = conn.Write(append([]byte{byte(n), byte(n >> 8), byte(n >> 16), sequence}, payload...))
}

func receive(conn net.Conn) ([]byte, error) {
	var header [4]byte
	if _, err := io.ReadFull(conn, header[:]); err != nil {
		return nil, err
	}
	payload := make([]byte, int(header[0])|int(header[1])<<8|int(header[2])<<16)
	_, err := io.ReadFull(conn, payload)
	return payload, err
}

var (
	okPacket  = []byte{0, 0, 0, 2, 0, 0, 0}
	eofPacket = []byte{0xfe, 0, 0, 2, 0}
)

func greetingPacket() []byte {
	b := append([]byte{10}, "9.9.9\x00"...)
	b = append(b, 1, 0, 0, 0)                    // the connection
	b = append(b, "12345678\x00"...)             // salt
	b = append(b, 0x00, 0xa2, 45, 2, 0, 0x08, 0) // capabilities: 4.1, transactions, authentication; charset, status
	b = append(b, 21)
	b = append(b, make([]byte, 10)...)
	return append(b, "123456789012\x00mysql_native_password\x00"...)
}

// serve speaks as a server does but for its answers.
func (m *impostor) serve(conn net.Conn) {
	send(conn, 0, greetingPacket())
	if _, err := receive(conn); err != nil {
		return
	}
	send(conn, 2, okPacket)
	m.commands(conn)
}

// commands answers what comes after the login.
func (m *impostor) commands(conn net.Conn) {
	for {
		query, err := receive(conn)
		if err != nil || len(query) == 0 || query[0] == 1 { // COM_QUIT
			return
		}
		if payload := m.answer(query); payload != nil {
			send(conn, 1, payload)
			if tcp, ok := conn.(*net.TCPConn); ok { // nobody is to wait for more
				_ = tcp.CloseWrite()
			}
			_, _ = io.Copy(io.Discard, conn)
			return
		}
		if !strings.Contains(string(query), "max_allowed_packet") {
			send(conn, 1, okPacket)
			continue
		}
		send(conn, 1, []byte{1})
		send(conn, 2, columnPacket())
		send(conn, 3, eofPacket)
		send(conn, 4, append([]byte{8}, "67108864"...))
		send(conn, 5, eofPacket)
	}
}

func columnPacket() []byte {
	b := []byte("\x03def\x00\x00\x00\x01n\x00\x0c")
	return append(b, 45, 0, 0, 1, 0, 0, 253, 0, 0, 0, 0, 0)
}

// visit connects to the impostor as the sink does and lets work use it.
func visit(t *testing.T, address string, work func(context.Context, *sql.DB) error) error {
	t.Helper()
	d := mysql.NewConfig()
	d.User, d.Net, d.Addr, d.MaxAllowedPacket, d.Logger = "user", "tcp", address, 0, &mysql.NopLogger{}
	d.Timeout, d.ReadTimeout, d.WriteTimeout = 30*time.Second, 30*time.Second, 30*time.Second
	c, err := New(Options{Driver: d, Hosts: []string{address}}, &Cluster{})
	if err != nil {
		t.Fatal(err)
	}
	db := sql.OpenDB(c)
	defer db.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	return work(ctx, db)
}

func ping(ctx context.Context, db *sql.DB) error { return db.PingContext(ctx) }

// TestStrangersAreNoServers: whatever else listens at a port is told of at
// once, and does no harm. MySQL's X Protocol is what port 33060 speaks.
func TestStrangersAreNoServers(t *testing.T) {
	for name, says := range map[string]string{
		"X Protocol":         "\x05\x00\x00\x00\x0b\x08\x05\x1a\x00",
		"SSH":                "SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n",
		"SMTP":               "220 mail.example.com ESMTP\r\n",
		"HTTP":               "HTTP/1.1 400 Bad Request\r\n\r\n",
		"a short greeting":   "\x08\x00\x00\x00\x0a9.9.9\x00\x01",
		"no version":         "\x06\x00\x00\x00\x0a99999",
		"an error cut short": "\x03\x00\x00\x00\xff\x10\x04",
		"a state cut short":  "\x05\x00\x00\x00\xff\x10\x04#4",
		"an empty packet":    "\x00\x00\x00\x00",
	} {
		t.Run(name, func(t *testing.T) {
			m := &impostor{t: t}
			address := m.start(func(conn net.Conn) {
				for i := range len(says) { // in as many pieces as there can be
					_, _ = conn.Write([]byte(says[i : i+1]))
				}
				_, _ = io.Copy(io.Discard, conn)
			})
			err := visit(t, address, ping)
			var setting *SettingError
			if !errors.As(err, &setting) || setting.Property != "url" || !strings.Contains(err.Error(), "does not speak MySQL's protocol") {
				t.Errorf("%v", err)
			}
		})
	}
}

// TestErrorsBeforeTheGreeting: a server that takes no more connections says so
// in its first packet.
func TestErrorsBeforeTheGreeting(t *testing.T) {
	m := &impostor{t: t}
	address := m.start(func(conn net.Conn) {
		send(conn, 0, append([]byte{0xff, 0x10, 0x04}, "Too many connections"...))
		_, _ = io.Copy(io.Discard, conn)
	})
	var server *mysql.MySQLError
	if err := visit(t, address, ping); !errors.As(err, &server) || server.Number != 1040 {
		t.Error(err)
	}
}

// columns returns a packet that tells of so many columns.
func columns(n uint64) []byte { return binary.LittleEndian.AppendUint64([]byte{0xfe}, n) }

// TestNonsenseIsAnError: no answer of a server ends the process.
func TestNonsenseIsAnError(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	answers := map[string][]byte{
		"2^62 columns": columns(1 << 62), "2^63 columns": columns(1 << 63), "no state": {0xff, 1}, "half a state": {0xff, 1, 1, '#', '4'},
		"half a number": {0xfc}, "half a long number": {0xfe, 1, 2}, "half a statement": {0, 1}, "a file": append([]byte{0xfb}, "/etc/passwd"...),
		"a file of ours": append([]byte{0xfb}, "Reader::ekuiper_mysql_guess"...), "half a column": {1, 3, 'd'},
	}
	for i := range 300 {
		b := make([]byte, 1+random.IntN(40))
		for j := range b {
			b[j] = byte(random.Uint32())
		}
		answers[fmt.Sprintf("random %d", i)] = b
	}
	works := map[string]func(context.Context, *sql.DB) error{
		"execute": func(ctx context.Context, db *sql.DB) error {
			_, err := db.ExecContext(ctx, "HOSTILE")
			return err
		},
		"query": func(ctx context.Context, db *sql.DB) error {
			var s string
			return db.QueryRowContext(ctx, "HOSTILE").Scan(&s)
		},
		"prepare": func(ctx context.Context, db *sql.DB) error {
			s, err := db.PrepareContext(ctx, "HOSTILE")
			if err == nil {
				defer s.Close()
				_, err = s.ExecContext(ctx)
			}
			return err
		},
	}
	for name, payload := range answers {
		for how, work := range works {
			m := &impostor{t: t, answer: func(query []byte) []byte {
				if !strings.Contains(string(query), "HOSTILE") {
					return nil
				}
				return payload
			}}
			if testing.Verbose() {
				t.Logf("%s, %s", name, how)
			}
			err := visit(t, m.start(m.serve), work)
			if err == nil && payload[0] != 0 && name != "2^63 columns" { // which the driver takes for none
				t.Errorf("%s, %s: no error of %x", name, how, payload)
			}
		}
	}
}

// The same while the connection is made.
func TestNonsenseWhileConnecting(t *testing.T) {
	for name, payload := range map[string][]byte{"no state": {0xff, 1}, "half a state": {0xff, 1, 1, '#', '4'}} {
		m := &impostor{t: t, answer: func([]byte) []byte { return payload }}
		if err := visit(t, m.start(m.serve), ping); err == nil || !strings.Contains(err.Error(), "the server's answer makes no sense") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestZerosOfEd25519: random bytes of the server that end with a zero fail
// in the driver, which is no reason to fail.
func TestZerosOfEd25519(t *testing.T) {
	var logins, zeros atomic.Int32 // of which so many are sent first
	zeros.Store(loginTries - 1)
	m := &impostor{t: t, answer: func([]byte) []byte { return nil }}
	address := m.start(func(conn net.Conn) {
		scramble := bytes.Repeat([]byte{7}, 32)
		if logins.Add(1) <= zeros.Load() {
			scramble[31] = 0
		}
		send(conn, 0, greetingPacket())
		if _, err := receive(conn); err != nil {
			return
		}
		send(conn, 2, append([]byte("\xfeclient_ed25519\x00"), scramble...))
		if signature, err := receive(conn); err != nil || len(signature) != 64 {
			return
		}
		send(conn, 4, okPacket)
		m.commands(conn)
	})
	if err := visit(t, address, ping); err != nil || logins.Load() != loginTries {
		t.Errorf("%v after %d logins; want none after %d", err, logins.Load(), loginTries)
	}
	logins.Store(0)
	zeros.Store(100)
	if err := visit(t, address, ping); err == nil || logins.Load() > 3*loginTries { // database/sql tries a bad connection thrice
		t.Errorf("%v after %d logins", err, logins.Load())
	}
}

func TestInitSQLErrorsShowNoText(t *testing.T) {
	refusal := func(number uint16, text string) error {
		return fmt.Errorf("context: %w", &mysql.MySQLError{Number: number, Message: text})
	}
	cases := []struct{ statement, message, want string }{
		{"SET @k == 's3cret'", "You have an error in your SQL syntax; near '= 's3cret'' at line 1", "Error 1064: the server does not understand it"},
		{"SET x = 's3cret'", "Variable 'x' can't be set to the value of 's3cret'", "Error 1231: Variable 'x' can't be set to the value of '...'"},
		{"/* don't */ SET `it's` = \"s3cret\"", "Variable 'it's' can't be set to the value of s3cret", "Error 1231: Variable 'it's' can't be set to the value of ..."},
		{"SET x = 'a-long-s3cret'", "Incorrect value: 'a-long-s3'", "Error 1231: Incorrect value: '...'"},
		{"SET x = 1", "Unknown system variable 'x'", "Error 1193: Unknown system variable 'x'"},
	}
	for _, c := range cases {
		var number uint16
		if _, err := fmt.Sscanf(c.want, "Error %d:", &number); err != nil {
			t.Fatal(err)
		}
		if got := withoutTexts(refusal(number, c.message), c.statement).Error(); got != c.want {
			t.Errorf("%s:\ngot  %s\nwant %s", c.statement, got, c.want)
		}
	}
}
