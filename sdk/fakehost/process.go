package fakehost

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"

	"github.com/lf-edge/ekuiper/sdk/go/fakehost/processes"
)

// HostArgument is what a host passes to a plugin.
const HostArgument = `{"sendTimeout":1000}`

// LaunchOptions says how to run a plugin. The zero value runs it as eKuiper
// does.
type LaunchOptions struct {
	Args   []string  // in place of HostArgument
	Env    []string  // added to this process's own
	Stderr io.Writer // gets a copy of what Log keeps
}

// Process is a plugin that runs as a child.
type Process struct {
	cmd    *exec.Cmd
	log    lockedBuffer
	exited chan struct{}
	err    error // after exited
}

// Launch starts the plugin's executable, waits for its handshake and replays
// the starts, as eKuiper does for a plugin that it starts anew.
func (h *Host) Launch(executable string, o LaunchOptions) (*Process, error) {
	p, err := Spawn(executable, o)
	if err != nil {
		return nil, err
	}
	ready := make(chan error, 1)
	go func() { ready <- h.WaitPlugin() }()
	select {
	case err = <-ready:
	case <-p.exited:
		// WaitPlugin still waits: the process may have said its handshake.
		select {
		case err = <-ready:
		case <-time.After(time.Second):
			err = fmt.Errorf("the plugin ended before its handshake: %w\n%s", p.Err(), p.Log())
		}
	}
	if err == nil {
		err = h.Replay()
	}
	if err != nil {
		_ = p.Kill()
		return nil, err
	}
	return p, nil
}

// Spawn starts a plugin's executable and waits for nothing.
func Spawn(executable string, o LaunchOptions) (*Process, error) {
	path, err := filepath.Abs(executable)
	if err != nil {
		return nil, fmt.Errorf("find plugin: %w", err)
	}
	args := o.Args
	if args == nil {
		args = []string{HostArgument}
	}
	p := &Process{cmd: exec.Command(path, args...), exited: make(chan struct{})}
	p.cmd.Dir = filepath.Dir(path)
	p.cmd.Env = append(os.Environ(), o.Env...)
	p.log.copy = o.Stderr
	p.cmd.Stdout, p.cmd.Stderr = &p.log, &p.log
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start plugin: %w", err)
	}
	go func() {
		defer close(p.exited)
		p.err = p.cmd.Wait()
	}()
	return p, nil
}

// Pid returns the process id of the process that the host starts: the
// supervisor, where the plugin has one.
func (p *Process) Pid() int { return p.cmd.Process.Pid }

// processLimit bounds the waits for processes to come and go.
const processLimit = 20 * time.Second

// WorkerPid waits for the plugin's worker, if need be, and returns its
// process id.
func (p *Process) WorkerPid() (int, error) {
	pid, err := processes.Child(p.Pid(), 0, processLimit)
	if err != nil {
		return 0, fmt.Errorf("find the plugin's worker: %w", err)
	}
	return pid, nil
}

// KillWorker ends the worker alone with SIGKILL and waits for its end. Its
// supervisor then starts another by itself; WaitWorker waits for that.
func (p *Process) KillWorker() (killed int, err error) {
	if killed, err = p.WorkerPid(); err == nil {
		err = processes.Kill(killed, processLimit)
	}
	return killed, err
}

// WaitWorker waits for another worker than former, and returns its process
// id. It may not have started its symbols yet.
func (p *Process) WaitWorker(former int) (int, error) {
	pid, err := processes.Child(p.Pid(), former, processLimit)
	if err != nil {
		return 0, fmt.Errorf("wait for the next worker: %w", err)
	}
	return pid, nil
}

// KillPlugin ends supervisor and worker with SIGKILL, at once, and waits for
// the end of both. Kill leaves the worker to notice by itself.
func (p *Process) KillPlugin() error {
	workers := processes.Children(p.Pid())
	_ = p.cmd.Process.Kill()
	for _, pid := range workers {
		if err := processes.Kill(pid, processLimit); err != nil && processes.Runs(pid) {
			return err
		}
	}
	<-p.exited
	return nil
}

// Signal sends a signal.
func (p *Process) Signal(s os.Signal) error { return p.cmd.Process.Signal(s) }

// Kill ends the supervisor alone with SIGKILL, which is what eKuiper does on
// delete and update, and waits for its end. The worker then ends by itself.
// Killing twice is fine.
func (p *Process) Kill() error {
	_ = p.cmd.Process.Kill()
	<-p.exited
	return nil
}

// Exited is closed when the plugin has ended, its worker included: both write
// to the log.
func (p *Process) Exited() <-chan struct{} { return p.exited }

// Wait waits for the plugin's end and returns its exit code, -1 after a
// signal.
func (p *Process) Wait(limit time.Duration) (code int, err error) {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-p.exited:
		return p.cmd.ProcessState.ExitCode(), nil
	case <-timer.C:
		return 0, fmt.Errorf("the plugin runs on after %v", limit)
	}
}

// Err returns how the plugin ended.
func (p *Process) Err() error {
	<-p.exited
	return p.err
}

// Log returns what the plugin has written to stdout and stderr.
func (p *Process) Log() string { return p.log.String() }

// lockedBuffer keeps what is written, and copies it if asked to.
type lockedBuffer struct {
	mu   sync.Mutex
	buf  bytes.Buffer
	copy io.Writer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.copy != nil {
		_, _ = b.copy.Write(p)
	}
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
