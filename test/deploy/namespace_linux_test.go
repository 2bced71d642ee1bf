package deploy

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"
)

// isolated tells the test binary that it runs in namespaces of its own.
const isolated = "DEPLOY_TEST_ISOLATED"

// TestMain starts the tests once more in a mount and a network namespace, where
// the recipes' own ports and names can be used whatever else the machine runs.
func TestMain(m *testing.M) {
	if os.Getenv(isolated) == "" {
		if err := isolate(); err != nil { // else it does not return
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	dir, err := os.MkdirTemp("", "deploy-")
	if err == nil {
		err = prepareNamespaces(dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		_ = os.RemoveAll(dir)
		os.Exit(code)
	}))
}

// isolate becomes the same program in new namespaces.
func isolate() error {
	unshare, err := exec.LookPath("unshare")
	if err != nil {
		return fmt.Errorf("unshare is not installed (apt-get install -y util-linux): %w", err)
	}
	flags := "-mn"
	if os.Getuid() != 0 {
		flags = "-Urmn"
	}
	// A path that stays right: go test runs the binary by the name it has in the parent's folder.
	self, err := os.Executable()
	if err != nil {
		return err
	}
	args := append([]string{"unshare", flags, "--propagation", "private", "--", self}, os.Args[1:]...)
	if out, err := exec.Command(unshare, flags, "true").CombinedOutput(); err != nil {
		return fmt.Errorf("the recipes are tried in namespaces, which this system forbids: %s %w: run the tests as root", strings.TrimSpace(string(out)), err)
	}
	return syscall.Exec(unshare, args, append(os.Environ(), isolated+"=1"))
}

// names are the services that the recipes' files speak of: all are here.
var names = []string{"localhost", "ekuiper", "mariadb", "mosquitto", "prometheus", "files.example"}

// prepareNamespaces gives the network its loopback, and the names an address, by
// a file in dir.
func prepareNamespaces(dir string) error {
	socket, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(socket)
	lo, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	lo.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	if err := unix.IoctlIfreq(socket, unix.SIOCSIFFLAGS, lo); err != nil {
		return fmt.Errorf("bring up the loopback: %w", err)
	}
	hosts := filepath.Join(dir, "hosts")
	if err := os.WriteFile(hosts, []byte("127.0.0.1 "+strings.Join(names, " ")+"\n"), 0o644); err != nil {
		return err
	}
	return unix.Mount(hosts, "/etc/hosts", "", unix.MS_BIND, "")
}
