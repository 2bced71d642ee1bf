package connection

import "errors"

// ErrStranger says that a name of this package's, which anybody can guess, has
// been taken by another user of the machine than the one that runs this
// process. Nothing was sent there, and nothing is taken from there.
var ErrStranger = errors.New("it belongs to another user")
