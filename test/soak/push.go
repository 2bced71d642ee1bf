//go:build linux

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"
)

const (
	pushEvery = 100 * time.Millisecond
	// pushLimit bounds the time in which eKuiper takes a request: a rule that
	// is just being started answers 404.
	pushLimit = 2 * time.Minute
)

// pusher posts rows with the ids 1, 2, 3, ... to a stream of eKuiper. It may
// be paused: no request is then under way.
type pusher struct {
	url  string
	rate int // rows per second

	client http.Client

	mu     sync.Mutex // held while a request is under way, and by who pauses
	paused bool
	pushed int64
}

func newPusher(url string, rate int) *pusher {
	return &pusher{url: url, rate: rate, client: http.Client{Timeout: pushLimit}}
}

// run posts rows until ctx ends, which is no error.
func (p *pusher) run(ctx context.Context) error {
	defer p.client.CloseIdleConnections()
	ticker := time.NewTicker(pushEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		if err := p.push(ctx); err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
	}
}

func (p *pusher) push(ctx context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.paused {
		return nil
	}
	rows := max(int(time.Duration(p.rate)*pushEvery/time.Second), 1)
	body := []byte{'['}
	for i := range rows {
		id := p.pushed + int64(i) + 1
		body = fmt.Appendf(body, `{"id":%d,"name":"sensor-%d","x":%g},`, id, id%100, float64(id)*0.25)
	}
	body[len(body)-1] = ']'
	if err := p.post(ctx, body); err != nil {
		return err
	}
	p.pushed += int64(rows)
	return nil
}

// post hands rows to eKuiper once. An answer that does not come is an error:
// nobody knows whether it has them.
func (p *pusher) post(ctx context.Context, body []byte) error {
	status := ""
	for end := time.Now().Add(pushLimit); time.Now().Before(end); {
		request, err := http.NewRequestWithContext(ctx, http.MethodPost, p.url, bytes.NewReader(body))
		if err != nil {
			return err
		}
		request.Header.Set("Content-Type", "application/json")
		response, err := p.client.Do(request)
		if err != nil {
			return err
		}
		_, _ = io.Copy(io.Discard, response.Body)
		_ = response.Body.Close()
		if response.StatusCode == http.StatusOK {
			return nil
		}
		status = response.Status
		if err := until(ctx, time.Now().Add(pushEvery)); err != nil {
			return err
		}
	}
	return errors.New("eKuiper answers " + status)
}

// pause waits for the request that is under way, and keeps more from being
// made. It returns how many rows eKuiper has taken in all.
func (p *pusher) pause() int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.paused = true
	return p.pushed
}

func (p *pusher) resume() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.paused = false
}
