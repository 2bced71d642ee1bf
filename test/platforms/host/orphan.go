package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"time"

	"github.com/lf-edge/ekuiper/sdk/go/fakehost"
	"github.com/lf-edge/ekuiper/sdk/go/fakehost/processes"
)

// started is what a host that is to be killed prints.
type started struct{ Supervisor, Worker int }

// beHost starts the plugin and waits to be killed.
func beHost(s *stage) error {
	host, err := fakehost.New("mysql")
	if err != nil {
		return err
	}
	defer host.Close()
	occupy("ipc:///tmp/plugin_mysql.ipc").met()
	s.host = host
	if err := s.launch(); err != nil {
		return err
	}
	worker, err := s.plugin.WorkerPid()
	if err != nil {
		return err
	}
	if err := json.NewEncoder(os.Stdout).Encode(started{s.plugin.Pid(), worker}); err != nil {
		return err
	}
	<-s.plugin.Exited()
	return errors.New("the plugin has ended before its host")
}

// orphan: a host that is killed leaves no process of the plugin behind.
func (s *stage) orphan() (string, error) {
	if err := errors.Join(s.plugin.KillPlugin(), s.host.Close()); err != nil {
		return "", err
	}
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	command := exec.Command(self, "-as-host", "-plugin", s.executable, "-data", s.data)
	command.Stderr = os.Stderr
	out, err := command.StdoutPipe()
	if err != nil {
		return "", err
	}
	if err := command.Start(); err != nil {
		return "", err
	}
	var plugin started
	err = json.NewDecoder(bufio.NewReader(out)).Decode(&plugin)
	killed := time.Now()
	_ = command.Process.Kill()
	_ = command.Wait()
	if err != nil {
		return "", fmt.Errorf("the host that is to be killed has not started the plugin: %w", err)
	}
	if err := errors.Join(processes.Gone(plugin.Supervisor, s.limit), processes.Gone(plugin.Worker, s.limit)); err != nil {
		return "", err
	}
	return fmt.Sprintf("both processes gone after %d ms", time.Since(killed).Milliseconds()), nil
}
