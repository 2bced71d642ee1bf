package check

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"syscall"

	"github.com/go-sql-driver/mysql"

	"ekuiper-mysql/mysql/internal/config"
	"ekuiper-mysql/mysql/internal/fault"
	"ekuiper-mysql/mysql/internal/link"
	"ekuiper-mysql/mysql/internal/schema"
	"ekuiper-mysql/mysql/internal/statement"
)

// remedy says what mends err.
func (c *checking) remedy(err error) string {
	if number, _ := fault.Number(err); number != 0 {
		if text := c.remedyOfNumber(number); text != "" {
			return text
		}
		return remedyOfClass(fault.Classify(err))
	}
	var dns *net.DNSError
	var setting *link.SettingError
	switch {
	case isTLS(err):
		return remedyOfCertificate(err, nil)
	case errors.As(err, &setting):
		return "correct the property " + setting.Property + ", or what it names"
	case errors.As(err, &dns) && dns.IsTimeout:
		return "the name server does not answer: see /etc/resolv.conf, or write the address in place of the name"
	case errors.As(err, &dns):
		return "nobody knows that name from here: correct the url's host, or enter it in the name server or in /etc/hosts; in a container the name must be known in its network"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "nobody listens there: start the server, correct the port (MySQL's is 3306), or let its bind-address have others in; in a container localhost is the container itself"
	case errors.Is(err, os.ErrNotExist):
		return "there is no such socket: start the server, or correct the path in the url"
	case errors.Is(err, os.ErrPermission):
		return "the user who runs this may not use the socket"
	case errors.Is(err, context.DeadlineExceeded), isTimeout(err):
		return "nothing answers: see whether a firewall is in between, whether address and port are right, and whether the server is overloaded; --timeout gives it longer"
	case errors.Is(err, mysql.ErrCleartextPassword):
		return "the account wants the password as it is (PAM, LDAP): set tls to verifyIdentity, and the url's parameter allowCleartextPasswords=true"
	case errors.Is(err, mysql.ErrNativePassword), errors.Is(err, mysql.ErrOldPassword):
		return "the account uses a method that the url forbids: give it caching_sha2_password, or take allowNativePasswords=false out of the url"
	case errors.Is(err, mysql.ErrUnknownPlugin):
		return "the account uses a method that the driver does not know: give it caching_sha2_password, ed25519 or mysql_native_password"
	case errors.Is(err, mysql.ErrMalformPkt), errors.Is(err, mysql.ErrPktSync), errors.Is(err, mysql.ErrOldProtocol):
		return "what answers there does not speak MySQL's protocol as a server does: correct host and port, or look at the proxy in between"
	case errors.Is(err, schema.ErrNoTable):
		return c.remedyOfTable()
	}
	return remedyOfClass(fault.Classify(err))
}

func isTimeout(err error) bool {
	var n net.Error
	return errors.As(err, &n) && n.Timeout()
}

// remedyOfNumber is the remedy of an error of the server, "" where there is none for just that.
func (c *checking) remedyOfNumber(number uint16) string {
	name := c.databaseName()
	switch number {
	case 1045, 1698:
		text := "user and password are of no account that may come from this machine: correct them"
		if c.passwordless() {
			text = "no password was given: set passwordFile or passwordEnv"
		}
		if c.config.Link.TLS.Mode == config.TLSOff {
			text += "; an account that requires TLS (REQUIRE SSL) says the same: set tls then"
		}
		return text + "; an administrator sees the accounts with SELECT user, host FROM mysql.user"
	case databaseDenied:
		return "let an administrator run: GRANT INSERT ON " + statement.Quote(name) + ".* TO " + c.account() +
			"; a database that is not there is refused to most accounts alike: correct the url's, if its name is wrong"
	case unknownDatabase:
		return "let an administrator run CREATE DATABASE " + statement.Quote(name) + ", or correct the url's database"
	case 1040, 1203, 1226:
		return "the server, or this user, has no connection left: close others, raise max_connections or the account's limit, or lower EKUIPER_MYSQL_MAX_CONNECTIONS"
	case 1129:
		return "the server has shut this machine out after too many broken connections: an administrator runs TRUNCATE TABLE performance_schema.host_cache (MariaDB: FLUSH HOSTS)"
	case 1130:
		return "the server lets no account in from this machine's address: CREATE USER with that host, or '%'"
	case 1820, 1862:
		return "the password has expired: an administrator runs ALTER USER ... IDENTIFIED BY, and the action gets the new one"
	case 3118, 4151:
		return "the account is locked: an administrator runs ALTER USER ... ACCOUNT UNLOCK"
	case 3159:
		return "the server takes encrypted connections only: set tls, best to verifyIdentity with tlsCa"
	case 1193, 1231, 1232:
		return "a session variable of the url or of initSql is not one that this server takes: correct or remove it"
	case 1142, 1143, 1227, 1370:
		return "the account lacks a privilege; see the step privileges"
	case 1146:
		return c.remedyOfTable()
	}
	return ""
}

// remedyOfClass is the remedy of errors that have none of their own.
func remedyOfClass(class fault.Class) string {
	switch class {
	case fault.Passing, fault.OutcomeUnknown:
		return "it most likely passes by itself: rows wait in the journal meanwhile; try again"
	case fault.Operator:
		return "somebody must mend it in the server; rows wait in the journal meanwhile"
	case fault.Row:
		return "a row like that would be set aside as a dead letter: correct the rule, or the column"
	}
	return "the error is not one with a known remedy; docs/operations.md tells what becomes of rows meanwhile"
}

func (c *checking) remedyOfTable() string {
	return "create it (mysql ddl prints a statement from sample rows), correct the property table, or set autoCreate to true; a user without any privilege on a table does not see it either"
}

// databaseName is the one that rows go to.
func (c *checking) databaseName() string {
	if c.options.Table.Database != "" {
		return c.options.Table.Database
	}
	return c.config.Driver.DBName
}

// account is the user as statements name it.
func (c *checking) account() string {
	user := c.user
	if user == "" {
		return "'" + strings.ReplaceAll(c.config.Driver.User, "'", "''") + "'@'...'"
	}
	name, host := user, "%"
	if at := strings.LastIndexByte(user, '@'); at >= 0 {
		name, host = user[:at], user[at+1:]
	}
	quoted := func(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }
	return quoted(name) + "@" + quoted(host)
}

// fromServer tells whether a server has sent err.
func fromServer(err error) bool {
	number, _ := fault.Number(err)
	return number != 0
}

// isTLS tells whether err is about encryption.
func isTLS(err error) bool {
	var untrusted *tls.CertificateVerificationError
	var unknown x509.UnknownAuthorityError
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	var header tls.RecordHeaderError
	return errors.Is(err, mysql.ErrNoTLS) || errors.As(err, &untrusted) || errors.As(err, &unknown) || errors.As(err, &name) ||
		errors.As(err, &invalid) || errors.As(err, &header) || err != nil && strings.Contains(err.Error(), "tls: ")
}

// remedyOfCertificate is that of an error of TLS; shown is what the server has shown.
func remedyOfCertificate(err error, shown []*x509.Certificate) string {
	var unknown x509.UnknownAuthorityError
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	switch {
	case errors.Is(err, mysql.ErrNoTLS):
		return "the server has TLS switched off: turn it on there (ssl_cert, ssl_key), or set tls to off where nobody can listen"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "renew the server's certificate; where it is valid, set this machine's clock right"
	case errors.As(err, &name):
		text := "the certificate is not for that name"
		if len(shown) > 0 {
			var names []string
			names = append(names, shown[0].DNSNames...)
			for _, ip := range shown[0].IPAddresses {
				names = append(names, ip.String())
			}
			if len(names) > 0 {
				text = fmt.Sprintf("the certificate is for %s: write one of these as the url's host, or into tlsServerName", strings.Join(names[:min(len(names), 10)], ", "))
			}
		}
		return text + "; verifyCA looks at no name"
	case errors.As(err, &unknown):
		if len(shown) == 1 && shown[0].Issuer.String() == shown[0].Subject.String() {
			return "the certificate is self-signed: name it itself as tlsCa, or give the server one of a CA and name that"
		}
		return "name the certificate of the CA that issued it as tlsCa"
	case strings.Contains(err.Error(), "remote error"):
		return "the server refuses this side's certificate: set tlsCert and tlsKey to ones that its CA has issued"
	case strings.Contains(err.Error(), "protocol version"):
		return "server and tlsMinVersion have no version of TLS in common: raise the server's tls_version, or lower tlsMinVersion to 1.2"
	}
	return "look at the server's TLS settings, and at tls, tlsCa and tlsServerName here"
}

// passwordless tells whether the action has no password.
func (c *checking) passwordless() bool {
	return c.config.Driver.Passwd == "" && c.config.Link.Secret == (config.Secret{})
}
