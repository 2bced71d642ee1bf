package link

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"
)

// TLS is how connections are encrypted. The zero value: not at all.
type TLS struct {
	On         bool
	Optional   bool   // goes on without where the server has none
	VerifyCA   bool   // the server's certificate must come from a CA
	VerifyName bool   // and carry the host's name
	CA         string // PEM text or a file's path; empty: the system's
	Cert, Key  string // the client's, likewise; both or none
	ServerName string // instead of the host's name
	MinVersion uint16
}

// maxFile bounds a file of certificates, in bytes.
const maxFile = 1 << 20

// secure makes settings of TLS of what the files hold. It keeps the last, as
// long as they hold the same.
type secure struct {
	options TLS

	mu            sync.Mutex
	ca, cert, key []byte
	made          *tls.Config
	client        *x509.Certificate // the first of cert
}

// config returns the settings as the files are now, nil where there is no TLS.
// Each is a copy of its own. An error is a *SettingError.
func (s *secure) config() (*tls.Config, error) {
	o := s.options
	if !o.On {
		return nil, nil
	}
	ca, err1 := pemOf("tlsCa", o.CA, true)
	cert, err2 := pemOf("tlsCert", o.Cert, true)
	key, err3 := pemOf("tlsKey", o.Key, false)
	if err := errors.Join(err1, err2, err3); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.made != nil && bytes.Equal(ca, s.ca) && bytes.Equal(cert, s.cert) && bytes.Equal(key, s.key) {
		return s.made.Clone(), nil
	}
	c := &tls.Config{MinVersion: o.MinVersion, ServerName: o.ServerName}
	if len(ca) > 0 {
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(ca) {
			return nil, &SettingError{"tlsCa", "no certificate in it can be read: is it PEM?"}
		}
	}
	var client *x509.Certificate
	if len(cert) > 0 {
		var err error
		if client, err = addClient(c, cert, key); err != nil {
			return nil, err
		}
	}
	if !o.VerifyName {
		c.InsecureSkipVerify = true // its own check is of the name as well
		if o.VerifyCA {
			c.VerifyConnection = func(state tls.ConnectionState) error { return verifyCA(state, c.RootCAs) }
		}
	}
	s.ca, s.cert, s.key, s.made, s.client = ca, cert, key, c, client
	return c.Clone(), nil
}

// addClient makes c show the client's certificate.
func addClient(c *tls.Config, cert, key []byte) (*x509.Certificate, error) {
	if bytes.Contains(key, []byte("ENCRYPTED")) {
		return nil, &SettingError{"tlsKey", "it has a passphrase, which cannot be given; take it off"}
	}
	if block, _ := pem.Decode(key); block == nil {
		return nil, &SettingError{"tlsKey", "no key in it can be read: is it PEM?"}
	}
	pair, err := tls.X509KeyPair(cert, key) // its errors quote no key
	switch {
	case err == nil:
	case strings.Contains(err.Error(), "in certificate input"):
		return nil, &SettingError{"tlsCert", "no certificate in it can be read: is it PEM?"}
	case strings.Contains(err.Error(), "private key does not match"):
		return nil, &SettingError{"tlsKey", "the key is not that of the certificate in tlsCert"}
	case strings.Contains(err.Error(), "private key"):
		return nil, &SettingError{"tlsKey", "no key in it can be read: is it that of a certificate, in PEM?"}
	default:
		return nil, &SettingError{"tlsCert", "no certificate in it can be read: is it PEM?"}
	}
	c.Certificates = []tls.Certificate{pair}
	return x509.ParseCertificate(pair.Certificate[0])
}

// verifyCA verifies the server's certificate, whoever's it is.
func verifyCA(state tls.ConnectionState, roots *x509.CertPool) error {
	if len(state.PeerCertificates) == 0 {
		return errors.New("tls: the server has shown no certificate")
	}
	o := x509.VerifyOptions{Roots: roots, Intermediates: x509.NewCertPool()}
	for _, c := range state.PeerCertificates[1:] {
		o.Intermediates.AddCert(c)
	}
	_, err := state.PeerCertificates[0].Verify(o)
	return err
}

// expired tells of a client certificate whose time is not now. The server
// refuses it in words that tell nothing.
func (s *secure) expired() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	switch c := s.client; {
	case c == nil:
	case now.After(c.NotAfter):
		return &SettingError{"tlsCert", fmt.Sprintf("the certificate of %q has expired on %s", c.Subject, c.NotAfter.UTC().Format(time.RFC3339))}
	case now.Before(c.NotBefore):
		return &SettingError{"tlsCert", fmt.Sprintf("the certificate of %q is not valid before %s", c.Subject, c.NotBefore.UTC().Format(time.RFC3339))}
	}
	return nil
}

// pemOf returns PEM text, given itself or by the path of a file. A path is
// shown only where it may be: in the place of a key may stand one.
func pemOf(property, given string, show bool) ([]byte, error) {
	if given == "" || strings.Contains(given, "-----BEGIN ") {
		return []byte(given), nil
	}
	text, err := readFile(given)
	if err != nil {
		name := "the file"
		if show {
			name = given
		}
		return nil, &SettingError{property, fmt.Sprintf("%s: %v", name, cause(err))}
	}
	return text, nil
}

func readFile(path string) ([]byte, error) {
	info, err := os.Stat(path) // opening a pipe would wait for a writer
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("it is not a file")
	}
	if info.Size() == 0 { // as of those in /proc that answer when something happens
		return nil, errors.New("it is empty")
	}
	f, err := openFile(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(text) > maxFile {
		err = fmt.Errorf("it has more than %d bytes", maxFile)
	}
	return text, err
}

// openFile opens a file. What is none, and may have taken a file's place since
// it was looked at, is an error and is not waited for.
func openFile(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = errors.New("it is not a file")
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}
