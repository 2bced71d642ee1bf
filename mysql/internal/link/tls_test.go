package link

import (
	"strings"
	"testing"
	"time"

	"ekuiper-mysql/test/certificates"
)

func TestCertificatesAreJudged(t *testing.T) {
	ca := certificates.New(t, "ca")
	good, other := ca.Issue("client", time.Now().Add(time.Hour)), ca.Issue("other", time.Now().Add(time.Hour))
	old := ca.Issue("old client", time.Now().Add(-time.Hour))
	key := file(t, "key.pem", good.Key)
	cases := []struct {
		options TLS
		want    string
	}{
		{TLS{}, ""},
		{TLS{CA: ca.PEM, Cert: good.Cert, Key: key}, ""},
		{TLS{CA: file(t, "ca.pem", ca.PEM), Cert: file(t, "cert.pem", good.Cert), Key: good.Key}, ""},
		{TLS{CA: "/nowhere/ca.pem"}, "property tlsCa: /nowhere/ca.pem: no such file or directory"},
		{TLS{CA: t.TempDir()}, "it is not a file"},
		{TLS{CA: file(t, "ca.pem", "")}, "it is empty"},
		{TLS{CA: file(t, "ca.pem", "text")}, "property tlsCa: no certificate in it can be read: is it PEM?"},
		{TLS{CA: file(t, "ca.pem", strings.Repeat("x", maxFile+1))}, "it has more than 1048576 bytes"},
		{TLS{Cert: good.Cert, Key: other.Key}, "property tlsKey: the key is not that of the certificate in tlsCert"},
		{TLS{Cert: good.Key, Key: good.Key}, "property tlsCert: no certificate in it can be read: is it PEM?"},
		{TLS{Cert: good.Cert, Key: good.Cert}, "property tlsKey: no key in it can be read: is it that of a certificate, in PEM?"},
		{TLS{Cert: good.Cert, Key: file(t, "key.pem", "MIIE")}, "property tlsKey: no key in it can be read: is it PEM?"},
		{TLS{Cert: good.Cert, Key: "/nowhere/key.pem"}, "property tlsKey: the file: no such file or directory"},
		{TLS{Cert: good.Cert, Key: "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAA==\n-----END ENCRYPTED PRIVATE KEY-----"}, "property tlsKey: it has a passphrase, which cannot be given"},
		{TLS{Cert: old.Cert, Key: old.Key}, `property tlsCert: the certificate of "CN=old client" has expired on `},
	}
	for _, c := range cases {
		c.options.On = true
		s := &secure{options: c.options}
		_, err := s.config()
		if err == nil {
			err = s.expired()
		}
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("got  %v\nwant %s", err, c.want)
		}
		if err != nil && (strings.Contains(err.Error(), good.Key[30:60]) || strings.Contains(err.Error(), "MIIE")) {
			t.Errorf("a key shows: %v", err)
		}
	}
}

func TestCertificatesAreReadAgain(t *testing.T) {
	ca := certificates.New(t, "ca")
	first, second := ca.Issue("first", time.Now().Add(time.Hour)), ca.Issue("second", time.Now().Add(time.Hour))
	cert, key := file(t, "cert.pem", first.Cert), file(t, "key.pem", first.Key)
	s := &secure{options: TLS{On: true, Cert: cert, Key: key}}
	shown := func() string {
		t.Helper()
		if _, err := s.config(); err != nil {
			t.Fatal(err)
		}
		return s.client.Subject.CommonName
	}
	if shown() != "first" {
		t.Fatal("not the certificate of the file")
	}
	made := s.made
	if shown(); s.made != made {
		t.Error("it is made anew although the files are the same")
	}
	rewrite(t, cert, second.Cert)
	if _, err := s.config(); err == nil {
		t.Error("a key of another certificate passes")
	}
	rewrite(t, key, second.Key)
	if got := shown(); got != "second" {
		t.Errorf("after the files have changed it is %s", got)
	}
}
