// Package config turns an action's properties into a validated Config. No
// text that it returns, nor a Config when printed, holds a secret.
package config

import (
	"time"

	"github.com/go-sql-driver/mysql"
)

// Config is what a rule's action asks for.
type Config struct {
	Driver            *mysql.Config // the connection; holds the password, never print it
	Target            string        // address and database, safe to print, e.g. "localhost:3306/database"
	Table             string        // as given: table or database.table
	NullAsDefault     bool
	IgnoreExtraFields bool
	Location          *time.Location
	EpochUnit         string // auto, s, ms, us, ns
	MaxBatchRows      int
	MaxBatchBytes     int
	MaxBatchDelay     time.Duration
	MaxQueueBytes     int64
	RequireAck        bool // eKuiper's own property
}

// Parse validates props. It returns every problem at once (errors.Join), and warnings
// for properties that it does not know.
func Parse(props map[string]any) (c *Config, warnings []string, err error) { panic("stub") }
