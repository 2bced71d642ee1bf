package deploy

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"ekuiper-mysql/test/ekuiper"
)

// stage is what a Dockerfile's instructions have made: a root folder, and how a
// container of it starts.
type stage struct {
	root      string
	variables map[string]string // ARG and ENV
	env       []string          // of ENV alone
	folder    string
	user      string
	check     string
	command   []string
}

// builder performs a Dockerfile in folders.
type builder struct {
	*testing.T
	work    string
	context string            // the folder whose files COPY takes
	images  map[string]string // an image's name to the folder that stands for it
	given   map[string]string // ARGs from outside
	stages  map[string]*stage
}

// build performs all of a Dockerfile and returns its last stage.
func (b *builder) build(file []instruction) *stage {
	b.Helper()
	before := map[string]string{} // ARGs before the first FROM
	var now *stage
	for _, i := range file {
		switch {
		case i.name == "FROM":
			now = b.from(i, before)
		case now == nil && i.name == "ARG":
			name, value, _ := strings.Cut(i.text, "=")
			before[name] = value
		case now == nil:
			b.Fatalf("line %d: %s before FROM", i.line, i.name)
		default:
			b.perform(now, i)
		}
	}
	return now
}

func (b *builder) from(i instruction, variables map[string]string) *stage {
	b.Helper()
	words := strings.Fields(i.text)
	name := expand(words[0], variables)
	base, found := b.images[name]
	if !found {
		b.Fatalf("line %d: nothing stands for the image %s", i.line, name)
	}
	s := &stage{root: filepath.Join(b.work, fmt.Sprintf("stage%d", len(b.stages))), variables: map[string]string{}, folder: "/"}
	b.run(exec.Command("cp", "-a", base, s.root))
	key := fmt.Sprint(len(b.stages))
	if len(words) == 3 {
		key = words[2]
	}
	b.stages[key] = s
	return s
}

func (b *builder) perform(s *stage, i instruction) {
	b.Helper()
	switch i.name {
	case "ARG":
		name, value, _ := strings.Cut(i.text, "=")
		if given, found := b.given[name]; found {
			value = given
		}
		s.variables[name] = value
	case "ENV":
		for _, word := range strings.Fields(i.text) {
			name, value, _ := strings.Cut(word, "=")
			s.variables[name] = expand(value, s.variables)
			s.env = append(s.env, name+"="+s.variables[name])
		}
	case "WORKDIR":
		s.folder = expand(i.text, s.variables)
		b.must(os.MkdirAll(filepath.Join(s.root, s.folder), 0o755))
	case "COPY":
		b.copy(s, i)
	case "RUN":
		b.inside(s, i)
	case "USER":
		s.user = expand(i.text, s.variables)
	case "HEALTHCHECK":
		_, check, found := strings.Cut(i.text, " CMD ")
		if !found {
			b.Fatalf("line %d: no CMD in HEALTHCHECK", i.line)
		}
		s.check = check
	case "CMD":
		b.must(json.Unmarshal([]byte(i.text), &s.command))
	case "VOLUME", "EXPOSE": // for who runs it
	default:
		b.Fatalf("line %d: %s is not performed here", i.line, i.name)
	}
}

// copy takes files as COPY does: a folder stands for what is in it.
func (b *builder) copy(s *stage, i instruction) {
	b.Helper()
	from, owner := b.context, "0:0"
	var paths []string
	for _, word := range strings.Fields(i.text) {
		word = expand(word, s.variables)
		if name, found := strings.CutPrefix(word, "--from="); found {
			from = b.stages[name].root
		} else if name, found := strings.CutPrefix(word, "--chown="); found {
			owner = name
		} else {
			paths = append(paths, word)
		}
	}
	to := paths[len(paths)-1]
	if !filepath.IsAbs(to) {
		to = filepath.Join(s.folder, to)
	}
	target := filepath.Join(s.root, to)
	b.must(os.MkdirAll(target, 0o755))
	for _, path := range paths[:len(paths)-1] {
		source := filepath.Join(from, path)
		info, err := os.Stat(source)
		if err != nil {
			b.Fatalf("line %d: COPY %s: %v", i.line, path, err)
		}
		aside, err := os.MkdirTemp(b.work, "copy-")
		b.must(err)
		if info.IsDir() {
			source += "/."
		}
		b.run(exec.Command("cp", "-a", source, aside))
		if os.Getuid() == 0 && len(rootless()) == 0 {
			b.run(exec.Command("chown", "-R", owner, aside))
		}
		b.run(exec.Command("cp", "-a", aside+"/.", target))
		b.must(os.Chmod(target, 0o755)) // which is not the folder aside
	}
}

// inside runs a line of RUN in the stage's folder, with its tools alone.
func (b *builder) inside(s *stage, i instruction) {
	b.Helper()
	text := i.text
	if note := rootless(); note != "" && strings.Contains(text, "chown") {
		b.Logf("line %d: chown is left out: %s", i.line, note)
		text, _, _ = strings.Cut(text, "&& chown")
	}
	command := exec.Command("chroot", s.root, "/bin/sh", "-c", `cd "$0" && exec /bin/sh -c "$1"`, s.folder, text)
	command.Env = []string{"PATH=" + path}
	for name, value := range s.variables {
		command.Env = append(command.Env, name+"="+value)
	}
	if out, err := command.CombinedOutput(); err != nil {
		b.Fatalf("line %d: RUN %s: %v\n%s", i.line, i.text, err, out)
	}
}

const path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// rootless says why files cannot be given to another user, or nothing.
func rootless() string {
	text, _ := os.ReadFile("/proc/self/uid_map")
	if fields := strings.Fields(string(text)); len(fields) == 3 && fields[2] == "1" {
		return "without root there is one user only"
	}
	return ""
}

func (b *builder) must(err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

func (b *builder) run(command *exec.Cmd) string {
	b.Helper()
	out, err := command.CombinedOutput()
	if err != nil {
		b.Fatalf("%v: %v\n%s", command.Args, err, out)
	}
	return string(out)
}

// newBuilder lays out what stands for the two images that the recipes begin
// with: busybox, as in Alpine, with the libraries that the eKuiper of the tests
// needs; and the same with eKuiper in the folder /kuiper, as its own release
// has it.
func newBuilder(t *testing.T) *builder {
	t.Helper()
	b := &builder{
		T: t, work: t.TempDir(), stages: map[string]*stage{},
		given: map[string]string{"TARGETARCH": runtime.GOARCH, "TARGETVARIANT": ""},
	}
	busybox, err := exec.LookPath("busybox")
	if err != nil {
		t.Fatal("busybox is not installed; type: apt-get install -y --no-install-recommends busybox-static (or: make deps)")
	}
	top, err := ekuiper.Root()
	b.must(err)
	host := filepath.Join(top, "build", "kuiperd")
	if _, err := os.Stat(host); err != nil {
		t.Fatalf("no eKuiper at %s: run `make host`", host)
	}
	base := filepath.Join(b.work, "base")
	for _, dir := range []string{"bin", "dev", "proc", "tmp", "etc", "run"} {
		b.must(os.MkdirAll(filepath.Join(base, dir), 0o755))
	}
	b.must(os.Chmod(filepath.Join(base, "tmp"), 0o1777))
	b.must(os.WriteFile(filepath.Join(base, "etc", "hosts"), nil, 0o644)) // each container mounts its own
	b.run(exec.Command("cp", busybox, filepath.Join(base, "bin", "busybox")))
	b.libraries(base, busybox)
	b.libraries(base, host)
	b.run(exec.Command("chroot", base, "/bin/busybox", "--install", "-s", "/bin"))
	own := filepath.Join(b.work, "ekuiper")
	b.run(exec.Command("cp", "-a", base, own))
	list := exec.Command("go", "list", "-mod=readonly", "-m", "-f", "{{.Dir}}", "github.com/lf-edge/ekuiper/v2")
	list.Dir = filepath.Join(top, "test", "host")
	source := strings.TrimSpace(b.run(list))
	home := filepath.Join(own, "kuiper")
	for _, dir := range []string{"bin", "data", "log", "plugins/sources", "plugins/sinks", "plugins/functions", "plugins/portable", "plugins/wasm"} {
		b.must(os.MkdirAll(filepath.Join(home, filepath.FromSlash(dir)), 0o755))
	}
	b.run(exec.Command("cp", "-r", "--no-preserve=mode", filepath.Join(source, "etc"), home))
	b.run(exec.Command("cp", host, filepath.Join(home, "bin", "kuiperd")))
	if rootless() == "" {
		b.run(exec.Command("chown", "-R", "1001:1001", home))
	}
	b.images = map[string]string{"alpine:3.20.0": base, "lfedge/ekuiper:2.4.0": own}

	b.context = filepath.Join(b.work, "dist")
	b.run(exec.Command(filepath.Join(top, "package.sh"), "-o", b.context))
	sums := exec.Command("sh", "-c", "sha256sum *.zip > SHA256SUMS") // as make package-all does
	sums.Dir = b.context
	b.run(sums)
	return b
}

// libraries copies what a program is linked with into a root folder.
func (b *builder) libraries(into, program string) {
	b.Helper()
	out, err := exec.Command("ldd", program).Output()
	if err != nil {
		return // a static one
	}
	for _, word := range strings.Fields(string(out)) {
		if !filepath.IsAbs(word) {
			continue
		}
		target := filepath.Join(into, word)
		b.must(os.MkdirAll(filepath.Dir(target), 0o755))
		b.run(exec.Command("cp", "-L", word, target))
	}
}
