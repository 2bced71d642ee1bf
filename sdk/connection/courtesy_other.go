//go:build !linux

package connection

// giveWay is for Linux.
func giveWay() {}
