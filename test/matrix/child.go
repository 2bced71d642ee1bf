package matrix

import (
	"fmt"
	"io"
	"os/exec"
	"sync"
)

// child is a process that does not outlive this one: a shell beside it waits
// for the end of a pipe, which the kernel closes however this process ends.
type child struct {
	shell *exec.Cmd
	pipe  io.Closer
	once  sync.Once
	err   error
}

// shepherd runs the program, and kills it at the end of the shell's input.
const shepherd = `trap "" INT TERM HUP; "$@" </dev/null >/dev/null 2>&1 & read -r answer; kill -KILL $!; wait; exit 0`

// startChild runs a program.
func startChild(program string, args ...string) (*child, error) {
	return startShell(shepherd, append([]string{program}, args...)...)
}

// startShell runs a script, which ends with its input.
func startShell(script string, args ...string) (*child, error) {
	shell := exec.Command("sh", append([]string{"-c", script, "sh"}, args...)...)
	pipe, err := shell.StdinPipe()
	if err == nil {
		err = shell.Start()
	}
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", args[0], err)
	}
	return &child{shell: shell, pipe: pipe}, nil
}

// kill ends the process with SIGKILL and waits until it is gone. It is safe twice.
func (c *child) kill() error {
	c.once.Do(func() {
		_ = c.pipe.Close()
		c.err = c.shell.Wait()
	})
	return c.err
}
