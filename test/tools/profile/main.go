// Command profile merges CPU profiles into one for the compiler (-pgo). What the
// compiler does not read is left out: where the executable and its parts lay in
// memory and on disk, and when it ran.
//
//	profile -o mysql/default.pgo FOLDER/*.prof
//
// `make profile` runs it.
package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/google/pprof/profile"
)

func main() {
	out := flag.String("o", "", "the file to write")
	flag.Parse()
	if err := merge(*out, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "profile:", err)
		os.Exit(1)
	}
}

func merge(out string, names []string) error {
	var all []*profile.Profile
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		p, err := profile.Parse(bytes.NewReader(data))
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		all = append(all, p)
	}
	if len(all) == 0 {
		return errors.New("no profile to merge")
	}
	p, err := profile.Merge(all)
	if err != nil {
		return err
	}
	bare(p)
	var text bytes.Buffer
	if err := p.Write(&text); err != nil {
		return err
	}
	if err := os.WriteFile(out, text.Bytes(), 0o644); err != nil {
		return err
	}
	fmt.Printf("%s: %d bytes, %d places, of %d profiles\n", out, text.Len(), len(p.Sample), len(all))
	return nil
}

// bare leaves functions, their lines and how often they were met.
func bare(p *profile.Profile) {
	p.Sample = slices.DeleteFunc(p.Sample, func(s *profile.Sample) bool {
		return slices.ContainsFunc(s.Location, func(l *profile.Location) bool {
			return slices.ContainsFunc(l.Line, func(l profile.Line) bool { return strings.HasPrefix(l.Function.Name, "runtime/pprof.") })
		})
	})
	for _, s := range p.Sample {
		s.Label, s.NumLabel, s.NumUnit = nil, nil, nil
	}
	for _, l := range p.Location {
		l.Mapping, l.Address = nil, 0
	}
	p.Mapping, p.Comments, p.TimeNanos, p.DurationNanos = nil, nil, 0, 0
	p.DefaultSampleType, p.DropFrames, p.KeepFrames = "", "", ""
	*p = *p.Compact()
}
