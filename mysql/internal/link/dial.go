package link

import (
	"net"
	"time"
)

// How soon a server that is gone without a word is noticed. A statement that it
// has acknowledged and never answers would otherwise wait for the read timeout;
// where another host can take over, that is too long.
var (
	patient = net.KeepAliveConfig{Enable: true, Idle: 15 * time.Second, Interval: 5 * time.Second, Count: 3}
	hurried = net.KeepAliveConfig{Enable: true, Idle: 4 * time.Second, Interval: 2 * time.Second, Count: 3}
)

// dialer returns what dials an address: one of several hosts, or the only one.
func dialer(several bool) *net.Dialer {
	if several {
		return &net.Dialer{KeepAliveConfig: hurried, Control: boundUnacknowledged}
	}
	return &net.Dialer{KeepAliveConfig: patient}
}
