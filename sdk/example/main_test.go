package main

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/lf-edge/ekuiper/sdk/go/api"
	"github.com/lf-edge/ekuiper/sdk/go/mock"
)

// Each symbol by itself, without a host. How a whole plugin is tested is shown
// at the package fakehost.

func TestTicks(t *testing.T) {
	s := &ticks{}
	if err := s.Configure("", map[string]any{"every": "1ms"}); err != nil {
		t.Fatal(err)
	}
	var want []api.SourceTuple
	for n := 1; n <= 3; n++ {
		want = append(want, api.NewDefaultSourceTuple(map[string]any{"n": n}, nil))
	}
	mock.TestSourceOpen(s, want, t)
	for _, bad := range []any{nil, "", "soon", "-1s", 100} {
		if err := s.Configure("", map[string]any{"every": bad}); err == nil {
			t.Errorf("every %v was taken", bad)
		}
	}
}

func TestTwice(t *testing.T) {
	mock.TestFuncExec(twice{}, []mock.FuncTest{
		{Args: []any{2.5}, Result: 5.0, Ok: true},
		{Args: []any{"x"}, Result: errors.New("twice of x: want a number")},
	}, t)
	if (twice{}).Validate([]any{1, 2}) == nil || (twice{}).Validate([]any{1}) != nil {
		t.Error("one argument is right")
	}
}

func TestLines(t *testing.T) {
	s, path := &lines{}, filepath.Join(t.TempDir(), "lines")
	if err := s.Configure(map[string]any{"path": path}); err != nil {
		t.Fatal(err)
	}
	if err := mock.RunSinkCollect(s, []string{`{"n":2}`, `{"n":4}`}); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(path); err != nil || string(text) != "{\"n\":2}\n{\"n\":4}\n" {
		t.Errorf("%q, %v", text, err)
	}
	if s.Configure(nil) == nil {
		t.Error("a sink without a path was taken")
	}
}
