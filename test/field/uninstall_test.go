package field

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"ekuiper-mysql/test/ekuiper"
)

// files are all that is below the host's folder and in its /tmp, sockets too,
// but for what is eKuiper's own business: its log, its database, and the zips
// that the test has given it.
func (s *site) files() map[string]bool {
	s.Helper()
	all := map[string]bool{}
	walk := func(root, as string) {
		s.must(filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			name, err := filepath.Rel(root, path)
			name = filepath.ToSlash(filepath.Join(as, name))
			switch {
			case name == "log" || name == "zips" || name == "tmp" && as == "":
				return fs.SkipDir
			case strings.HasPrefix(name, "data/") && strings.Contains(name, ".db"):
			default:
				all[name] = true
			}
			return err
		}))
	}
	walk(s.host.Base, "")
	walk(s.host.TmpDir(), "/tmp")
	return all
}

// added are those of after that were not there before.
func added(before, after map[string]bool) []string {
	var names []string
	for _, name := range slices.Sorted(maps.Keys(after)) {
		if !before[name] {
			names = append(names, name)
		}
	}
	return names
}

// TestUninstall: rules deleted, then the plugin: what is left is the journal of
// the rows that wait, the dead letters, and eKuiper's own end of a socket. From
// there rows come back, to the plugin installed anew or by the command line.
func TestUninstall(t *testing.T) {
	t.Parallel()
	s := newSite(t, "CREATE TABLE posts (id TINYINT NOT NULL, device VARCHAR(20), temp DOUBLE)", "CREATE TABLE others"+readingsTable)
	if !s.host.Isolated() {
		t.Fatal("hosts share /tmp here: nobody can tell whose a socket is")
	}
	before := s.files()
	s.must(s.host.InstallPlugin("mysql", zip))
	s.posted("posts")
	s.posted("others")
	s.rule("posts", "SELECT * FROM posts", map[string]any{"table": "posts"})
	s.rule("others", "SELECT * FROM others", map[string]any{"table": "others"})
	s.post("posts", readings(1, 130)...) // a TINYINT takes 127 of them
	s.settled("posts", 130)
	s.post("others", readings(1, 10)...)
	s.settled("others", 10)
	s.must(s.server.Kill())
	s.post("others", readings(11, 60)...)
	s.received("others", 60)

	folder := strings.ReplaceAll(s.data(), `\`, `\\`)
	if n := s.logged("are kept in " + folder); n != 1 {
		t.Errorf("the log says %d times where rows are kept, want once", n)
	}
	for _, rule := range []string{"posts", "others"} {
		s.must(s.host.DeleteRule(rule))
		s.must(s.host.DropStream(rule))
	}
	// The plugin's words reach the log a moment after its answers reach eKuiper.
	s.wait("the log says where the rows of a deleted rule wait", func() bool {
		return s.logged(`50 rows .* still to be written; writing goes on, from `+folder) == 1
	})
	s.must(s.host.DeletePlugin("mysql"))
	s.noPlugin()
	left := added(before, s.files())
	for _, name := range left {
		switch {
		case name == "data/mysql", strings.HasPrefix(name, "data/mysql/journal"), strings.HasPrefix(name, "data/mysql/deadletters"):
		case strings.HasPrefix(name, "data/mysql/control"): // a socket without anybody behind it
		case name == "/tmp/plugin_mysql.ipc": // eKuiper listens there until it ends
		default:
			t.Errorf("%s is left", name)
		}
	}
	t.Log("left behind:", left)
	if len(left) == 0 {
		t.Error("nothing is left, and rows were waiting")
	}

	// What is left is enough.
	s.must(s.server.Restart())
	if out := s.command("deadletters", "count"); !strings.Contains(out, "3") {
		t.Errorf("dead letters: %s", out)
	}
	action := filepath.Join(t.TempDir(), "action.json")
	s.must(os.WriteFile(action, []byte(`{"mysql":{"url":"`+s.server.DSN("plant")+`","table":"others"}}`), 0o600))
	s.command("journal", "drain", "others", "--props", action)
	s.equal("SELECT COUNT(*) FROM others", 60)
	s.equal("SELECT COUNT(DISTINCT id) FROM others", 60)
}

// TestUninstallUnderRules: the plugin is deleted while its rules run, which
// eKuiper allows. It ends all the same, keeps its rows, and goes on with them
// where it is installed again.
func TestUninstallUnderRules(t *testing.T) {
	t.Parallel()
	s := newSite(t, "CREATE TABLE posts"+readingsTable)
	before := s.files()
	s.must(s.host.InstallPlugin("mysql", zip))
	s.posted("posts")
	s.rule("posts", "SELECT * FROM posts", map[string]any{"table": "posts", "delivery": "exactlyOnce"})
	s.post("posts", readings(1, 10)...)
	s.settled("posts", 10)
	s.must(s.server.Kill())
	s.post("posts", readings(11, 60)...)
	s.received("posts", 60)
	s.must(s.host.DeletePlugin("mysql"))
	s.noPlugin()
	left := added(before, s.files())
	t.Log("left behind:", left)
	for _, name := range left {
		switch {
		case strings.HasPrefix(name, "data/mysql"), strings.HasPrefix(name, "/tmp/") && strings.HasSuffix(name, ".ipc"):
		default:
			t.Errorf("%s is left", name)
		}
	}
	s.must(s.server.Restart())
	s.must(s.host.InstallPlugin("mysql", zip))
	s.settled("posts", 60)
	s.equal("SELECT COUNT(*) FROM posts", 60)
	s.equal("SELECT COUNT(DISTINCT id) FROM posts", 60)
}

// noPlugin waits until no process of the plugin is left.
func (s *site) noPlugin() {
	s.Helper()
	s.must(ekuiper.Wait(limit, func() (bool, error) { return len(s.host.PluginPids("mysql")) == 0, nil }))
}
