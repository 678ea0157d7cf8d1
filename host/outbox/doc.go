// Package outbox keeps what a node decided and has not yet delivered, in one
// file that survives a crash at any moment: kill -9, a power cut, a full disk.
//
// A job passes through the states of [State]. Every verb of [Store] returns once
// its change is on disk; writes that wait at the same time share one commit. A
// verb may be called again after an error or a restart: what is already so is
// left as it is. The first decision about a job stands; no other replaces it,
// except the one that a peer published before this node sent anything (Adopt).
//
// # The file
//
// It is a bbolt database (go.etcd.io/bbolt, file format 2), mode 0600, ours, and
// no link. It is made under another name and renamed once it is whole, so that a
// file under its own name is never half made. These are its buckets:
//
//	meta        "format"   the version of what is described here, uint32: 1
//	            "totals"   number of keys in records, and of bytes in bodies: two uint64
//	records     job id     a record in the state begun, decided, published or parked
//	bodies      job id     the exact bytes to POST; none for a cancelled job
//	tombstones  UTC day    a bucket for each day on which jobs ended, "2026-01-31":
//	              job id   a record in the state delivered or dropped
//
// Integers in meta are big-endian. A record has no job id inside, since its key is
// one, and is encoded as
//
//	4 bytes   CRC-32C of job id and fields, big-endian
//	fields    in the order of their tags: tag, length (both uvarint), value
//
// A field that is zero, empty or unset is left out. Its value is text (bytes as
// they are), a number (uvarint), a moment (varint: nanoseconds since 1970), a
// digest (32 bytes) or notes (key and value, each after its length as uvarint, in
// the order of the keys):
//
//	1 state, number           8 URL, text               15 rejections, number
//	2 message id, text        9 failure, text           16 schedule began, moment
//	3 created, moment        10 SHA-256 of body, digest 17 due, moment
//	4 attempts, number       11 size of body, number    18 last error, text
//	5 started, moment        12 decided, moment         19 ended, moment
//	6 kind, number           13 published, moment       20 provenance, notes
//	7 webhook id, text       14 tries, number
//
// The order of delivery is no part of the file. It is kept in memory and read
// from the records at Open: an index on disk would make every failed POST dirty
// two more pages, and could contradict the records. Tombstones, of which a week
// may bring very many, stay on disk; a day of them is removed by dropping its
// bucket.
//
// # What is trusted
//
// bbolt keeps checksums of its two meta pages only. So Open walks all pages of
// the tree before bbolt sees them, decodes every record, and compares the totals:
// a damaged file is refused, and no record is missed silently. A body is
// compared with its SHA-256 whenever it is read.
//
// When a commit fails, the file may hold it or not. Before the next write the
// meta pages are written and synced once more, since a sync that failed may have
// left them in memory alone, and everything is read anew. What was acknowledged
// is there in either case. Until a write succeeds, Err says so.
package outbox
