-- Ends a run of typing and returns the name of who typed, or nothing where there was none.
-- KEYS: expiries, names, the room's expiries, the run's own key. ARGV: 'room:user', user.
redis.call('DEL', KEYS[4])
redis.call('ZREM', KEYS[3], ARGV[2])
if redis.call('ZREM', KEYS[1], ARGV[1]) == 0 then
  return false
end
local name = redis.call('HGET', KEYS[2], ARGV[1]) or ARGV[2]
redis.call('HDEL', KEYS[2], ARGV[1])
return name
