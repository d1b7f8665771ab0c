-- Begins a run of typing, or renews it.
-- KEYS: expiries, names, the room's expiries, the run's own key. ARGV: lifetime in ms, 'room:user', user, value, name.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local ttl = tonumber(ARGV[1])
redis.call('ZADD', KEYS[1], now + ttl, ARGV[2])
redis.call('ZADD', KEYS[3], now + ttl, ARGV[3])
redis.call('HSET', KEYS[2], ARGV[2], ARGV[5])
redis.call('SET', KEYS[4], ARGV[4], 'PX', ttl)
