package command

// forOwner lets everybody who may: whose a file is follows from its folder.
func forOwner(string) error { return nil }
