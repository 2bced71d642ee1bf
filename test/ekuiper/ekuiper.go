// Package ekuiper runs the real eKuiper for tests and for the demo: a private
// base folder, free ports on loopback, the host process, and its REST API.
//
// eKuiper and its plugins meet at socket paths below /tmp that cannot be
// configured. On Linux each host therefore gets a /tmp of its own by a mount
// namespace, so that hosts run in parallel; elsewhere, and where namespaces
// are forbidden, hosts share /tmp and take turns by a lock file.
//
// Nothing here waits without a bound, and nothing outlives its owner: Close
// ends the host with all that it started, and a watchdog does so when the
// owner dies first.
package ekuiper

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// HostEnv names another host binary to run instead of build/kuiperd, such as
// build/kuiperd-1.14.7.
const HostEnv = "EKUIPER_HOST"

// startLimit bounds one start of a host: it is ready in about a second, on a
// loaded machine in several.
const startLimit = 60 * time.Second

// Options says how to run a host. The zero value runs build/kuiperd isolated.
type Options struct {
	// Binary is the host's executable. Default: $EKUIPER_HOST, else
	// build/kuiperd in the repository.
	Binary string
	// Base is the folder to run in; it is kept at Close. Default: a new folder
	// below build/run in the repository, removed at Close.
	Base string
	// Env are more variables for the host and its plugins ("NAME=value"). They
	// win over the ones set here, so that KUIPER__... settings can be changed.
	Env []string
	// Visible are folders below /tmp that the host must be able to see. The
	// repository and Base always are.
	Visible []string
	// SharedTmp makes the host use the machine's /tmp although a private one
	// could be had.
	SharedTmp bool
	// LockLimit bounds the wait for other hosts in a shared /tmp. Default 10
	// minutes.
	LockLimit time.Duration
}

// Start runs a host for a test and ends it with the test. If the test fails,
// the end of the host's log is added to the test's output.
func Start(tb testing.TB, options Options) *Host {
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), startLimit+options.lockLimit())
	defer cancel()
	host, err := New(ctx, options)
	if err != nil {
		tb.Fatalf("start eKuiper: %v", err)
	}
	tb.Cleanup(func() {
		if tb.Failed() {
			tb.Logf("the end of eKuiper's log:\n%s", lastLines(withoutNoise(host.Log()), 60))
		}
		if err := host.Close(); err != nil {
			tb.Errorf("end eKuiper: %v", err)
		}
	})
	return host
}

func (o Options) lockLimit() time.Duration {
	if o.LockLimit > 0 {
		return o.LockLimit
	}
	return 10 * time.Minute
}

// binary is the absolute path of the host to run.
func (o Options) binary(root string) (string, error) {
	path := o.Binary
	if path == "" {
		path = os.Getenv(HostEnv)
	}
	if path == "" {
		path = filepath.Join(root, "build", "kuiperd")
	} else if !filepath.IsAbs(path) {
		path = filepath.Join(root, path)
	}
	if _, err := os.Stat(path); err != nil {
		if errors.Is(err, os.ErrNotExist) {
			return "", fmt.Errorf("no eKuiper at %s: run `make host`", path)
		}
		return "", fmt.Errorf("look for the eKuiper to run: %w", err)
	}
	return path, nil
}

// Root is the repository's top folder, found upwards from the working folder.
func Root() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("find the repository: %w", err)
	}
	for {
		text, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		if err == nil && strings.HasPrefix(string(text), "module ekuiper-mysql\n") {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", errors.New("find the repository: no go.mod of module ekuiper-mysql above the working folder")
		}
		dir = parent
	}
}

func lastLines(text string, n int) string {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	if len(lines) > n {
		lines = lines[len(lines)-n:]
	}
	return strings.Join(lines, "\n")
}

// withoutNoise drops the line that eKuiper logs at each look into its folder.
func withoutNoise(log string) string {
	var kept []string
	for line := range strings.Lines(log) {
		if !strings.Contains(line, "Specified Kuiper base folder") {
			kept = append(kept, line)
		}
	}
	return strings.Join(kept, "")
}
