package bill

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
)

// root is the top of the repository, from here.
const root = "../.."

// built is the plugin's executable for a system.
func built(t *testing.T, system, arch string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "mysql")
	command := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-o", path, "./mysql")
	command.Dir = root
	command.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS="+system, "GOARCH="+arch)
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return path
}

// TestBillOfThePlugin: what is told of the plugin is what Go says of it.
func TestBillOfThePlugin(t *testing.T) {
	path := built(t, "windows", "amd64")
	b, err := Read(path, root, "1.2.3")
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("go", "version", "-m", path).Output()
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for line := range strings.Lines(string(out)) {
		if fields := strings.Fields(line); len(fields) > 1 && fields[0] == "dep" {
			want = append(want, fields[1])
		}
	}
	want = append(want, "std")
	slices.Sort(want)
	var got []string
	licences := map[string]string{}
	for _, p := range b.Parts {
		got = append(got, p.Path)
		licences[p.Path] = p.Licence
		if len(p.Texts) == 0 || p.Texts[0].Content == "" {
			t.Errorf("%s: no text of its licence", p.Path)
		}
		if !p.Local && p.Path != "std" && !regexp.MustCompile(`^[0-9a-f]{64}$`).MatchString(p.Sum) {
			t.Errorf("%s: sum %q", p.Path, p.Sum)
		}
	}
	if !slices.Equal(got, want) || len(got) < 5 {
		t.Errorf("parts %v, go version -m says %v", got, want)
	}
	for path, want := range map[string]string{
		"std": "BSD-3-Clause", "github.com/Microsoft/go-winio": "MIT", "github.com/go-sql-driver/mysql": "MPL-2.0",
		"github.com/lf-edge/ekuiper/sdk/go": "Apache-2.0", "github.com/google/go-cmp": "", // which only tests use
	} {
		if licences[path] != want {
			t.Errorf("the licence of %s is %q, want %q", path, licences[path], want)
		}
	}
	text := string(b.Text())
	for _, p := range b.Parts {
		if p.Local {
			continue
		}
		for _, l := range p.Texts {
			if !strings.Contains(text, strings.Trim(l.Content, "\n")) {
				t.Errorf("the text lacks %s of %s", l.Name, p.Path)
			}
		}
	}
	if !strings.Contains(text, "https://github.com/go-sql-driver/mysql/tree/v") {
		t.Error("the text does not say where the source of what is under the MPL is to be had")
	}
	document, err := b.CycloneDX()
	if err != nil {
		t.Fatal(err)
	}
	again, err := b.CycloneDX()
	if err != nil || string(document) != string(again) {
		t.Error("two documents of one bill differ")
	}
	checkCycloneDX(t, document)
}

// checkCycloneDX holds a document to what CycloneDX 1.6 asks of the parts that
// are used: required fields, allowed words, unique references that resolve.
func checkCycloneDX(t *testing.T, document []byte) {
	t.Helper()
	var d map[string]any
	if err := json.Unmarshal(document, &d); err != nil {
		t.Fatal(err)
	}
	matches := func(what string, value any, pattern string) {
		t.Helper()
		text, _ := value.(string)
		if !regexp.MustCompile("^(?:" + pattern + ")$").MatchString(text) {
			t.Errorf("%s is %v, want %s", what, value, pattern)
		}
	}
	only := func(what string, object map[string]any, names string) {
		t.Helper()
		for name := range object {
			if !slices.Contains(strings.Fields(names), name) {
				t.Errorf("%s has a field %q that is not known", what, name)
			}
		}
	}
	only("the document", d, "$schema bomFormat specVersion serialNumber version metadata components dependencies compositions")
	matches("bomFormat", d["bomFormat"], "CycloneDX")
	matches("specVersion", d["specVersion"], `1\.6`)
	matches("serialNumber", d["serialNumber"], `urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)
	if d["version"] != 1.0 {
		t.Errorf("version %v", d["version"])
	}
	refs := map[string]bool{}
	component := func(value any) {
		t.Helper()
		c := value.(map[string]any)
		name, _ := c["name"].(string)
		only(name, c, "type bom-ref name version description scope hashes licenses purl externalReferences properties")
		matches(name+": type", c["type"], "application|library")
		matches(name+": name", c["name"], ".+")
		matches(name+": version", c["version"], "[^ ]+")
		matches(name+": bom-ref", c["bom-ref"], ".+")
		if c["scope"] != nil {
			matches(name+": scope", c["scope"], "required")
		}
		if c["purl"] != nil {
			matches(name+": purl", c["purl"], `pkg:golang/[a-z0-9./_-]+@v?[0-9][0-9A-Za-z.+-]*`)
		}
		ref, _ := c["bom-ref"].(string)
		if refs[ref] {
			t.Errorf("%s is there twice", ref)
		}
		refs[ref] = true
		hashes, _ := c["hashes"].([]any)
		for _, h := range hashes {
			matches(name+": alg", h.(map[string]any)["alg"], "SHA-256")
			matches(name+": content", h.(map[string]any)["content"], "[0-9a-f]{64}")
		}
		licences, _ := c["licenses"].([]any)
		if len(licences) != 1 {
			t.Errorf("%s: licences %v, want one", name, licences)
			return
		}
		l := licences[0].(map[string]any)
		if expression, ok := l["expression"]; ok {
			matches(name+": expression", expression, `[A-Za-z0-9.-]+( AND [A-Za-z0-9.-]+)+`)
		} else {
			matches(name+": id", l["license"].(map[string]any)["id"], "MIT|BSD-3-Clause|Apache-2.0|MPL-2.0")
		}
		references, _ := c["externalReferences"].([]any)
		for _, r := range references {
			matches(name+": reference", r.(map[string]any)["type"], "website")
			matches(name+": reference", r.(map[string]any)["url"], "https://.+")
		}
	}
	metadata := d["metadata"].(map[string]any)
	only("metadata", metadata, "lifecycles component")
	component(metadata["component"])
	for _, c := range d["components"].([]any) {
		component(c)
	}
	for _, dependency := range d["dependencies"].([]any) {
		d := dependency.(map[string]any)
		for _, ref := range append(d["dependsOn"].([]any), d["ref"]) {
			if !refs[ref.(string)] {
				t.Errorf("a dependency on %v, which is not there", ref)
			}
		}
		if n := len(d["dependsOn"].([]any)); n != len(refs)-1 {
			t.Errorf("%d dependencies of %d parts", n, len(refs)-1)
		}
	}
}

func TestWhatHasNoKnownLicenceIsAnError(t *testing.T) {
	for name, c := range map[string]struct {
		files map[string]string
		want  string
	}{
		"none":         {map[string]string{"README.md": "free for all"}, "no licence of example.org/x was found"},
		"another":      {map[string]string{"LICENSE": "You may do as you please.\n"}, "is none of the known ones"},
		"only notices": {map[string]string{"NOTICE": "Copyright 2026 Somebody\n"}, "no licence of example.org/x was found"},
	} {
		dir := t.TempDir()
		for file, content := range c.files {
			if err := os.WriteFile(filepath.Join(dir, file), []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := (source{Part: Part{Path: "example.org/x"}, dir: dir}).texts(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

// TestGoWithoutItsLicence: Go as distributions pack it gives the same bill.
func TestGoWithoutItsLicence(t *testing.T) {
	out, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	want, err := source{Part: Part{Path: "std"}, dir: strings.TrimSpace(string(out))}.texts()
	if err != nil {
		t.Fatal(err)
	}
	packed := t.TempDir()
	if err := os.WriteFile(filepath.Join(packed, "VERSION"), []byte("go1.26.0\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := source{Part: Part{Path: "std"}, dir: packed}.texts()
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("without: %+v, %v; with: %+v", got, err, want)
	}
}

func TestSumsAreThoseOfGo(t *testing.T) {
	got, err := sha256Of("h1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")
	if err != nil || got != strings.Repeat("0", 64) {
		t.Errorf("%q, %v", got, err)
	}
	for _, wrong := range []string{"", "h1:", "h1:AAAA", "h2:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", "h1:!"} {
		if _, err := sha256Of(wrong); err == nil {
			t.Errorf("%q is taken", wrong)
		}
	}
	if _, err := locate(root, []*debug.Module{{Path: "example.org/x", Replace: &debug.Module{Path: "/elsewhere"}}}); err == nil {
		t.Error("a module that lies elsewhere on the disk is taken")
	}
}

func TestHomepage(t *testing.T) {
	for path, want := range map[string]string{
		"github.com/go-sql-driver/mysql": "https://github.com/go-sql-driver/mysql/tree/v1.0.0",
		"github.com/a/b/v2":              "https://github.com/a/b/tree/v1.0.0",
		"github.com/a/b/c":               "https://pkg.go.dev/github.com/a/b/c@v1.0.0",
		"golang.org/x/sys":               "https://pkg.go.dev/golang.org/x/sys@v1.0.0",
	} {
		if got := homepage(path, "v1.0.0"); got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
}
