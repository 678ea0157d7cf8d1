package queue

import "github.com/redis/go-redis/v9"

// Every script first checks that this consumer still owns the pending entry,
// because XACK and XCLAIM themselves do not: a node that lost its lease writes
// nothing more about the job. Where the stream was flushed under a job nobody
// else can have it, unless its status says that somebody has settled it.
const owned = `
local function owned()
  local p = redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[3], ARGV[3], 1)
  if #p == 1 then return p[1][2] == ARGV[2] end
  if #redis.call('XRANGE', KEYS[1], ARGV[3], ARGV[3]) == 1 then return false end
  local state = redis.call('HGET', KEYS[2], 'state')
  return not state or state == 'executing'
end
`

// begin takes a job up.
//
//	KEYS  stream, status, cancel
//	ARGV  group, consumer, message id, now, qpu id
//
// It answers {verdict, error}: "lost"; "completed" or "cancelled", acknowledged
// here; "failed" with the recorded error, to be sent again; or "run".
var begin = redis.NewScript(owned + `
if not owned() then return {'lost', ''} end
local state = redis.call('HGET', KEYS[2], 'state')
if state == 'completed' or state == 'cancelled' then
  redis.call('XACK', KEYS[1], ARGV[1], ARGV[3])
  return {state, ''}
end
if redis.call('EXISTS', KEYS[3]) == 1 then
  redis.call('HSET', KEYS[2], 'state', 'cancelled', 'cancelled_at', ARGV[4], 'message_id', ARGV[3], 'qpu_id', ARGV[5])
  redis.call('XACK', KEYS[1], ARGV[1], ARGV[3])
  return {'cancelled', ''}
end
if state == 'failed' then
  return {'failed', redis.call('HGET', KEYS[2], 'error') or ''}
end
redis.call('HSET', KEYS[2], 'state', 'executing', 'started_at', ARGV[4], 'message_id', ARGV[3], 'qpu_id', ARGV[5])
redis.call('HDEL', KEYS[2], 'phase')
return {'run', ''}
`)

// note writes a field of a job's status while the job is in hand.
//
//	KEYS  stream, status
//	ARGV  group, consumer, message id, field, value
//
// It answers 1, or 0 where the message is no longer ours.
var note = redis.NewScript(owned + `
if not owned() then return 0 end
redis.call('HSET', KEYS[2], ARGV[4], ARGV[5])
return 1
`)

// giveBack ages a message, so that any node may claim it now.
//
//	KEYS  stream, status
//	ARGV  group, consumer, message id, idle ms
var giveBack = redis.NewScript(owned + `
if not owned() then return 0 end
redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, ARGV[3], 'IDLE', ARGV[4], 'JUSTID')
return 1
`)

// finish writes a job's last state and acknowledges its message.
//
//	KEYS  stream, status
//	ARGV  group, consumer, message id, field, value, field, value, ...
//
// It answers 1, or 0 where the message is no longer ours.
var finish = redis.NewScript(owned + `
if not owned() then return 0 end
redis.call('HSET', KEYS[2], unpack(ARGV, 4))
redis.call('HDEL', KEYS[2], 'phase')
redis.call('XACK', KEYS[1], ARGV[1], ARGV[3])
return 1
`)

// bury copies a message to the dead-letter stream, with the reason and whatever
// could not be delivered, notes that in the status, if the key is one, and
// acknowledges it.
//
//	KEYS  stream, status, dead
//	ARGV  group, consumer, message id, job id or '', field, value, field, value, ...
var bury = redis.NewScript(owned + `
if not owned() then return 0 end
redis.call('XADD', KEYS[3], '*', unpack(ARGV, 5))
if ARGV[4] ~= '' then redis.pcall('HSET', KEYS[2], 'phase', 'parked') end
redis.call('XACK', KEYS[1], ARGV[1], ARGV[3])
return 1
`)

// extend renews the lease of messages in hand.
//
//	KEYS  stream
//	ARGV  group, consumer, message id, message id, ...
//
// It answers the ids that are still ours, and those that are gone, entry and all.
var extend = redis.NewScript(`
local kept = {}
for i = 3, #ARGV do
  local p = redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[i], ARGV[i], 1)
  if #p == 1 and p[1][2] == ARGV[2] then
    redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, ARGV[i], 'JUSTID')
    kept[#kept + 1] = ARGV[i]
  elseif #p == 0 and #redis.call('XRANGE', KEYS[1], ARGV[i], ARGV[i]) == 0 then
    kept[#kept + 1] = ARGV[i]
  end
end
return kept
`)

// strays takes up what is pending for this consumer and not in hand.
//
//	KEYS  stream
//	ARGV  group, consumer, most, message id in hand, message id in hand, ...
//
// It answers the entries.
var strays = redis.NewScript(`
local held, found = {}, {}
for i = 4, #ARGV do held[ARGV[i]] = true end
local most = tonumber(ARGV[3])
for _, p in ipairs(redis.call('XPENDING', KEYS[1], ARGV[1], '-', '+', most + #ARGV - 3, ARGV[2])) do
  if not held[p[1]] and #found < most then found[#found + 1] = p[1] end
end
if #found == 0 then return {} end
return redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, unpack(found))
`)

// retire removes the consumers of earlier boots of this node that hold nothing.
// Inside a script no message can slip in between the look and the removal.
//
//	KEYS  stream
//	ARGV  group, this consumer, prefix of this node's consumers, least idle ms
var retire = redis.NewScript(`
local n = 0
for _, info in ipairs(redis.call('XINFO', 'CONSUMERS', KEYS[1], ARGV[1])) do
  local c = {}
  for i = 1, #info, 2 do c[info[i]] = info[i + 1] end
  if c.name ~= ARGV[2] and string.sub(c.name, 1, #ARGV[3]) == ARGV[3]
     and c.pending == 0 and c.idle >= tonumber(ARGV[4]) then
    redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], c.name)
    n = n + 1
  end
end
return n
`)
