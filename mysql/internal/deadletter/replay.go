package deadletter

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
)

// replayLock is held by who replays letters of the folder.
const replayLock = "replay.lock"

// ErrReplaying says that another process replays letters of the folder.
var ErrReplaying = errors.New("another process replays these dead letters")

// LockReplay keeps others from replaying letters of dir until the Closer is
// closed or the process ends: a letter that two replay is stored twice.
func LockReplay(dir string) (io.Closer, error) {
	lock, err := OS{}.Lock(filepath.Join(dir, replayLock), false)
	if errors.Is(err, ErrLocked) {
		return nil, ErrReplaying
	}
	if err != nil {
		return nil, fmt.Errorf("replay dead letters: %w", err)
	}
	return lock, nil
}
