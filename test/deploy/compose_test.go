package deploy

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
)

// composition is what compose.yaml may hold: a key that is not here is an error.
type composition struct {
	Name     string              `yaml:"name"`
	Services map[string]*service `yaml:"services"`
	Networks map[string]struct{} `yaml:"networks"`
	Volumes  map[string]struct{} `yaml:"volumes"`
	Secrets  map[string]struct {
		File string `yaml:"file"`
	} `yaml:"secrets"`
}

type service struct {
	Image           string            `yaml:"image"`
	Build           *build            `yaml:"build"`
	Init            bool              `yaml:"init"`
	ReadOnly        bool              `yaml:"read_only"`
	CapDrop         []string          `yaml:"cap_drop"`
	SecurityOpt     []string          `yaml:"security_opt"`
	Restart         string            `yaml:"restart"`
	StopGracePeriod string            `yaml:"stop_grace_period"`
	Environment     map[string]string `yaml:"environment"`
	Secrets         []string          `yaml:"secrets"`
	Ports           []string          `yaml:"ports"`
	Networks        []string          `yaml:"networks"`
	Volumes         []string          `yaml:"volumes"`
	Tmpfs           []string          `yaml:"tmpfs"`
	DependsOn       map[string]struct {
		Condition string `yaml:"condition"`
	} `yaml:"depends_on"`
	Healthcheck *struct {
		Test        []string `yaml:"test"`
		Interval    string   `yaml:"interval"`
		Timeout     string   `yaml:"timeout"`
		StartPeriod string   `yaml:"start_period"`
		Retries     int      `yaml:"retries"`
	} `yaml:"healthcheck"`
}

type build struct {
	Context    string `yaml:"context"`
	Dockerfile string `yaml:"dockerfile"`
}

// composeFolder is where compose.yaml's paths begin.
var composeFolder = filepath.Join(root, "deploy", "compose")

func readComposition(t *testing.T) *composition {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(composeFolder, "compose.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	c, err := parseComposition(text)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func parseComposition(text []byte) (*composition, error) {
	c := &composition{}
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	decoder.KnownFields(true)
	return c, decoder.Decode(c)
}

// mountOf splits a volume of a service: a name or a path, the place, and ro or nothing.
func mountOf(volume string) (from, to, mode string) {
	parts := append(strings.SplitN(volume, ":", 3), "", "")
	return parts[0], parts[1], parts[2]
}

func isPath(from string) bool { return strings.HasPrefix(from, ".") || strings.HasPrefix(from, "/") }

// faults are what must not be in a composition; there says whether a path from
// its folder exists.
func (c *composition) faults(there func(path string) bool) []string {
	var faults []string
	used := map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(c.Services)) {
		s := c.Services[name]
		fault := func(format string, a ...any) { faults = append(faults, name+": "+fmt.Sprintf(format, a...)) }
		if !image.MatchString(s.Image) {
			fault("image %s is not pinned to a version, or names a registry", s.Image)
		}
		if s.Build != nil && !there(filepath.Join(s.Build.Context, s.Build.Dockerfile)) {
			fault("no Dockerfile %s", s.Build.Dockerfile)
		}
		if (s.Healthcheck == nil) != (s.Build != nil) { // the Dockerfile has its own
			fault("a health check is needed, once")
		}
		if s.Healthcheck != nil && s.Healthcheck.Test[0] != "CMD" {
			fault("health check %q: want CMD and words", s.Healthcheck.Test)
		}
		for _, port := range s.Ports {
			if !regexp.MustCompile(`^127\.0\.0\.1:\d+:\d+$`).MatchString(port) {
				fault("port %s is not of the loopback interface", port)
			}
		}
		if len(s.Networks) == 0 {
			fault("no network of its own")
		}
		faults = append(faults, c.wrongReferences(name, s, used, there)...)
		for variable, value := range s.Environment {
			if secretName(variable) {
				fault("%s holds a secret in plain text: use its form with _FILE", variable)
			}
			if strings.HasSuffix(variable, "_FILE") {
				if secret := strings.TrimPrefix(value, "/run/secrets/"); !slices.Contains(s.Secrets, secret) {
					fault("%s: %s is no secret of it", variable, value)
				}
			}
		}
		for other, how := range s.DependsOn {
			if c.Services[other] == nil || how.Condition != "service_healthy" {
				fault("depends on %s, %q", other, how.Condition)
			}
		}
	}
	for _, declared := range [][]string{slices.Sorted(maps.Keys(c.Networks)), slices.Sorted(maps.Keys(c.Volumes)), slices.Sorted(maps.Keys(c.Secrets))} {
		for _, name := range declared {
			if !used[name] {
				faults = append(faults, name+" is declared and not used")
			}
		}
	}
	return faults
}

func (c *composition) wrongReferences(name string, s *service, used map[string]bool, there func(string) bool) []string {
	var faults []string
	fault := func(format string, a ...any) { faults = append(faults, name+": "+fmt.Sprintf(format, a...)) }
	for _, network := range s.Networks {
		if _, found := c.Networks[network]; !found {
			fault("network %s is not declared", network)
		}
		used[network] = true
	}
	for _, secret := range s.Secrets {
		if _, found := c.Secrets[secret]; !found {
			fault("secret %s is not declared", secret)
		}
		used[secret] = true
	}
	for _, volume := range s.Volumes {
		from, to, mode := mountOf(volume)
		switch {
		case !strings.HasPrefix(to, "/"):
			fault("volume %s leads nowhere", volume)
		case isPath(from) && (!there(from) || mode != "ro"):
			fault("volume %s: the file must exist, and be read only", volume)
		case !isPath(from):
			if _, found := c.Volumes[from]; !found {
				fault("volume %s is not declared", from)
			}
			used[from] = true
		}
	}
	return faults
}

func TestComposition(t *testing.T) {
	c := readComposition(t)
	there := func(path string) bool {
		info, err := os.Stat(filepath.Join(composeFolder, path))
		return err == nil && info.Mode().IsRegular()
	}
	for _, fault := range c.faults(there) {
		t.Error(fault)
	}
	script, err := os.ReadFile(filepath.Join(composeFolder, "secrets.sh"))
	if err != nil {
		t.Fatal(err)
	}
	for name, secret := range c.Secrets {
		if secret.File != "./secrets/"+name || !strings.Contains(string(script), name) {
			t.Errorf("secret %s: secrets.sh does not make %s", name, secret.File)
		}
	}
	if e := c.Services["ekuiper"]; !e.ReadOnly || !slices.Contains(e.CapDrop, "ALL") || e.Volumes[0] != "ekuiper-data:/kuiper/data" {
		t.Errorf("eKuiper is to be read-only, without capabilities, with a volume for its data: %+v", e)
	}
	for _, s := range c.Services {
		for _, port := range s.Ports {
			if strings.Contains(port, "9112") {
				t.Errorf("the metrics have no password: they must not be published, as by %s", port)
			}
		}
	}
}

// TestFaultyCompositions keeps the test above from passing for nothing.
func TestFaultyCompositions(t *testing.T) {
	const right = `
services:
  a:
    image: x/y:1.0
    environment: {A_PASSWORD_FILE: /run/secrets/s}
    secrets: [s]
    ports: ["127.0.0.1:1:1"]
    networks: [n]
    volumes: ["v:/v", "./f:/f:ro"]
    healthcheck: {test: [CMD, "true"]}
    depends_on: {a: {condition: service_healthy}}
networks: {n: {}}
volumes: {v: {}}
secrets: {s: {file: ./s}}
`
	check := func(text string) []string {
		c, err := parseComposition([]byte(text))
		if err != nil {
			return []string{err.Error()}
		}
		return c.faults(func(path string) bool { return path == "./f" })
	}
	if faults := check(right); len(faults) > 0 {
		t.Errorf("what is right is refused: %q", faults)
	}
	for _, change := range [][2]string{
		{"x/y:1.0", "x/y"},
		{"x/y:1.0", "host.example/y:1.0"},
		{"127.0.0.1:1:1", "1:1"},
		{"127.0.0.1:1:1", "0.0.0.0:1:1"},
		{"[n]", "[m, n]"},
		{"[n]", "[]"},
		{"v:/v", "w:/w\", \"v:/v"},
		{"./f:/f:ro", "./g:/g:ro"},
		{"./f:/f:ro", "./f:/f"},
		{"A_PASSWORD_FILE: /run/secrets/s", "A_PASSWORD: x"},
		{"/run/secrets/s", "/run/secrets/t"},
		{"secrets: [s]", "secrets: [s, t]"},
		{"volumes: {v: {}}", "volumes: {v: {}, w: {}}"},
		{"{a: {c", "{b: {c"},
		{"service_healthy", "service_started"},
		{"healthcheck: {test: [CMD, \"true\"]}", ""},
		{"image:", "imagine:"},
	} {
		wrong := strings.Replace(right, change[0], change[1], 1)
		if faults := check(wrong); len(faults) == 0 {
			t.Errorf("%q in place of %q: no fault found", change[1], change[0])
		}
	}
}

// TestDashboardsFit: Prometheus finds the rules that its configuration names,
// and they ask for the job that it scrapes.
func TestDashboardsFit(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(composeFolder, "prometheus.yml"))
	if err != nil {
		t.Fatal(err)
	}
	var config struct {
		Rules  []string `yaml:"rule_files"`
		Scrape []struct {
			Job string `yaml:"job_name"`
		} `yaml:"scrape_configs"`
	}
	if err := yaml.Unmarshal(text, &config); err != nil || len(config.Scrape) != 1 || len(config.Rules) == 0 {
		t.Fatalf("prometheus.yml: %v, %+v", err, config)
	}
	mounted := map[string]string{}
	for _, volume := range readComposition(t).Services["prometheus"].Volumes {
		from, to, _ := mountOf(volume)
		mounted[to] = from
	}
	for _, rules := range config.Rules {
		from := mounted["/etc/prometheus/"+rules]
		alerts, err := os.ReadFile(filepath.Join(composeFolder, from))
		if err != nil || from == "" {
			t.Fatalf("the rules %s are not mounted: %v", rules, err)
		}
		for _, job := range regexp.MustCompile(`job="([^"]*)"`).FindAllStringSubmatch(string(alerts), -1) {
			if job[1] != config.Scrape[0].Job {
				t.Errorf("%s asks for the job %s, prometheus.yml scrapes %s", from, job[1], config.Scrape[0].Job)
			}
		}
	}
}
