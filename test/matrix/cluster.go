package matrix

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lf-edge/ekuiper/sdk/go/fakehost/processes"

	"ekuiper-mysql/test/ekuiper"
)

// The clusters' ports begin with these, below those that the kernel gives away.
const (
	galeraPorts = "21"
	groupPorts  = "22"
)

func startGalera(folder, ca string) (*Server, error) {
	for _, path := range []string{"/usr/lib/galera/libgalera_smm.so", "/usr/bin/rsync"} {
		if _, err := os.Stat(path); err != nil {
			return nil, fmt.Errorf("%w: %s; type: test/tools/deps.sh clusters", ErrAbsent, path)
		}
	}
	return startCluster("galera", "galera.sh", galeraPorts, folder, ca, "GALERA="+filepath.Join(folder, nodes))
}

func startGroup(folder, ca string) (*Server, error) {
	dir, err := mysqlFolder()
	if err != nil {
		return nil, err
	}
	return startCluster("group", "group-replication.sh", groupPorts, folder, ca, "GR="+filepath.Join(folder, nodes), "MYSQL9="+dir)
}

// cluster is three nodes that a script of test/clusters runs.
type cluster struct {
	script string
	env    []string
	folder string
	killed int // the node that is down, or 0
	server *Server
}

// sweep kills every node at the end of its input: a process that a node's file
// names and that has the folder among its arguments.
const sweep = `trap "" INT TERM HUP; read -r answer
for f in "$1"/n*/pid "$1"/n*/started; do
	p=$(cat "$f") && grep -qa -- "$1" "/proc/$p/cmdline" && kill -KILL "$p"
done 2>/dev/null
exit 0`

// nodes is the folder below a cluster's own that its script fills.
const nodes = "nodes"

func startCluster(name, script, ports, folder, ca string, env ...string) (*Server, error) {
	root, err := ekuiper.Root()
	if err != nil {
		return nil, err
	}
	c := &cluster{script: filepath.Join(root, "test", "clusters", script), folder: filepath.Join(folder, nodes)}
	c.env = slices.Concat(os.Environ(), env, []string{"CLUSTER_PORTS=" + ports, "CLUSTER_FLAGS=" + strings.Join(tlsFlags(folder), " ")})
	c.server = &Server{Kind: Kind{Name: name}, User: "root", CA: ca, kill: c.kill, again: c.restart}
	for node := 1; node <= 3; node++ {
		c.server.Hosts = append(c.server.Hosts, fmt.Sprintf("127.0.0.1:%s11%d", ports, node))
	}
	for _, host := range c.server.Hosts {
		free, err := net.Listen("tcp", host)
		if err != nil {
			return nil, fmt.Errorf("does another matrix run on this machine? %w", err)
		}
		_ = free.Close()
	}
	watch, err := startShell(sweep, c.folder)
	if err != nil {
		return nil, err
	}
	c.server.close = watch.kill
	if err = c.run("up"); err == nil {
		_, err = c.server.writable(startLimit)
	}
	return c.server, err
}

func (c *cluster) run(args ...string) error {
	command := exec.Command(c.script, args...)
	command.Env = c.env
	command.WaitDelay = time.Second // the nodes have what it was given
	if out, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("%s %v: %w: %s", filepath.Base(c.script), args, err, out)
	}
	return nil
}

func (c *cluster) kill() error {
	host, err := c.server.writable(startLimit)
	if err != nil {
		return err
	}
	node := 1 + slices.Index(c.server.Hosts, host)
	text, err := os.ReadFile(fmt.Sprintf("%s/n%d/pid", c.folder, node))
	if err != nil {
		return err
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return err
	}
	c.killed = node
	return processes.Kill(pid, startLimit)
}

func (c *cluster) restart() error {
	if c.killed == 0 {
		return nil
	}
	node := c.killed
	c.killed = 0
	if err := c.run("start", strconv.Itoa(node)); err != nil {
		return err
	}
	// Were another killed before this one is back, the majority would be gone.
	return poll(startLimit, func() error { return c.server.joined(c.server.Hosts[node-1]) })
}
