// Command pack puts a built plugin into the zip that eKuiper installs:
//
//	pack -o mysql.zip -executable build/mysql -os linux [-root .]
//
// The zip holds mysql.json (plugin.json, with the executable's name for the
// operating system), the executable, the descriptors of the symbols, the
// licence and the README, what the executable consists of (sbom.cdx.json) with
// the licences of that (THIRD_PARTY_LICENSES.txt), and the checksums of it all
// (SHA256SUMS). It depends on nothing but its input and the modules that the
// executable names: entries are sorted, carry one fixed date and fixed modes.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			os.Exit(2)
		}
		fmt.Fprintln(os.Stderr, "pack:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	flags := flag.NewFlagSet("pack", flag.ContinueOnError)
	root := flags.String("root", ".", "the repository's top `folder`")
	output := flags.String("o", "", "the zip `file` to write")
	executable := flags.String("executable", "", "the built `program`")
	system := flags.String("os", "linux", "the operating `system` it is built for, as in GOOS")
	if err := flags.Parse(args); err != nil {
		return flag.ErrHelp
	}
	if *output == "" || *executable == "" {
		return errors.New("-o and -executable are needed")
	}
	modified, err := entryTime(os.Getenv("SOURCE_DATE_EPOCH"))
	if err != nil {
		return err
	}
	entries, err := collect(*root, *executable, *system)
	if err != nil {
		return err
	}
	return writeFile(*output, entries, modified)
}

// entryTime is the date of all entries: SOURCE_DATE_EPOCH in seconds, or the
// first moment that a zip can express.
func entryTime(epoch string) (time.Time, error) {
	first := time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)
	if epoch == "" {
		return first, nil
	}
	seconds, err := strconv.ParseInt(epoch, 10, 64)
	if err != nil {
		return first, fmt.Errorf("read SOURCE_DATE_EPOCH %q: %w", epoch, err)
	}
	if t := time.Unix(seconds, 0).UTC(); t.After(first) {
		return t, nil
	}
	return first, nil
}

// writeFile writes the zip beside its place and moves it there whole.
func writeFile(path string, entries []entry, modified time.Time) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("write the zip: %w", err)
	}
	file, err := os.CreateTemp(filepath.Dir(path), ".pack-*")
	if err != nil {
		return fmt.Errorf("write the zip: %w", err)
	}
	defer os.Remove(file.Name())
	err = errors.Join(write(file, entries, modified), file.Chmod(0o644), file.Close())
	if err != nil {
		return fmt.Errorf("write the zip: %w", err)
	}
	if err := os.Rename(file.Name(), path); err != nil {
		return fmt.Errorf("write the zip: %w", err)
	}
	return nil
}
