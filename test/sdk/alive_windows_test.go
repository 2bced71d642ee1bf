package sdk

import "os"

func adoptOrphans() error { return nil }

func alive(pid int) bool {
	p, err := os.FindProcess(pid)
	if err == nil {
		_ = p.Release()
	}
	return err == nil
}
