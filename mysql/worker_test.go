package main

import (
	"testing"

	"github.com/lf-edge/ekuiper/sdk/go/supervisor"
)

// TestWorkerMark: the program, which builds with any SDK of that surface, knows
// the mark that ours makes.
func TestWorkerMark(t *testing.T) {
	if workerMark != supervisor.EnvWorker {
		t.Errorf("the SDK marks workers by %s, the program looks for %s", supervisor.EnvWorker, workerMark)
	}
}
