package supervisor

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"syscall"
)

// EnvWorker marks a worker's environment. Its value says nothing.
const EnvWorker = "EKUIPER_PLUGIN_WORKER"

// Launcher starts this process's own executable as workers.
type Launcher struct {
	args []string
	self executable
}

// NewLauncher returns a launcher of workers with this process's arguments,
// args[0] included.
func NewLauncher(args []string) (*Launcher, error) {
	self, err := ownExecutable(args[0])
	if err != nil {
		return nil, fmt.Errorf("find the own executable: %w", err)
	}
	return &Launcher{args: args, self: self}, nil
}

// Spawn starts a worker. Its standard error is this process's own, with no
// pipe between that would break: its last words, such as a panic's stack,
// arrive whatever becomes of the supervisor.
func (l *Launcher) Spawn() (Process, error) {
	path, err := l.self.path()
	if err != nil {
		return nil, err
	}
	// Both pipes close themselves on exec: the worker has the only other ends,
	// and the end of either process is an end of file to the other.
	orders, toWorker, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("make a pipe to the worker: %w", err)
	}
	fromWorker, answers, err := os.Pipe()
	if err != nil {
		_, _ = orders.Close(), toWorker.Close()
		return nil, fmt.Errorf("make a pipe from the worker: %w", err)
	}
	cmd := &exec.Cmd{
		Path: path, Args: l.args, Env: append(os.Environ(), EnvWorker+"=1"),
		Stdin: orders, Stdout: answers, Stderr: os.Stderr,
	}
	err = launch(cmd)
	_, _ = orders.Close(), answers.Close()
	if err != nil {
		_, _ = toWorker.Close(), fromWorker.Close()
		return nil, fmt.Errorf("start the worker: %w", err)
	}
	p := &process{cmd: cmd, orders: toWorker, answers: make(chan Message, 1), dead: make(chan struct{})}
	go p.listen(fromWorker)
	return p, nil
}

// process is a worker that runs as a child.
type process struct {
	cmd     *exec.Cmd
	answers chan Message
	dead    chan struct{}

	writing sync.Mutex
	orders  io.WriteCloser
}

// listen takes answers until the worker ends, and reaps it.
func (p *process) listen(in io.ReadCloser) {
	defer close(p.dead)
	for {
		m, err := Read(in)
		if err != nil {
			break
		}
		select {
		case p.answers <- m:
			continue
		default:
		}
		break // more answers than orders: it has gone mad
	}
	// One that answers no more is of no use, even if it lives.
	p.Kill()
	_ = p.cmd.Wait()
	_ = in.Close()
	_ = p.orders.Close()
}

func (p *process) Pid() int { return p.cmd.Process.Pid }

func (p *process) Send(m Message) error {
	p.writing.Lock()
	defer p.writing.Unlock()
	return Write(p.orders, m)
}

func (p *process) Answers() <-chan Message { return p.answers }

func (p *process) Dead() <-chan struct{} { return p.dead }

func (p *process) Kill() { _ = p.cmd.Process.Kill() }

func (p *process) Fate() string {
	<-p.dead
	return p.cmd.ProcessState.String()
}

func (p *process) Killed() bool {
	<-p.dead
	status, ok := p.cmd.ProcessState.Sys().(syscall.WaitStatus)
	return ok && status.Signaled() && status.Signal() == syscall.SIGKILL
}
