// Package suite runs a package's tests around what they share.
package suite

import (
	"errors"
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"
)

// Run is what a TestMain hands to os.Exit: it has prepare make what m's tests
// share, in a folder that is removed at the end, and runs them. A goroutine that
// is left over is a failure. What prepare returns ends what it made; it may be nil.
func Run(m *testing.M, prepare func(dir string) (end func() error, err error)) (code int) {
	dir, err := os.MkdirTemp("", "suite")
	if err != nil {
		return told(err)
	}
	defer os.RemoveAll(dir)
	end, err := prepare(dir)
	if err == nil {
		code = m.Run()
	}
	if end != nil {
		err = errors.Join(err, end())
	}
	if err == nil && code == 0 {
		err = goleak.Find()
	}
	if err != nil {
		return told(err)
	}
	return code
}

func told(err error) (code int) {
	fmt.Fprintln(os.Stderr, err)
	return 1
}
