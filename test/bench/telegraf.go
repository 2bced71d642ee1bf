//go:build linux

package main

import (
	"fmt"
	"strconv"
)

// telegraf is Telegraf: a file of JSON lines into its sql output, with all
// rows of a batch in one transaction.
func (s *stage) telegraf() road {
	const config = `
[agent]
  omit_hostname = true
  precision = "1ms"
  metric_batch_size = %[1]d
  metric_buffer_limit = %[2]d
  flush_interval = "1s"
  logtarget = "stderr"
  quiet = true

[[inputs.tail]]
  files = [%[3]q]
  initial_read_offset = "beginning"
  path_tag = ""
  max_undelivered_lines = %[2]d
  name_override = "t"
  data_format = "json"
  json_string_fields = ["name"]
  json_time_key = "at"
  json_time_format = "unix_ms"

[[outputs.sql]]
  driver = "mysql"
  data_source_name = %[4]q
  timestamp_column = "at"
  batch_transactions = true
`
	const batch = 5000
	return func(rows int) (sample, error) {
		rows -= rows % batch
		lines, err := s.lines(rows, "millis", func(millis int64) string { return strconv.FormatInt(millis, 10) })
		if err != nil {
			return sample{}, err
		}
		// Telegraf quotes names as standard SQL has it.
		dsn := s.server.DSN("bench") + "?sql_mode=%27ANSI_QUOTES%27"
		path, err := s.config("telegraf.conf", fmt.Sprintf(config, batch, 10*batch, lines, dsn))
		if err != nil {
			return sample{}, err
		}
		return s.peer(rows, "telegraf", "--config", path)
	}
}
