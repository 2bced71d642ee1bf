//go:build unix

package ekuiper

import (
	"errors"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"syscall"
)

// prepareGroup puts the command into a process group of its own, so that it
// can be ended with its children and gets no Ctrl-C from the terminal.
func prepareGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
}

// killGroup kills a process that prepareGroup prepared, and its children.
func killGroup(leader *os.Process) {
	_ = syscall.Kill(-leader.Pid, syscall.SIGKILL)
}

// watch starts a watchdog that kills the group if this process dies, however
// it dies: the watchdog's standard input then ends. The function that it
// returns dismisses the watchdog; it may be called again.
func watch(group int) (dismiss func()) {
	dog := exec.Command("/bin/sh", "-c", "cat >/dev/null; kill -s KILL -- -"+strconv.Itoa(group)) // dash refuses kill -9 --
	dog.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	leash, err := dog.StdinPipe()
	if err != nil {
		return func() {}
	}
	if err := dog.Start(); err != nil {
		return func() {}
	}
	return sync.OnceFunc(func() {
		_ = syscall.Kill(-dog.Process.Pid, syscall.SIGKILL)
		_ = leash.Close()
		_ = dog.Wait()
	})
}

// lockFile takes a lock that excludes every other holder on this machine.
// Nobody else holding it gives true.
func lockFile(file *os.File) (bool, error) {
	err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return false, nil
	}
	return err == nil, err
}
