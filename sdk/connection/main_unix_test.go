//go:build !windows

package connection

import "os"

// elsewhere makes this process another user's, if it is to be one.
func elsewhere() bool {
	dir := os.Getenv(strangerEnv)
	if dir != "" {
		stranger(dir)
	}
	return dir != ""
}
