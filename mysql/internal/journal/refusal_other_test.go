//go:build !linux && !darwin

package journal

func refused() bool { return false }
