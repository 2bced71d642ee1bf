package sink

import (
	"database/sql"
	"database/sql/driver"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/jmoiron/sqlx"
	"github.com/lf-edge/ekuiper/sdk/go/api"

	"ekuiper-mysql/mysql/internal/config"
	"ekuiper-mysql/mysql/internal/connections"
	"ekuiper-mysql/mysql/internal/delivery"
	"ekuiper-mysql/mysql/internal/fault"
	"ekuiper-mysql/mysql/internal/link"
	"ekuiper-mysql/mysql/internal/schema"
)

// maxConnections of one rule: the writer's, and one to read the columns.
const maxConnections = 2

// maxIdle is how long the connection that reads the columns may rest: it is
// seldom needed, and others may want its place.
const maxIdle = 5 * time.Second

var roads = map[string]delivery.Road{"auto": delivery.AutoRoad, "insert": delivery.InsertRoad, "load": delivery.LoadRoad}

// connectLazily prepares connections without making one. They share what the
// server has, and what is known of it, with others; nil shares with nobody.
func connectLazily(c *config.Config, shared *reach, log api.Logger) (delivery.Options, *sqlx.DB, error) {
	options, err := OptionsOf(c)
	if err != nil {
		return options, nil, err
	}
	connect, most, idle := connectorOf, maxConnections, 1
	if options.Route != nil {
		connect, most, idle = connectorForMany, delivery.SharedConnections, delivery.SharedConnections
	}
	connector, recheck, err := connect(c, shared, log)
	if err != nil {
		return delivery.Options{}, nil, err
	}
	db := sqlx.NewDb(sql.OpenDB(connector), "mysql")
	db.SetMaxOpenConns(most)
	db.SetMaxIdleConns(idle)
	db.SetConnMaxIdleTime(maxIdle)
	options.Recheck = recheck
	return options, db, nil
}

// OptionsOf is how c's rows are written, whatever connects.
func OptionsOf(c *config.Config) (delivery.Options, error) {
	name, way, err := aim(c)
	if err != nil {
		return delivery.Options{}, err
	}
	unit, err := schema.ParseEpochUnit(c.EpochUnit)
	if err != nil {
		return delivery.Options{}, fmt.Errorf("property epochUnit: %w", err)
	}
	overrides, err := fault.ParseOverrides(c.Errors)
	if err != nil {
		return delivery.Options{}, err
	}
	plan, err := PlanOf(c)
	if err != nil {
		return delivery.Options{}, err
	}
	columns, err := mappingOf(c)
	if err != nil {
		return delivery.Options{}, err
	}
	return delivery.Options{
		Table: name, Target: c.Target,
		Convert: schema.Options{Location: c.Location, EpochUnit: unit},
		Mapping: columns, NullAsDefault: c.NullAsDefault, IgnoreExtraFields: c.IgnoreExtraFields,
		MaxBatchRows: c.MaxBatchRows, MaxBatchBytes: c.MaxBatchBytes, MaxBatchDelay: c.MaxBatchDelay,
		MinReload: minReload, Several: len(c.Link.Hosts) > 1, Errors: overrides, Road: roads[c.Road], Manner: mannerOf(c),
		Design: plan, SampleFor: sampleFor, Route: way, MaxTables: c.MaxTables,
	}, nil
}

// LinkOf returns what connects to the server that c names, shared with nobody.
func LinkOf(c *config.Config, log api.Logger) (*link.Connector, error) {
	return linkOf(c, &link.Cluster{}, log)
}

// connectorOf returns what makes the connections that c asks for, and how often
// one is to be asked where it leads.
func connectorOf(c *config.Config, shared *reach, log api.Logger) (driver.Connector, time.Duration, error) {
	cluster := &link.Cluster{}
	if shared != nil {
		cluster = shared.cluster
	}
	l, err := linkOf(c, cluster, log)
	if err != nil {
		return nil, 0, err
	}
	if shared == nil {
		return l, l.Recheck(), nil
	}
	return shared.connections.Connector(l, sessionOf(c)), l.Recheck(), nil
}

// connectorForMany returns what makes the connections that all tables of c
// share: they keep statements, and what waits for a locked table gives way.
func connectorForMany(c *config.Config, shared *reach, log api.Logger) (driver.Connector, time.Duration, error) {
	bounded := *c
	bounded.Driver = c.Driver.Clone()
	boundLocks(bounded.Driver)
	cluster := &link.Cluster{}
	if shared != nil {
		cluster = shared.cluster
	}
	l, err := linkOf(&bounded, cluster, log)
	if err != nil {
		return nil, 0, err
	}
	if shared == nil {
		return connections.Remember(l), l.Recheck(), nil
	}
	// Never lent: another would get the statements.
	return connections.Remember(shared.connections.Connector(l, "")), l.Recheck(), nil
}

// boundLocks sets how long a statement waits for a locked table, in seconds,
// unless the url does: it keeps one of the few connections from other tables.
func boundLocks(d *mysql.Config) {
	d.Params = maps.Clone(d.Params)
	if d.Params == nil {
		d.Params = map[string]string{}
	}
	for _, name := range []string{"lock_wait_timeout", "innodb_lock_wait_timeout"} {
		if _, given := d.Params[name]; !given {
			d.Params[name] = "5"
		}
	}
}

// sessionOf tells connections apart that must not be lent from one rule to the
// other: all that they are made of, and nothing of the rule's own. It may hold
// secrets.
func sessionOf(c *config.Config) string {
	return fmt.Sprintf("%s %q", c.Driver.FormatDSN(), []any{c.Link.Hosts, c.Link.Secret, tlsOf(c.Link.TLS), c.Link.InitSQL})
}

func linkOf(c *config.Config, cluster *link.Cluster, log api.Logger) (*link.Connector, error) {
	// What the driver itself prints, "unexpected EOF" and the like, comes
	// again as an error with more to it.
	d := c.Driver.Clone()
	d.Logger = driverLog{log}
	d.TLSConfig = ""          // link has it
	d.ClientFoundRows = false // the rows that change are what tells the fate of others
	l, err := link.New(link.Options{
		Driver: d, Hosts: c.Link.Hosts, Password: link.Password(c.Link.Secret), TLS: tlsOf(c.Link.TLS), InitSQL: c.Link.InitSQL, Log: log.Infof,
	}, cluster)
	if err != nil {
		return nil, fmt.Errorf("property url: %w", err)
	}
	return l, nil
}

// warnOfFiles tells what is wrong with the files that c names. It is no reason
// to refuse a rule, whose rows would be lost: files are mended, and read again.
func warnOfFiles(c *config.Config, log api.Logger) {
	l, err := linkOf(c, &link.Cluster{}, log)
	if err == nil {
		err = l.Check()
	}
	if err == nil {
		return
	}
	for problem := range strings.SplitSeq(err.Error(), "\n") {
		log.Warnf("%s; rows wait until it is mended", problem)
	}
}

func tlsOf(t config.TLS) link.TLS {
	verifyName := t.Mode == config.TLSVerifyIdentity
	return link.TLS{
		On: t.Mode != config.TLSOff, Optional: t.Mode == config.TLSPreferred,
		VerifyCA: verifyName || t.Mode == config.TLSVerifyCA, VerifyName: verifyName,
		CA: t.CA, Cert: t.Cert, Key: t.Key, ServerName: t.ServerName, MinVersion: t.MinVersion,
	}
}

// serverOf names what c connects to, the same for all rules that write there.
func serverOf(c *config.Config) string {
	if len(c.Link.Hosts) == 0 {
		return c.Driver.Addr
	}
	return strings.Join(c.Link.Hosts, ",")
}

// driverLog takes the driver's own lines at debug level.
type driverLog struct{ log api.Logger }

// Print implements the driver's interface.
func (l driverLog) Print(v ...any) { l.log.Debug(v...) }
