//go:build linux

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"ekuiper-mysql/test/ekuiper"
	"ekuiper-mysql/test/mariadb"
	"ekuiper-mysql/test/proxy"
)

// patience bounds every wait.
const patience = 5 * time.Minute

// stage is the real eKuiper with the plugin and its rules, a private database
// behind a proxy, and who posts rows.
type stage struct {
	zip     string
	cli     string // the plugin's executable, beside eKuiper
	server  *mariadb.Server
	proxy   *proxy.Proxy
	host    *ekuiper.Host
	metrics string // address
	push    string // where rows are posted
	rules   []*rule
	pushers []*pusher
	pushing sync.WaitGroup
	deeds   deeds
}

func newStage(ctx context.Context, dir, zip string) (_ *stage, err error) {
	s := &stage{zip: zip, cli: filepath.Join(dir, "mysql")}
	defer func() {
		if err != nil {
			err = s.close(err)
		}
	}()
	if err := ekuiper.Extract(zip, "mysql", s.cli); err != nil {
		return nil, err
	}
	if s.server, err = mariadb.Run(filepath.Join(dir, "mariadb"), "--max-allowed-packet=64M"); err != nil {
		return nil, err
	}
	if err := s.server.CreateDatabase("soak"); err != nil {
		return nil, err
	}
	if s.proxy, err = proxy.Run(s.server.Addr()); err != nil {
		return nil, err
	}
	ports, err := freeAddresses(2)
	if err != nil {
		return nil, err
	}
	s.metrics, s.push = ports[0], ports[1]
	_, port, _ := net.SplitHostPort(s.push)
	s.host, err = ekuiper.New(ctx, ekuiper.Options{Env: []string{"KUIPER__SOURCE__HTTPSERVERPORT=" + port, "EKUIPER_MYSQL_METRICS=" + s.metrics}})
	if err != nil {
		return nil, err
	}
	if err := s.host.InstallPlugin("mysql", zip); err != nil {
		return nil, err
	}
	// Without a method named eKuiper answers every request with 405.
	if err := s.host.PutSourceConfig("httppush", "post", map[string]any{"method": "POST"}); err != nil {
		return nil, err
	}
	s.rules = rules(s)
	for _, r := range s.rules {
		if err := r.create(s); err != nil {
			return nil, fmt.Errorf("make rule %s: %w", r.name, err)
		}
	}
	return s, nil
}

// close ends everything, and adds to err what eKuiper's log says at last.
func (s *stage) close(err error) error {
	if err != nil && s.host != nil {
		log := s.host.Log()
		err = fmt.Errorf("%w\nthe last words of eKuiper and the plugin:\n%s", err, log[max(0, len(log)-8000):])
	}
	if s.host != nil {
		err = errors.Join(err, s.host.Close())
	}
	if s.proxy != nil {
		s.proxy.Close()
	}
	if s.server != nil {
		err = errors.Join(err, s.server.Close())
	}
	return err
}

// data is the plugin's data folder.
func (s *stage) data() string { return filepath.Join(s.host.Base, "data", "mysql") }

// account is what mysql journal list --json says of a journal.
type account struct {
	Identity                                                       string
	Open                                                           bool
	Received, Stored, Superseded, SetAside, Dropped, Lost, Pending uint64
}

// accounts asks the command line for the sums of all journals.
func (s *stage) accounts() ([]account, error) {
	if _, err := os.Stat(filepath.Join(s.data(), "journal")); err != nil {
		return nil, nil // no rule has begun yet
	}
	out, err := s.command("journal", "list", "--json")
	if err != nil {
		return nil, err
	}
	var all []account
	for line := range strings.Lines(out) {
		var a account
		if err := json.Unmarshal([]byte(line), &a); err != nil {
			return nil, fmt.Errorf("read %q: %w", line, err)
		}
		all = append(all, a)
	}
	return all, nil
}

func (s *stage) command(args ...string) (string, error) {
	command := exec.Command(s.cli, args...)
	command.Env = append(os.Environ(), "EKUIPER_MYSQL_DATA="+s.data())
	out, err := command.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("mysql %s: %w: %s", strings.Join(args, " "), err, out)
	}
	return string(out), nil
}

// account is that of one rule; false if it has none yet.
func (s *stage) account(rule string) (account, bool, error) {
	all, err := s.accounts()
	if err != nil {
		return account{}, false, err
	}
	for _, a := range all {
		if strings.HasPrefix(a.Identity, "rule "+rule+",") {
			return a, true, nil
		}
	}
	return account{}, false, nil
}

// count is the number that a query gives.
func (s *stage) count(query string) (n int64, err error) {
	err = s.server.DB().QueryRow(query).Scan(&n)
	return n, err
}

// freeAddresses finds addresses of loopback that are free now.
func freeAddresses(n int) ([]string, error) {
	var all []string
	for range n {
		listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(0)))
		if err != nil {
			return nil, fmt.Errorf("find a free port: %w", err)
		}
		defer listener.Close()
		all = append(all, listener.Addr().String())
	}
	return all, nil
}
