package mariadb

import (
	"errors"
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"
)

// RunTests is what a TestMain hands to os.Exit: it runs m's tests between the
// start and the end of n servers, started with flags. Each, by its number from
// 0, is given to use first. A goroutine that is left over at the end is a failure.
func RunTests(m *testing.M, n int, use func(i int, s *Server) error, flags ...string) (code int) {
	var servers []*Server
	var err error
	for i := 0; i < n && err == nil; i++ {
		var s *Server
		if s, err = Run("", flags...); err == nil {
			servers = append(servers, s)
			err = use(i, s)
		}
	}
	if err == nil {
		code = m.Run()
	}
	for _, s := range servers {
		err = errors.Join(err, s.Close())
	}
	if err == nil && code == 0 {
		err = goleak.Find()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	return code
}
