-- Ends a user's presence and returns {id, name, rooms}, or nothing where there was none.
-- KEYS: expiries, names, rooms, prefix of the users' keys. ARGV: id.
local id = ARGV[1]
redis.call('DEL', KEYS[4] .. id)
if redis.call('ZREM', KEYS[1], id) == 0 then
  return {}
end
local gone = {{id, redis.call('HGET', KEYS[2], id) or id, redis.call('HGET', KEYS[3], id) or ''}}
redis.call('HDEL', KEYS[2], id)
redis.call('HDEL', KEYS[3], id)
return gone
