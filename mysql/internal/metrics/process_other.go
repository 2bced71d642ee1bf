//go:build !linux

package metrics

func readProcess() process { return process{-1, -1} }
