-- Renews users and returns those who were not present: {id, name, rooms}.
-- KEYS: expiries, names, rooms, prefix of the users' keys. ARGV: lifetime in ms, then id, value, name, rooms ('' keeps) of each.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local ttl = tonumber(ARGV[1])
local came = {}
for i = 2, #ARGV, 4 do
  local id, value, name, rooms = ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3]
  redis.call('SET', KEYS[4] .. id, value, 'PX', ttl)
  redis.call('HSET', KEYS[2], id, name)
  if rooms ~= '' then
    redis.call('HSET', KEYS[3], id, rooms)
  end
  if redis.call('ZADD', KEYS[1], now + ttl, id) == 1 then
    came[#came + 1] = {id, name, redis.call('HGET', KEYS[3], id) or ''}
  end
end
return came
