-- Ends runs of typing that have expired and returns them: {room, user, name}. Of several callers exactly one gets each.
-- KEYS: expiries, names, prefix of the rooms' expiries, prefix of the runs' keys. ARGV: most to return.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local stopped = {}
for _, run in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'LIMIT', 0, ARGV[1])) do
  local room, user = string.match(run, '^([^:]*):(.*)$')
  stopped[#stopped + 1] = {room, user, redis.call('HGET', KEYS[2], run) or user}
  redis.call('ZREM', KEYS[1], run)
  redis.call('ZREM', KEYS[3] .. room, user)
  redis.call('HDEL', KEYS[2], run)
  redis.call('DEL', KEYS[4] .. run)
end
return stopped
