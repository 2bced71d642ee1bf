package main

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/lf-edge/ekuiper/sdk/go/api"
)

// output is standard output as a library may have taken it before main.
var output = os.Stdout

// Sink records its configuration, its start, each message that it takes and
// its end.
type Sink struct {
	record
	switches string
}

// Configure refuses the start where the property "refuse" is set. The
// property "switch" is the beginning of the names of the files that Collect
// looks for. While the file <switch>.die exists, Configure ends the process;
// while <switch>.die-later exists, it does so a moment after the start; while
// <switch>.refuse exists, the start is refused.
func (s *Sink) Configure(props map[string]interface{}) error {
	if reason, ok := props["refuse"].(string); ok {
		return errors.New(reason)
	}
	s.switches, _ = props["switch"].(string)
	if s.switches != "" {
		switch {
		case exists(s.switches + ".die"):
			os.Exit(3)
		case exists(s.switches + ".die-later"):
			time.AfterFunc(20*time.Millisecond, func() { os.Exit(3) })
		case exists(s.switches + ".refuse"):
			return errors.New("the file asked for it")
		}
	}
	// A plugin may print what it likes where it likes.
	fmt.Println("a line on standard output")
	if runtime.GOOS != "windows" {
		_, _ = output.WriteString("a line on descriptor 1\n")
	}
	if err := s.open(props); err != nil {
		return err
	}
	return s.write(event{Event: "configure", Config: props})
}

// Open records whose instance this is.
func (s *Sink) Open(ctx api.StreamContext) error {
	instance := ctx.GetInstanceId()
	return s.write(event{Event: "open", Rule: ctx.GetRuleId(), Op: ctx.GetOpId(), Instance: &instance})
}

// Collect takes a message, except where it contains a word that says
// otherwise:
//
//   - "please-fail": it is an error while the file <switch>.fail exists.
//   - "please-block": it is taken when the file <switch>.go exists, and is an
//     error if the context is done before.
//   - "please-panic": it panics.
//   - "please-exit": it ends the process.
//   - "please-crash": it panics where nobody contains it.
//   - "please-hang": it never returns.
func (s *Sink) Collect(ctx api.StreamContext, data interface{}) error {
	text := string(data.([]byte))
	switch {
	case strings.Contains(text, "please-fail") && exists(s.switches+".fail"):
		return errors.New("the message asked for it")
	case strings.Contains(text, "please-block"):
		if err := await(ctx, s.switches+".go"); err != nil {
			return err
		}
	case strings.Contains(text, "please-panic"):
		panic("the message asked for it")
	case strings.Contains(text, "please-exit"):
		os.Exit(3)
	case strings.Contains(text, "please-crash"):
		go panic("the message asked for it")
		select {}
	case strings.Contains(text, "please-hang"):
		if err := s.write(event{Event: "hang"}); err != nil {
			return err
		}
		select {}
	}
	return s.write(event{Event: "message", Text: &text})
}

// Close records the end. While the file <switch>.hang exists, it never returns.
func (s *Sink) Close(api.StreamContext) error {
	if s.file == nil {
		return nil
	}
	if s.switches != "" && exists(s.switches+".hang") {
		_ = s.write(event{Event: "hang"})
		select {}
	}
	return errors.Join(s.write(event{Event: "close"}), s.file.Close())
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func await(ctx api.StreamContext, path string) error {
	look := time.NewTicker(5 * time.Millisecond)
	defer look.Stop()
	for !exists(path) {
		select {
		case <-look.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// Source records its configuration and emits the property "rows", an array of
// objects, then nothing more.
type Source struct {
	record
	rows []interface{}
}

// Configure reads the rows.
func (s *Source) Configure(datasource string, props map[string]interface{}) error {
	rows, ok := props["rows"].([]interface{})
	if !ok {
		return fmt.Errorf("property rows %v: want an array of objects", props["rows"])
	}
	s.rows = rows
	if err := s.open(props); err != nil {
		return err
	}
	return s.write(event{Event: "configure", Source: datasource, Config: props})
}

// Open emits the rows.
func (s *Source) Open(ctx api.StreamContext, consumer chan<- api.SourceTuple, errCh chan<- error) {
	for i, r := range s.rows {
		row, ok := r.(map[string]interface{})
		if !ok {
			errCh <- fmt.Errorf("row %d is not an object: %v", i, r)
			return
		}
		select {
		case consumer <- api.NewDefaultSourceTuple(row, map[string]interface{}{"row": i}):
		case <-ctx.Done():
			return
		}
	}
	<-ctx.Done()
}

// Close records the end.
func (s *Source) Close(api.StreamContext) error {
	return errors.Join(s.write(event{Event: "close"}), s.file.Close())
}

// Twice is the function: it doubles its only argument.
type Twice struct{}

// Validate wants one argument.
func (Twice) Validate(args []interface{}) error {
	if len(args) != 1 {
		return fmt.Errorf("%d arguments: want 1", len(args))
	}
	return nil
}

// Exec doubles a number.
func (Twice) Exec(args []interface{}, _ api.FunctionContext) (interface{}, bool) {
	n, ok := args[0].(float64)
	if !ok {
		return fmt.Errorf("%v is not a number", args[0]), false
	}
	return 2 * n, true
}

// IsAggregate is false: the function takes single values.
func (Twice) IsAggregate() bool { return false }
