// Package deploy holds the container recipes of deploy/ to what they say. What
// they refer to exists, images are pinned, secrets are files, ports are this
// machine's. On Linux the Dockerfile is performed line by line in folders, and
// what comes out is run as Compose and Kubernetes would run it: read-only,
// with its volumes, without root, with the real eKuiper and a real MariaDB.
package deploy

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// root is the top of the repository, from here.
const root = "../.."

// instruction is one of a Dockerfile, such as RUN, with what follows it.
type instruction struct {
	name string // in capitals
	text string // continued lines joined, comments left out
	line int    // from 1
}

// parseDockerfile reads the instructions of a file in order.
func parseDockerfile(text string) []instruction {
	var all []instruction
	var now *instruction
	for i, line := range strings.Split(text, "\n") {
		trimmed := strings.TrimSpace(line)
		if trimmed == "" || strings.HasPrefix(trimmed, "#") {
			continue
		}
		if now == nil {
			name, rest, _ := strings.Cut(trimmed, " ")
			all = append(all, instruction{name: strings.ToUpper(name), line: i + 1})
			now, trimmed = &all[len(all)-1], strings.TrimSpace(rest)
		}
		part, more := strings.CutSuffix(trimmed, `\`)
		now.text += part
		if more {
			now.text += " "
		} else {
			now = nil
		}
	}
	return all
}

// readDockerfile is deploy/Dockerfile.
func readDockerfile(t *testing.T) []instruction {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "deploy", "Dockerfile"))
	if err != nil {
		t.Fatal(err)
	}
	return parseDockerfile(string(text))
}

// image is a pinned name: a tag that is a version, and no registry's host.
var image = regexp.MustCompile(`^[a-z0-9][a-z0-9-]*(/[a-z0-9][a-z0-9-]*)?:v?[0-9][0-9A-Za-z.-]*$`)

// faultsOfDockerfile are what must not be in an image's recipe.
func faultsOfDockerfile(file []instruction) []string {
	var faults []string
	fault := func(i instruction, format string, a ...any) {
		faults = append(faults, fmt.Sprintf("line %d: %s: ", i.line, i.name)+fmt.Sprintf(format, a...))
	}
	variables := map[string]string{} // of ARGs before the first FROM
	stages := map[string]bool{}
	last := map[string]instruction{} // of the last stage
	begun := false
	for _, i := range file {
		words := strings.Fields(i.text)
		switch i.name {
		case "ARG":
			name, value, _ := strings.Cut(i.text, "=")
			if !begun {
				variables[name] = value
			}
			if secretName(name) {
				fault(i, "%s stays readable in the image's history", name)
			}
		case "ENV":
			for _, word := range words {
				if name, _, _ := strings.Cut(word, "="); secretName(name) {
					fault(i, "%s stays readable in the image", name)
				}
			}
		case "FROM":
			if name := expand(words[0], variables); !image.MatchString(name) && !stages[name] {
				fault(i, "%s is no image with a pinned version", name)
			}
			last, begun = map[string]instruction{}, true
			if len(words) == 3 && strings.EqualFold(words[1], "AS") {
				stages[words[2]] = true
			}
		case "COPY":
			for _, word := range words {
				if from, found := strings.CutPrefix(word, "--from="); found && !stages[from] {
					fault(i, "no stage %s before it", from)
				}
			}
		case "ADD":
			fault(i, "COPY does not fetch and unpack by itself")
		case "RUN":
			if regexp.MustCompile(`(curl|wget)[^|]*\|\s*(ba|z)?sh\b`).MatchString(i.text) {
				fault(i, "what a server sends is run unseen")
			}
			if strings.Contains(i.text, "sudo") || strings.Contains(i.text, "chmod 777") {
				fault(i, "sudo and chmod 777 have no place here")
			}
		case "WORKDIR":
			if !strings.HasPrefix(i.text, "/") {
				fault(i, "%s is not absolute", i.text)
			}
		case "CMD", "ENTRYPOINT":
			if !strings.HasPrefix(i.text, "[") {
				fault(i, "a shell would take the signals: use the form [\"...\"]")
			}
		}
		last[i.name] = i
		if i.name == "ARG" {
			name, value, _ := strings.Cut(i.text, "=")
			last["ARG "+name] = instruction{text: value}
		}
	}
	user := expand(last["USER"].text, argumentsOf(last))
	if !regexp.MustCompile(`^[1-9][0-9]*:[1-9][0-9]*$`).MatchString(user) {
		faults = append(faults, fmt.Sprintf("USER %q: a number other than 0, for user and group, which Kubernetes can check", user))
	}
	for _, name := range []string{"HEALTHCHECK", "CMD", "VOLUME"} {
		if last[name].text == "" {
			faults = append(faults, "no "+name)
		}
	}
	return faults
}

func argumentsOf(stage map[string]instruction) map[string]string {
	arguments := map[string]string{}
	for name, i := range stage {
		if name, found := strings.CutPrefix(name, "ARG "); found {
			arguments[name] = i.text
		}
	}
	return arguments
}

func secretName(name string) bool {
	name = strings.ToUpper(name)
	return slices.ContainsFunc([]string{"PASSWORD", "SECRET", "TOKEN", "CREDENTIAL"}, func(word string) bool {
		return strings.Contains(name, word) && !strings.HasSuffix(name, "_FILE")
	})
}

// expand puts values in place of ${NAME} and $NAME; unknown ones are nothing.
func expand(text string, variables map[string]string) string {
	return os.Expand(text, func(name string) string { return variables[name] })
}

func TestDockerfile(t *testing.T) {
	for _, fault := range faultsOfDockerfile(readDockerfile(t)) {
		t.Error(fault)
	}
}

// TestFaultyDockerfiles keeps the test above from passing for nothing.
func TestFaultyDockerfiles(t *testing.T) {
	const right = "ARG E=a/b:1.2\nFROM ${E} AS e\nFROM alpine:3.20\nARG ID=7\nCOPY --from=e \\\n # why\n /x /x\nVOLUME [\"/x\"]\nUSER ${ID}:${ID}\nHEALTHCHECK CMD true\nCMD [\"/x\"]\n"
	if faults := faultsOfDockerfile(parseDockerfile(right)); len(faults) > 0 {
		t.Errorf("what is right is refused: %q", faults)
	}
	for _, change := range [][2]string{
		{"a/b:1.2", "a/b:latest"},
		{"a/b:1.2", "a/b"},
		{"a/b:1.2", "registry.example.org/a/b:1.2"},
		{"--from=e", "--from=f"},
		{"ID=7", "ID=0"},
		{"USER ${ID}:${ID}", "USER kuiper"},
		{"USER ${ID}:${ID}\n", ""},
		{`CMD ["/x"]`, "CMD /x"},
		{"HEALTHCHECK CMD true", ""},
		{"VOLUME", "RUN wget -O - x | sh\nVOLUME"},
		{"VOLUME", "ENV DB_PASSWORD=x\nVOLUME"},
		{"VOLUME", "ADD http://x /\nVOLUME"},
		{"VOLUME", "WORKDIR x\nVOLUME"},
	} {
		wrong := strings.Replace(right, change[0], change[1], 1)
		if faults := faultsOfDockerfile(parseDockerfile(wrong)); len(faults) != 1 {
			t.Errorf("%q in place of %q: %q, want one fault", change[1], change[0], faults)
		}
	}
}
