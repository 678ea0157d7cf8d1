package queue

import "github.com/redis/go-redis/v9"

// Every script first checks that this consumer still owns the pending entry,
// because XACK and XCLAIM themselves do not: a node that lost its lease writes
// nothing more about the job.
const owned = `
local function owned()
  local p = redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[3], ARGV[3], 1, ARGV[2])
  return #p == 1
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
return {'run', ''}
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
// could not be delivered, and acknowledges it.
//
//	KEYS  stream, dead
//	ARGV  group, consumer, message id, field, value, field, value, ...
var bury = redis.NewScript(owned + `
if not owned() then return 0 end
redis.call('XADD', KEYS[2], '*', unpack(ARGV, 4))
redis.call('XACK', KEYS[1], ARGV[1], ARGV[3])
return 1
`)

// extend renews the lease of messages in hand.
//
//	KEYS  stream
//	ARGV  group, consumer, message id, message id, ...
//
// It answers the ids that are still ours.
var extend = redis.NewScript(`
local kept = {}
for i = 3, #ARGV do
  local p = redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[i], ARGV[i], 1, ARGV[2])
  if #p == 1 then
    redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, ARGV[i], 'JUSTID')
    kept[#kept + 1] = ARGV[i]
  end
end
return kept
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
