package main

import (
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/windows"
)

// firstClientHangs: Wine lets the first client of a new named pipe connect to
// the instance that keeps the name, which nobody serves, where Windows has it
// wait for the next. Only Wine has the function that is looked for.
func firstClientHangs() bool {
	return windows.NewLazySystemDLL("ntdll.dll").NewProc("wine_get_version").Find() == nil
}

// occupant is a client that takes the place of the first, for ever.
type occupant struct {
	once sync.Once
	came chan struct{}
}

var (
	mu        sync.Mutex
	occupants = map[string]*occupant{}
)

// occupy has a client of no use come first wherever url is listened on from
// now on, where first clients hang.
func occupy(url string) *occupant {
	mu.Lock()
	defer mu.Unlock()
	o := occupants[url]
	if o == nil {
		o = &occupant{came: make(chan struct{})}
		occupants[url] = o
		if firstClientHangs() {
			go o.hold(`\\.\pipe\` + strings.TrimPrefix(url, "ipc://"))
		} else {
			close(o.came)
		}
	}
	return o
}

// met waits until it has been first once.
func (o *occupant) met() { <-o.came }

// hold connects again whenever the listener has gone.
func (o *occupant) hold(pipe string) {
	name, err := windows.UTF16PtrFromString(pipe)
	if err != nil {
		panic(err)
	}
	for tick := time.NewTicker(time.Millisecond); ; <-tick.C {
		h, err := windows.CreateFile(name, windows.GENERIC_READ|windows.GENERIC_WRITE, 0, nil, windows.OPEN_EXISTING, 0, 0)
		if err != nil {
			continue
		}
		o.once.Do(func() { close(o.came) })
		var n uint32
		for buffer := make([]byte, 64); err == nil; { // until the other end is gone
			err = windows.ReadFile(h, buffer, &n, nil)
		}
		_ = windows.CloseHandle(h)
	}
}
