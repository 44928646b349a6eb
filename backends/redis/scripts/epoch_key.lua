-- Puts an epoch key if there is none, and says which one stands.
-- KEYS: 1 the key: 32 bytes, then until when it is kept, in decimal, ms. 2 the index of all epoch keys, by that time.
-- ARGV: 1 the member of the index. 2 a candidate, or '' only to look. 3 until when it is kept ('inf': for ever). 4 that many
--       ms from now.
local stored = redis.call('GET', KEYS[1])
if stored or ARGV[2] == '' then
    return stored
end
redis.call('ZADD', KEYS[2], ARGV[3], ARGV[1])
if ARGV[3] == 'inf' then
    redis.call('SET', KEYS[1], ARGV[2] .. ARGV[3])
else
    redis.call('SET', KEYS[1], ARGV[2] .. ARGV[3], 'PX', ARGV[4])
end
return ARGV[2] .. ARGV[3]
