//go:build profile

package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"runtime/pprof"
	"time"

	"github.com/lf-edge/ekuiper/sdk/go/supervisor"
)

// A build with the tag profile writes CPU profiles of its worker into the
// folder that PROFILE_DIR names, a file for each second: a worker is not told
// of its end in time to close a longer one. See test/tools/profile.
func init() {
	dir := os.Getenv("PROFILE_DIR")
	if dir == "" || os.Getenv(supervisor.EnvWorker) == "" {
		return
	}
	go func() {
		for n := 0; ; n++ {
			name := filepath.Join(dir, fmt.Sprintf("%d-%d.prof", os.Getpid(), n))
			if err := profileInto(name); err != nil {
				fmt.Fprintln(os.Stderr, "profile:", err)
				return
			}
		}
	}()
}

// profileInto writes a profile of the next second, whole or not at all.
func profileInto(name string) error {
	var text bytes.Buffer
	if err := pprof.StartCPUProfile(&text); err != nil {
		return err
	}
	time.Sleep(time.Second)
	pprof.StopCPUProfile()
	half := name + ".part"
	if err := os.WriteFile(half, text.Bytes(), 0o600); err != nil {
		return err
	}
	return os.Rename(half, name)
}
