//go:build !windows

package runtime

import "os"

// parent watches the process that started this one. When it ends, another
// takes its place at once, whichever that is: process 1, or a subreaper.
type parent struct{ pid int }

func watchParent() parent { return parent{pid: os.Getppid()} }

// known is false where the parent is not visible, as in a container whose
// first process this is.
func (p parent) known() bool { return p.pid != 0 }

// gone reports whether the parent has ended.
func (p parent) gone() bool { return p.known() && os.Getppid() != p.pid }
