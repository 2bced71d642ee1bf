//go:build !linux && !windows

package runtime

import "context"

func (parent) await(context.Context) {}
