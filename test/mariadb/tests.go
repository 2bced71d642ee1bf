package mariadb

import (
	"errors"
	"testing"

	"ekuiper-mysql/test/suite"
)

// RunTests is what a TestMain hands to os.Exit: it runs m's tests between the
// start and the end of n servers, started with flags. Each, by its number from
// 0, is given to use first. A goroutine that is left over at the end is a failure.
func RunTests(m *testing.M, n int, use func(i int, s *Server) error, flags ...string) (code int) {
	return suite.Run(m, func(string) (func() error, error) {
		var servers []*Server
		end := func() (err error) {
			for _, s := range servers {
				err = errors.Join(err, s.Close())
			}
			return err
		}
		for i := range n {
			s, err := Run("", flags...)
			if err != nil {
				return end, err
			}
			servers = append(servers, s)
			if err := use(i, s); err != nil {
				return end, err
			}
		}
		return end, nil
	})
}
