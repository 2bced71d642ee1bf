package supervisor

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
)

// sacrifice is by how many thousandths of the machine's memory a worker looks
// larger than it is to the kernel when memory runs out: enough to go before
// its host and a database beside it. They would lose something, the worker
// loses nothing and is back at once.
const sacrifice = 300

// markProcess names the process, which else would be called after its
// executable's path in /proc, and offers it first when memory runs out. Both
// as far as the system lets it.
func markProcess() {
	name := filepath.Base(os.Args[0])
	name = name[:min(len(name), 8)] + "-worker" // the kernel keeps 15 bytes
	_ = os.WriteFile(fmt.Sprintf("/proc/self/task/%d/comm", os.Getpid()), []byte(name), 0)
	const file = "/proc/self/oom_score_adj"
	text, err := os.ReadFile(file)
	if err != nil {
		return
	}
	if now, err := strconv.Atoi(string(bytes.TrimSpace(text))); err == nil {
		_ = os.WriteFile(file, strconv.AppendInt(nil, int64(min(now+sacrifice, 1000)), 10), 0)
	}
}
