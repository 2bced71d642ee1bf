package deploy

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/lf-edge/ekuiper/sdk/go/fakehost/processes"
)

// mount is a file or folder that a container sees elsewhere; from "" is an
// empty one in memory.
type mount struct {
	from, to string
	readOnly bool
}

// container is a root folder with mounts, a user and an environment: what an
// engine makes of an image and what Compose or Kubernetes says of it.
type container struct {
	root     string
	readOnly bool // the root folder
	user     string
	folder   string
	env      []string
	mounts   []mount
}

// enter makes the container's view, with the names of the other services as an
// engine gives them, and becomes its command. Arguments: the
// root, ro or rw, the folder, the user or -, then three for each mount (from or
// -, to, ro or rw), --, the command.
const enter = `set -e
root=$1 mode=$2 folder=$3 user=$4
shift 4
mount --rbind "$root" "$root"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
mount --bind /etc/hosts "$root/etc/hosts"
while [ "$1" != -- ]; do
	target=$root$2
	if [ "$1" = - ]; then
		mkdir -p "$target"
		mount -t tmpfs -o mode=1777 tmpfs "$target"
	else
		if [ -d "$1" ]; then mkdir -p "$target"; elif [ ! -e "$target" ]; then mkdir -p "${target%/*}"; : >"$target"; fi
		mount --bind "$1" "$target"
	fi
	[ "$3" = rw ] || mount -o remount,bind,ro "$target"
	shift 3
done
shift
[ "$mode" = rw ] || mount -o remount,bind,ro "$root"
[ "$user" = - ] || exec chroot --userspec="$user" "$root" /bin/sh -c 'cd "$0" && exec "$@"' "$folder" "$@"
exec chroot "$root" /bin/sh -c 'cd "$0" && exec "$@"' "$folder" "$@"`

// command is a command of the container's, in a mount namespace and as the
// first process of its own, like that of an engine's.
func (c *container) command(words ...string) *exec.Cmd {
	mode := map[bool]string{true: "ro", false: "rw"}
	user := c.user
	if user == "" || rootless() != "" {
		user = "-"
	}
	args := []string{"-m", "-p", "--fork", "--propagation", "private", "/bin/sh", "-c", enter, "sh", c.root, mode[c.readOnly], c.folder, user}
	for _, m := range c.mounts {
		from := m.from
		if from == "" {
			from = "-"
		}
		args = append(args, from, m.to, mode[m.readOnly])
	}
	command := exec.Command("unshare", append(append(args, "--"), words...)...)
	command.Env = append([]string{"PATH=" + path}, c.env...)
	command.WaitDelay = time.Second // for its output, once it has ended
	return command
}

// running is a container's main process and what it has written.
type running struct {
	cmd    *exec.Cmd
	output *synced
	done   chan struct{}
}

// synced is a buffer that is written and read at the same time.
type synced struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *synced) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *synced) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// start runs the container's main command until kill, or the test's end.
func (c *container) start(t *testing.T, words ...string) *running {
	t.Helper()
	r := &running{cmd: c.command(words...), output: &synced{}, done: make(chan struct{})}
	r.cmd.Stdout, r.cmd.Stderr = r.output, r.output
	if err := r.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(r.done)
		_ = r.cmd.Wait()
	}()
	t.Cleanup(func() {
		r.kill()
		if t.Failed() {
			text := r.output.String()
			t.Logf("the container says:\n%s", text[max(0, len(text)-6000):])
		}
	})
	return r
}

// kill ends the container as a power cut or `docker kill` does: with its first
// process the kernel ends all others. It may be called again.
func (r *running) kill() {
	for _, first := range processes.Children(r.cmd.Process.Pid) {
		_ = syscall.Kill(first, syscall.SIGKILL)
	}
	_ = r.cmd.Process.Signal(syscall.SIGKILL)
	<-r.done
}

// processes are those of the container that have a name, such as kuiperd, in
// any order.
func (r *running) processes(name string) []int {
	var found []int
	for rest := processes.Children(r.cmd.Process.Pid); len(rest) > 0; rest = rest[1:] {
		rest = append(rest, processes.Children(rest[0])...)
		comm, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", rest[0]))
		if err == nil && strings.TrimSpace(string(comm)) == name {
			found = append(found, rest[0])
		}
	}
	return found
}

// userOf is the user that a process runs as.
func userOf(pid int) string {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	for line := range strings.Lines(string(text)) {
		if fields := strings.Fields(line); len(fields) > 2 && fields[0] == "Uid:" {
			return fields[2]
		}
	}
	return ""
}
