//go:build !linux

package cores

func isNormal() bool { return false }

func setBackground(bool) {}

func giveWay() {}
