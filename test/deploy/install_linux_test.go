package deploy

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"ekuiper-mysql/test/markdown"
)

// block is a script of docs/install.md that is marked to be run, for this
// machine's architecture.
func block(t *testing.T, name string) string {
	t.Helper()
	page, err := os.ReadFile(filepath.Join(root, "docs", "install.md"))
	must(t, err)
	_, text, found := strings.Cut(string(page), "<!-- run: "+name+" -->")
	blocks := markdown.Parse(text).Blocks
	if !found || len(blocks) == 0 || blocks[0].Language != "sh" {
		t.Fatalf("docs/install.md has no script %s", name)
	}
	return strings.ReplaceAll(blocks[0].Text, "linux_amd64", "linux_"+runtime.GOARCH)
}

// TestInstallPage runs what docs/install.md tells to type, in eKuiper's folder
// as its image has it.
func TestInstallPage(t *testing.T) {
	b := newBuilder(t)
	box := func(name string) *container {
		c := &container{root: filepath.Join(b.work, name), folder: "/kuiper", env: []string{"KUIPER__BASIC__CONSOLELOG=true", "KUIPER__BASIC__FILELOG=false"}}
		b.run(exec.Command("cp", "-a", b.images["lfedge/ekuiper:2.4.0"], c.root))
		b.run(exec.Command("sh", "-c", `cp "$0"/* "$1"`, b.context, filepath.Join(c.root, "kuiper")))
		for _, tool := range []string{"curl"} {
			program, err := exec.LookPath(tool)
			b.must(err)
			b.libraries(c.root, program)
			b.must(os.MkdirAll(filepath.Join(c.root, "usr/local/bin"), 0o755))
			b.run(exec.Command("cp", "-L", program, filepath.Join(c.root, "usr/local/bin", tool)))
		}
		return c
	}
	type probe struct {
		*container
		*running
	}
	start := func(c *container) probe {
		p := probe{c, c.start(t, "./bin/kuiperd")}
		p.wait(t, "eKuiper answers", func() bool { return c.command("wget", "-q", "-O", "-", "http://127.0.0.1:9081/ping").Run() == nil })
		return p
	}
	const running = `"status":"running"`

	online := box("online")
	if out := b.run(online.command("/bin/sh", "-ec", block(t, "checksum"))); !strings.Contains(out, ".zip: OK") {
		t.Errorf("the checksum's script says %q", out)
	}
	p := start(online)
	if out := b.run(online.command("/bin/sh", "-ec", block(t, "rest"))); !strings.Contains(out, running) {
		t.Errorf("after the installation by REST the status is %q", out)
	}
	p.kill()

	offline := box("offline")
	b.run(offline.command("/bin/sh", "-ec", block(t, "files")))
	p = start(offline)
	p.wait(t, "the plugin in the folder runs", func() bool {
		return strings.Contains(get(t, "http://127.0.0.1:9081/plugins/portables/mysql/status"), running)
	})
	// What the page says must be there is there.
	page, err := os.ReadFile(filepath.Join(root, "docs", "install.md"))
	b.must(err)
	found := 0
	for line := range strings.Lines(string(page)) {
		if name, _, _ := strings.Cut(line, " "); strings.HasPrefix(name, "/kuiper/") {
			found++
			if !isFile(filepath.Join(offline.root, name)) {
				t.Errorf("docs/install.md has %s, which is not there", name)
			}
		}
	}
	if found < 5 {
		t.Errorf("docs/install.md has a tree of %d files", found)
	}
}
