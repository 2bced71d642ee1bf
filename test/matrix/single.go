package matrix

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"ekuiper-mysql/test/mariadb"
)

func startMariaDB(folder, ca string) (*Server, error) {
	server, err := mariadb.RunOther(nil, filepath.Join(folder, "data"), append(tlsFlags(folder), "--max-allowed-packet=16M")...)
	if errors.Is(err, mariadb.ErrNotInstalled) {
		return nil, fmt.Errorf("%w: %w", ErrAbsent, err)
	}
	return ofPrivate(server, ca, err)
}

// mysqlFolder is where Oracle's MySQL is unpacked.
func mysqlFolder() (string, error) {
	if dir := os.Getenv("MYSQL9"); dir != "" {
		return dir, nil
	}
	program, err := built("mysql9/mysqld", "make mysql9")
	return filepath.Dir(program), err
}

func startMySQL(folder, ca string) (*Server, error) {
	dir, err := mysqlFolder()
	if err != nil {
		return nil, err
	}
	usr := filepath.Join(dir, "usr")
	command := []string{
		filepath.Join(dir, "mysqld"), "--basedir=" + usr, "--lc-messages-dir=" + usr + "/share/mysql",
		"--character-sets-dir=" + usr + "/share/mysql/charsets", "--plugin-dir=" + usr + "/lib/mysql/plugin",
		"--mysqlx=OFF", "--secure-file-priv=NULL", "--performance-schema=OFF",
	}
	server, err := mariadb.RunOther(command, filepath.Join(folder, "data"), tlsFlags(folder)...)
	return ofPrivate(server, ca, err)
}

// ofPrivate is the Server of a private server.
func ofPrivate(s *mariadb.Server, ca string, err error) (*Server, error) {
	if err != nil {
		return nil, err
	}
	return &Server{
		Hosts: []string{s.Addr()}, User: "root", CA: ca,
		kill: s.Kill, again: func() error { return s.Restart() }, close: s.Close,
	}, nil
}

// startTiDB runs one TiDB that keeps its rows itself.
func startTiDB(folder, ca string) (*Server, error) {
	program, err := built("tidb-server", "make tidb")
	if err != nil {
		return nil, err
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	config := filepath.Join(folder, "tidb.toml")
	text := fmt.Sprintf("[log]\nslow-query-file = %q\n[security]\nssl-ca = %q\nssl-cert = %q\nssl-key = %q\n", filepath.Join(folder, "slow"), filepath.Join(folder, caFile), filepath.Join(folder, certFile), filepath.Join(folder, keyFile))
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		return nil, err
	}
	s := &Server{Hosts: []string{"127.0.0.1:" + port}, User: "root", CA: ca}
	var running *child
	start := func() (err error) {
		running, err = startChild(program, "-config", config, "-store", "unistore", "-path", filepath.Join(folder, "data"), "-host", "127.0.0.1", "-P", port,
			"-report-status=false", "-socket", "", "-temp-dir", filepath.Join(folder, "temp"), "-L", "error", "-log-file", filepath.Join(folder, "log"))
		if err != nil {
			return err
		}
		if err := poll(startLimit, func() error { return s.answers() }); err != nil {
			return errors.Join(err, running.kill())
		}
		return nil
	}
	s.kill = func() error { return running.kill() }
	s.close, s.again = s.kill, start
	return s, start()
}

// answers asks the only node for a login.
func (s *Server) answers() error {
	db := s.pool("")
	defer db.Close()
	return db.Ping()
}

// startDemo runs the server of the demo, which holds its rows in memory.
func startDemo(string, string) (*Server, error) {
	program, err := built("demo-server", "make build/demo-server")
	if err != nil {
		return nil, err
	}
	command := exec.Command(program)
	stdin, err := command.StdinPipe() // its end is the server's
	if err != nil {
		return nil, err
	}
	out, err := command.StdoutPipe()
	if err == nil {
		err = command.Start()
	}
	if err != nil {
		return nil, err
	}
	end := func() error {
		_ = stdin.Close()
		return command.Wait()
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	address, ok := strings.CutPrefix(strings.TrimSpace(line), "listening ")
	if !ok {
		return nil, errors.Join(fmt.Errorf("the server says %q", line), err, end())
	}
	return &Server{Hosts: []string{address}, User: "user", Password: "test", close: end}, nil
}

func freePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("find a free port: %w", err)
	}
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port, l.Close()
}
