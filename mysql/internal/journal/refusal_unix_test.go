//go:build linux || darwin

package journal

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// refusalEnv makes the test binary a process that the kernel refuses something.
const refusalEnv = "JOURNAL_REFUSAL"

// refused reports whether this process is one that the kernel refuses something.
func refused() bool {
	what, dir, ok := strings.Cut(os.Getenv(refusalEnv), " ")
	if !ok {
		return false
	}
	switch what {
	case "size":
		fmt.Println(fileTooLarge(dir))
	case "folder":
		_, err := Open(Options{Dir: dir, Identity: "refused", MaxBytes: 1 << 20})
		fmt.Println(err)
	}
	return true
}

func limit(bytes uint64) error {
	var l syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &l); err != nil {
		return err
	}
	l.Cur = min(bytes, l.Max)
	return syscall.Setrlimit(syscall.RLIMIT_FSIZE, &l)
}

// fileTooLarge fills a journal until the kernel refuses to make a file any
// larger, and goes on once it does not.
func fileTooLarge(dir string) error {
	log := &lines{}
	d, err := Open(refusedOptions(dir, log))
	if err != nil {
		return err
	}
	if err := limit(100_000); err != nil {
		return err
	}
	n := 0
	for ; err == nil; n++ {
		if n > 10_000 {
			return errors.New("nothing was refused")
		}
		ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
		err = d.Append(ctx, message(n, 100), 1)
		cancel()
	}
	if !errors.Is(err, ErrFull) || !errors.Is(err, syscall.EFBIG) || d.HasRoom(1) {
		return fmt.Errorf("refused by %w, room: %v", err, d.HasRoom(1))
	}
	for range 3 { // at once, and told no more
		if err := d.Force(message(n, 100), 1); !errors.Is(err, syscall.EFBIG) {
			return fmt.Errorf("force: %w", err)
		}
	}
	if k := log.count("error"); k != 1 {
		return fmt.Errorf("%d errors logged: %q", k, log.all)
	}
	if err := limit(1 << 40); err != nil {
		return err
	}
	if err := d.Append(context.Background(), message(n-1, 100), 1); err != nil {
		return err
	}
	fmt.Println(n)
	return nil // and ends without a goodbye
}

func refusedOptions(dir string, log Logger) Options {
	return Options{Dir: dir, Identity: "refused", MaxBytes: 64 << 20, SyncEvery: time.Hour, Log: log}
}

// child runs this binary as a process that is refused something.
func child(t *testing.T, what, dir string, as *syscall.Credential) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	binary, err := os.Open(self) // another user may not be let into its folder
	if err != nil {
		t.Fatal(err)
	}
	defer binary.Close()
	cmd := exec.Command(self)
	if as != nil {
		cmd.Path = "/dev/fd/3"
		cmd.ExtraFiles = []*os.File{binary}
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: as}
	}
	cmd.Dir = "/"
	cmd.Env = append(os.Environ(), refusalEnv+"="+what+" "+dir)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return string(out)
}

// TestKernelRefusesToWrite meets a real refusal of the kernel in the midst of
// a write, which needs no full disk and no rights.
func TestKernelRefusesToWrite(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "journal")
	var n int
	out := child(t, "size", dir, nil)
	if _, err := fmt.Sscanf(out, "%d\n<nil>", &n); err != nil {
		t.Fatal(out)
	}
	d := open(t, refusedOptions(dir, nil))
	if r := d.Recovered(); r.Lost > 0 || len(r.Damaged) > 0 || r.Pending != uint64(n) {
		t.Errorf("%+v, want %d rows", r, n)
	}
	for i := range n {
		take(t, d, string(message(i, 100)))
	}
	takeNone(t, d)
	checkSums(t, d)
}

// TestUnwritableFolder is refused with the path and the user. Root may write
// anywhere, so that it becomes another user for this.
func TestUnwritableFolder(t *testing.T) {
	var as *syscall.Credential
	uid := os.Geteuid()
	if uid == 0 {
		uid = 65534
		if errors.Is(os.Chown(t.TempDir(), uid, uid), syscall.EINVAL) {
			t.Skip("root can be nobody else in this namespace")
		}
		as = &syscall.Credential{Uid: uint32(uid), Gid: uint32(uid)}
	}
	above, err := os.MkdirTemp("", "journal")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(above)
	closed := filepath.Join(above, "closed")
	if err := os.Mkdir(closed, 0o500); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.Chmod(above, 0o755), os.Chmod(closed, 0o555)); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ dir, want string }{
		{closed, "cannot be written to"},
		{filepath.Join(closed, "journal"), "cannot be made"},
	} {
		out := child(t, "folder", c.dir, as)
		for _, part := range []string{c.want, c.dir, fmt.Sprintf("uid %d", uid), "permission denied"} {
			if !strings.Contains(out, part) {
				t.Errorf("the refusal lacks %q: %s", part, out)
			}
		}
	}
}
