package queue

import "github.com/redis/go-redis/v9"

// Every script first checks that this consumer still owns the pending entry,
// because XACK and XCLAIM themselves do not: a node that lost its lease writes
// nothing more about the job. Where the stream was flushed under a job nobody
// else can have it, unless its status says that somebody has settled it.
//
// A status key that holds something else than a hash is left as it is, and its
// job has no state. So is a decision key: its job fails.
const owned = `
local function is_hash() return redis.call('TYPE', KEYS[2]).ok == 'hash' end
local function field(name) return is_hash() and redis.call('HGET', KEYS[2], name) end
local function write(...)
  if is_hash() or redis.call('EXISTS', KEYS[2]) == 0 then redis.call('HSET', KEYS[2], ...) end
end
local function has_decision(key) return key and redis.call('TYPE', key).ok == 'hash' end
local function over()
  if is_hash() then redis.call('HDEL', KEYS[2], 'phase', 'attempts', 'attempt') end
end
local function owned()
  local p = redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[3], ARGV[3], 1)
  if #p == 1 then return p[1][2] == ARGV[2] end
  if #redis.call('XRANGE', KEYS[1], ARGV[3], ARGV[3]) == 1 then return false end
  local state = field('state')
  return not state or state == 'executing'
end
`

// The key of the decision comes last, and may be missing: see Queue.eval.

// begin takes a job up, and counts an execution that is about to start.
//
//	KEYS  stream, status, cancel, decision
//	ARGV  group, consumer, message id, now, qpu id, most executions, the execution
//	      to count, or ''
//
// It answers {verdict, text, field, value, ...}: "lost"; "completed" or
// "cancelled", acknowledged here; "decided" with the published decision; "failed"
// with the recorded error, to be sent again, or because a key can hold none;
// "elsewhere", where the job is in hand under another message, of this stream and
// still pending; "spent", where so many executions were counted that none may
// start; or "run".
var begin = redis.NewScript(owned + `
if not owned() then return {'lost', ''} end
local state = field('state')
if state == 'completed' or state == 'cancelled' then
  redis.call('XACK', KEYS[1], ARGV[1], ARGV[3])
  return {state, ''}
end
local other = state == 'executing' and field('message_id')
if other and other ~= ARGV[3] then
  local p = redis.pcall('XPENDING', KEYS[1], ARGV[1], other, other, 1) -- it may be no id
  if not p.err and #p == 1 then return {'elsewhere', ''} end
end
if has_decision(KEYS[4]) then return {'decided', '', unpack(redis.call('HGETALL', KEYS[4]))} end
if state == 'failed' then -- and too late to be cancelled
  return {'failed', field('error') or ''}
end
if redis.call('EXISTS', KEYS[3]) == 1 then
  write('state', 'cancelled', 'cancelled_at', ARGV[4], 'message_id', ARGV[3], 'qpu_id', ARGV[5])
  over()
  redis.call('XACK', KEYS[1], ARGV[1], ARGV[3])
  return {'cancelled', ''}
end
for what, key in pairs({status = KEYS[2], outcome = KEYS[4]}) do -- which must be hashes
  local kind = redis.call('TYPE', key).ok
  if kind ~= 'none' and kind ~= 'hash' then
    return {'failed', 'the ' .. what .. ' of the job cannot be recorded: ' .. key .. ' is a ' .. kind .. ' in Redis'}
  end
end
local attempts, attempt = tonumber(field('attempts') or '') or 0, field('attempt') or ''
if ARGV[7] ~= '' and ARGV[7] ~= attempt then -- else it is counted, and the answer was lost
  if attempts >= tonumber(ARGV[6]) then return {'spent', tostring(attempts)} end
  attempts, attempt = attempts + 1, ARGV[7]
end
write('state', 'executing', 'started_at', ARGV[4], 'message_id', ARGV[3], 'qpu_id', ARGV[5], 'attempts', attempts, 'attempt', attempt)
redis.call('HDEL', KEYS[2], 'phase')
return {'run', ''}
`)

// charge counts one more execution of a job in hand.
//
//	KEYS  stream, status
//	ARGV  group, consumer, message id, most executions, the execution
//
// It answers 1, also where the answer to the first call was lost; 0 where the message is no longer ours; or -1 where no more may
// start.
var charge = redis.NewScript(owned + `
if not owned() then return 0 end
if field('attempt') == ARGV[5] then return 1 end
local attempts = (tonumber(field('attempts') or '') or 0) + 1
if attempts > tonumber(ARGV[4]) then return -1 end
write('attempts', attempts, 'attempt', ARGV[5])
return 1
`)

// publish makes a decision the one that stands for every node, if none does yet
// (D3).
//
//	KEYS  stream, status, cancel, decision
//	ARGV  group, consumer, message id, now, qpu id, seconds to keep it, field, value, ...
//
// It answers {verdict, field, value, ...}: "decided" with the earlier decision that
// stands, or with nothing more where it is this one; "completed", "failed" or
// "cancelled", where that is what became of the job, here or at a peer's, and
// acknowledged where it is ours; "parked", where the operator has it; or "lost". A
// failure that was recorded before its message came is sent again: who recorded it
// may not have told the cloud.
var publish = redis.NewScript(owned + `
local state = field('state')
local ours = owned()
local again = state == 'failed' and ours and ARGV[8] == 'failed'
if state == 'completed' or state == 'cancelled' or state == 'failed' and not again then
  if ours then redis.call('XACK', KEYS[1], ARGV[1], ARGV[3]) end
  return {state}
end
if not ours then return {field('phase') == 'parked' and 'parked' or 'lost'} end
local decision = redis.call('HGETALL', KEYS[4])
if #decision > 0 then return {'decided', unpack(decision)} end
if not again and redis.call('EXISTS', KEYS[3]) == 1 then
  write('state', 'cancelled', 'cancelled_at', ARGV[4], 'message_id', ARGV[3], 'qpu_id', ARGV[5])
  over()
  redis.call('XACK', KEYS[1], ARGV[1], ARGV[3])
  return {'cancelled'}
end
redis.call('HSET', KEYS[4], unpack(ARGV, 7))
redis.call('EXPIRE', KEYS[4], ARGV[6])
write('phase', 'delivering')
return {'decided'}
`)

// inherit makes what is pending for earlier boots of this node our own: nobody
// works on it any more.
//
//	KEYS  stream
//	ARGV  group, this consumer, prefix of this node's consumers
//
// It answers how many messages that were.
var inherit = redis.NewScript(`
local n = 0
for _, info in ipairs(redis.call('XINFO', 'CONSUMERS', KEYS[1], ARGV[1])) do
  local c = {}
  for i = 1, #info, 2 do c[info[i]] = info[i + 1] end
  if c.name ~= ARGV[2] and string.sub(c.name, 1, #ARGV[3]) == ARGV[3] and c.pending > 0 then
    local ids = {}
    for _, p in ipairs(redis.call('XPENDING', KEYS[1], ARGV[1], '-', '+', 1000, c.name)) do ids[#ids + 1] = p[1] end
    if #ids > 0 then
      redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, unpack(ids))
      n = n + #ids
    end
  end
end
return n
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

// finish writes a job's last state, acknowledges its message, and removes the
// decision, which the cloud has. What was completed or cancelled stays so: this is
// then a further message of the job.
//
//	KEYS  stream, status, decision
//	ARGV  group, consumer, message id, "state", state, field, value, ...
//
// It answers 1, also where the answer to the first call was lost, and where the job
// was parked and is delivered after all; or 0 where the message is no longer ours.
var finish = redis.NewScript(owned + `
local ours = owned() or (field('phase') == 'parked' and field('message_id') == ARGV[3])
if not ours then
  return (field('state') == ARGV[5] and field('message_id') == ARGV[3]) and 1 or 0
end
local state = field('state')
local stands = state == 'completed' or state == 'cancelled' or state == 'failed' and ARGV[5] ~= 'failed'
if not stands then write(unpack(ARGV, 4)) end
over()
if has_decision(KEYS[3]) then redis.call('DEL', KEYS[3]) end
redis.call('XACK', KEYS[1], ARGV[1], ARGV[3])
return 1
`)

// lay copies a message to the dead-letter stream, with the reason, whatever could
// not be delivered, and those fields that mean nothing to us (one of them may be a
// job_id misspelt).
const lay = `
local function lay()
  local letter, known = {unpack(ARGV, 5)}, {}
  for i = 1, #letter, 2 do known[letter[i]] = true end
  local entry = redis.call('XRANGE', KEYS[1], ARGV[3], ARGV[3])[1]
  local fields = entry and entry[2] or {}
  for i = 1, math.min(#fields, 2000), 2 do -- unpack has its limits
    if not known[fields[i]] then
      letter[#letter + 1], letter[#letter + 2] = fields[i], fields[i + 1]
    end
  end
  redis.call('XADD', KEYS[3], '*', unpack(letter))
end
`

// letter lays a copy of a message, whose job goes on.
//
//	KEYS  stream, status, dead
//	ARGV  group, consumer, message id, job id or '', field, value, field, value, ...
//
// It answers 1, or 0 where the message is no longer ours.
var letter = redis.NewScript(owned + lay + `
if not owned() then return 0 end
lay()
return 1
`)

// bury lays a message aside for good, notes that in the status, and acknowledges
// it. A decision stays, as long as it is kept: whoever queues the job again, or had
// done so before, has the same body sent.
//
//	KEYS  stream, status, dead, decision
//	ARGV  as of letter
//
// It answers as finish does.
var bury = redis.NewScript(owned + lay + `
if not owned() then
  return (field('phase') == 'parked' and field('message_id') == ARGV[3]) and 1 or 0
end
lay()
if ARGV[4] ~= '' then
  write('phase', 'parked')
  if has_decision(KEYS[4]) and ARGV[8] == '' then redis.call('DEL', KEYS[4]) end -- it could not be read
end
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
