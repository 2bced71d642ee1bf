package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"

	"github.com/lf-edge/ekuiper/sdk/go/api"
)

// sink writes one line for every message, in one write: "k <message>" for one
// that it keeps, "r <message>" for one that it refuses.
//
// Properties: record is the file's name. refuse is a part of a message: one
// that holds it is refused when it comes for the first time. die is
// "<point> <part>": the process kills itself at that point of a message that
// holds the part, once; the points are those of the calls of sink.at.
type sink struct {
	record, refuse    string
	point, part, died string
	lines             *os.File
	note              *os.File // nil: no notes are kept

	mu      sync.Mutex
	refused map[string]bool
	kept    uint64
	last    []byte // kept last
	doomed  bool   // the message at work is the one to die of
	noted   int    // notes since it was collected
}

func (s *sink) Configure(props map[string]interface{}) error {
	s.record, _ = props["record"].(string)
	s.refuse, _ = props["refuse"].(string)
	die, _ := props["die"].(string)
	s.point, s.part, _ = strings.Cut(die, " ")
	if s.record == "" {
		return errors.New("property record: want the name of a file")
	}
	s.died = s.record + ".died"
	keep, set := props["notes"].(bool)
	if set && !keep {
		return nil
	}
	var err error
	s.note, err = os.OpenFile(s.record+".note", os.O_RDWR|os.O_CREATE, 0o600)
	return err
}

// Open counts what former runs have kept.
func (s *sink) Open(api.StreamContext) error {
	text, err := os.ReadFile(s.record)
	if err != nil && !os.IsNotExist(err) {
		return err
	}
	s.refused = map[string]bool{}
	for line := range bytes.Lines(text) {
		what, message, _ := bytes.Cut(bytes.TrimSpace(line), []byte(" "))
		if string(what) == "k" {
			s.kept++
			s.last = message
		} else {
			s.refused[string(message)] = true
		}
	}
	s.lines, err = os.OpenFile(s.record, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	return err
}

func (s *sink) Close(api.StreamContext) error { return nil }

func (s *sink) Collect(_ api.StreamContext, data interface{}) error {
	message := data.([]byte)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.doomed = s.point != "" && bytes.Contains(message, []byte(s.part))
	s.noted = 0
	s.at("collecting")
	what, err := "k", error(nil)
	if s.refuse != "" && bytes.Contains(message, []byte(s.refuse)) && !s.refused[string(message)] {
		what, err = "r", errors.New("refused")
		s.refused[string(message)] = true
	}
	if _, err := s.lines.Write([]byte(what + " " + string(message) + "\n")); err != nil {
		return err
	}
	if err == nil {
		s.kept++
		s.last = message
	}
	s.at("collected")
	return err
}

// at kills the process if that is the point, for the first time.
func (s *sink) at(point string) {
	if !s.doomed || point != s.point {
		return
	}
	if f, err := os.OpenFile(s.died, os.O_CREATE|os.O_EXCL, 0o600); err == nil {
		_ = f.Close()
		self, _ := os.FindProcess(os.Getpid())
		_ = self.Kill()
		select {}
	}
}

// The notes of acknowledgements, in a file: what is written survives a kill.

func (s *sink) AckNote() ([]byte, bool) {
	if s.note == nil {
		return nil, false
	}
	b := make([]byte, 64)
	n, _ := s.note.ReadAt(b, 0)
	return b[:n], true
}

// SetAckNote is called after Collect when the acknowledgement is about to go
// out, and when it has gone out.
func (s *sink) SetAckNote(note []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.noted++
	s.at("note" + strconv.Itoa(s.noted))
	_, err := s.note.WriteAt(note, 0)
	s.at("noted" + strconv.Itoa(s.noted))
	if err != nil {
		return fmt.Errorf("keep a note: %w", err)
	}
	return nil
}

func (s *sink) Kept() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.kept
}

func (s *sink) IsLastKept(message []byte) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.last != nil && bytes.Equal(s.last, message)
}
