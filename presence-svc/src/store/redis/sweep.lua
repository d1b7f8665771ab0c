-- Ends what has expired and returns the users who went: {id, name, rooms}. Of several callers exactly one gets each.
-- KEYS: expiries, names, rooms, prefix of the users' keys. ARGV: most to return.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local gone = {}
for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'LIMIT', 0, ARGV[1])) do
  gone[#gone + 1] = {id, redis.call('HGET', KEYS[2], id) or id, redis.call('HGET', KEYS[3], id) or ''}
  redis.call('ZREM', KEYS[1], id)
  redis.call('HDEL', KEYS[2], id)
  redis.call('HDEL', KEYS[3], id)
  redis.call('DEL', KEYS[4] .. id)
end
return gone
