package fault

func poison() []scenario { return nil }
