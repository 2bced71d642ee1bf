//go:build !windows

package connection

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// strangerEnv makes the test binary another user's process. Its value is a
// folder for everybody.
const strangerEnv = "CONNECTION_STRANGER"

// stranger does what another user of the machine might: it takes the name
// taken, with a socket that everybody may use, makes link lead to ours, and tries to use and to remove ours.
// It says what became of that, and goes on until its standard input ends.
func stranger(dir string) {
	taken := filepath.Join(dir, "taken.ipc")
	ln, err := net.Listen("unix", taken)
	if err == nil {
		err = os.Chmod(taken, 0o777)
	}
	if err == nil {
		err = os.Symlink(filepath.Join(dir, "ours.ipc"), filepath.Join(dir, "link.ipc"))
	}
	if err != nil {
		fmt.Println("cannot begin:", err)
		return
	}
	got := make(chan int, 16)
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				close(got)
				return
			}
			n, _ := io.Copy(io.Discard, conn)
			got <- int(n)
		}
	}()
	_, use := net.Dial("unix", filepath.Join(dir, "ours.ipc"))
	remove := os.Remove(filepath.Join(dir, "ours.ipc"))
	fmt.Printf("use %t remove %t\n", errors.Is(use, fs.ErrPermission), errors.Is(remove, fs.ErrPermission))
	_, _ = io.Copy(io.Discard, os.Stdin)
	_ = ln.Close()
	total := 0
	for n := range got {
		total += n
	}
	fmt.Println("got", total)
}

// strangers returns a folder like /tmp with the socket ours.ipc in it and a
// stranger who has done what it can. leave ends the stranger and returns how
// many bytes it was sent.
func strangers(t *testing.T) (dir string, said string, leave func() string) {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "c")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o777|fs.ModeSticky); err != nil {
		t.Fatal(err)
	}
	inlet(t, Scheme+filepath.Join(dir, "ours.ipc"), 0, &recorder{})
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	binary, err := os.Open(self) // its folder is ours alone
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = binary.Close() })
	cmd := exec.Command(self)
	cmd.Path, cmd.ExtraFiles, cmd.Dir = "/dev/fd/3", []*os.File{binary}, "/"
	cmd.Env = append(os.Environ(), strangerEnv+"="+dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var once sync.Once
	lines := bufio.NewScanner(out)
	next := func() string { lines.Scan(); return lines.Text() }
	said = next()
	leave = func() (last string) {
		once.Do(func() {
			_ = in.Close()
			last = next()
			_ = cmd.Wait()
		})
		return last
	}
	t.Cleanup(func() { leave() })
	return dir, said, leave
}

const nobody = 65534

// Another user of the machine gets nothing and gives nothing: neither by
// taking a name before its owner does, nor by a link, nor over our own socket.
func TestAnotherUserOfTheMachine(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can be another user for a while; TestStrangers pretends")
	}
	if errors.Is(os.Chown(t.TempDir(), nobody, nobody), syscall.EINVAL) {
		t.Skip("there is no other user in this namespace; TestStrangers pretends")
	}
	t.Parallel()
	dir, said, leave := strangers(t)
	if said != "use true remove true" {
		t.Errorf("refused to the stranger: %s", said)
	}
	for _, name := range []string{"taken.ipc", "link.ipc"} {
		url := Scheme + filepath.Join(dir, name)
		r := NewRequester(url, 0)
		err := r.Dial()
		if !errors.Is(err, ErrStranger) || !strings.Contains(err.Error(), "user 65534 has made "+dir) {
			t.Errorf("%s: a request: %v", name, err)
		}
		r.Close()
		told := 0
		o := NewOutlet(url)
		o.Stranger = func(error) { told++ }
		var f Frames
		f.Add([]byte("a secret row"))
		if err := o.TrySend(&f); !errors.Is(err, ErrStranger) || told != 1 {
			t.Errorf("%s: a row: %v, told %d times", name, err, told)
		}
		o.Close()
		_, err = Listen(url, 0, quiet, &recorder{})
		if !inUse(err) || !errors.Is(err, ErrStranger) || !strings.Contains(err.Error(), "user 65534") {
			t.Errorf("%s: listening: %v", name, err)
		}
	}
	// What is asked is the kernel, not only the file.
	raw, err := net.Dial("unix", filepath.Join(dir, "taken.ipc"))
	if err != nil {
		t.Fatal(err)
	}
	if err := vet(raw); !errors.Is(err, ErrStranger) && peerKnown {
		t.Errorf("the other end: %v", err)
	}
	_ = raw.Close()
	if got := leave(); got != "got 0" {
		t.Errorf("the stranger %s bytes", got)
	}
}

// peerKnown is whether the system tells who is at the other end.
const peerKnown = runtime.GOOS == "linux" || runtime.GOOS == "darwin"

// The same where only one user is to be had: this one is made a stranger.
func TestStrangers(t *testing.T) {
	url := address(t)
	p, _ := path(url)
	before := trusted
	trusted = func(uint32) bool { return false }
	var log bytes.Buffer
	r := &recorder{}
	in, err := Listen(url, 0, slog.New(slog.NewTextHandler(&log, nil)), r)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := dial(url); !errors.Is(err, ErrStranger) {
		t.Errorf("dial: %v", err)
	}
	conn, err := net.Dial("unix", p)
	if err != nil {
		t.Fatal(err)
	}
	var f Frames
	f.Add([]byte("an invented row"))
	_, _ = conn.Write(append([]byte{0, 'S', 'P', 0, 0, byte(protoPush), 0, 0}, f.buf...))
	if peerKnown {
		if n, err := conn.Read(make([]byte, 1)); n > 0 || err == nil {
			t.Errorf("a stranger reads %d bytes, %v", n, err)
		}
	}
	_ = conn.Close()
	in.Close()
	in.Wait()
	trusted = before
	if peerKnown && (r.count() > 0 || !strings.Contains(log.String(), ErrStranger.Error())) {
		t.Errorf("%d messages; %s", r.count(), &log)
	}
}

// A socket is its owner's alone from its first moment on, whatever the umask;
// where the system cannot do that, from the next moment on.
func TestSocketsAreTheOwnersAlone(t *testing.T) {
	mode := func(p string) fs.FileMode {
		info, err := os.Lstat(p)
		if err != nil {
			t.Fatal(err)
		}
		return info.Mode()
	}
	defer syscall.Umask(syscall.Umask(0))
	p, _ := path(address(t))
	ln, err := bind(p)
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	if got := mode(p); runtime.GOOS == "linux" && got.Perm() != privateMode {
		t.Errorf("bound: %v", got)
	}
	url := address(t)
	inlet(t, url, 0, &recorder{})
	p, _ = path(url)
	if got := mode(p); got.Perm() != privateMode {
		t.Errorf("listening: %v", got)
	}
	// What was put in a socket's place is left alone.
	victim := filepath.Join(t.TempDir(), "victim")
	if err := os.WriteFile(victim, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	link := victim + ".link"
	if err := os.Symlink(victim, link); err != nil {
		t.Fatal(err)
	}
	info, err := os.Lstat(link)
	if err != nil {
		t.Fatal(err)
	}
	protect(link, info)
	if got := mode(victim); got.Perm() != 0o644 {
		t.Errorf("behind a link: %v", got)
	}
}

// A folder in which everybody may replace our sockets is told of.
func TestExposed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for mode, want := range map[fs.FileMode]bool{0o700: false, 0o755: false, 0o777 | fs.ModeSticky: false, 0o777: true} {
		if err := os.Chmod(dir, mode); err != nil {
			t.Fatal(err)
		}
		if got := exposed(dir); (got != "") != want {
			t.Errorf("%v: %q", mode, got)
		}
	}
	if got := exposed(filepath.Join(dir, "none")); got != "" {
		t.Error(got)
	}
}
