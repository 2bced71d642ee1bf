//go:build linux

package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"ekuiper-mysql/test/proc"
)

// costs are microseconds of CPU time.
type costs struct {
	host, plugins, server float64
	busy, idle            float64 // of the whole machine, in the kernel's ticks
}

func (c costs) less(other costs) costs {
	return costs{c.host - other.host, c.plugins - other.plugins, c.server - other.server, c.busy - other.busy, c.idle - other.idle}
}

// per is the costs of each row.
func (c costs) per(rows int) costs {
	n := float64(rows)
	return costs{c.host / n, c.plugins / n, c.server / n, c.busy, c.idle}
}

func (c costs) all() float64 { return c.host + c.plugins + c.server }

func (c costs) String() string {
	return fmt.Sprintf("us/row: eKuiper %.1f, plugin %.2f, server %.1f, in all %.1f; machine %.0f %% busy",
		c.host, c.plugins, c.server, c.all(), 100*c.busy/max(c.busy+c.idle, 1))
}

// costs of the real eKuiper, its plugins and the database so far. A process
// that cannot be read counts nothing.
func (h *hosted) costs() (c costs) {
	c.host, _ = proc.CPU(h.Pid())
	for _, pid := range h.PluginPids("") {
		one, _ := proc.CPU(pid)
		c.plugins += one
	}
	c.server, _ = proc.CPU(h.server.PID())
	text, _ := os.ReadFile("/proc/stat")
	first, _, _ := strings.Cut(string(text), "\n")
	for i, field := range strings.Fields(first)[1:9] { // later ones are in these
		ticks, _ := strconv.ParseFloat(field, 64)
		if i == 3 || i == 4 { // idle, iowait
			c.idle += ticks
		} else {
			c.busy += ticks
		}
	}
	return c
}
