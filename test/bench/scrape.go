//go:build linux

package main

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

// scrapes is how often a second the metrics are read. A Prometheus reads them
// once a second at most, and what that costs is less than two runs differ by:
// so they are read more often, and the difference is divided.
const scrapes = 50

// cheaperRead is the CPU time per row without metrics as a part of that with
// metrics read once a second.
func cheaperRead(ours, against sample) float64 {
	return against.cpu / (against.cpu + (ours.cpu-against.cpu)/scrapes)
}

// scraped is the executable that serves its metrics, which are read.
func (s *stage) scraped(perMessage int) road {
	return func(rows int) (sample, error) {
		free, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return sample{}, err
		}
		address := free.Addr().String()
		if err := free.Close(); err != nil {
			return sample{}, err
		}
		stop, ended := make(chan struct{}), make(chan int)
		go scrape(address, stop, ended)
		got, err := s.pluginWith([]string{"EKUIPER_MYSQL_METRICS=" + address}, perMessage, nil)(rows)
		close(stop)
		if n := <-ended; err == nil && n == 0 {
			err = fmt.Errorf("no metrics of the rule were read at %s in the whole run: more rows are needed", address)
		}
		return got, err
	}
}

// scrape reads the page again and again, and tells in the end how often it
// held the rule.
func scrape(address string, stop <-chan struct{}, ended chan<- int) {
	n := 0
	defer func() { ended <- n }()
	client := http.Client{Timeout: 10 * time.Second}
	defer client.CloseIdleConnections()
	ticker := time.NewTicker(time.Second / scrapes)
	defer ticker.Stop()
	for {
		select {
		case <-stop:
			return
		case <-ticker.C:
		}
		response, err := client.Get("http://" + address + "/metrics")
		if err != nil {
			continue // it is not there yet, or no more
		}
		page, err := io.ReadAll(response.Body)
		_ = response.Body.Close()
		if err == nil && bytes.Contains(page, []byte(`rule="bench"`)) {
			n++
		}
	}
}
