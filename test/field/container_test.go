package field

import (
	"os"
	"path/filepath"
	"testing"

	"ekuiper-mysql/test/ekuiper"
)

// die kills all that a container holds, eKuiper and the plugin, and returns
// what of it lies on the volume: a folder that volume names below eKuiper's.
func (s *site) die(volume string) (kept string) {
	s.Helper()
	s.must(s.host.Kill())
	s.noPlugin()
	kept = filepath.Join(s.host.Base, "kept")
	s.must(os.Rename(filepath.Join(s.host.Base, filepath.FromSlash(volume)), kept))
	return kept
}

// anew starts a host in a fresh folder, with what was kept mounted as volume,
// and installs the plugin in it.
func (s *site) anew(volume, kept string) {
	s.Helper()
	root, err := ekuiper.Root()
	s.must(err)
	base, err := os.MkdirTemp(filepath.Join(root, "build", "run"), "anew-")
	s.must(err)
	s.Cleanup(func() { _ = os.RemoveAll(base) })
	if volume != "" {
		to := filepath.Join(base, filepath.FromSlash(volume))
		s.must(os.MkdirAll(filepath.Dir(to), 0o755))
		s.must(os.Rename(kept, to))
	}
	old := s.host
	s.start(ekuiper.Options{Base: base})
	s.must(os.RemoveAll(old.Base))
	s.must(s.host.InstallPlugin("mysql", zip))
}

// TestContainerMadeAnew: all is killed while rows wait, and a fresh eKuiper gets
// what was on the volume. With eKuiper's whole data folder the rule is still
// known; with the plugin's alone it is made again, as an entry point or a
// person does, under its id. Either way the rows that waited come.
func TestContainerMadeAnew(t *testing.T) {
	for volume, remembers := range map[string]bool{"data": true, "data/mysql": false} {
		t.Run(filepath.Base(volume), func(t *testing.T) {
			t.Parallel()
			s := waiting(t)
			s.anew(volume, s.die(volume))
			if remembers {
				s.wake("posts")
			} else {
				s.posted("posts")
				s.rule("posts", "SELECT * FROM posts", safely("posts"))
			}
			s.post("posts", readings(61, 100)...)
			s.received("posts", 100)
			s.must(s.server.Restart())
			s.settled("posts", 100)
			s.equal("SELECT COUNT(*) FROM posts", 100)
			s.equal("SELECT COUNT(DISTINCT id) FROM posts", 100)
		})
	}
}

// TestContainerWithoutVolume: what waited is gone, as the documents say, and
// nothing else.
func TestContainerWithoutVolume(t *testing.T) {
	t.Parallel()
	s := waiting(t)
	s.die("data")
	s.anew("", "")
	s.posted("posts")
	s.rule("posts", "SELECT * FROM posts", map[string]any{"table": "posts"})
	s.must(s.server.Restart())
	s.post("posts", readings(61, 100)...)
	s.settled("posts", 40)
	s.equal("SELECT COUNT(*) FROM posts", 50) // 10 before, 40 now
	s.equal("SELECT COUNT(*) FROM posts WHERE id BETWEEN 11 AND 60", 0)
}

// waiting is a site where 10 rows are stored and 50 wait for a server that is down.
func waiting(t *testing.T) *site {
	t.Helper()
	s := installed(t, "CREATE TABLE posts"+readingsTable)
	s.posted("posts")
	s.rule("posts", "SELECT * FROM posts", safely("posts"))
	s.post("posts", readings(1, 10)...)
	s.settled("posts", 10)
	s.must(s.server.Kill())
	s.post("posts", readings(11, 60)...)
	if a := s.received("posts", 60); a.Pending != 50 {
		t.Fatalf("what waits: %+v", a)
	}
	return s
}

// wake starts a rule that eKuiper knows and could not start, since at its own
// start the plugin was not there yet.
func (s *site) wake(rule string) {
	s.Helper()
	s.wait("the rule runs", func() bool {
		status, err := s.host.RuleStatus(rule)
		s.must(err)
		if status.State() == "running" {
			return true
		}
		if err := s.host.StartRule(rule); err != nil {
			s.Logf("start rule %s, which is %s: %v", rule, status.State(), err)
		}
		return false
	})
}

// TestFolderInMemory: a data folder that a container loses is warned of, once.
func TestFolderInMemory(t *testing.T) {
	t.Parallel()
	memory := "/dev/shm"
	if _, err := os.Stat(memory); err != nil {
		t.Logf("no %s here: mysql/internal/storage tests what is found out, mysql/internal/sink what is told", memory)
		return
	}
	folder, err := os.MkdirTemp(memory, "field")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(folder) })
	s := prepare(t, "CREATE TABLE posts"+readingsTable, "CREATE TABLE others"+readingsTable)
	s.env = append(s.env, "EKUIPER_MYSQL_DATA="+filepath.Join(folder, "mysql"))
	s.start(ekuiper.Options{})
	s.must(s.host.InstallPlugin("mysql", zip))
	for _, rule := range []string{"posts", "others"} {
		s.posted(rule)
		s.rule(rule, "SELECT * FROM "+rule, map[string]any{"table": rule})
		s.running(rule)
	}
	s.wait("the warning", func() bool { return s.logged(`level=WARN.*in memory \(tmpfs\).*mount a volume there`) > 0 })
	s.post("others", readings(1, 10)...)
	s.wait("the rows", func() bool { return s.count("SELECT COUNT(*) FROM others") == 10 })
	if n := s.logged(`in memory \(tmpfs\)`); n != 1 {
		t.Errorf("warned %d times, want once", n)
	}
}
