//go:build linux

package main

import (
	"fmt"
	"time"
)

// redpanda is Redpanda Connect with so many batches in flight: a file of JSON
// lines into sql_insert, as the examples of both have it. The time comes as
// text that the server takes as it is, so that no mapping has to make it, and
// the driver puts values into the statement itself, which saves a round trip
// per batch and was the faster way.
func (s *stage) redpanda(inFlight int) road {
	const config = `
http: { enabled: false }
logger: { level: ERROR }
input:
  file:
    paths: [ %q ]
    scanner: { lines: {} }
output:
  sql_insert:
    driver: mysql
    dsn: %q
    table: t
    columns: [ id, name, x, y, at ]
    args_mapping: root = [ this.id, this.name, this.x, this.y, this.at ]
    max_in_flight: %d
    batching: { count: 1000 }
`
	return func(rows int) (sample, error) {
		rows -= rows % 1000
		lines, err := s.lines(rows, "text", func(millis int64) string {
			return time.UnixMilli(millis).UTC().Format(`"2006-01-02 15:04:05.000"`)
		})
		if err != nil {
			return sample{}, err
		}
		path, err := s.config("redpanda.yaml", fmt.Sprintf(config, lines, s.server.DSN("bench")+"?interpolateParams=true", inFlight))
		if err != nil {
			return sample{}, err
		}
		return s.peer(rows, "redpanda", "run", path)
	}
}
