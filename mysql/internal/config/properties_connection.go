package config

// connectionProperties say where the database is and how to get there.
var connectionProperties = []Property{
	{
		Name: "url", Aliases: []string{"dburl"}, Type: "string", Required: true, Secret: true,
		Allowed: "user:password@tcp(host:port)/database or mysql://user:password@host:port/database",
		Label:   Text{"Database address", "数据库地址"},
		Hint: Text{
			"Where the database is: user:password@tcp(host:3306)/database?params, with unix(/path) for a socket, or " +
				"mysql://user:password@host:3306/database?params, where signs such as @ : / ? # in the password are percent-encoded. " +
				"mariadb:// and tidb:// mean the same. The port is 3306 by default. Several hosts of one cluster, joined by commas as in tcp(a:3306,b:3306) " +
				"or mysql://user:password@a:3306,b:3306/database, are tried in that order for one that can be written to. dburl is another name for it.",
			"数据库地址：user:password@tcp(host:3306)/database?params（套接字用 unix(/path)），或 " +
				"mysql://user:password@host:3306/database?params，后者密码中的 @ : / ? # 等字符须进行百分号编码。" +
				"mariadb:// 与 tidb:// 含义相同。端口默认为 3306。同一集群的多个主机以逗号分隔，如 tcp(a:3306,b:3306) 或 " +
				"mysql://user:password@a:3306,b:3306/database，按此顺序寻找可写入的主机。也可写作 dburl。",
		},
		read: readURL,
	},
}

func readURL(r *reader, p Property, name string, v any) {
	s, ok := v.(string)
	if !ok {
		r.refuse(p, name, v)
		return
	}
	e, err := parseEndpoint(s)
	if err != nil {
		r.fail("property %s: %w", name, err)
		return
	}
	d := r.config.Driver
	d.User, d.Passwd, d.Net, d.Addr, d.DBName = e.user, e.password, e.network, e.address, e.database
	r.config.Link.Hosts = e.hosts
	warnings, errs := applyParams(d, e.params)
	for _, w := range warnings {
		r.warn("property %s: %s", name, w)
	}
	for _, err := range errs {
		r.fail("property %s: %w", name, err)
	}
}
