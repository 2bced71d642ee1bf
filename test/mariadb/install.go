package mariadb

import (
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strings"
)

// baseFlags keep a test server small, quick and off the network. Data reaches
// the operating system at each commit, so a SIGKILL loses none of it.
func baseFlags() []string {
	return []string{
		"--no-defaults",
		"--user=" + userName(),
		"--bind-address=127.0.0.1",
		"--skip-name-resolve",
		"--character-set-server=utf8mb4",
		"--local-infile=1",
		"--innodb-buffer-pool-size=64M",
		"--loose-innodb-log-file-size=16M", // which Oracle's MySQL has given up
		"--innodb-flush-log-at-trx-commit=2",
		"--innodb-use-native-aio=0", // many servers at once exhaust the kernel's slots
	}
}

// install fills the server's data folder, unless it has one, from a template
// made once per machine, user and server version: installing takes seconds.
func (s *Server) install(program string) error {
	data := s.path("data")
	if _, err := os.Stat(data); err == nil {
		return nil
	}
	template, err := s.ensureTemplate(program)
	if err != nil {
		return err
	}
	if err := os.CopyFS(data, os.DirFS(template)); err != nil {
		return fmt.Errorf("copy the data folder's template: %w", err)
	}
	return nil
}

// ensureTemplate returns an installed data folder. Test binaries run beside
// each other: each installs aside, and the first to rename wins.
func (s *Server) ensureTemplate(program string) (string, error) {
	version, err := exec.Command(program, "--no-defaults", "--version").Output()
	if err != nil {
		return "", fmt.Errorf("ask %s for its version: %w", program, err)
	}
	installer, args := "", []string(nil)
	if len(s.other) > 0 {
		installer = program
		args = append(append([]string{"--no-defaults", "--user=" + userName()}, s.other[1:]...), "--initialize-insecure")
	} else {
		if installer, err = lookPath("mariadb-install-db"); err != nil {
			return "", err
		}
		args = []string{
			"--no-defaults", "--user=" + userName(), "--auth-root-authentication-method=normal",
			"--skip-test-db", "--skip-name-resolve", "--innodb-log-file-size=16M", "--innodb-use-native-aio=0",
		}
	}
	sum := sha256.Sum256([]byte(strings.Join(args, " ") + string(version)))
	template := filepath.Join(os.TempDir(), fmt.Sprintf("mariadb-template-%d-%x", os.Getuid(), sum[:6]))
	if _, err := os.Stat(template); err == nil {
		return template, nil
	}
	aside, err := os.MkdirTemp("", "mariadb-install-")
	if err != nil {
		return "", fmt.Errorf("make a folder for mariadb-install-db: %w", err)
	}
	defer os.RemoveAll(aside)
	data := filepath.Join(aside, "data")
	if out, err := exec.Command(installer, append(args, "--datadir="+data, "--tmpdir="+aside)...).CombinedOutput(); err != nil {
		return "", fmt.Errorf("%s: %w: %s", filepath.Base(installer), err, lastLines(string(out), 15))
	}
	if err := os.Rename(data, template); err != nil {
		if _, statErr := os.Stat(template); statErr != nil {
			return "", fmt.Errorf("keep the data folder's template: %w", err)
		}
	}
	return template, nil
}

// program finds the server to run: MariaDB's, unless the caller or the
// environment names another, such as "/opt/mysql/bin/mysqld --mysqlx=OFF".
func (s *Server) program() (string, error) {
	if len(s.other) > 0 {
		return s.other[0], nil
	}
	return lookPath("mariadbd")
}

// openRoot lets root, who has no password, in over TCP: MariaDB does so by itself.
const openRoot = `CREATE USER IF NOT EXISTS root@'127.0.0.1';
GRANT ALL ON *.* TO root@'127.0.0.1' WITH GRANT OPTION;
GRANT PROXY ON ''@'' TO root@'127.0.0.1' WITH GRANT OPTION;
`

// serverProgram finds the server to run, and the flags that it needs beside
// those of the package.
func (s *Server) serverProgram() (program string, flags []string, err error) {
	if program, err = s.program(); err != nil || len(s.other) == 0 {
		return program, nil, err
	}
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return "", nil, err
	}
	file := s.path("init.sql")
	if err := os.WriteFile(file, []byte(openRoot), 0o600); err != nil {
		return "", nil, err
	}
	// MySQL's lock of the socket stays behind after a SIGKILL.
	if err := os.Remove(s.path("s.sock.lock")); err != nil && !os.IsNotExist(err) {
		return "", nil, err
	}
	return program, append(slices.Clone(s.other[1:]), "--init-file="+file), nil
}

// lookPath finds a program of the server. Debian puts mariadbd where only
// root's PATH leads.
func lookPath(name string) (string, error) {
	if path, err := exec.LookPath(name); err == nil {
		return path, nil
	}
	for _, dir := range []string{"/usr/sbin", "/usr/local/sbin", "/usr/local/bin", "/usr/libexec"} {
		if path, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
			return path, nil
		}
	}
	return "", ErrNotInstalled
}

// userName is the current user's: mariadbd refuses to run as root unless told so.
func userName() string {
	u, err := user.Current()
	if err != nil {
		return "mysql"
	}
	return u.Username
}
