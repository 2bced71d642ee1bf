package link

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/go-sql-driver/mysql"
)

// state is what a server tells of itself.
type state struct {
	fitness fitness
	reason  string // why it is not fit
}

// variablesQuery asks for what makes a server refuse rows. It takes no
// privilege, and what a server does not know is not in its answer. A user who
// may write in spite of read_only must not: a replica's rows are lost.
const variablesQuery = `SHOW GLOBAL VARIABLES WHERE Variable_name IN ('read_only', 'super_read_only', 'innodb_read_only', 'offline_mode', ` +
	`'tidb_restricted_read_only', 'tidb_super_read_only', 'wsrep_on', 'wsrep_reject_queries', 'group_replication_group_name')`

// galeraQuery asks a node of Galera where it stands.
const galeraQuery = `SHOW GLOBAL STATUS WHERE Variable_name IN ('wsrep_ready', 'wsrep_cluster_status', 'wsrep_local_state')`

// groupQuery asks a member of a replication group what it sees of the others.
// It takes the right to read performance_schema.
const groupQuery = `SELECT MEMBER_STATE, MEMBER_ID = @@server_uuid FROM performance_schema.replication_group_members`

// The states of wsrep_local_state in which a node writes.
const (
	galeraDonor  = "2" // it feeds another node, and may block meanwhile
	galeraSynced = "4"
)

// examine tells whether the server at the other end of conn takes rows.
func (c *Cluster) examine(ctx context.Context, conn driver.Conn, log logger) (state, error) {
	variables, err := pairs(ctx, conn, variablesQuery)
	if err != nil {
		return state{}, err
	}
	for _, name := range []string{"offline_mode", "super_read_only", "read_only", "innodb_read_only", "tidb_restricted_read_only", "tidb_super_read_only"} {
		if v, known := variables[name]; known && v != "OFF" && v != "0" && v != "" {
			return state{unfit, fmt.Sprintf("%s is %s", name, v)}, nil
		}
	}
	switch {
	case variables["wsrep_on"] == "ON":
		if v := variables["wsrep_reject_queries"]; v != "" && v != "NONE" {
			return state{unfit, "wsrep_reject_queries is " + v}, nil
		}
		return galera(ctx, conn)
	case variables["group_replication_group_name"] != "":
		return c.group(ctx, conn, log)
	}
	return state{fitness: fit}, nil
}

func galera(ctx context.Context, conn driver.Conn) (state, error) {
	status, err := pairs(ctx, conn, galeraQuery)
	if err != nil {
		return state{}, err
	}
	switch {
	case status["wsrep_ready"] != "ON":
		return state{unfit, "wsrep_ready is " + status["wsrep_ready"]}, nil
	case !strings.EqualFold(status["wsrep_cluster_status"], "Primary"):
		return state{unfit, "wsrep_cluster_status is " + status["wsrep_cluster_status"]}, nil
	case status["wsrep_local_state"] == galeraDonor:
		return state{poor, "it feeds another node"}, nil
	case status["wsrep_local_state"] != galeraSynced:
		return state{unfit, "wsrep_local_state is " + status["wsrep_local_state"]}, nil
	}
	return state{fitness: fit}, nil
}

// group tells whether a member is one, and sees the group's majority: without
// it writes wait for ever.
func (c *Cluster) group(ctx context.Context, conn driver.Conn, log logger) (state, error) {
	rows, err := table(ctx, conn, groupQuery)
	var refused *mysql.MySQLError
	if errors.As(err, &refused) {
		c.unseen.Do(func() {
			log("a member that has lost its group is not recognised before rows wait for it: the user may not read performance_schema.replication_group_members (%v)", err)
		})
		return state{fitness: fit}, nil
	}
	if err != nil {
		return state{}, err
	}
	return membership(rows), nil
}

// membership is the state of a member, from what it tells of the group: each
// member's state, and "1" beside its own.
func membership(rows [][2]string) state {
	own, there := "", 0
	for _, r := range rows {
		if r[0] == "ONLINE" || r[0] == "RECOVERING" {
			there++
		}
		if r[1] == "1" {
			own = r[0]
		}
	}
	switch {
	case own == "" || own == "OFFLINE":
		// It belongs to a group and is not in it: it was started a moment ago, or
		// could not join. Until it joins it is not read-only, and what it takes
		// the group never gets: with rows of its own it cannot come back.
		return state{unfit, "group_replication_group_name is set and it is in no group: it may have just started"}
	case own != "ONLINE":
		return state{unfit, "it is " + own + " in its group"}
	case 2*there <= len(rows):
		return state{unfit, fmt.Sprintf("it sees %d of the %d members of its group", there, len(rows))}
	}
	return state{fitness: fit}
}

// pairs returns a query's rows of name and value, names in lower case.
func pairs(ctx context.Context, conn driver.Conn, query string) (map[string]string, error) {
	rows, err := table(ctx, conn, query)
	all := make(map[string]string, len(rows))
	for _, r := range rows {
		all[strings.ToLower(r[0])] = r[1]
	}
	return all, err
}

// table returns the first two columns of a query.
func table(ctx context.Context, conn driver.Conn, query string) ([][2]string, error) {
	q, ok := conn.(driver.QueryerContext)
	if !ok {
		return nil, errors.New("the driver lacks queries with contexts")
	}
	rows, err := q.QueryContext(ctx, query, nil)
	if err != nil {
		return nil, fmt.Errorf("ask whether it takes rows: %w", err)
	}
	defer rows.Close()
	columns := len(rows.Columns())
	if columns < 2 {
		return nil, errors.New("ask whether it takes rows: an answer of fewer than two columns")
	}
	cells := make([]driver.Value, columns)
	var all [][2]string
	for {
		if err := rows.Next(cells); errors.Is(err, io.EOF) {
			return all, nil
		} else if err != nil {
			return nil, fmt.Errorf("ask whether it takes rows: %w", err)
		}
		all = append(all, [2]string{text(cells[0]), text(cells[1])})
	}
}

func text(v driver.Value) string {
	switch v := v.(type) {
	case []byte:
		return string(v)
	case nil:
		return ""
	default:
		return fmt.Sprint(v)
	}
}
