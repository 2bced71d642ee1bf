package journal

func victim() bool { return false }
