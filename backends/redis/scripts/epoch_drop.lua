-- Removes the epoch keys whose time is over. KEYS: 1 the index. ARGV: 1 now, by the caller's clock, ms. 2 what the names of the
-- keys begin with. Answer: when the next one is over, in decimal ('inf': never, '' none is left), and '1' when more are due.
local due = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[1], 'LIMIT', 0, 500)
for _, member in ipairs(due) do
    redis.call('DEL', ARGV[2] .. member)
    redis.call('ZREM', KEYS[1], member)
end
local first = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')
return { first[2] and (first[2] == 'inf' and 'inf' or string.format('%.0f', tonumber(first[2]))) or '',
    #due == 500 and '1' or '0' }
