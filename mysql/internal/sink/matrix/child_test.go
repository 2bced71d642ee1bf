package matrix_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"

	"ekuiper-mysql/mysql/internal/sink"
	"ekuiper-mysql/test/stream"
)

// childEnv makes this program a process with one sink: its input's first line
// says which, the others are messages. It answers with a line to each.
const childEnv = "MATRIX_CHILD"

// order is the first line of a child's input.
type order struct {
	Folder string
	Props  map[string]any
}

// child is such a process.
type child struct {
	t       *trial
	command *exec.Cmd
	in      io.WriteCloser
	out     *bufio.Reader
	metrics string // where it serves them
	ended   bool
}

func (t *trial) startChild(props map[string]any) *child {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := &child{t: t, command: exec.Command(program)}
	c.command.Env = append(os.Environ(), childEnv+"=1")
	c.command.Stderr = logWriter{t.log}
	if c.in, err = c.command.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := c.command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	c.out = bufio.NewReader(out)
	if err := c.command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.kill)
	first, err := json.Marshal(order{t.folder, props})
	if err != nil {
		t.Fatal(err)
	}
	c.metrics = c.say(string(first))
	return c
}

// say sends a line and returns the answer.
func (c *child) say(line string) string {
	c.t.Helper()
	if _, err := io.WriteString(c.in, line+"\n"); err != nil {
		c.t.Fatal(err)
	}
	answer, err := c.out.ReadString('\n')
	if err != nil {
		c.t.Fatal(err)
	}
	return strings.TrimSpace(answer)
}

// collect hands over a message; when it returns, the sink has accepted it.
func (c *child) collect(message string) {
	c.t.Helper()
	if answer := c.say(message); answer != "taken" {
		c.t.Fatal(answer)
	}
}

// kill ends the process with SIGKILL.
func (c *child) kill() {
	if c.ended {
		return
	}
	c.ended = true
	_ = c.command.Process.Kill()
	_ = c.command.Wait()
}

type logWriter struct{ log *logLines }

func (w logWriter) Write(b []byte) (int, error) {
	w.log.add("child", strings.TrimSpace(string(b)))
	return len(b), nil
}

// serveChild is the child's main. It ends with its input.
func serveChild() int {
	in := bufio.NewReaderSize(os.Stdin, 1<<20)
	fail := func(err error) int {
		fmt.Println(err)
		return 1
	}
	line, err := in.ReadBytes('\n')
	if err != nil {
		return fail(err)
	}
	var o order
	if err := json.Unmarshal(line, &o); err != nil {
		return fail(err)
	}
	outboxes := sink.NewOutboxes(func() (string, error) { return o.Folder, nil })
	outboxes.ServeMetrics("127.0.0.1:0")
	log := &logLines{}
	c := &stream.Context{Context: context.Background(), Rule: "rule", Log: log}
	s := sink.New(outboxes)
	if err := s.Configure(o.Props); err != nil {
		return fail(err)
	}
	if err := s.Open(c); err != nil {
		return fail(err)
	}
	said, err := log.find("metrics are at", limit)
	if err != nil {
		return fail(err)
	}
	fmt.Println(served.FindStringSubmatch(said)[1])
	for {
		if line, err = in.ReadBytes('\n'); err != nil {
			return 0
		}
		if err := s.Collect(c, line[:len(line)-1]); err != nil {
			return fail(err)
		}
		fmt.Println("taken")
	}
}
