//go:build linux

package main

import "ekuiper-mysql/test/proc"

// treeCPU is the CPU time in microseconds of a process and its children.
func treeCPU(pid int) (float64, error) {
	sum, err := proc.CPU(pid)
	if err != nil {
		return 0, err
	}
	children, err := proc.Children(pid)
	if err != nil {
		return 0, err
	}
	for _, child := range children {
		more, err := treeCPU(child)
		if err != nil {
			return 0, err
		}
		sum += more
	}
	return sum, nil
}
