package deploy

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	plugin "ekuiper-mysql"
)

// manifest is what is read of a document of ekuiper.yaml.
type manifest struct {
	Kind     string `yaml:"kind"`
	Metadata struct {
		Name string `yaml:"name"`
	} `yaml:"metadata"`
	Data map[string]string `yaml:"data"`
	Spec struct {
		Template struct {
			Spec podSpec `yaml:"spec"`
		} `yaml:"template"`
		VolumeClaimTemplates []manifest `yaml:"volumeClaimTemplates"`
	} `yaml:"spec"`
}

type podSpec struct {
	Automount       *bool `yaml:"automountServiceAccountToken"`
	SecurityContext struct {
		RunAsNonRoot bool `yaml:"runAsNonRoot"`
		RunAsUser    int  `yaml:"runAsUser"`
		RunAsGroup   int  `yaml:"runAsGroup"`
		// Always lets the group write to all files at each start of a pod.
		ChangePolicy string `yaml:"fsGroupChangePolicy"`
	} `yaml:"securityContext"`
	InitContainers []podContainer `yaml:"initContainers"`
	Containers     []podContainer `yaml:"containers"`
	Volumes        []struct {
		Name      string `yaml:"name"`
		ConfigMap struct {
			Name string `yaml:"name"`
		} `yaml:"configMap"`
	} `yaml:"volumes"`
}

type podContainer struct {
	Image           string   `yaml:"image"`
	WorkingDir      string   `yaml:"workingDir"`
	Command         []string `yaml:"command"`
	Args            []string `yaml:"args"`
	SecurityContext struct {
		AllowPrivilegeEscalation *bool `yaml:"allowPrivilegeEscalation"`
		ReadOnlyRootFilesystem   bool  `yaml:"readOnlyRootFilesystem"`
	} `yaml:"securityContext"`
	Env []struct {
		Name  string `yaml:"name"`
		Value string `yaml:"value"`
	} `yaml:"env"`
	Ports []struct {
		Name string `yaml:"name"`
		Port int    `yaml:"containerPort"`
	} `yaml:"ports"`
	VolumeMounts []struct {
		Name      string `yaml:"name"`
		MountPath string `yaml:"mountPath"`
		SubPath   string `yaml:"subPath"`
		ReadOnly  bool   `yaml:"readOnly"`
	} `yaml:"volumeMounts"`
	LivenessProbe struct {
		Exec struct {
			Command []string `yaml:"command"`
		} `yaml:"exec"`
	} `yaml:"livenessProbe"`
}

// readManifests are the documents of deploy/kubernetes/ekuiper.yaml by their kind.
func readManifests(t *testing.T) map[string]manifest { return readDocuments(t, "ekuiper.yaml", true) }

// readDocuments are those of a file of deploy/kubernetes.
func readDocuments(t *testing.T, name string, kinds bool) map[string]manifest {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "deploy", "kubernetes", name))
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]manifest{}
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	for {
		var m manifest
		if err := decoder.Decode(&m); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		if _, found := all[m.Kind]; found || kinds != (m.Kind != "") {
			t.Fatalf("two documents of kind %q", m.Kind)
		}
		all[m.Kind] = m
	}
}

func TestManifests(t *testing.T) {
	all := readManifests(t)
	pod := all["StatefulSet"].Spec.Template.Spec
	if pod.Automount == nil || *pod.Automount {
		t.Error("/run/secrets is the plugin's: the token of a service account must not be put below it")
	}
	if s := pod.SecurityContext; !s.RunAsNonRoot || s.RunAsUser == 0 || s.RunAsGroup == 0 {
		t.Errorf("the pod runs as root: %+v", s)
	}
	volumes := map[string]bool{}
	for _, v := range pod.Volumes {
		volumes[v.Name] = true
		if v.ConfigMap.Name != "" && v.ConfigMap.Name != all["ConfigMap"].Metadata.Name {
			t.Errorf("volume %s: no config map %s", v.Name, v.ConfigMap.Name)
		}
	}
	kept := ""
	for _, claim := range all["StatefulSet"].Spec.VolumeClaimTemplates {
		volumes[claim.Metadata.Name] = true
		kept = claim.Metadata.Name
	}
	for _, c := range append(pod.InitContainers, pod.Containers...) {
		if !image.MatchString(c.Image) {
			t.Errorf("image %s is not pinned to a version, or names a registry", c.Image)
		}
		if s := c.SecurityContext; !s.ReadOnlyRootFilesystem || s.AllowPrivilegeEscalation == nil || *s.AllowPrivilegeEscalation {
			t.Errorf("%s: %+v", c.Image, s)
		}
		for _, m := range c.VolumeMounts {
			if !volumes[m.Name] {
				t.Errorf("volume %s is not declared", m.Name)
			}
			if config, found := all["ConfigMap"].Data[m.SubPath]; m.Name == "rules" && (!found || config == "") {
				t.Errorf("the config map has no %s", m.SubPath)
			}
			if (m.MountPath == "/kuiper/data") != (m.Name == kept) {
				t.Errorf("the claim %s is not what is mounted at %s", kept, m.MountPath)
			}
		}
		for _, e := range c.Env {
			if secretName(e.Name) {
				t.Errorf("%s holds a secret in plain text", e.Name)
			}
		}
	}
}

// TestFilesKeepTheirModes: where the group may write to mysql.yaml the plugin
// passes it over, and eKuiper's chart asks for just that at each start of a pod.
func TestFilesKeepTheirModes(t *testing.T) {
	for name, pod := range map[string]podSpec{
		"ekuiper.yaml":    readManifests(t)["StatefulSet"].Spec.Template.Spec,
		"helm-patch.yaml": readDocuments(t, "helm-patch.yaml", false)[""].Spec.Template.Spec,
	} {
		if pod.SecurityContext.ChangePolicy != "OnRootMismatch" {
			t.Errorf("%s: fsGroupChangePolicy is %q", name, pod.SecurityContext.ChangePolicy)
		}
	}
}

// TestRulesOfRecipes: what eKuiper reads at its start is right JSON, twice over,
// and holds no password.
func TestRulesOfRecipes(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(composeFolder, "init.json"))
	if err != nil {
		t.Fatal(err)
	}
	for where, text := range map[string]string{"init.json": string(text), "ekuiper.yaml": readManifests(t)["ConfigMap"].Data["init.json"]} {
		var set struct {
			Streams map[string]string `json:"streams"`
			Rules   map[string]string `json:"rules"`
		}
		if err := json.Unmarshal([]byte(text), &set); err != nil || len(set.Streams) == 0 || len(set.Rules) == 0 {
			t.Fatalf("%s: %v, %d streams, %d rules", where, err, len(set.Streams), len(set.Rules))
		}
		for id, text := range set.Rules {
			var rule struct {
				ID      string                      `json:"id"`
				Actions []map[string]map[string]any `json:"actions"`
			}
			if err := json.Unmarshal([]byte(text), &rule); err != nil || rule.ID != id || len(rule.Actions) != 1 {
				t.Fatalf("%s: rule %s: %v, id %q, %d actions", where, id, err, rule.ID, len(rule.Actions))
			}
			action := rule.Actions[0]["mysql"]
			if file, _ := action["passwordFile"].(string); file == "" || action["password"] != nil || strings.Contains(fmt.Sprint(action["url"]), "@") {
				t.Errorf("%s: rule %s: the password is to come from a file: %v", where, id, action)
			}
		}
	}
}

// TestRecipesHaveTheVersion of the plugin that this is.
func TestRecipesHaveTheVersion(t *testing.T) {
	descriptor, err := plugin.ReadDescriptor()
	if err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]string{
		"Dockerfile":              "ARG PLUGIN_VERSION=" + descriptor.Version + "\n",
		"compose/compose.yaml":    "image: ekuiper-mysql:" + descriptor.Version + "\n",
		"kubernetes/ekuiper.yaml": "mysql_" + descriptor.Version + "_linux_",
	} {
		text, err := os.ReadFile(filepath.Join(root, "deploy", filepath.FromSlash(file)))
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(text), want) {
			t.Errorf("deploy/%s lacks %q", file, want)
		}
	}
}
