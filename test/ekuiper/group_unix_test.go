//go:build unix

package ekuiper

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"
)

// ownerEnv makes the test binary start a process under a watchdog and die.
const ownerEnv = "EKUIPER_TEST_OWNER"

func TestWatchdogEndsTheGroupOfADeadOwner(t *testing.T) {
	if os.Getenv(ownerEnv) != "" {
		own()
	}
	owner := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$")
	owner.Env = append(os.Environ(), ownerEnv+"=1")
	output, err := owner.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := owner.Start(); err != nil {
		t.Fatal(err)
	}
	// What the owner started holds this pipe open for as long as it lives.
	ended := make(chan string, 1)
	go func() {
		lines := bufio.NewScanner(output)
		last := ""
		for lines.Scan() {
			last = lines.Text()
		}
		ended <- last
	}()
	select {
	case last := <-ended:
		if last != "started" {
			t.Errorf("the owner says %q", last)
		}
	case <-time.After(30 * time.Second):
		t.Error("what the owner started outlives it")
	}
	_ = owner.Wait()
}

// own starts a process of its own group with a watchdog, and dies as in a panic.
func own() {
	cmd := exec.Command("sleep", "60")
	cmd.Stdout = os.Stdout
	prepareGroup(cmd)
	if err := cmd.Start(); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	watch(cmd.Process.Pid)
	fmt.Println("started")
	os.Exit(0)
}
