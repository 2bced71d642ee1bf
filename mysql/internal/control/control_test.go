package control

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"ekuiper-mysql/mysql/internal/status"
)

const childFolder = "CONTROL_TEST_FOLDER"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childFolder); dir != "" {
		s := Serve(dir, answering("child"), quiet{})
		<-s.ready
		fmt.Println("ready")
		select {} // until it is killed
	}
	goleak.VerifyTestMain(m)
}

type quiet struct{}

func (quiet) Infof(string, ...any) {}
func (quiet) Warnf(string, ...any) {}

// lines is a log.
type lines struct {
	mu  sync.Mutex
	all []string
	now chan struct{} // one slot
}

func (l *lines) Infof(f string, a ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, fmt.Sprintf(f, a...))
	select {
	case l.now <- struct{}{}:
	default:
	}
}
func (l *lines) Warnf(f string, a ...any) { l.Infof(f, a...) }

func answering(version string) http.Handler {
	return status.Handler(func() status.Plugin { return status.Plugin{Version: version} })
}

// serve returns once it answers, or never will.
func serve(t *testing.T, dir, version string, log Logger) *Server {
	t.Helper()
	s := Serve(dir, answering(version), log)
	t.Cleanup(s.Close)
	<-s.ready
	return s
}

func ask(t *testing.T, dir string) (string, error) {
	t.Helper()
	p, err := Status(t.Context(), dir, 0)
	return p.Version, err
}

func want(t *testing.T, dir, version string) {
	t.Helper()
	if got, err := ask(t, dir); err != nil || got != version {
		t.Errorf("%q answers, %v; want %q", got, err, version)
	}
}

func TestAnswers(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	if _, err := ask(t, dir); !errors.Is(err, ErrSilent) {
		t.Errorf("without a plugin: %v", err)
	}
	s := serve(t, dir, "1", quiet{})
	want(t, dir, "1")
	s.Close()
	s.Close()
	if _, err := ask(t, dir); !errors.Is(err, ErrSilent) {
		t.Errorf("after the end: %v", err)
	}
	if _, err := os.Lstat(filepath.Join(dir, folder, socketName)); err == nil {
		t.Error("the socket is left")
	}
}

// TestKilled: what a killed process leaves is in nobody's way.
func TestKilled(t *testing.T) {
	dir := t.TempDir()
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), childFolder+"="+dir)
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	_, _ = out.Read(make([]byte, 16))
	want(t, dir, "child")

	// A second plugin with the same folder waits for the first to end.
	log := &lines{now: make(chan struct{}, 1)}
	second := Serve(dir, answering("second"), log)
	defer second.Close()
	<-log.now
	want(t, dir, "child")

	_ = child.Process.Kill()
	_ = child.Wait()
	if _, err := os.Lstat(filepath.Join(dir, folder, socketName)); err != nil {
		t.Errorf("the killed process has left no socket: %v", err)
	}
	select {
	case <-second.ready:
	case <-time.After(time.Minute):
		t.Fatal("the second never answers")
	}
	want(t, dir, "second")
	if len(log.all) != 1 || !strings.Contains(log.all[0], "another process") {
		t.Errorf("told %q", log.all)
	}
}

func TestLongPath(t *testing.T) {
	dir := filepath.Join(t.TempDir(), strings.Repeat("long", 30), strings.Repeat("longer", 10))
	log := &lines{now: make(chan struct{}, 1)}
	serve(t, dir, "1", log)
	if runtime.GOOS == "linux" {
		want(t, dir, "1")
		return
	}
	if len(log.all) != 1 || !strings.Contains(log.all[0], "EKUIPER_MYSQL_DATA") {
		t.Errorf("told %q", log.all)
	}
}

// TestNonsense: who answers what is no status is told of, without an end.
func TestNonsense(t *testing.T) {
	for name, h := range map[string]http.HandlerFunc{
		"no JSON": func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) },
		"404":     http.NotFound,
	} {
		dir := t.TempDir()
		s := Serve(dir, h, quiet{})
		<-s.ready
		if _, err := ask(t, dir); err == nil || errors.Is(err, ErrSilent) {
			t.Errorf("%s: %v", name, err)
		}
		s.Close()
	}
	dir := t.TempDir()
	s := Serve(dir, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }), quiet{})
	<-s.ready
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(10*time.Millisecond, cancel)
	if _, err := Status(ctx, dir, 0); err == nil {
		t.Error("who hangs has answered")
	}
	s.Close()
}

// TestAPluginThatHangs is told of: who asks does so because rows are missing.
func TestAPluginThatHangs(t *testing.T) {
	before := patience
	patience = time.Millisecond
	defer func() { patience = before }()
	dir, release := t.TempDir(), make(chan struct{})
	s := Serve(dir, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }), quiet{})
	<-s.ready
	if _, err := ask(t, dir); !errors.Is(err, ErrHangs) || errors.Is(err, ErrSilent) {
		t.Errorf("asking gives %v", err)
	}
	close(release)
	s.Close()
}
