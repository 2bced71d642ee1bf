package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"ekuiper-mysql/mysql/internal/status"
)

// ErrSilent says that no plugin answers for a data folder: none is running, or
// it has had no rule with the sink since it started.
var ErrSilent = errors.New("no plugin answers")

// ErrHangs says that the plugin listens and does not answer.
var ErrHangs = errors.New("the plugin does not answer")

// patience is how long to wait for an answer, beside what it is asked to look
// for. It is changed by tests.
var patience = 20 * time.Second

// maxAnswer bounds an answer, in bytes.
const maxAnswer = 64 << 20

// Status asks the plugin of the data folder what it is doing; over, at most
// 5 s, is how long it looks for the rates, 0 that it does not. The error is
// ErrSilent where nobody answers, and ErrHangs where somebody should and has
// not for 20 s.
func Status(ctx context.Context, data string, over time.Duration) (status.Plugin, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, over+patience, fmt.Errorf("%w for %v: it hangs, is halted, or has no CPU time", ErrHangs, patience))
	defer cancel()
	p, err := inquire(ctx, data, over)
	if err != nil && errors.Is(context.Cause(ctx), ErrHangs) {
		return p, context.Cause(ctx)
	}
	return p, err
}

func inquire(ctx context.Context, data string, over time.Duration) (status.Plugin, error) {
	var p status.Plugin
	dir := filepath.Join(data, folder)
	client := &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext:       func(ctx context.Context, _, _ string) (net.Conn, error) { return dial(ctx, dir) },
	}}
	at := url.URL{Scheme: "http", Host: "plugin", Path: "/status"}
	if over > 0 {
		at.RawQuery = url.Values{"over": {over.String()}}.Encode()
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, at.String(), nil)
	if err != nil {
		return p, err
	}
	answer, err := client.Do(request)
	if err != nil {
		return p, explain(dir, err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
	if err != nil {
		return p, fmt.Errorf("ask the plugin of %s: %w", data, err)
	}
	if answer.StatusCode != http.StatusOK {
		return p, fmt.Errorf("the plugin of %s answers %s: %s", data, answer.Status, strings.TrimSpace(string(body[:min(len(body), 200)])))
	}
	if err := json.Unmarshal(body, &p); err != nil {
		return p, fmt.Errorf("the plugin of %s answers what is no status: %w", data, err)
	}
	return p, nil
}

func dial(ctx context.Context, dir string) (net.Conn, error) {
	if err := checkPrivate(dir); err != nil {
		return nil, err
	}
	address, way, err := addressOf(dir)
	if err != nil {
		return nil, err
	}
	if way != nil {
		defer way.Close()
	}
	return new(net.Dialer).DialContext(ctx, "unix", address)
}

// explain tells the errors apart that a person has to know of.
func explain(dir string, err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED), refused(err):
		return fmt.Errorf("%w in %s", ErrSilent, dir)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%s is another user's: run this as the user that eKuiper runs as", dir)
	}
	return fmt.Errorf("ask the plugin: %w", err)
}
