package deploy

import (
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"gopkg.in/yaml.v3"

	"ekuiper-mysql/test/ekuiper"
	"ekuiper-mysql/test/mariadb"
)

// limit ends a test that hangs.
const limit = 2 * time.Minute

// TestComposedImage builds the image and runs compose.yaml's service ekuiper
// from it, beside a database and a broker as compose.yaml sets them up: rows go
// from MQTT and from the source into the tables of tables.sql by the rules of
// init.json, with nothing installed by hand. Then its health, its metrics, a
// container that is made anew.
func TestComposedImage(t *testing.T) {
	b := newBuilder(t)
	image := b.build(readDockerfile(t))
	folder := filepath.Join(b.work, "compose")
	b.must(os.CopyFS(folder, os.DirFS(composeFolder)))
	b.run(exec.Command("sh", filepath.Join(folder, "secrets.sh")))
	c := composed(b, image, folder)
	db := database(t, folder)
	startBroker(t, filepath.Join(folder, "mosquitto.conf"))

	r := c.start(t, image.command...)
	healthy := func() bool { return c.command("/bin/sh", "-c", image.check).Run() == nil }
	r.wait(t, "the health check succeeds", healthy)
	if text := get(t, "http://ekuiper:9081/plugins/portables/mysql"); !strings.Contains(text, `"mysql"`) {
		t.Errorf("eKuiper knows of no plugin: %s", text)
	}
	waitRows(t, db, "demo", 2)
	publish(t, `{"device":"pump-1","ts":"2026-01-02 03:04:05.678","temperature":21.5,"humidity":40}`)
	publish(t, `{"device":"pump-1","ts":"2026-01-02 03:04:05.678","temperature":22.5,"humidity":40}`)
	wait(t, "the last reading of a key is stored", func() bool {
		return one(t, db, "SELECT COALESCE(SUM(temperature), 0) FROM plant.readings") == 22.5
	})
	if user := userOf(append(r.processes("mysql"), 0)[0]); rootless() == "" && user != "1001" {
		t.Errorf("the plugin runs as user %q, want 1001", user)
	}
	checkTargets(t, filepath.Join(folder, "prometheus.yml"))
	out, err := c.command("/kuiper/plugins/portable/mysql/mysql", "journal", "list").CombinedOutput()
	if err != nil || !strings.Contains(string(out), "readings") {
		t.Errorf("mysql journal list beside it: %v\n%s", err, out)
	}
	secret, err := os.ReadFile(filepath.Join(folder, "secrets", "db-password"))
	b.must(err)
	if strings.Contains(r.output.String(), string(secret)) {
		t.Error("the log shows the password")
	}

	// A container that is made anew from the image, in the middle of an outage, has what waited.
	b.must(db.server.Kill())
	publish(t, `{"device":"pump-2","ts":"2026-01-02 03:04:05.678","temperature":1,"humidity":2}`)
	wait(t, "the reading is in the journal", func() bool {
		out, _ := c.command("/kuiper/plugins/portable/mysql/mysql", "journal", "export", "readings").Output()
		return strings.Contains(string(out), "pump-2")
	})
	r.kill()
	b.stages = map[string]*stage{}
	b.work = t.TempDir()
	anew := composed(b, b.build(readDockerfile(t)), folder)
	r = anew.start(t, image.command...)
	b.must(db.server.Restart())
	wait(t, "what waited is stored by the new container", func() bool {
		return one(t, db, "SELECT COUNT(*) FROM plant.readings WHERE device = 'pump-2'") == 1
	})

	// A plugin that eKuiper has lost shows.
	wait(t, "the new container is healthy", func() bool { return anew.command("/bin/sh", "-c", image.check).Run() == nil })
	for _, pid := range r.processes("mysql") {
		b.must(syscall.Kill(pid, syscall.SIGKILL))
	}
	wait(t, "the health check fails", func() bool { return anew.command("/bin/sh", "-c", image.check).Run() != nil })
}

// composed is compose.yaml's service ekuiper as a container; named volumes are
// folders beside it that outlive it.
func composed(b *builder, from *stage, folder string) *container {
	b.Helper()
	file := readComposition(b.T)
	s := file.Services["ekuiper"]
	c := &container{root: from.root, readOnly: s.ReadOnly, user: from.user, folder: from.folder, env: from.env}
	for name, value := range s.Environment {
		c.env = append(c.env, name+"="+value)
	}
	for _, volume := range s.Volumes {
		from, to, mode := mountOf(volume)
		path := filepath.Join(folder, from)
		if !isPath(from) {
			path = filepath.Join(folder, "volumes", from)
			b.fill(path, filepath.Join(c.root, to))
		}
		c.mounts = append(c.mounts, mount{path, to, mode == "ro"})
	}
	for _, secret := range s.Secrets {
		c.mounts = append(c.mounts, mount{filepath.Join(folder, file.Secrets[secret].File), "/run/secrets/" + secret, true})
	}
	for _, tmpfs := range s.Tmpfs {
		to, _, _ := strings.Cut(tmpfs, ":")
		c.mounts = append(c.mounts, mount{to: to})
	}
	return c
}

// fill makes a volume the first time, with what the image has in its place and
// for the user that owns it there.
func (b *builder) fill(path, place string) {
	b.Helper()
	if _, err := os.Stat(path); err == nil {
		return
	}
	b.must(os.MkdirAll(filepath.Dir(path), 0o755))
	b.run(exec.Command("cp", "-a", place, path))
}

// server is the database of the recipes, at mariadb:3306.
type server struct {
	*sql.DB
	server *mariadb.Server
}

// database starts it and does what MariaDB's image does at its first start:
// database, user and the statements of tables.sql.
func database(t *testing.T, folder string) server {
	t.Helper()
	s := mariadb.Start(t)
	forward(t, "127.0.0.1:3306", s.Addr())
	secret, err := os.ReadFile(filepath.Join(folder, "secrets", "db-password"))
	if err != nil {
		t.Fatal(err)
	}
	statements, err := os.ReadFile(filepath.Join(composeFolder, "tables.sql"))
	if err != nil {
		t.Fatal(err)
	}
	environment := readComposition(t).Services["mariadb"].Environment
	name, user := environment["MARIADB_DATABASE"], environment["MARIADB_USER"]
	must(t, s.CreateDatabase(name))
	must(t, s.CreateUser(user, string(secret), "ALL ON "+name+".*"))
	db, err := sql.Open("mysql", s.DSN(name))
	must(t, err)
	t.Cleanup(func() { _ = db.Close() })
	for statement := range strings.SplitSeq(string(statements), ";") {
		if strings.TrimSpace(statement) != "" {
			_, err := db.Exec(statement)
			must(t, err)
		}
	}
	return server{db, s}
}

// forward passes on what comes to an address, until the test ends.
func forward(t *testing.T, from, to string) {
	t.Helper()
	listener, err := net.Listen("tcp", from)
	must(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			near, err := listener.Accept()
			if err != nil {
				return
			}
			far, err := net.Dial("tcp", to)
			if err != nil {
				_ = near.Close()
				continue
			}
			pass := func(to, from net.Conn) {
				_, _ = io.Copy(to, from)
				_, _ = to.Close(), from.Close()
			}
			go pass(far, near)
			go pass(near, far)
		}
	}()
}

// startBroker runs mosquitto with the recipe's configuration, its folder moved.
func startBroker(t *testing.T, file string) {
	t.Helper()
	program, err := exec.LookPath("mosquitto")
	if err != nil {
		if program = "/usr/sbin/mosquitto"; exec.Command(program, "-h").Run() != nil && !isFile(program) {
			t.Fatal("mosquitto is not installed; type: apt-get install -y --no-install-recommends mosquitto mosquitto-clients (or: make deps)")
		}
	}
	text, err := os.ReadFile(file)
	must(t, err)
	data := t.TempDir()
	changed := strings.ReplaceAll(string(text), "/mosquitto/data/", data+"/")
	if changed == string(text) {
		t.Fatal("mosquitto.conf keeps nothing in the volume")
	}
	if os.Getuid() == 0 {
		changed += "user root\n"
	}
	config := filepath.Join(data, "mosquitto.conf")
	must(t, os.WriteFile(config, []byte(changed), 0o644))
	broker := exec.Command(program, "-c", config)
	output := &synced{}
	broker.Stdout, broker.Stderr = output, output
	must(t, broker.Start())
	t.Cleanup(func() {
		_ = broker.Process.Kill()
		_ = broker.Wait()
	})
	test := readComposition(t).Services["mosquitto"].Healthcheck.Test[1:]
	for i := range test {
		test[i] = strings.ReplaceAll(test[i], "$$", "$") // what Compose would otherwise take for a variable
	}
	wait(t, "the broker's health check succeeds", func() bool { return exec.Command(test[0], test[1:]...).Run() == nil })
}

func isFile(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func publish(t *testing.T, message string) {
	t.Helper()
	out, err := exec.Command("mosquitto_pub", "-h", "mosquitto", "-q", "1", "-t", "sensors/pump-1/readings", "-m", message).CombinedOutput()
	if err != nil {
		t.Fatalf("mosquitto_pub: %v\n%s", err, out)
	}
}

// checkTargets asks what prometheus.yml would ask.
func checkTargets(t *testing.T, file string) {
	t.Helper()
	text, err := os.ReadFile(file)
	must(t, err)
	var config struct {
		Scrape []struct {
			Job    string `yaml:"job_name"`
			Static []struct {
				Targets []string `yaml:"targets"`
			} `yaml:"static_configs"`
		} `yaml:"scrape_configs"`
	}
	must(t, yaml.Unmarshal(text, &config))
	asked := 0
	for _, scrape := range config.Scrape {
		for _, static := range scrape.Static {
			for _, target := range static.Targets {
				asked++
				wait(t, "the metrics at "+target+" tell of both rules", func() bool {
					page := get(t, "http://"+target+"/metrics")
					return strings.Contains(page, `rule="demo"`) && strings.Contains(page, `rule="readings"`)
				})
			}
		}
	}
	if asked == 0 {
		t.Error("prometheus.yml has no target")
	}
}

// get is a page, or why there is none.
func get(t *testing.T, url string) string {
	t.Helper()
	client := http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Get(url)
	if err != nil {
		return err.Error()
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	must(t, err)
	return string(text)
}

func wait(t *testing.T, what string, so func() bool) {
	t.Helper()
	if err := ekuiper.Wait(limit, func() (bool, error) { return so(), nil }); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}

// wait is wait for as long as the container runs.
func (r *running) wait(t *testing.T, what string, so func() bool) {
	t.Helper()
	err := ekuiper.Wait(limit, func() (bool, error) {
		select {
		case <-r.done:
			return false, errors.New("the container has ended")
		default:
			return so(), nil
		}
	})
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}

func waitRows(t *testing.T, db server, table string, n float64) {
	t.Helper()
	wait(t, fmt.Sprintf("%v rows in %s", n, table), func() bool { return one(t, db, "SELECT COUNT(*) FROM plant."+table) >= n })
}

// one is the number that a query gives, or -1 while the server is away.
func one(t *testing.T, db server, query string) float64 {
	t.Helper()
	var n float64
	if err := db.QueryRow(query).Scan(&n); err != nil {
		return -1
	}
	return n
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
