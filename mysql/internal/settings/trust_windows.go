package settings

import "io/fs"

// trusted believes: who may write to the file the folders above it say.
func trusted(fs.FileInfo) error { return nil }

// secluded believes, as trusted.
func secluded(fs.FileInfo) bool { return true }
