package page

import (
	"errors"
	"fmt"
	"testing"
	"time"
)

func TestGuessingIsSlow(t *testing.T) {
	k := newKeeper(token)
	now := time.Unix(1000, 0)
	k.now = func() time.Time { return now }
	try := func(from, with string) error {
		r := request("GET", "/", "", "Authorization: Bearer "+with)
		r.RemoteAddr = from
		return k.bears(r)
	}
	const guesser = "192.0.2.1:1"
	for i := range tries {
		if err := try(fmt.Sprintf("192.0.2.1:%d", i), "guess"); !errors.Is(err, errWrong) {
			t.Fatalf("try %d: %v", i, err)
		}
	}
	if err := try(guesser, token); !errors.Is(err, errLimited) {
		t.Errorf("the right token after too many wrong ones: %v", err)
	}
	if err := try("192.0.2.2:1", token); err != nil {
		t.Errorf("another address: %v", err)
	}
	now = now.Add(regain)
	if err := try(guesser, "guess"); !errors.Is(err, errWrong) {
		t.Errorf("after a while: %v", err)
	}
	if err := try(guesser, "guess"); !errors.Is(err, errLimited) {
		t.Errorf("again at once: %v", err)
	}
	now = now.Add(regain)
	if err := try(guesser, token); err != nil {
		t.Errorf("the right token after a while: %v", err)
	}
	for i := range 3 * maxSuspects {
		now = now.Add(time.Millisecond)
		if err := try(fmt.Sprintf("[2001:db8:%x:%x::1]:5", i>>12, i), "guess"); !errors.Is(err, errWrong) && !errors.Is(err, errLimited) {
			t.Fatal(err)
		}
	}
	if n := len(k.suspects); n > maxSuspects {
		t.Errorf("%d addresses are remembered", n)
	}
}

func TestOneSiteIsOneSuspect(t *testing.T) {
	for remote, want := range map[string]string{
		"192.0.2.1:99": "192.0.2.1", "[::ffff:192.0.2.1]:99": "192.0.2.1", "[2001:db8::1:2:3:4]:1": "2001:db8::/64", "[fe80::1%eth0]:1": "fe80::/64", "@": "@",
	} {
		if got := origin(remote); got != want {
			t.Errorf("%s: %s, want %s", remote, got, want)
		}
	}
}

func FuzzHost(f *testing.F) {
	for _, host := range []string{"localhost:1", "[::1]", "a.b:c:d", "]", "[", "%"} {
		f.Add(host)
	}
	own := hostsOf("plant.example:9112")
	f.Fuzz(func(t *testing.T, host string) {
		if own.own(host) && own.own("x"+host+".evil.example") {
			t.Errorf("%q is ours", "x"+host+".evil.example")
		}
	})
}
