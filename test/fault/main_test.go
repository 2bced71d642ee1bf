// Package fault hurts the plugin and everything around it, and counts rows.
//
// Each scenario hurts one thing in many seeded rounds, under load: it kills
// processes, breaks the network, changes the server and the table, sends rows
// that no table takes. After every round the sender's own account of what it
// handed over is held against an independent recount: the table row by row,
// the dead letters and the journal from their files, and the plugin's sums.
//
// The fast scenarios run the plugin's executable against the mock host and a
// real MariaDB; those that are about eKuiper itself run the real one. `make
// fault` runs as many rounds as the proof asks for and writes docs/faults.md;
// the ordinary tests run a short form of each with a new seed every time.
package fault

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"

	"ekuiper-mysql/test/ekuiper"
	"ekuiper-mysql/test/mariadb"
)

var (
	full   = flag.Bool("full", false, "as many rounds as the proof asks for, in place of a short form")
	seed   = flag.Uint64("seed", 0, "the first round's seed; 0 takes one from the clock")
	rounds = flag.Int("rounds", 0, "rounds of every scenario, in place of its own number")
	volume = flag.Int("volume", 0, "rows of the scenario with a large backlog, in place of its own number")
	report = flag.String("report", "", "write the table of the results into this file, between its markers")
)

// limit ends what hangs; nothing here takes nearly as long.
const limit = time.Minute

var (
	executable string
	zip        string
	server     *mariadb.Server // of the fast scenarios
)

func TestMain(m *testing.M) {
	flag.Parse()
	if *seed == 0 {
		*seed = uint64(time.Now().UnixNano()) % 1e9
	}
	os.Exit(run(m))
}

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "fault")
	if err == nil {
		defer os.RemoveAll(dir)
		err = build(dir)
	}
	if err == nil {
		server, err = mariadb.Run(filepath.Join(dir, "mariadb"), "--default-time-zone=+00:00")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer server.Close()
	code := m.Run()
	if err := tell(code == 0); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	if code == 0 {
		_ = server.Close()
		if err := goleak.Find(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	return code
}

// build makes the plugin: its executable, and the zip that eKuiper installs.
func build(dir string) error {
	root, err := ekuiper.Root()
	if err != nil {
		return err
	}
	executable = filepath.Join(dir, "plugin", "mysql")
	command := exec.Command("go", "build", "-o", executable, "./mysql")
	command.Dir = root
	if out, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("go build: %w\n%s", err, out)
	}
	zip, err = ekuiper.Pack(context.Background(), dir)
	return err
}
