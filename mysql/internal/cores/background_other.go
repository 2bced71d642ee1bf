//go:build !linux

package cores

func setBackground(bool) {}

func giveWay() {}
