//go:build !linux

package runtime

// yield is for Linux.
func yield() {}
