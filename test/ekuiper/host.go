package ekuiper

import (
	"context"
	"debug/buildinfo"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Host is one eKuiper: its folder, and the process that runs in it, if any.
// Kill, Terminate and Restart may be called again and again; Close ends it.
// The REST methods may be used from several goroutines.
type Host struct {
	// Base is the host's folder: etc, data, log, plugins.
	Base string

	options  Options
	root     string
	binary   string
	sandbox  sandbox
	ownsBase bool
	client   *http.Client

	mu      sync.Mutex
	rest    string // address of the REST API
	process *process
	closed  bool
}

// process is one run of the host.
type process struct {
	cmd     *exec.Cmd
	done    chan struct{} // closed when the process has been reaped
	err     error         // set before done is closed
	dismiss func()        // ends the watchdog
}

// New makes the folder, starts a host in it and waits until it answers.
func New(ctx context.Context, options Options) (_ *Host, err error) {
	root, err := Root()
	if err != nil {
		return nil, err
	}
	binary, err := options.binary(root)
	if err != nil {
		return nil, err
	}
	h := &Host{options: options, root: root, binary: binary, Base: options.Base}
	h.client = &http.Client{Timeout: 2 * time.Minute, Transport: &http.Transport{DisableKeepAlives: true}}
	if h.Base == "" {
		runs := filepath.Join(root, "build", "run")
		if err := os.MkdirAll(runs, 0o755); err != nil {
			return nil, fmt.Errorf("make a folder for eKuiper: %w", err)
		}
		if h.Base, err = os.MkdirTemp(runs, "host-"); err != nil {
			return nil, fmt.Errorf("make a folder for eKuiper: %w", err)
		}
		h.ownsBase = true
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, h.Close())
		}
	}()
	if h.Base, err = filepath.Abs(h.Base); err != nil {
		return nil, fmt.Errorf("make a folder for eKuiper: %w", err)
	}
	if err := layOut(h.Base); err != nil {
		return nil, err
	}
	if h.sandbox, err = newSandbox(ctx, h); err != nil {
		return nil, err
	}
	if err := h.Restart(ctx); err != nil {
		return nil, err
	}
	return h, nil
}

// layOut makes the tree that eKuiper expects; what is there stays.
func layOut(base string) error {
	for _, dir := range []string{
		"etc/sources", "etc/sinks", "etc/functions", "etc/connections", "data", "log", "zips",
		"plugins/portable", "plugins/sources", "plugins/sinks", "plugins/functions",
	} {
		if err := os.MkdirAll(filepath.Join(base, dir), 0o755); err != nil {
			return fmt.Errorf("lay out eKuiper's folder: %w", err)
		}
	}
	// The log goes to a file, as in eKuiper's own default: a plugin's output
	// then runs through a pipe that breaks when the host dies.
	const settings = "basic: {allowExternalFileAccess: true, fileLog: true, consoleLog: false, rotateTime: 24, rotateSize: 1073741824, rotateCount: 3}\n" +
		"store: {type: sqlite}\n" +
		"portable: {pythonBin: python}\n"
	for name, text := range map[string]string{
		"kuiper.yaml":                 settings,
		"connections/connection.yaml": "# no connections\n", // without it a connectionSelector is an error
	} {
		path := filepath.Join(base, "etc", filepath.FromSlash(name))
		if _, err := os.Stat(path); err == nil {
			continue
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			return fmt.Errorf("lay out eKuiper's folder: %w", err)
		}
	}
	return nil
}

// Restart starts the host again in the same folder, after Kill, Terminate or
// its own end, and waits until it answers. A host that runs is an error.
func (h *Host) Restart(ctx context.Context) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return errors.New("start eKuiper: closed")
	}
	if h.process != nil && h.process.running() {
		return errors.New("start eKuiper: it is running")
	}
	if h.process != nil {
		h.process.dismiss()
	}
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	// A port found free may be taken before the host listens on it: try again
	// with others.
	var err error
	for range 3 {
		if err = h.launch(ctx); err == nil || !strings.Contains(err.Error(), "address already in use") {
			break
		}
	}
	return err
}

func (h *Host) launch(ctx context.Context) error {
	ports, err := freePorts(3)
	if err != nil {
		return fmt.Errorf("start eKuiper: %w", err)
	}
	output, err := os.OpenFile(filepath.Join(h.Base, "log", "output.txt"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return fmt.Errorf("start eKuiper: %w", err)
	}
	defer output.Close()
	name, args := h.sandbox.command(h.binary)
	cmd := exec.Command(name, args...)
	cmd.Dir = h.Base
	cmd.Stdout, cmd.Stderr = output, output
	cmd.Env = append(os.Environ(),
		"KuiperBaseKey="+h.Base,
		"KUIPER__BASIC__RESTIP=127.0.0.1",
		"KUIPER__BASIC__RESTPORT="+ports[0],
		"KUIPER__BASIC__IP=127.0.0.1",
		"KUIPER__BASIC__PORT="+ports[1],
		"KUIPER__BASIC__PPROF=false",
		"KUIPER__SOURCE__HTTPSERVERIP=127.0.0.1",
		"KUIPER__SOURCE__HTTPSERVERPORT="+ports[2],
	)
	if !h.FirstLine() { // 1.x has a default that works
		// Left to itself 2.4.0 waits 5 microseconds for a plugin's handshake.
		cmd.Env = append(cmd.Env, "KUIPER__PORTABLE__INITTIMEOUT=20s")
	}
	cmd.Env = append(cmd.Env, h.options.Env...)
	p, err := startProcess(cmd)
	if err != nil {
		return fmt.Errorf("start eKuiper: %w", err)
	}
	h.process, h.rest = p, "127.0.0.1:"+ports[0]
	if err := h.awaitReady(ctx, p); err != nil {
		p.end()
		return fmt.Errorf("start eKuiper: %w\n%s", err, lastLines(withoutNoise(h.Log()), 20))
	}
	return nil
}

func (h *Host) awaitReady(ctx context.Context, p *process) error {
	url := "http://" + h.rest + "/ping"
	err := poll(ctx, func() (bool, error) {
		select {
		case <-p.done:
			return false, fmt.Errorf("it ended: %w", p.err)
		default:
		}
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return false, err
		}
		response, err := h.client.Do(request)
		if err != nil {
			return false, nil // not listening yet
		}
		_ = response.Body.Close()
		return response.StatusCode == http.StatusOK && p.running(), nil
	})
	if err != nil {
		return fmt.Errorf("wait for %s: %w", url, err)
	}
	return nil
}

// FirstLine says that the host is an eKuiper 1.x, which knows less: no acks, no
// plugin status, no second start of a stopped rule with a portable sink.
func (h *Host) FirstLine() bool {
	info, err := buildinfo.ReadFile(h.binary)
	if err != nil {
		return false
	}
	const first = "github.com/lf-edge/ekuiper"
	return info.Main.Path == first || slices.ContainsFunc(info.Deps, func(m *debug.Module) bool { return m.Path == first })
}

// Pid is the host's process id, 0 when it does not run.
func (h *Host) Pid() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.process == nil || !h.process.running() {
		return 0
	}
	return h.process.cmd.Process.Pid
}

// Kill ends the host as a crash would (SIGKILL) and returns when it is gone.
// Its plugins are left alone.
func (h *Host) Kill() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.process == nil || !h.process.running() {
		return errors.New("kill eKuiper: not running")
	}
	if err := h.process.cmd.Process.Kill(); err != nil {
		return fmt.Errorf("kill eKuiper: %w", err)
	}
	<-h.process.done
	return nil
}

// Terminate asks the host to end (SIGTERM) and waits for that; when ctx ends
// first the host goes on.
func (h *Host) Terminate(ctx context.Context) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.process == nil || !h.process.running() {
		return errors.New("terminate eKuiper: not running")
	}
	if err := h.process.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return fmt.Errorf("terminate eKuiper: %w", err)
	}
	select {
	case <-h.process.done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("terminate eKuiper: %w", ctx.Err())
	}
}

// Close ends the host and all that it started, and removes its folder unless
// Options.Base named it. It may be called again.
func (h *Host) Close() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return nil
	}
	h.closed = true
	var errs []error
	if h.process != nil {
		h.process.end()
		errs = append(errs, h.endStragglers())
	}
	if h.sandbox != nil {
		errs = append(errs, h.sandbox.close())
	}
	if h.ownsBase {
		errs = append(errs, os.RemoveAll(h.Base))
	}
	return errors.Join(errs...)
}

// endStragglers kills plugin processes of this host that left its process
// group, and waits until they are gone.
func (h *Host) endStragglers() error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	err := poll(ctx, func() (bool, error) {
		pids := h.PluginPids("")
		for _, pid := range pids {
			if p, err := os.FindProcess(pid); err == nil {
				_ = p.Kill()
			}
		}
		return len(pids) == 0, nil
	})
	if err != nil {
		return fmt.Errorf("end plugin processes: %w", err)
	}
	return nil
}

func startProcess(cmd *exec.Cmd) (*process, error) {
	prepareGroup(cmd)
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &process{cmd: cmd, done: make(chan struct{}), dismiss: watch(cmd.Process.Pid)}
	go func() {
		defer close(p.done)
		p.err = cmd.Wait()
		if p.err == nil {
			p.err = errors.New("exit status 0")
		}
	}()
	return p, nil
}

// end kills the process with its group and waits until it is reaped.
func (p *process) end() {
	killGroup(p.cmd.Process)
	<-p.done
	p.dismiss()
}

func (p *process) running() bool {
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

// freePorts finds TCP ports of loopback that are free now.
func freePorts(n int) ([]string, error) {
	var ports []string
	for range n {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, fmt.Errorf("find a free port: %w", err)
		}
		defer listener.Close()
		ports = append(ports, strconv.Itoa(listener.Addr().(*net.TCPAddr).Port))
	}
	return ports, nil
}

// poll asks until done or an error, every 20 ms, and fails when ctx ends.
func poll(ctx context.Context, done func() (bool, error)) error {
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for {
		ok, err := done()
		if ok || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
		}
	}
}
