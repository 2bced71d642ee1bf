// eKuiper 1.14.7, the last of the 1.x line, pinned by this module's go.sum, as
// a tool for the tests that run the plugin on both lines.
package main

import "github.com/lf-edge/ekuiper/cmd"

func main() {
	cmd.Version = "1.14.7"
	cmd.Main()
}
