package storage

// Exposed tells nothing: who may do what with a folder follows from the one
// that eKuiper was installed in.
func Exposed(...string) []string { return nil }
