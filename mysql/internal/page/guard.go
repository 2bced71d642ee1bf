package page

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Reasons why a request is not the operator's.
var (
	errNoToken = errors.New("this needs the token, as the header Authorization: Bearer <token>")
	errWrong   = errors.New("the token is wrong")
	errLimited = errors.New("too many wrong tokens came from your address; wait a little")
)

type bearerKey struct{}

// bearer tells whether guard has found the token in a request.
func bearer(r *http.Request) bool { return r.Context().Value(bearerKey{}) != nil }

// guard stands before all handlers. A wrong token is refused everywhere, so
// that nobody takes it for the right one.
func (p *page) guard(next http.Handler) http.Handler {
	var sameOrigin http.CrossOriginProtection
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-store")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		if err := sameOrigin.Check(r); err != nil {
			refuse(w, http.StatusForbidden, "another site's page asks for this: "+err.Error())
			return
		}
		err := p.keeper.bears(r)
		switch {
		case err == nil:
			r = r.WithContext(context.WithValue(r.Context(), bearerKey{}, true))
		case errors.Is(err, errLimited):
			h.Set("Retry-After", strconv.Itoa(int(regain.Seconds())))
			refuse(w, http.StatusTooManyRequests, err.Error())
			return
		case errors.Is(err, errWrong):
			h.Set("WWW-Authenticate", "Bearer")
			refuse(w, http.StatusUnauthorized, err.Error())
			return
		case strings.HasPrefix(r.URL.Path, "/api/") && !p.hosts.own(r.Host):
			// A name that is not ours may be another site's that leads here: its
			// page could read what we answer. It cannot know the token.
			refuse(w, http.StatusForbidden, "this is not answered under the name "+strconv.Quote(r.Host)+" without the token; allowed: an IP address, localhost, "+
				"the name of this machine or of the address it listens at")
			return
		}
		next.ServeHTTP(w, r)
	})
}

// trusted lets only who bears the token through.
func (p *page) trusted(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		switch {
		case !p.keeper.set:
			refuse(w, http.StatusForbidden, "this is off: no token is set for the plugin")
		case !bearer(r):
			w.Header().Set("WWW-Authenticate", "Bearer")
			refuse(w, http.StatusUnauthorized, errNoToken.Error())
		default:
			next(w, r)
		}
	}
}

// hosts are the names under which the page is asked for.
type hosts map[string]bool

func hostsOf(listen string, names ...string) hosts {
	own := hosts{"localhost": true}
	if host, _, err := net.SplitHostPort(listen); err == nil {
		names = append(names, host)
	}
	for _, n := range names {
		if n != "" {
			own[strings.ToLower(n)] = true
		}
	}
	return own
}

// own tells whether a request's Host, with any port, names this machine: by a
// name of ours, or by an address, which no other site can have as its name.
func (h hosts) own(asked string) bool {
	host := asked
	if name, _, err := net.SplitHostPort(asked); err == nil {
		host = name
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if h[host] {
		return true
	}
	_, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(host, "["), "]"))
	return err == nil
}

// Bounds on wrong tokens from one address.
const (
	tries       = 5               // at once
	regain      = 5 * time.Second // until one more is allowed
	maxSuspects = 1000            // addresses that are remembered
)

// keeper knows the token.
type keeper struct {
	set  bool
	want [sha256.Size]byte
	now  func() time.Time

	mu       sync.Mutex
	suspects map[string]suspect
}

// suspect is an address from which wrong tokens came.
type suspect struct {
	failures float64
	at       time.Time
}

func newKeeper(token string) *keeper {
	return &keeper{set: token != "", want: sha256.Sum256([]byte(token)), now: time.Now, suspects: map[string]suspect{}}
}

// bears returns nil if the request bears the token, and else why not.
func (k *keeper) bears(r *http.Request) error {
	scheme, given, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !k.set || given == "" || !strings.EqualFold(scheme, "Bearer") {
		return errNoToken
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	from, now := origin(r.RemoteAddr), k.now()
	s := k.suspects[from]
	s.failures = max(0, s.failures-float64(now.Sub(s.at))/float64(regain))
	s.at = now
	if s.failures > tries-1 {
		return errLimited
	}
	sum := sha256.Sum256([]byte(strings.TrimSpace(given)))
	if subtle.ConstantTimeCompare(sum[:], k.want[:]) == 1 {
		return nil
	}
	s.failures++
	if len(k.suspects) >= maxSuspects {
		k.forget(now)
	}
	k.suspects[from] = s
	return errWrong
}

// forget drops who has not been wrong for long, and if that is nobody, anybody.
func (k *keeper) forget(now time.Time) {
	for from, s := range k.suspects {
		if now.Sub(s.at) > tries*regain {
			delete(k.suspects, from)
		}
	}
	for from := range k.suspects {
		if len(k.suspects) < maxSuspects {
			return
		}
		delete(k.suspects, from)
	}
}

// origin is who asks: an address, of IPv6 the network that one site has.
func origin(remote string) string {
	at, err := netip.ParseAddrPort(remote)
	if err != nil {
		return remote
	}
	address := at.Addr().Unmap().WithZone("")
	if address.Is6() {
		if network, err := address.Prefix(64); err == nil {
			return network.String()
		}
	}
	return address.String()
}
