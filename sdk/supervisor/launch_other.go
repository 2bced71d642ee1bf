//go:build !linux

package supervisor

import "os/exec"

func launch(cmd *exec.Cmd) error { return cmd.Start() }
