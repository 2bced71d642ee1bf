//go:build !windows

package connection

import (
	"net"
	"os"
	"strings"
	"testing"
	"time"
)

func TestListenOnStaleAndLiveSockets(t *testing.T) {
	t.Parallel()
	url := address(t)
	p, _ := path(url)
	left, err := net.ListenUnix("unix", &net.UnixAddr{Name: p, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	left.SetUnlinkOnClose(false)
	if _, err := Listen(url, 0, quiet, &recorder{}); err == nil {
		t.Fatal("listened beside a live listener")
	}
	_ = left.Close()
	first := inlet(t, url, 0, &recorder{})
	if st, err := os.Stat(p); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("socket file: %v, %v", st.Mode(), err)
	}
	for range 2 {
		if !RemoveSocket(url) {
			t.Error("the socket file could not be removed")
		}
	}
	inlet(t, url, 0, &recorder{})
	first.Close()
	if !isSocket(p) {
		t.Error("closing the first listener removed the second's file")
	}
	if err := os.WriteFile(p+"x", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if RemoveSocket(url + "x") {
		t.Error("removed what is not a socket")
	}
	_, err = Listen(Scheme+"/tmp/"+strings.Repeat("long", 40), 0, quiet, &recorder{})
	if err == nil || !strings.Contains(err.Error(), "shorten the rule id") {
		t.Errorf("too long a path: %v", err)
	}
}

// A former process that still listens lets go in a moment.
func TestListenWaitsForAFormerListener(t *testing.T) {
	t.Parallel()
	url := address(t)
	former, err := listen(url)
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		// Its second caller is the next listener, which looks who is there.
		for range 2 {
			if conn, err := former.Accept(); err == nil {
				_ = conn.Close()
			}
		}
		_ = former.Close()
	}()
	inlet(t, url, 0, &recorder{})
	lasting := address(t)
	inlet(t, lasting, 0, &recorder{})
	if _, err := Listen(lasting, 0, quiet, &recorder{}); !inUse(err) {
		t.Errorf("beside another: %v", err)
	}
}

// A listener is told from its successor of the same name, and from one that
// is older than another.
func TestSocketIdentity(t *testing.T) {
	t.Parallel()
	url, other := address(t), address(t)
	none := LookUpSocket(url)
	if none.Identity() != 0 || none.Since(none) {
		t.Errorf("what is not there has the identity %d", none.Identity())
	}
	first := inlet(t, url, 0, &recorder{})
	before := LookUpSocket(url)
	inlet(t, other, 0, &recorder{})
	after := LookUpSocket(other)
	if before.Identity() == 0 || before.Identity() != LookUpSocket(url).Identity() || before.Identity() == after.Identity() {
		t.Errorf("identities %d and %d", before.Identity(), after.Identity())
	}
	old := time.Now().Add(-time.Minute)
	p, _ := path(url)
	if err := os.Chtimes(p, old, old); err != nil {
		t.Fatal(err)
	}
	before = LookUpSocket(url)
	if !after.Since(before) || before.Since(after) || !before.Since(before) || after.Since(none) || none.Since(after) {
		t.Error("the order of the sockets is wrong")
	}
	first.Close()
	inlet(t, url, 0, &recorder{})
	if got := LookUpSocket(url).Identity(); got == before.Identity() {
		t.Error("a successor has the same identity")
	}
}
