package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"ekuiper-mysql/test/ekuiper"
)

const ruleID = "demo"

// patience is how long rows may take to arrive after the last was made.
const patience = 30 * time.Second

// pipeline is eKuiper with the plugin, a stream and a rule.
type pipeline struct {
	host    *ekuiper.Host
	settled bool // all rows have been made and have arrived
}

func startPipeline(ctx context.Context, s settings, db *database, screen *screen) (_ *pipeline, err error) {
	zip, err := packPlugin(ctx, screen)
	if err != nil {
		return nil, err
	}
	host, err := ekuiper.New(ctx, ekuiper.Options{LockLimit: time.Second})
	if errors.Is(err, ekuiper.ErrInUse) {
		return nil, fmt.Errorf("%w. This system allows no private /tmp: stop that eKuiper, or its plugin, first", ekuiper.ErrInUse)
	}
	if err != nil {
		return nil, err
	}
	p := &pipeline{host: host}
	defer func() {
		if err != nil {
			err = errors.Join(err, p.close())
		}
	}()
	version, err := host.Version()
	if err != nil {
		return nil, err
	}
	screen.step("eKuiper", "%s at %s", version, host.URL())
	if err := host.InstallPlugin("mysql", zip); err != nil {
		return nil, fmt.Errorf("install the plugin: %w%s", err, p.complaints())
	}
	screen.step("plugin", "installed by POST /plugins/portables")
	return p, p.makeRule(s, db, screen)
}

// packPlugin builds the zip as a user would.
func packPlugin(ctx context.Context, screen *screen) (string, error) {
	root, err := ekuiper.Root()
	if err != nil {
		return "", err
	}
	began := time.Now()
	command := exec.CommandContext(ctx, filepath.Join(root, "package.sh"), "-o", filepath.Join(root, "build", "demo-zip"))
	var errOutput bytes.Buffer
	command.Stderr = &errOutput
	output, err := command.Output()
	if err != nil {
		return "", fmt.Errorf("build the plugin: %w\n%s", err, errOutput.String())
	}
	zip := strings.TrimSpace(string(output))
	info, err := os.Stat(zip)
	if err != nil {
		return "", fmt.Errorf("build the plugin: %w", err)
	}
	screen.step("package", "%s, %.1f MB, built in %.1f s", filepath.Base(zip), float64(info.Size())/1e6, time.Since(began).Seconds())
	return zip, nil
}

func (p *pipeline) makeRule(s settings, db *database, screen *screen) error {
	count := s.rows
	if s.keep {
		count = 0
	}
	source := map[string]any{
		"rate":  s.rate,
		"count": count,
		"fields": []any{
			map[string]any{"name": "id", "type": "sequence"},
			map[string]any{"name": "name", "type": "choice", "values": []string{"pump", "valve", "fan", "heater"}},
			map[string]any{"name": "temperature", "type": "walk", "min": 15, "max": 90, "decimals": 1},
			map[string]any{"name": "at", "type": "timestamp"},
		},
	}
	if err := p.host.PutSourceConfig("randomrows", "demo", source); err != nil {
		return fmt.Errorf("configure the source: %w", err)
	}
	const stream = `CREATE STREAM demo () WITH (TYPE="randomrows", CONF_KEY="demo", FORMAT="json")`
	if err := p.host.CreateStream(stream); err != nil {
		return fmt.Errorf("make the stream: %w", err)
	}
	screen.step("stream", "%s", stream)
	rule := func(dsn string) map[string]any {
		return map[string]any{
			"id":      ruleID,
			"sql":     "SELECT * FROM demo",
			"actions": []any{map[string]any{"mysql": map[string]any{"url": dsn, "table": s.table}}},
			// Without this eKuiper itself drops rows that come too fast.
			"options": map[string]any{"disableBufferFullDiscard": true},
		}
	}
	if err := p.host.CreateRule(rule(db.dsn)); err != nil {
		return fmt.Errorf("make the rule: %w%s", err, p.complaints())
	}
	shown, err := json.Marshal(rule(db.shown)["actions"])
	if err != nil {
		return fmt.Errorf("show the rule: %w", err)
	}
	screen.step("rule", "SELECT * FROM demo, actions %s", shown)
	return nil
}

// watch shows rows arriving until all are there, or until ctx ends if the demo
// is kept running. It fails when rows do not arrive.
func (p *pipeline) watch(ctx context.Context, s settings, db *database, screen *screen) error {
	screen.line("")
	if s.keep {
		screen.line("Running until Ctrl-C. The REST API is at %s: try", p.host.URL())
		screen.line("  curl %s/rules/%s/status", p.host.URL(), ruleID)
	}
	interval := time.Second
	if screen.terminal {
		interval = 100 * time.Millisecond
	}
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	meter := newMeter(time.Now())
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
		}
		total, err := db.count(ctx)
		if err != nil {
			return err
		}
		arrived := total - db.before
		meter.note(time.Now(), arrived)
		text := fmt.Sprintf("  %6.1f s  %10s rows in table %s  %8s rows/s", meter.elapsed().Seconds(), thousands(arrived), s.table, thousands(meter.rate()))
		if screen.terminal {
			screen.change("%s", text)
		} else {
			screen.line("%s", text)
		}
		if !s.keep && arrived >= int64(s.rows) {
			p.settled = true
			screen.line("\n%s rows made, %s rows in the table.", thousands(int64(s.rows)), thousands(arrived))
			return nil
		}
		if meter.still() > patience {
			return fmt.Errorf("no row has arrived for %s; %s are in the table%s", patience, thousands(arrived), p.account()+p.complaints())
		}
	}
}

// account tells how many rows eKuiper itself counted, for an error's end.
func (p *pipeline) account() string {
	status, err := p.host.RuleStatus(ruleID)
	if err != nil {
		return "\n" + err.Error()
	}
	return fmt.Sprintf("\nthe rule is %s: %d rows came from the source, %d went to the sink, %d errors", status.State(),
		status.Sum("source_demo", "records_out_total"), status.SinkIn("mysql"), status.SinkExceptions("mysql"))
}

// complaints are the warnings and errors in eKuiper's log, for an error's end.
func (p *pipeline) complaints() string {
	var found []string
	for line := range strings.Lines(p.host.Log()) {
		if strings.Contains(line, "level=error") || strings.Contains(line, "level=warn") {
			found = append(found, strings.TrimSpace(line))
		}
	}
	if len(found) > 10 {
		found = found[len(found)-10:]
	}
	if len(found) == 0 {
		return ""
	}
	return "\nfrom eKuiper's log:\n  " + strings.Join(found, "\n  ")
}

// close ends all. Rows on their way are written first, by stopping the rule;
// with none left that would only wait for eKuiper, which takes up to 5 s to
// stop a source that is silent.
func (p *pipeline) close() error {
	if !p.settled {
		_ = p.host.StopRule(ruleID) // there may be none yet
	}
	return p.host.Close()
}
