package deadletter

import "errors"

// Reclaim frees the space of removed letters in dir, if no Store writes there;
// one that does frees it itself.
func Reclaim(dir string, log Logger) error {
	s, err := Open(Options{Dir: dir, FsyncEvery: -1, Logger: log})
	if errors.Is(err, ErrLocked) {
		return nil
	}
	if err != nil {
		return err
	}
	return s.Close() // tidying is the first thing that a store does
}
