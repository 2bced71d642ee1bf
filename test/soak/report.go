//go:build linux

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"ekuiper-mysql/test/markdown"
)

// What is between these lines of the docs is written here.
const (
	begin = "<!-- what follows is written by make soak -->"
	end   = "<!-- what precedes is written by make soak -->"
)

// write puts the figures between the marks of a file, and the chart beside it.
func (r *result) write(path string) error {
	chart := strings.TrimSuffix(filepath.Base(path), filepath.Ext(path)) + ".svg"
	if err := os.WriteFile(filepath.Join(filepath.Dir(path), chart), []byte(r.chart()), 0o644); err != nil {
		return err
	}
	return markdown.Replace(path, begin, end, r.document(chart))
}

func (r *result) document(chart string) string {
	var b strings.Builder
	kernel, _ := os.ReadFile("/proc/sys/kernel/osrelease")
	fmt.Fprintf(&b, "%s, %s on %d shared cores, Linux %s, %s\n\n```\n%s\n```\n\n", r.start.Format(time.DateOnly),
		time.Since(r.start).Round(time.Minute), runtime.NumCPU(), strings.TrimSpace(string(kernel)), runtime.Version(), r.line())
	c := r.calendar
	fmt.Fprintf(&b, "%d days of %v: %d with kills, then %d in which one worker lives on, from %v.\n\n",
		c.days(), c.day.Round(time.Second), c.rough, c.calm, r.calmFrom.Round(time.Second))
	fmt.Fprintf(&b, "![The curves](%s)\n\n", chart)
	b.WriteString("| Figure | First third | Last third | Slope, over the whole time | Bound | Verdict |\n| --- | ---: | ---: | ---: | ---: | --- |\n")
	for _, t := range r.trends {
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s |\n", t.name, t.show(t.first), t.show(t.last), t.show(t.rise), t.show(t.allowed), t.verdict())
	}
	b.WriteString("\nA part of the samples:\n\n| Minute | Worker memory | Files | Threads | Goroutines | Supervisor memory | eKuiper memory | Data folder | Rows pending |\n| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n")
	for i := 0; i < len(r.samples); i += max(len(r.samples)/24, 1) {
		s := r.samples[i]
		fmt.Fprintf(&b, "| %.1f | %s | %s | %s | %s | %s | %s | %s | %s |\n", s.at.Minutes(), bytesOf(s.worker.memory), number(s.worker.files), number(s.worker.threads),
			number(s.goroutines), bytesOf(s.supervisor.memory), bytesOf(s.host.memory), bytesOf(s.disk), number(s.pending))
	}
	return b.String()
}

// number shows a figure; one that could not be read is left out.
func number(v float64) string {
	if v < 0 {
		return ""
	}
	return fmt.Sprintf("%.0f", v)
}

func bytesOf(v float64) string {
	if v < 0 {
		return ""
	}
	return fmt.Sprintf("%.1f MiB", v/(1<<20))
}

// panel is one of the curves of the chart.
type panel struct {
	title string
	scale float64 // what is shown is the figure divided by it
	of    func(sample) float64
}

// chart draws the curves below each other, as SVG that is readable on light
// and on dark ground.
func (r *result) chart() string {
	panels := []panel{
		{"worker memory, MiB", 1 << 20, func(s sample) float64 { return s.worker.memory }},
		{"supervisor memory, MiB", 1 << 20, func(s sample) float64 { return s.supervisor.memory }},
		{"worker's open files", 1, func(s sample) float64 { return s.worker.files }},
		{"worker's threads", 1, func(s sample) float64 { return s.worker.threads }},
		{"worker's goroutines", 1, func(s sample) float64 { return s.goroutines }},
		{"data folder, MiB", 1 << 20, func(s sample) float64 { return s.disk }},
		{"rows pending", 1, func(s sample) float64 { return s.pending }},
	}
	const width, height, left, gap = 860, 80, 60, 36
	var b strings.Builder
	last := time.Duration(1)
	for _, s := range r.samples {
		last = max(last, s.at)
	}
	x := func(at time.Duration) float64 { return left + float64(at)/float64(last)*(width-left-10) }
	shown := 0
	for _, p := range panels {
		top := 0.0
		for _, s := range r.samples {
			top = max(top, p.of(s)/p.scale)
		}
		if top == 0 {
			continue // never read
		}
		base := float64(shown*(height+gap) + gap + height)
		shown++
		fmt.Fprintf(&b, "<text x=\"%d\" y=\"%.0f\">%s</text>\n<text x=\"%d\" y=\"%.0f\" text-anchor=\"end\">%.4g</text>\n<text x=\"%d\" y=\"%.0f\" text-anchor=\"end\">0</text>\n",
			left, base-height-6, p.title, left-6, base-height+8, top, left-6, base)
		fmt.Fprintf(&b, "<path class=\"axis\" d=\"M%d %.0fV%.0fH%d\"/>\n", left, base-height, base, width-10)
		fmt.Fprintf(&b, "<path class=\"calm\" d=\"M%.1f %.0fV%.0f\"/>\n<path class=\"curve\" d=\"", x(r.calmFrom), base-height, base)
		command := "M"
		for _, s := range r.samples {
			v := p.of(s)
			if v < 0 {
				command = "M"
				continue
			}
			fmt.Fprintf(&b, "%s%.1f %.1f", command, x(s.at), base-v/p.scale/top*height)
			command = "L"
		}
		b.WriteString("\"/>\n")
	}
	whole := shown*(height+gap) + gap
	fmt.Fprintf(&b, "<text x=\"%d\" y=\"%d\">0</text>\n<text x=\"%d\" y=\"%d\" text-anchor=\"end\">%.0f minutes</text>\n", left, whole-12, width-10, whole-12, last.Minutes())
	const style = "text{font:12px sans-serif;fill:#888}.axis{stroke:#888;fill:none}.calm{stroke:#888;stroke-dasharray:2 4}.curve{stroke:#2a7ae2;fill:none;stroke-width:1.5}"
	return fmt.Sprintf("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"Curves of make soak\">\n<style>%s</style>\n%s</svg>\n", width, whole, style, b.String())
}
