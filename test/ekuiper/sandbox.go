package ekuiper

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/lf-edge/ekuiper/sdk/go/fakehost/processes"
)

// ErrInUse says that another eKuiper with this plugin uses the machine's /tmp.
var ErrInUse = errors.New("another eKuiper runs the plugin mysql: its socket /tmp/plugin_mysql.ipc answers")

// sandbox decides which /tmp a host sees.
type sandbox interface {
	// command wraps the host's executable.
	command(binary string) (name string, args []string)
	// tmp is where the host's /tmp is seen from outside.
	tmp() string
	// isolated says that no other host shares tmp.
	isolated() bool
	close() error
}

func newSandbox(ctx context.Context, h *Host) (sandbox, error) {
	if !h.options.SharedTmp && runtime.GOOS == "linux" {
		if private, ok := newPrivateTmp(ctx, h); ok {
			return private, nil
		}
	}
	ctx, cancel := context.WithTimeout(ctx, h.options.lockLimit())
	defer cancel()
	shared, err := newSharedTmp(ctx)
	if err != nil {
		return nil, err
	}
	return shared, nil
}

// privateTmp runs the host in a mount namespace in which a folder of the base
// lies over /tmp. What the host must see below /tmp is bound into that folder.
type privateTmp struct {
	folder  string
	unshare []string // the command that makes the namespace
	visible []string // folders below /tmp
}

// enter binds the folders, lays the private one over /tmp and becomes the
// command. Arguments: the folder, the number of visible ones, these, and the
// command.
const enter = `set -e
tmp=$1 n=$2
shift 2
while [ "$n" -gt 0 ]; do
	mkdir -p "$tmp${1#/tmp}"
	mount --bind "$1" "$tmp${1#/tmp}"
	shift
	n=$((n - 1))
done
mount --rbind "$tmp" /tmp
exec "$@"`

func newPrivateTmp(ctx context.Context, h *Host) (*privateTmp, bool) {
	p := &privateTmp{folder: filepath.Join(h.Base, "tmp")}
	if err := os.MkdirAll(p.folder, 0o777); err != nil {
		return nil, false
	}
	for _, dir := range append([]string{h.root, h.Base, filepath.Dir(h.binary)}, h.options.Visible...) {
		if strings.HasPrefix(dir, "/tmp/") {
			p.visible = append(p.visible, dir)
		}
	}
	// Root of a container may lack the right to mount; a user may have it
	// through a user namespace. The probe does all that a start does.
	for _, flags := range []string{"-m", "-Urm"} {
		p.unshare = []string{"unshare", flags, "--propagation", "private"}
		name, args := p.command("true")
		if exec.CommandContext(ctx, name, args...).Run() == nil {
			return p, true
		}
	}
	return nil, false
}

func (p *privateTmp) command(binary string) (string, []string) {
	args := append([]string{}, p.unshare[1:]...)
	args = append(args, "/bin/sh", "-c", enter, "sh", p.folder, fmt.Sprint(len(p.visible)))
	args = append(args, p.visible...)
	return p.unshare[0], append(args, binary)
}

func (p *privateTmp) tmp() string    { return p.folder }
func (p *privateTmp) isolated() bool { return true }
func (p *privateTmp) close() error   { return nil }

// sharedTmp is the machine's own /tmp, held by a lock file. A killed host
// leaves its sockets there: close removes those that are new and dead.
type sharedTmp struct {
	lock   *os.File
	before []string // the sockets of others
}

func newSharedTmp(ctx context.Context) (*sharedTmp, error) {
	name := filepath.Join(os.TempDir(), fmt.Sprintf("ekuiper-mysql-test-%d.lock", os.Getuid())) // each user may open only their own
	lock, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o666)
	if err != nil {
		return nil, fmt.Errorf("lock /tmp: %w", err)
	}
	reason := fmt.Errorf("another test holds %s", name)
	err = poll(ctx, func() (bool, error) {
		locked, err := lockFile(lock)
		if !locked || err != nil {
			return false, err
		}
		if answers("/tmp/plugin_mysql.ipc") {
			reason = ErrInUse
			return false, nil
		}
		return true, nil
	})
	if err != nil {
		_ = lock.Close()
		return nil, fmt.Errorf("lock /tmp: %w (%w)", reason, err)
	}
	return &sharedTmp{lock: lock, before: socketsIn("/tmp")}, nil
}

func (s *sharedTmp) command(binary string) (string, []string) { return binary, nil }
func (s *sharedTmp) tmp() string                              { return "/tmp" }
func (s *sharedTmp) isolated() bool                           { return false }

func (s *sharedTmp) close() error {
	var errs []error
	for _, socket := range socketsIn(s.tmp()) {
		if !slices.Contains(s.before, socket) && !answers(socket) {
			errs = append(errs, os.Remove(socket))
		}
	}
	return errors.Join(append(errs, s.lock.Close())...)
}

func socketsIn(dir string) []string {
	sockets, _ := filepath.Glob(filepath.Join(dir, "*.ipc"))
	return sockets
}

// answers says whether somebody listens on a socket; its file alone may be
// left from a dead host.
func answers(socket string) bool {
	connection, err := net.DialTimeout("unix", socket, time.Second)
	if err != nil {
		return false
	}
	_ = connection.Close()
	return true
}

// TmpDir is where the folder that the host and its plugins see as /tmp can be
// reached from the test.
func (h *Host) TmpDir() string { return h.sandbox.tmp() }

// Isolated says that no other host can use this one's /tmp.
func (h *Host) Isolated() bool { return h.sandbox.isolated() }

// PluginPids are the processes that run the executable of an installed plugin
// of this host (all plugins if name is empty), the worker of a supervisor too,
// in ascending order. It needs /proc: elsewhere the list is empty.
func (h *Host) PluginPids(name string) []int {
	prefix := []byte(filepath.Join(h.Base, "plugins", "portable", name) + string(filepath.Separator))
	files, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	var pids []int
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil || !bytes.HasPrefix(text, prefix) {
			continue
		}
		var pid int
		if _, err := fmt.Sscanf(file, "/proc/%d/cmdline", &pid); err == nil {
			pids = append(pids, pid)
		}
	}
	slices.Sort(pids)
	return pids
}

// WorkerPid is the worker of an installed plugin of this host, 0 when none
// runs: the process whose parent is the plugin's too.
func (h *Host) WorkerPid(name string) int {
	all := h.PluginPids(name)
	for _, supervisor := range all {
		for _, pid := range processes.Children(supervisor) {
			if slices.Contains(all, pid) {
				return pid
			}
		}
	}
	return 0
}

// KillWorker ends the worker of an installed plugin alone with SIGKILL and
// waits for its end. Its supervisor starts another by itself.
func (h *Host) KillWorker(name string) error {
	pid := h.WorkerPid(name)
	if pid == 0 {
		return fmt.Errorf("kill the worker of plugin %s: none runs", name)
	}
	return processes.Kill(pid, killLimit)
}

// KillSupervisor ends the process of an installed plugin that the host has
// started with SIGKILL, as eKuiper does on delete and update, and waits until
// the worker has ended by itself.
func (h *Host) KillSupervisor(name string) error { return h.killPlugin(name, false) }

// KillPlugin ends both processes of an installed plugin with SIGKILL and waits
// for their end.
func (h *Host) KillPlugin(name string) error { return h.killPlugin(name, true) }

const killLimit = 20 * time.Second

func (h *Host) killPlugin(name string, workerToo bool) error {
	all, worker := h.PluginPids(name), h.WorkerPid(name)
	if len(all) == 0 {
		return fmt.Errorf("kill plugin %s: it does not run", name)
	}
	for _, pid := range all { // the supervisor first, or it would start another worker
		if pid == worker {
			continue
		}
		if err := processes.Kill(pid, killLimit); err != nil {
			return err
		}
	}
	if worker == 0 {
		return nil
	}
	if !workerToo {
		return processes.Gone(worker, killLimit)
	}
	if err := processes.Kill(worker, killLimit); err != nil && processes.Runs(worker) {
		return err
	}
	return nil
}
