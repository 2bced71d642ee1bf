//go:build linux

package main

import (
	"debug/buildinfo"
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"

	"ekuiper-mysql/test/proc"
)

// machine is what the figures were taken on, and how busy it was before.
func machine() string {
	return fmt.Sprintf("%s: %d cores of %s, Linux %s, %s, load %s before", time.Now().Format(time.DateOnly),
		runtime.NumCPU(), cpuModel(), firstLine("/proc/sys/kernel/osrelease"), runtime.Version(), proc.Load())
}

func cpuModel() string {
	text, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(line, ":")
		if strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return runtime.GOARCH
}

func firstLine(path string) string {
	text, _ := os.ReadFile(path)
	line, _, _ := strings.Cut(string(text), "\n")
	return line
}

// moduleVersion is the version of a module in a Go executable.
func moduleVersion(executable, module string) (string, error) {
	info, err := buildinfo.ReadFile(executable)
	if err != nil {
		return "", err
	}
	if info.Main.Path == module {
		return info.Main.Version, nil
	}
	for _, d := range info.Deps {
		if d.Path == module {
			return d.Version, nil
		}
	}
	return "", fmt.Errorf("%s has no module %s", executable, module)
}
