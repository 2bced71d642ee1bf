package connection

import (
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if !elsewhere() {
		goleak.VerifyTestMain(m)
	}
}
