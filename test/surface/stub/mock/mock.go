// Package mock is the public surface that eKuiper's Go SDK is known to have.
package mock

import (
	"testing"

	"github.com/lf-edge/ekuiper/sdk/go/api"
)

type FuncTest struct {
	Args   []interface{}
	Result interface{}
	Ok     bool
}

func TestSourceOpen(r api.Source, exp []api.SourceTuple, t *testing.T) {}
func RunSinkCollect(s api.Sink, exp []string) error                    { return nil }
func TestFuncExec(f api.Function, tests []FuncTest, t *testing.T)      {}
