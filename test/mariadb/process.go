package mariadb

import (
	"fmt"
	"io"
	"os/exec"
	"strconv"
	"time"
)

// process is a running mariadbd and the watchdog that outlives us if we are killed.
type process struct {
	cmd      *exec.Cmd
	exited   chan struct{} // closed once cmd is reaped
	watchdog *exec.Cmd     // nil where there is no shell
	lifeline io.Closer     // the watchdog's stdin: closed by us, or by our death
}

// startProcess starts cmd. The watchdog waits for the end of its stdin, which
// the kernel closes however this process ends; the death signal of Linux would
// follow an operating system thread instead, which Go ends at will.
func startProcess(cmd *exec.Cmd) (*process, error) {
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start mariadbd: %w", err)
	}
	p := &process{cmd: cmd, exited: make(chan struct{})}
	go func() {
		_ = cmd.Wait() // how it ended stands in cmd.ProcessState
		close(p.exited)
	}()
	sh, err := exec.LookPath("sh")
	if err != nil {
		return p, nil
	}
	// Ctrl-C reaches the whole process group: the watchdog must see it through.
	w := exec.Command(sh, "-c", `trap "" INT TERM HUP; read -r answer; [ "$answer" = done ] || kill -KILL "$0"`,
		strconv.Itoa(cmd.Process.Pid))
	stdin, err := w.StdinPipe()
	if err == nil {
		err = w.Start()
	}
	if err != nil {
		return nil, fmt.Errorf("start the watchdog of mariadbd: %w", p.end(cmd.Process.Kill))
	}
	p.watchdog, p.lifeline = w, stdin
	return p, nil
}

// end asks the process to end, kills it when it does not, and returns when it is gone.
func (p *process) end(ask func() error) error {
	select {
	case <-p.exited: // the id may be another's by now
	default:
		if err := ask(); err != nil {
			_ = p.cmd.Process.Kill()
		}
	}
	var err error
	bound := time.NewTimer(stopTimeout)
	defer bound.Stop()
	select {
	case <-p.exited:
	case <-bound.C:
		err = fmt.Errorf("mariadbd does not end within %v: killed", stopTimeout)
		_ = p.cmd.Process.Kill()
		<-p.exited
	}
	if p.watchdog != nil {
		if w, ok := p.lifeline.(io.Writer); ok {
			_, _ = io.WriteString(w, "done\n")
		}
		_ = p.lifeline.Close()
		_ = p.watchdog.Wait()
	}
	return err
}
