// Package status says what the running plugin tells of itself: to the command
// line over the local socket, and to the page. It is types and how they are
// served; it imports nothing of ours. No field of them ever holds a url, a
// password or a row.
package status

import "time"

// Plugin is all of it, at one moment. Its JSON is what GET /status answers;
// fields are added, but never renamed or taken away.
type Plugin struct {
	Version string    `json:"version"`
	Go      string    `json:"go"`
	PID     int       `json:"pid"`
	Since   time.Time `json:"since"` // when the process started
	Now     time.Time `json:"now"`   // by its clock

	Rules       []Rule      `json:"rules"` // ordered by rule, op, instance, table; never null
	Orphans     Orphans     `json:"orphans"`
	DeadLetters DeadLetters `json:"deadLetters"`
	Data        Data        `json:"data"`
	Memory      Memory      `json:"memory"`
}

// State is what one action of a rule is doing.
type State string

// The states. All but Idle have rows that wait; of a stopped rule they are
// written on.
const (
	Idle     State = "idle"     // no row waits
	Writing  State = "writing"  // rows go to the table
	Retrying State = "retrying" // the last attempt failed, and the server is not known to be down
	Waiting  State = "waiting"  // the server does not answer, refuses, or takes more than 10 s for a statement
	Paused   State = "paused"   // somebody has to mend something: a table, a grant, a password, a property
	Stopped  State = "stopped"  // the rule has stopped, and its last rows are still to be written
)

// Rule is one action of one rule, with the rows of one journal.
type Rule struct {
	Rule     string `json:"rule"`
	Op       string `json:"op"`
	Instance int    `json:"instance"`
	Table    string `json:"table"`    // the property's text, where rows choose their table
	Server   string `json:"server"`   // addresses and database, as host:port/database
	Queue    string `json:"queue"`    // disk or memory
	Delivery string `json:"delivery"` // atLeastOnce or exactlyOnce
	Mode     string `json:"mode"`     // insert, upsert, ...

	State     State  `json:"state"`
	Healthy   bool   `json:"healthy"`             // false while rows wait for the server or for somebody
	LastError *Error `json:"lastError,omitempty"` // of an attempt that had to be repeated; not why single rows were set aside

	Rates *Rates `json:"rates,omitempty"` // none until it was asked twice, half a second apart
	Rows  Rows   `json:"rows"`            // the sums, over restarts

	PendingRows          uint64     `json:"pendingRows"`
	PendingBytes         int64      `json:"pendingBytes"`
	OldestPendingSeconds float64    `json:"oldestPendingSeconds"` // since the oldest pending row was accepted; 0 where none is
	LaneRows             int        `json:"laneRows"`             // of the pending ones those that are decoded, or being written
	QueueBytes           int64      `json:"queueBytes"`           // that the queue takes, of at most QueueLimit
	QueueLimit           int64      `json:"queueLimit"`           // maxJournalBytes or maxQueueBytes
	LastStored           *time.Time `json:"lastStored,omitempty"` // when the server last committed rows, since the process started

	Road           string  `json:"road,omitempty"` // how the last batch went: insert or load
	BatchRows      int     `json:"batchRows"`      // how many rows a batch may have now
	Connections    int     `json:"connections"`    // to the server, for this action
	Batches        int64   `json:"batches"`        // committed since the process started, as all below
	Retries        int64   `json:"retries"`
	Reconnects     int64   `json:"reconnects"`     // connections made after one was lost
	TooLarge       int64   `json:"tooLarge"`       // messages too large to be received, whose rows are in no sum
	BlockedSeconds float64 `json:"blockedSeconds"` // that eKuiper was made to wait for room
	Blocked        bool    `json:"blocked"`        // it waits now: the queue is full
}

// Error is the last trouble of an action's delivery.
type Error struct {
	Time  time.Time `json:"time"`  // of the last attempt that failed with it
	Since time.Time `json:"since"` // of the first, of those that failed one after the other
	Class string    `json:"class"` // passing, operator, unlisted, ...: docs/guarantees.md
	Text  string    `json:"text"`  // at most 1 KiB
	Count int       `json:"count"` // of those attempts
	Over  bool      `json:"over"`  // writing has worked since
}

// Rates are in rows per second.
type Rates struct {
	Received float64 `json:"received"`
	Stored   float64 `json:"stored"`
	Seconds  float64 `json:"seconds"` // that they are of
}

// Rows is what became of all rows that were accepted. Received is the sum of
// all others and of the pending ones.
type Rows struct {
	Received   uint64 `json:"received"`
	Stored     uint64 `json:"stored"`
	Superseded uint64 `json:"superseded"`
	SetAside   uint64 `json:"setAside"`
	Dropped    uint64 `json:"dropped"`
	Lost       uint64 `json:"lost"`
}

// Orphans are the journals with rows that no rule uses, as of the last look.
type Orphans struct {
	Journals int64 `json:"journals"`
	Rows     int64 `json:"rows"`
}

// DeadLetters are those of all rules.
type DeadLetters struct {
	Count uint64 `json:"count"`
	Bytes int64  `json:"bytes"`
	Limit int64  `json:"limit"` // bytes; beyond it the oldest go
}

// Data is the folder of journals and dead letters, and the disk below it.
type Data struct {
	Folder string `json:"folder"`
	Free   uint64 `json:"freeBytes"` // to this user; 0 with Size where it is not known
	Size   uint64 `json:"sizeBytes"`
}

// Memory is in bytes.
type Memory struct {
	Resident int64 `json:"residentBytes,omitempty"` // of the process, where the system tells
	Rows     int64 `json:"rowsBytes"`               // messages and batches of all rules
	Limit    int64 `json:"limitBytes"`              // that those should stay below
}
