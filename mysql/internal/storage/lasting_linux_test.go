package storage

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// TestFleetingOfWhatIsMounted compares with what the kernel lists of the
// machine that the test runs on.
func TestFleetingOfWhatIsMounted(t *testing.T) {
	text, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[string]string{} // by folder: what is mounted last covers what was before
	for line := range strings.Lines(string(text)) {
		if words := strings.Fields(line); len(words) > 2 {
			kinds[words[1]] = words[2]
		}
	}
	seen := 0
	for folder, kind := range kinds {
		if _, err := os.ReadDir(folder); err != nil {
			continue // not ours to see, or gone
		}
		want := ""
		switch kind {
		case "overlay", "tmpfs", "ramfs":
			want = kind
		case "devtmpfs":
			continue // is a tmpfs or a ramfs, as the kernel was built
		}
		if got := Fleeting(folder); got != want {
			t.Errorf("%s is of kind %s: got %q", folder, kind, got)
		}
		seen++
	}
	if seen == 0 {
		t.Error("nothing was compared")
	}
	if got := Fleeting("/nowhere/at/all"); got != "" {
		t.Errorf("a folder that is not there: %q", got)
	}
}

// askEnv makes the test binary print what it is told of the folder, from
// inside of a mount namespace.
const askEnv = "STORAGE_TEST_FOLDER"

// TestFleetingMounts mounts what a container has, in a namespace of its own,
// which root may make, and with most kernels a user.
func TestFleetingMounts(t *testing.T) {
	if folder := os.Getenv(askEnv); folder != "" {
		fmt.Printf("kind=%s.\n", Fleeting(folder))
		return
	}
	for name, c := range map[string]struct{ mount, folder, want string }{
		"tmpfs":             {"mount -t tmpfs none m", "m", "kind=tmpfs."},
		"overlay":           {"mount -t tmpfs none w && mkdir w/l w/u w/w && mount -t overlay none -o lowerdir=w/l,upperdir=w/u,workdir=w/w m", "m", "kind=overlay."},
		"volume in overlay": {"mkdir real && mount -t tmpfs none w && mkdir w/l w/u w/w && mount -t overlay none -o lowerdir=w/l,upperdir=w/u,workdir=w/w m && mkdir m/v && mount --bind real m/v", "m/v", "kind=."},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if Fleeting(dir) != "" {
				t.Logf("the folder for temporary files is itself on %s: nothing to compare with", Fleeting(dir))
				return
			}
			var out []byte
			for _, flags := range []string{"-m", "-Urm"} {
				command := exec.Command("unshare", flags, "--propagation", "private", "/bin/sh", "-c",
					"set -e; mkdir m w; "+c.mount+`; exec env `+askEnv+`="$PWD/`+c.folder+`" "$0" -test.run="^TestFleetingMounts$"`, os.Args[0])
				command.Dir = dir
				var err error
				if out, err = command.CombinedOutput(); err == nil {
					if !strings.Contains(string(out), c.want) {
						t.Errorf("got %s, want %s", out, c.want)
					}
					return
				}
				_ = os.RemoveAll(dir)
				_ = os.Mkdir(dir, 0o700)
			}
			t.Logf("no mount namespace here, not tried: %s", out)
		})
	}
}
