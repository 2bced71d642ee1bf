// Package journal is the queue between eKuiper and the table: what it has
// accepted is delivered, in order, and leaves only when its rows have their
// fate. Disk keeps it in a folder of its own, Memory in memory, bounded. The
// package is a leaf: it knows messages, rows and fates, and nothing of SQL.
//
// # What Disk promises
//
// A message is accepted when Append returns nil. It has then been written, so
// that a SIGKILL at any instruction, of this process or all of them, loses
// nothing; with SyncEvery Always it has been synced too, so that a power cut
// loses nothing either. Otherwise a power cut can take what the last interval,
// and at most 16 MiB, have brought; the rows that it takes are counted as lost
// where anything that came after them shows that they were there.
//
// A fate is written before Settle returns, in the same sense: after a kill
// just the rows without a fate come again, after a power cut also those whose
// fate was not synced yet. Rows come again whole: with the same numbers, in the
// same order. At every moment, and over every end, received = stored +
// superseded + set aside + dropped + lost + pending.
//
// Damage, whether flipped bits, holes, zeros or a foreign file, costs the
// records that it hits. It is told with its place, the rows that it cost are
// counted, and the file is kept aside under another name, never deleted. It is
// found when the rows are read, by Open only where that has to read anyway. A full
// disk makes Append wait and heals by itself. A failed sync, after which nobody
// knows what the disk has, makes the journal write all that was not synced
// again to a new file before it goes on. A folder that is removed meanwhile is
// made anew with what is known still.
//
// # On disk
//
//	lock                        held for as long as the journal is open
//	<number>.log                a segment: a head, records and, once it is full and synced, a summary
//	<number>.state              a snapshot of all fates, then one entry for each Settle
//	intake                      messages that are in no segment yet; an orderly end moves them, and removes it
//	<number>.clock              how long the journal has lived, and what the wall clock showed meanwhile
//	spare                       room for a state file on a full disk
//	<name>.tmp                  half made; removed by the next Open
//	<name>.corrupt-<n>          damaged, kept for a person
//
// Every record has its length, its message's and first row's number and two
// checksums, one for its head, so that after damage the next one is found by
// looking for a head. All rows are numbered through, which makes a set of
// settled rows a short list of spans, and every loss a gap whose size is known.
// A segment is taken away when all its rows have their fate, in any order; one
// that is mostly settled a while after it was read is rewritten with the rest of
// its messages, so that a row that waits for ever costs its own size and not
// that of its neighbours.
// Whatever replaces something is written whole, synced, and named last. A later
// segment overrules an earlier one about the messages that both have.
//
// The intake is mapped into memory (Linux; with SyncEvery, and by default where
// MaxBytes is 64 MiB or more): what is stored there is in the system's cache at
// once, where a kill cannot take it, for the price of a copy. Messages whose
// rows have their fate within SyncEvery go nowhere else, but for the last before
// a pause, and their room is used again, so that a journal that is kept up with hardly writes to its disk. The
// others go to a segment, in order, when their time is up, when they or others
// do not fit, or when a message after them does. What a kill leaves in the
// intake stays there: the next Open has it as if it were in segments.
//
// A row's age is counted by a clock that nobody sets: see clock.go. Setting the
// wall clock makes no row older, in this run or in those that follow.
//
// Open takes milliseconds whatever the backlog: of a segment with a summary it
// reads the first and the last 128 bytes, and scans only the segment that was
// written last, with what was not synced before it. A summary says which
// messages and rows are there, how many and how old, and has a checksum and
// its segment's number; where it is missing, torn, of another segment, or does
// not fit the file's length, the numbers around it or the fates, the segment is
// scanned, and has its summary again afterwards. It follows the sync of its
// records, so it vouches for nothing that a power cut may have taken; damage
// that is met in its segment takes it away, so that the next Open knows too.
//
// # Why not a library
//
// Looked at for this: hashicorp/raft-wal 0.4.0, tidwall/wal 1.2.1 and bbolt
// 1.5.0, each by its source.
//
//	                          raft-wal             tidwall/wal         bbolt
//	checksum per record       per commit, not      none                per meta page
//	                          checked on reads
//	torn tail                 cut                  Open fails          old root is used
//	                                               (ErrCorrupt)
//	damage in the middle      Open or read fails   Open or read        lookups below that
//	                                               fails               page fail or panic
//	safe from a kill without  no: every append     yes, with NoSync    NoSync may leave a
//	a sync                    syncs                                    corrupt file
//	one sync for many writers caller's batch only  caller's batch only Batch, two syncs each
//	free out of order         head or tail only    head or tail only   pages are reused, the
//	                                                                   file never shrinks
//	bound, age, policy        none                 none                MaxSize alone
//	lock against a second     that of its bbolt    none                flock
//	process                   meta store
//
// None tolerates damage in the middle, none remembers what is settled above a
// stuck row, and the one that is safe from a kill without a sync has no
// checksum. What they taught is here: raft-wal's one forward scan and its
// interfaces for the file system, bbolt's lock.
package journal
