//go:build linux

package main

import (
	"bytes"
	"database/sql"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"time"

	_ "github.com/go-sql-driver/mysql"
	"github.com/lf-edge/ekuiper/sdk/go/fakehost"
	"github.com/lf-edge/ekuiper/sdk/go/supervisor"

	"ekuiper-mysql/test/mariadb"
)

type props map[string]any

// stage is a private server and a mock host.
type stage struct {
	dir        string
	executable string
	server     *mariadb.Server
	host       *fakehost.Host
	runs       int
}

// patience bounds every wait for rows.
const patience = 3 * time.Minute

// The server has the usual number of connections: the rules have to share them.
func newStage(executable string) (*stage, error) {
	if _, err := os.Stat(executable); err != nil {
		return nil, fmt.Errorf("%w: run `make build`", err)
	}
	dir, err := os.MkdirTemp("", "curves")
	if err != nil {
		return nil, err
	}
	s := &stage{dir: dir, executable: executable}
	s.server, err = mariadb.Run(dir, "--innodb-buffer-pool-size=1G", "--innodb-log-file-size=1G", "--max-allowed-packet=64M", "--table-open-cache=2000")
	if err == nil {
		err = s.server.CreateDatabase("c")
	}
	if err == nil {
		s.host, err = fakehost.New("mysql")
	}
	if err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (s *stage) close() {
	if s.host != nil {
		_ = s.host.Close()
	}
	if s.server != nil {
		_ = s.server.Close()
	}
	_ = os.RemoveAll(s.dir)
}

// plugin is a running plugin with its rules.
type plugin struct {
	pair
	stage *stage
	run   *fakehost.Process
	data  string
	rules []*fakehost.SinkConn
}

// launch starts the plugin with an empty folder.
func (s *stage) launch(env ...string) (*plugin, error) {
	s.runs++
	p := &plugin{stage: s, data: filepath.Join(s.dir, fmt.Sprintf("data%d", s.runs))}
	var err error
	p.run, err = s.host.Launch(s.executable, fakehost.LaunchOptions{Env: append(env, "EKUIPER_MYSQL_DATA="+p.data)})
	if err != nil {
		return nil, err
	}
	p.supervisor = p.run.Pid()
	if p.worker, err = p.awaitWorker(); err != nil {
		p.close()
		return nil, err
	}
	return p, nil
}

// awaitWorker waits for the worker. Go's first start of a process makes one
// that tries out what the kernel can do and is gone at once: it is not meant.
func (p *plugin) awaitWorker() (int, error) {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(patience); ; <-tick.C {
		pid, err := p.run.WorkerPid()
		if err != nil {
			return 0, err
		}
		environment, _ := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
		if bytes.Contains(environment, []byte(supervisor.EnvWorker+"=")) {
			return pid, nil
		}
		if time.Now().After(end) {
			return 0, fmt.Errorf("process %d is no worker", pid)
		}
	}
}

// open starts so many rules more, one after the other, as the host does, each
// to the table that its number gives.
func (p *plugin) open(n int, table func(rule int) string, more props) error {
	for range n {
		i := len(p.rules)
		action := props{"url": p.stage.server.DSN("c"), "table": table(i)}
		maps.Copy(action, more)
		rule, err := p.stage.host.OpenSink(fakehost.Sink(fmt.Sprintf("curve%d", i), "mysql", action))
		if err != nil {
			return err
		}
		p.rules = append(p.rules, rule)
	}
	return nil
}

// explain adds the end of the plugin's log to an error.
func (p *plugin) explain(err error) error {
	if err == nil {
		return nil
	}
	log := p.run.Log()
	return fmt.Errorf("%w; the plugin's last words: %s", err, log[max(0, len(log)-3000):])
}

// close ends the plugin and forgets its rules.
func (p *plugin) close() {
	for _, r := range p.rules { // else the host would start them again with the next plugin
		_ = r.Close()
	}
	_ = p.run.KillPlugin()
	_ = os.RemoveAll(p.data)
}

// fresh makes an empty table.
func (s *stage) fresh(name, columns string) error {
	if err := s.server.Exec("DROP TABLE IF EXISTS c." + name); err != nil {
		return err
	}
	return s.server.Exec("CREATE TABLE c." + name + " (" + columns + ")")
}

// count waits until a table has so many rows.
func (s *stage) count(table string, want int64) error {
	return s.await("SELECT COUNT(*) FROM c."+table, want, 50*time.Millisecond)
}

// last waits until a table's greatest id is this one: rows come in order.
func (s *stage) last(table string, id int64) error {
	return s.await("SELECT MAX(id) FROM c."+table, id, 2*time.Millisecond)
}

func (s *stage) await(query string, want int64, every time.Duration) error {
	end := time.Now().Add(patience)
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		var got sql.NullInt64
		if err := s.server.DB().QueryRow(query).Scan(&got); err != nil {
			return err
		}
		if got.Valid && got.Int64 == want {
			return nil
		}
		if time.Now().After(end) {
			return fmt.Errorf("%s is %d after %v, want %d", query, got.Int64, patience, want)
		}
		<-tick.C
	}
}
