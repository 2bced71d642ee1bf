package deploy

import (
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
)

// TestPod does what Kubernetes does of ekuiper.yaml: the init container fetches
// the zip, then eKuiper's own image runs with the plugin, the secret, the rules
// and the claim mounted, as the pod's user. A reading comes from MQTT into the
// table, and the liveness probe succeeds.
func TestPod(t *testing.T) {
	b := newBuilder(t)
	folder := filepath.Join(b.work, "compose")
	b.must(os.CopyFS(folder, os.DirFS(composeFolder)))
	b.run(exec.Command("sh", filepath.Join(folder, "secrets.sh")))
	all := readManifests(t)
	pod := all["StatefulSet"].Spec.Template.Spec
	volumes := b.volumes(pod, all, filepath.Join(folder, "secrets"))
	serve(t, b.context)

	first := b.podContainer(pod, pod.InitContainers[0], volumes)
	for i, e := range first.env { // the reader's part: address and checksum
		name, value, _ := strings.Cut(e, "=")
		switch name {
		case "PLUGIN_URL":
			if want := "_linux_amd64.zip"; !strings.HasSuffix(value, want) {
				t.Errorf("PLUGIN_URL is %s, want one that ends with %s", value, want)
			}
			first.env[i] = strings.Replace(e, "amd64", runtime.GOARCH, 1)
		case "PLUGIN_SHA256":
			// As it stands nothing is unpacked: the checksum is not the zip's.
			if out, err := b.init(first, pod).CombinedOutput(); err == nil || isFile(filepath.Join(volumes["plugin"], "mysql")) {
				t.Errorf("a zip with another checksum was taken: %v\n%s", err, out)
			}
			first.env[i] = name + "=" + b.checksum()
		}
	}
	b.run(b.init(first, pod))

	db := database(t, folder)
	startBroker(t, filepath.Join(folder, "mosquitto.conf"))
	spec := pod.Containers[0]
	c := b.podContainer(pod, spec, volumes)
	r := c.start(t, "/kuiper/bin/kuiperd") // CMD of eKuiper's image
	probe := spec.LivenessProbe.Exec.Command
	r.wait(t, "the liveness probe succeeds", func() bool { return c.command(probe...).Run() == nil })
	publish(t, `{"device":"pump-1","ts":"2026-01-02 03:04:05.678","temperature":21.5,"humidity":40}`)
	r.wait(t, "the reading is stored", func() bool { return one(t, db, "SELECT COUNT(*) FROM plant.readings") == 1 })
	for _, port := range spec.Ports {
		connection, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port.Port)))
		if err != nil {
			t.Errorf("port %s: %v", port.Name, err)
			continue
		}
		_ = connection.Close()
	}
	// The descriptors are where eKuiper looks for them.
	if text := get(t, "http://127.0.0.1:9081/metadata/sources/randomrows"); !strings.Contains(text, "deduplicate") {
		t.Errorf("eKuiper knows no properties of the source: %s", text)
	}
	if text := get(t, "http://127.0.0.1:9081/metadata/sinks/mysql"); !strings.Contains(text, "passwordFile") {
		t.Errorf("eKuiper knows no properties of the sink: %s", text)
	}
}

// init is the init container's command.
func (b *builder) init(c *container, pod podSpec) *exec.Cmd {
	first := pod.InitContainers[0]
	return c.command(append(append([]string{}, first.Command...), first.Args...)...)
}

// volumes are folders that stand for the pod's volumes and its claim.
func (b *builder) volumes(pod podSpec, all map[string]manifest, secrets string) map[string]string {
	b.Helper()
	folders := map[string]string{}
	user := strconv.Itoa(pod.SecurityContext.RunAsUser) + ":" + strconv.Itoa(pod.SecurityContext.RunAsGroup)
	add := func(name string) {
		folders[name] = filepath.Join(b.work, "volumes", name)
		b.must(os.MkdirAll(folders[name], 0o755))
	}
	for _, v := range pod.Volumes {
		add(v.Name)
	}
	for _, claim := range all["StatefulSet"].Spec.VolumeClaimTemplates {
		add(claim.Metadata.Name)
	}
	for name, text := range all["ConfigMap"].Data {
		b.must(os.WriteFile(filepath.Join(folders["rules"], name), []byte(text), 0o644))
	}
	secret, err := os.ReadFile(filepath.Join(secrets, "db-password"))
	b.must(err)
	b.must(os.WriteFile(filepath.Join(folders["secrets"], "db-password"), secret, 0o440))
	if rootless() == "" { // as fsGroup does
		b.run(exec.Command("chown", "-R", user, filepath.Join(b.work, "volumes")))
	}
	return folders
}

// podContainer is one of the pod's containers.
func (b *builder) podContainer(pod podSpec, spec podContainer, volumes map[string]string) *container {
	b.Helper()
	c := &container{
		root: filepath.Join(b.work, "pod"+strconv.Itoa(len(spec.Env))), readOnly: spec.SecurityContext.ReadOnlyRootFilesystem, folder: spec.WorkingDir,
		user: strconv.Itoa(pod.SecurityContext.RunAsUser) + ":" + strconv.Itoa(pod.SecurityContext.RunAsGroup),
	}
	b.run(exec.Command("cp", "-a", b.images[spec.Image], c.root))
	if c.folder == "" {
		c.folder = "/kuiper" // WORKDIR of eKuiper's image
	}
	for _, e := range spec.Env {
		c.env = append(c.env, e.Name+"="+e.Value)
	}
	for _, m := range spec.VolumeMounts {
		c.mounts = append(c.mounts, mount{filepath.Join(volumes[m.Name], m.SubPath), m.MountPath, m.ReadOnly})
	}
	return c
}

// checksum is the zip's, as SHA256SUMS has it.
func (b *builder) checksum() string {
	text, err := os.ReadFile(filepath.Join(b.context, "SHA256SUMS"))
	b.must(err)
	return strings.Fields(string(text))[0]
}

// serve gives the files of a folder at http://files.example.
func serve(t *testing.T, folder string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:80")
	must(t, err)
	server := &http.Server{Handler: http.FileServer(http.Dir(folder))}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(listener)
	}()
	t.Cleanup(func() {
		_ = server.Close()
		<-done
	})
}
