//go:build !linux

package runtime

// giveWay is for Linux.
func giveWay() {}
