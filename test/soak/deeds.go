//go:build linux

package main

import (
	"errors"
	"fmt"
	"strings"

	"ekuiper-mysql/test/ekuiper"
)

// deeds are what was done to the stage, and what it did, over the whole run.
type deeds struct {
	rows, stored, refused           uint64 // received by the plugin, and what became of them
	workers, databases, cuts, edits int
	updates                         int
}

// The guest is a rule that comes, changes and goes each day.

func (s *stage) guest(day int) *rule {
	return &rule{
		name: fmt.Sprint("guest", day), rate: 100, action: map[string]any{"mode": "upsert", "table": "latest"},
		fields: []any{map[string]any{"name": "id", "type": "int", "min": 1000, "max": 1999}, map[string]any{"name": "x", "type": "float"}},
	}
}

func (s *stage) makeGuest(day int) error {
	g := s.guest(day)
	return g.create(s)
}

func (s *stage) editGuest(day int) error {
	g := s.guest(day)
	s.deeds.edits++
	return s.host.UpdateRule(g.name, g.document(s, map[string]any{"maxBatchRows": 10, "delivery": "exactlyOnce"}))
}

func (s *stage) deleteGuest(day int) error {
	g := s.guest(day)
	err := errors.Join(s.host.DeleteRule(g.name), s.host.DropStream(g.name))
	if err != nil {
		return err
	}
	a, err := s.settled(g.name, 1)
	if err != nil {
		return err
	}
	if a.Stored+a.Superseded != a.Received {
		return fmt.Errorf("the sums do not add up: %+v", a)
	}
	return ekuiper.Wait(patience, func() (bool, error) {
		out, err := s.command("journal", "purge", g.name, "--yes")
		if err != nil && strings.Contains(err.Error(), "in use") {
			return false, nil // the plugin lets go of it a moment after the last row
		}
		return out != "", err
	})
}

func (s *stage) cut() error {
	s.deeds.cuts++
	s.proxy.Cut()
	return nil
}

func (s *stage) reset() error {
	s.deeds.cuts++
	s.proxy.ResetClients()
	return nil
}

func (s *stage) silence() error {
	s.deeds.cuts++
	s.proxy.BlackHole()
	return nil
}

func (s *stage) killDatabase() error {
	s.deeds.databases++
	return s.server.Kill()
}

func (s *stage) killWorker() error {
	s.deeds.workers++
	err := ekuiper.Wait(patience, func() (bool, error) { return s.host.WorkerPid("mysql") != 0, nil })
	if err != nil {
		return fmt.Errorf("wait for a worker: %w", err)
	}
	return s.host.KillWorker("mysql")
}

func (s *stage) update() error {
	s.deeds.updates++
	return s.host.UpdatePlugin("mysql", s.zip)
}
