package config

import (
	"crypto/tls"
	"strings"
)

// tlsProperties say how connections are encrypted, and initSql what is done on each.
var tlsProperties = []Property{
	{
		Name: "tls", Type: "string", Default: "", Allowed: "off, preferred, required, verifyCA, verifyIdentity",
		Values: []string{"off", "preferred", "required", "verifyCA", "verifyIdentity"},
		Label:  Text{"TLS", "TLS 加密"},
		Hint: Text{
			"How connections are encrypted: off; preferred, where the server can; required; verifyCA, by a server whose certificate comes from a trusted CA; verifyIdentity, and names the host. " +
				"Only the last two are safe from somebody on the way. Left out, it is what the url's parameter tls says, verifyIdentity where another of these properties is given, and otherwise off.",
			"连接的加密方式：off 不加密；preferred 在服务器支持时加密；required 必须加密；verifyCA 还要求服务器证书由受信任的 CA 签发；verifyIdentity 还要求证书与主机名一致。" +
				"只有后两者能防止中间人攻击。省略时以 url 的参数 tls 为准；若给出了其他 tls 属性则为 verifyIdentity，否则为 off。",
		},
		read: func(r *reader, p Property, name string, v any) {
			if v == "" {
				return
			}
			choice(func(r *reader, s string) { r.config.Link.TLS.Mode = TLSMode(s) })(r, p, name, v)
		},
	},
	{
		Name: "tlsCa", Type: "string", Default: "", Allowed: "the path of a PEM file, or PEM text",
		Label: Text{"TLS: CA certificates", "TLS：CA 证书"},
		Hint: Text{
			"The certificates of the CAs that may have signed the server's: a PEM file's path, or the PEM text itself. Default: the system's. Files are read again for each new connection.",
			"可签发服务器证书的 CA 证书：PEM 文件路径或 PEM 文本。默认使用系统的 CA。文件在每次建立连接时重新读取。",
		},
		read: readPEM(func(t *TLS) *string { return &t.CA }, "CERTIFICATE"),
	},
	{
		Name: "tlsCert", Type: "string", Default: "", Allowed: "the path of a PEM file, or PEM text; tlsKey beside it",
		Label: Text{"TLS: client certificate", "TLS：客户端证书"},
		Hint: Text{
			"The certificate that the sink shows to the server, with those between it and the CA: a PEM file's path, or the PEM text itself.",
			"本 sink 向服务器出示的证书及其中间证书：PEM 文件路径或 PEM 文本。",
		},
		read: readPEM(func(t *TLS) *string { return &t.Cert }, "CERTIFICATE"),
	},
	{
		Name: "tlsKey", Type: "string", Default: "", Secret: true, Allowed: "the path of a PEM file, or PEM text; tlsCert beside it",
		Label: Text{"TLS: client key", "TLS：客户端密钥"},
		Hint: Text{
			"The key of the client certificate, without a passphrase: a PEM file's path or, less well, the PEM text itself.",
			"客户端证书的私钥（无口令）：PEM 文件路径，或（不推荐）PEM 文本。",
		},
		read: readPEM(func(t *TLS) *string { return &t.Key }, "PRIVATE KEY"),
	},
	{
		Name: "tlsServerName", Type: "string", Default: "", Allowed: "a host's name or address",
		Label: Text{"TLS: server's name", "TLS：服务器名称"},
		Hint: Text{
			"The name that the server's certificate must carry. Default: the host in the url.",
			"服务器证书必须包含的名称。默认为 url 中的主机。",
		},
		read: func(r *reader, p Property, name string, v any) {
			s, ok := v.(string)
			if !ok || s != "" && (len(s) > 253 || !validHost(s)) {
				r.refuse(p, name, v)
				return
			}
			r.config.Link.TLS.ServerName = s
		},
	},
	{
		Name: "tlsMinVersion", Type: "string", Default: "1.2", Allowed: "1.2, 1.3", Values: []string{"1.2", "1.3"},
		Label: Text{"TLS: lowest version", "TLS：最低版本"},
		Hint: Text{
			"The lowest version of TLS that is spoken.",
			"允许的最低 TLS 版本。",
		},
		read: func(r *reader, p Property, name string, v any) {
			switch strings.Trim(describe(v), `"`) {
			case "1.2":
				r.config.Link.TLS.MinVersion = tls.VersionTLS12
			case "1.3":
				r.config.Link.TLS.MinVersion = tls.VersionTLS13
			default:
				r.refuse(p, name, v)
			}
		},
	},
	{
		Name: "initSql", Type: "string", Default: "", Secret: true,
		Allowed: "one statement, or a list of up to 16: SET of session variables, SET ROLE, SELECT, DO, INSERT, UPDATE, DELETE, REPLACE",
		Label:   Text{"Statements per connection", "连接初始化语句"},
		Hint: Text{
			"What is done on each new connection before rows are written: a statement, or a list of them. What would begin or end a transaction, change the server for others or change what the sink relies on is refused.",
			"每个新连接写入行之前执行的语句：一条语句或语句列表。会开始或结束事务、影响服务器上其他用户、或改变本 sink 所依赖设置的语句不允许。",
		},
		read: readInitSQL,
	},
}

// maxPEM bounds PEM text, in bytes: bundles of all the world's CAs have less.
const maxPEM = 1 << 20

// readPEM takes PEM text that holds a block of the kind, or a path. A value
// that is neither is never shown: it may be a key.
func readPEM(field func(*TLS) *string, kind string) func(*reader, Property, string, any) {
	return func(r *reader, p Property, name string, v any) {
		s, ok := v.(string)
		if !ok {
			r.refuse(p, name, v)
			return
		}
		if IsPEM(s) {
			// Forms and shells make one line of it.
			s = strings.ReplaceAll(s, `\n`, "\n")
			if len(s) > maxPEM || !strings.Contains(s, kind+"-----") {
				r.fail("property %s: PEM text without a %s; allowed: %s", name, strings.ToLower(kind), p.Allowed)
				return
			}
		} else if len(s) > 4096 || holdsAddress(s) || strings.ContainsFunc(s, func(c rune) bool { return c < ' ' || c == 0x7f }) {
			r.fail("property %s: neither PEM text nor a path; allowed: %s", name, p.Allowed)
			return
		}
		*field(&r.config.Link.TLS) = s
	}
}
