-- Renews users and returns those who were not present: {id, name, rooms}. One command for all of them where Redis has one.
-- KEYS: expiries, names, rooms, prefix of the users' keys. ARGV: lifetime in ms, then id, value, name, rooms ('' keeps) of each.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local ttl = tonumber(ARGV[1])
local ids, names, rooms, expiries = {}, {}, {}, {}
for i = 2, #ARGV, 4 do
  local id = ARGV[i]
  redis.call('SET', KEYS[4] .. id, ARGV[i + 1], 'PX', ttl)
  ids[#ids + 1] = id
  names[#names + 1] = id
  names[#names + 1] = ARGV[i + 2]
  expiries[#expiries + 1] = now + ttl
  expiries[#expiries + 1] = id
  if ARGV[i + 3] ~= '' then
    rooms[#rooms + 1] = id
    rooms[#rooms + 1] = ARGV[i + 3]
  end
end
local before = redis.call('ZMSCORE', KEYS[1], unpack(ids))
redis.call('ZADD', KEYS[1], unpack(expiries))
redis.call('HSET', KEYS[2], unpack(names))
if #rooms > 0 then
  redis.call('HSET', KEYS[3], unpack(rooms))
end
local came, seen = {}, {}
for i, id in ipairs(ids) do
  if not before[i] and not seen[id] then
    seen[id] = true
    came[#came + 1] = {id, redis.call('HGET', KEYS[2], id), redis.call('HGET', KEYS[3], id) or ''}
  end
end
return came
