package storage

// Fleeting names the kind of file system that a folder is on where that is one
// whose content is gone with a container, or when the machine starts again:
// overlay, tmpfs or ramfs. It is empty for all others, for a folder that is not
// there, and where the system does not tell (all but Linux).
func Fleeting(dir string) string { return fleeting[kindOf(dir)] }

// fleeting are numbers that Linux has given to kinds of file systems.
var fleeting = map[uint32]string{
	0x794c7630: "overlay", // a container's own layer, as Docker and Kubernetes make it
	0x01021994: "tmpfs",
	0x858458f6: "ramfs",
}
