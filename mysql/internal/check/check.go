// Package check tries, step by step, whether an action can do its work, and
// says of each step that fails what mends it: properties, the way to the
// server, who is let in, the table, a sample row, the disk. It asks by the
// code that the sink itself uses, writes nothing into any table, makes none,
// and tells no secret.
package check

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"ekuiper-mysql/mysql/internal/config"
	"ekuiper-mysql/mysql/internal/delivery"
	"ekuiper-mysql/mysql/internal/link"
	"ekuiper-mysql/mysql/internal/mapping"
	"ekuiper-mysql/mysql/internal/sink"
)

// Status is how a step ended.
type Status string

// The statuses.
const (
	OK      Status = "ok"
	Warning Status = "warning" // rows go, but not as they might
	Failed  Status = "failed"
	Skipped Status = "skipped" // it needs another one that failed, or there is nothing to look at
)

// Step is what one step found.
type Step struct {
	Name   string   `json:"step"`
	Host   string   `json:"host,omitempty"`  // of those where each host is asked
	Table  string   `json:"table,omitempty"` // of those where each table is looked at
	Status Status   `json:"status"`
	Detail string   `json:"detail"`
	Remedy string   `json:"remedy,omitempty"` // what mends it
	Fields []Field  `json:"fields,omitempty"` // of the step row
	SQL    []string `json:"sql,omitempty"`
}

// Field is what a field of the sample row becomes.
type Field struct {
	Field  string  `json:"field"`
	Source string  `json:"source,omitempty"` // where the property columns takes it from
	Column string  `json:"column,omitempty"` // empty: none
	Type   string  `json:"type,omitempty"`
	Value  *string `json:"value"` // as the column gets it; null for NULL, the default, or none
	Note   string  `json:"note,omitempty"`
}

// The steps, in the order in which they are told.
const (
	properties = "properties"
	files      = "files"
	resolve    = "resolve"
	connect    = "connect"
	tlsStep    = "tls"
	login      = "login"
	takesRows  = "takesRows"
	server     = "server"
	sqlMode    = "sqlMode"
	timeZone   = "timeZone"
	clock      = "clock"
	packet     = "packet"
	database   = "database"
	table      = "table"
	keys       = "keys"
	row        = "row"
	statements = "statements"
	privileges = "privileges"
	road       = "road"
	disk       = "disk"
)

// Options are what a check is told.
type Options struct {
	Props   map[string]any         // the action's
	Rows    []byte                 // sample rows as JSON, nil for none
	Timeout time.Duration          // of each step; it must be positive
	Folder  func() (string, error) // where the plugin keeps things, as of storage.Folder
	Tell    func(Step)             // is called with each step as it ends; nil tells nobody
}

// Run carries out all steps that it can and returns them. It ends early, with
// the steps until then, when ctx is done.
func Run(ctx context.Context, o Options) []Step {
	c := &checking{Options: o, bad: map[string]string{}}
	defer c.close()
	all := []func(context.Context){
		c.properties, c.files, c.network, c.server, c.sqlMode, c.timeZone, c.clock, c.packet, c.database, c.tables, c.road, c.privileges, c.disk,
	}
	for _, step := range all {
		if ctx.Err() != nil {
			break
		}
		step(ctx)
	}
	return c.steps
}

// Count returns how many steps ended in each way.
func Count(steps []Step) map[Status]int {
	n := map[Status]int{}
	for _, s := range steps {
		n[s.Status]++
	}
	return n
}

// checking is one check, and what its steps have found so far.
type checking struct {
	Options
	steps []Step
	bad   map[string]string // steps that others cannot do without, and why

	config     *config.Config
	options    delivery.Options
	link       *link.Connector
	conn       driver.Conn // to the host that rows would go to
	takes      bool        // and it takes them
	db         *sqlx.DB    // which has that one connection
	noDatabase error       // why the database of the url was not chosen
	user       string      // CURRENT_USER(), "" unknown
	is         delivery.Server
	samples    []sample
	targets    []*target
}

func (c *checking) close() {
	switch {
	case c.db != nil:
		_ = c.db.Close()
	case c.conn != nil:
		_ = c.conn.Close()
	}
}

// told notes a step that has ended.
func (c *checking) told(s Step) {
	s.Detail, s.Remedy = strings.TrimSpace(s.Detail), strings.TrimSpace(s.Remedy)
	c.steps = append(c.steps, s)
	if s.Status == Failed || s.Status == Skipped {
		if _, known := c.bad[s.Name]; !known {
			c.bad[s.Name] = s.Name
		}
	}
	if c.Tell != nil {
		c.Tell(s)
	}
}

// lacks skips a step where one of those it needs has failed, and reports whether it did.
func (c *checking) lacks(name string, needs ...string) bool {
	for _, n := range needs {
		if root, bad := c.bad[n]; bad {
			c.told(Step{Name: name, Status: Skipped, Detail: "it needs the step " + root + ", which failed"})
			c.bad[name] = root
			return true
		}
	}
	return false
}

// bound is the time of one step.
func (c *checking) bound(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, c.Timeout)
}

// failed is a step that ended with err.
func (c *checking) failed(name string, err error) Step {
	return Step{Name: name, Status: Failed, Detail: c.text(err), Remedy: c.remedy(err)}
}

// text is err in words; that a step's time is over is told with the time.
func (c *checking) text(err error) string {
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Sprintf("no answer within %v", c.Timeout)
	}
	return err.Error()
}

// properties judges the action.
func (c *checking) properties(context.Context) {
	conf, warnings, err := config.Parse(c.Props)
	if err == nil {
		err = sink.Judge(conf)
	}
	if err == nil {
		c.options, err = sink.OptionsOf(conf)
	}
	if err == nil {
		c.link, err = sink.LinkOf(conf, silent{})
	}
	if err != nil {
		texts := append(strings.Split(err.Error(), "\n"), warnings...)
		c.told(Step{
			Name: properties, Status: Failed, Detail: strings.Join(texts, "; "),
			Remedy: withEnvironment("correct the action: each problem names its property and what is allowed; docs/properties.md has them all", err),
		})
		return
	}
	c.config = conf
	name, instance := hostName(), 0
	c.options.Origin = func(number uint64) (*mapping.Origin, uint64) {
		return &mapping.Origin{Rule: "rule", Op: "mysql", Instance: instance, Host: name, Journal: strings.Repeat("0", 32)}, number
	}
	if len(warnings) > 0 {
		c.told(Step{Name: properties, Status: Warning, Detail: strings.Join(warnings, "; "), Remedy: "correct or remove the properties named"})
		return
	}
	c.told(Step{Name: properties, Status: OK, Detail: "valid, for " + conf.Target})
}

// withEnvironment adds to a remedy where err may be about this command's
// environment alone.
func withEnvironment(remedy string, err error) string {
	if config.OfEnvironment(err) {
		remedy += "; a password is looked for with the variables of this command: give it those that eKuiper has, " + config.SecretsFolder + " among them"
	}
	return remedy
}

// files reads what holds the password and certificates.
func (c *checking) files(context.Context) {
	if c.lacks(files, properties) {
		return
	}
	l := c.config.Link
	var held []string
	if l.Secret.Env != "" {
		held = append(held, "the password in variable "+l.Secret.Env)
	}
	if l.Secret.File != "" {
		held = append(held, "the password in "+l.Secret.File+" below "+l.Secret.Folder)
	}
	for _, f := range []struct{ property, value string }{{"tlsCa", l.TLS.CA}, {"tlsCert", l.TLS.Cert}, {"tlsKey", l.TLS.Key}} {
		if f.value != "" {
			held = append(held, f.property)
		}
	}
	if err := c.link.Check(); err != nil {
		c.told(Step{
			Name: files, Status: Failed, Detail: strings.ReplaceAll(err.Error(), "\n", "; "),
			Remedy: withEnvironment("mend what is named; the user that eKuiper runs as must be able to read it", err),
		})
		return
	}
	if len(held) == 0 {
		c.told(Step{Name: files, Status: OK, Detail: "none are named"})
		return
	}
	c.told(Step{Name: files, Status: OK, Detail: "can be read: " + strings.Join(held, ", ")})
}

// silent is a log that nobody reads: what is to be told, steps tell.
type silent struct{}

func (silent) Debug(...any)          {}
func (silent) Info(...any)           {}
func (silent) Warn(...any)           {}
func (silent) Error(...any)          {}
func (silent) Debugln(...any)        {}
func (silent) Infoln(...any)         {}
func (silent) Warnln(...any)         {}
func (silent) Errorln(...any)        {}
func (silent) Debugf(string, ...any) {}
func (silent) Infof(string, ...any)  {}
func (silent) Warnf(string, ...any)  {}
func (silent) Errorf(string, ...any) {}
