package supervisor

import (
	"errors"
	"fmt"
	"os"
)

// IsWorker reports whether this process is a worker, and takes the mark off
// its environment: what it starts itself is none. Only the first call knows.
func IsWorker() bool {
	if os.Getenv(EnvWorker) == "" {
		return false
	}
	_ = os.Unsetenv(EnvWorker)
	return true
}

// TakePipes makes this process a proper worker and returns the pipes from
// and to its supervisor, which were its standard input and output. What the
// program prints goes to standard error from then on, and its standard input
// is empty: neither can disturb the pipes.
func TakePipes() (orders, answers *os.File, err error) {
	nothing, err := os.Open(os.DevNull)
	if err != nil {
		return nil, nil, fmt.Errorf("take the supervisor's pipes: %w", err)
	}
	orders, answers, err = moveStandardFiles(nothing)
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("take the supervisor's pipes: %w", err), nothing.Close())
	}
	os.Stdout = os.Stderr
	markProcess()
	return orders, answers, nil
}
