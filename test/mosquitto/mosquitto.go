// Package mosquitto starts private MQTT brokers for tests: each with its own
// folder and a free port on the loopback address, gone when its test is. It
// uses the installed mosquitto and mosquitto_pub.
package mosquitto

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// ErrNotInstalled says that this machine has no broker, and what to type.
var ErrNotInstalled = errors.New("mosquitto is not installed; type: apt-get install -y --no-install-recommends mosquitto mosquitto-clients (or: make deps)")

// startLimit bounds a start that hangs; one takes some 10 ms.
const startLimit = 30 * time.Second

// Broker is one private broker. Its methods are for one goroutine at a time,
// except Addr, which any goroutine may call.
type Broker struct {
	port    int // the same through every restart
	dir     string
	program string
	process *exec.Cmd // nil while the broker is down
	leash   io.Closer // the watchdog's standard input
	dog     *exec.Cmd
}

// Start runs a broker until the test ends. What it keeps for clients and
// sessions reaches its folder within a second, and at an ordinary end.
func Start(tb testing.TB) *Broker {
	tb.Helper()
	b := &Broker{dir: tb.TempDir()}
	var err error
	if b.program, err = lookPath("mosquitto"); err != nil {
		tb.Fatal(err)
	}
	// A port found free may be taken before the broker listens on it.
	for range 5 {
		if err = b.configure(); err == nil {
			err = b.launch()
		}
		if err == nil {
			break
		}
	}
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := b.Kill(); err != nil {
			tb.Error(err)
		}
	})
	return b
}

// Addr is host:port.
func (b *Broker) Addr() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(b.port)) }

// Log is what the broker has told.
func (b *Broker) Log() string {
	text, _ := os.ReadFile(filepath.Join(b.dir, "log"))
	return string(text)
}

// Subscriptions is how often clients have subscribed, since the first start.
func (b *Broker) Subscriptions() int { return strings.Count(b.Log(), "Sending SUBACK to ") }

func (b *Broker) configure() error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("find a free port: %w", err)
	}
	b.port = listener.Addr().(*net.TCPAddr).Port
	if err := listener.Close(); err != nil {
		return err
	}
	who, err := user.Current()
	if err != nil {
		return err
	}
	// As root it would become another user, who may not write here. It keeps
	// any number of messages for a slow client, else 1,000.
	text := fmt.Sprintf("listener %d 127.0.0.1\nallow_anonymous true\nuser %s\nmax_queued_messages 0\n"+
		"persistence true\npersistence_location %s/\nautosave_interval 1\nlog_type all\nconnection_messages true\n", b.port, who.Username, b.dir)
	return os.WriteFile(b.path("mosquitto.conf"), []byte(text), 0o600)
}

func (b *Broker) path(name string) string { return filepath.Join(b.dir, name) }

// Restart starts a broker that is down, on the same port and folder.
func (b *Broker) Restart() error {
	if b.process != nil {
		return errors.New("start mosquitto: it is running")
	}
	return b.launch()
}

func (b *Broker) launch() error {
	log, err := os.OpenFile(b.path("log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	b.process = exec.Command(b.program, "-c", b.path("mosquitto.conf"))
	b.process.Stdout, b.process.Stderr = log, log
	if err := b.process.Start(); err != nil {
		b.process = nil
		return fmt.Errorf("start mosquitto: %w", err)
	}
	if err := b.watch(); err != nil {
		return errors.Join(err, b.Kill())
	}
	ctx, cancel := context.WithTimeout(context.Background(), startLimit)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		connection, err := net.Dial("tcp", b.Addr())
		if err == nil {
			return connection.Close()
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return errors.Join(fmt.Errorf("mosquitto does not listen after %v: %w: %s", startLimit, err, b.Log()), b.Kill())
		}
	}
}

// watch starts a watchdog, which kills the broker if this process dies: its
// standard input then ends. Ctrl-C reaches it too and must not end it.
func (b *Broker) watch() error {
	dog := exec.Command("sh", "-c", `trap "" INT TERM HUP; read -r answer; [ "$answer" = done ] || kill -KILL "$0"`, strconv.Itoa(b.process.Process.Pid))
	leash, err := dog.StdinPipe()
	if err == nil {
		err = dog.Start()
	}
	if err != nil {
		return fmt.Errorf("start the watchdog of mosquitto: %w", err)
	}
	b.dog, b.leash = dog, leash
	return nil
}

// Kill ends the broker with SIGKILL and waits until it is gone. One that is
// down already is left so.
func (b *Broker) Kill() error {
	if b.process == nil {
		return nil
	}
	err := b.process.Process.Kill()
	_ = b.process.Wait() // how it ended is known
	b.process = nil
	if b.dog != nil {
		if w, ok := b.leash.(io.Writer); ok {
			_, _ = io.WriteString(w, "done\n")
		}
		_ = b.leash.Close()
		_ = b.dog.Wait()
		b.dog = nil
	}
	if err != nil {
		return fmt.Errorf("kill mosquitto: %w", err)
	}
	return nil
}

// Publisher publishes messages, a line each.
type Publisher struct {
	command *exec.Cmd
	lines   io.WriteCloser
	said    *os.File
}

// Publisher starts a client that publishes to a topic with QoS 1: the broker
// acknowledges each message. Close it, or kill it with ctx.
func (b *Broker) Publisher(ctx context.Context, topic string) (*Publisher, error) {
	program, err := lookPath("mosquitto_pub")
	if err != nil {
		return nil, err
	}
	said, err := os.CreateTemp(b.dir, "publisher")
	if err != nil {
		return nil, err
	}
	p := &Publisher{command: exec.CommandContext(ctx, program, "-h", "127.0.0.1", "-p", strconv.Itoa(b.port), "-q", "1", "-t", topic, "-l"), said: said}
	p.command.Stdout, p.command.Stderr = said, said
	if p.lines, err = p.command.StdinPipe(); err == nil {
		err = p.command.Start()
	}
	if err != nil {
		_ = said.Close()
		return nil, fmt.Errorf("start mosquitto_pub: %w", err)
	}
	return p, nil
}

// Publish hands one message over. It may wait for the broker; an error says
// that the client has ended.
func (p *Publisher) Publish(message []byte) error {
	if _, err := fmt.Fprintf(p.lines, "%s\n", message); err != nil {
		return fmt.Errorf("publish: %w", err)
	}
	return nil
}

// Close waits until the broker has acknowledged all messages.
func (p *Publisher) Close() error {
	_ = p.lines.Close()
	err := p.command.Wait()
	defer p.said.Close()
	if err != nil {
		text, _ := os.ReadFile(p.said.Name())
		return fmt.Errorf("mosquitto_pub: %w: %s", err, text)
	}
	return nil
}

// lookPath finds a program. Debian puts the broker where only root's PATH leads.
func lookPath(name string) (string, error) {
	if path, err := exec.LookPath(name); err == nil {
		return path, nil
	}
	if path, err := exec.LookPath(filepath.Join("/usr/sbin", name)); err == nil {
		return path, nil
	}
	return "", ErrNotInstalled
}
