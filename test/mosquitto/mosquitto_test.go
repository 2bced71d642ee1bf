package mosquitto

import (
	"context"
	"net"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestBrokerLives(t *testing.T) {
	b := Start(t)
	at := b.Addr()
	if err := b.Restart(); err == nil {
		t.Error("a running broker was started again")
	}
	for range 2 {
		publish(t, b, 100)
		for range 2 { // safe twice
			if err := b.Kill(); err != nil {
				t.Fatal(err)
			}
		}
		if c, err := net.Dial("tcp", at); err == nil {
			_ = c.Close()
			t.Error("a killed broker answers")
		}
		if err := b.Restart(); err != nil {
			t.Fatal(err)
		}
		if b.Addr() != at {
			t.Errorf("the broker has moved from %s to %s", at, b.Addr())
		}
	}
	publish(t, b, 1)
	// Each was acknowledged: that is what Close waits for.
	if n := strings.Count(b.Log(), "Sending PUBACK to "); n != 201 {
		t.Errorf("%d messages were acknowledged, want 201", n)
	}
	if n := b.Subscriptions(); n != 0 {
		t.Errorf("%d subscriptions, and nobody subscribed", n)
	}
}

func publish(t *testing.T, b *Broker, messages int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	p, err := b.Publisher(ctx, "a/b")
	if err != nil {
		t.Fatal(err)
	}
	for range messages {
		if err := p.Publish([]byte(`{"a":1}`)); err != nil {
			t.Error(err)
		}
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
}
