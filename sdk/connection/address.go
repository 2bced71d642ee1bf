package connection

import (
	"fmt"
	"strings"
)

// Scheme starts every address of this package.
const Scheme = "ipc://"

// folder is where eKuiper has its sockets, on every system.
const folder = "/tmp"

// ControlURL is where the host listens for the plugin of that name.
func ControlURL(plugin string) string { return Scheme + folder + "/plugin_" + plugin + ".ipc" }

// FunctionURL is where the host listens for the function of that name.
func FunctionURL(symbol string) string { return Scheme + folder + "/func_" + symbol + ".ipc" }

// DataURL is where the data of a source or sink passes.
func DataURL(rule, op string, instance int) string {
	return fmt.Sprintf(Scheme+folder+"/%s_%s_%d.ipc", rule, op, instance)
}

// AckURL is where the host listens for a sink's acknowledgements.
func AckURL(rule, op string, instance int) string {
	return fmt.Sprintf(Scheme+folder+"/%s_%s_%d_ack.ipc", rule, op, instance)
}

// path strips the scheme.
func path(url string) (string, error) {
	p, ok := strings.CutPrefix(url, Scheme)
	if !ok || p == "" {
		return "", fmt.Errorf("address %q is not of the form %spath", url, Scheme)
	}
	return p, nil
}
