package field

import (
	"fmt"

	"ekuiper-mysql/test/ekuiper"
)

// post hands rows to a stream of eKuiper, in one body. It takes each for a message.
func (s *site) post(stream string, rows ...any) {
	s.Helper()
	if err := s.tryPost(stream, rows...); err != nil {
		s.Fatal(err)
	}
}

// tryPost is post for other goroutines than the test's own.
func (s *site) tryPost(stream string, rows ...any) error {
	return ekuiper.Post("http://"+s.push+"/"+stream, limit, rows...)
}

// readings are the rows from to to, of three devices in turn.
func readings(from, to int) (all []any) {
	for n := from; n <= to; n++ {
		all = append(all, map[string]any{"id": n, "device": fmt.Sprint("press-", n%3), "temp": float64(n) / 4})
	}
	return all
}

// readingsTable takes readings and notices one that comes twice.
const readingsTable = " (id BIGINT NOT NULL, device VARCHAR(20), temp DOUBLE)"
