-- Is there an epoch key of another length? KEYS: 1 the index. ARGV: 1 how members of this length begin. 2 what the names of the
-- keys begin with. Answer: 1 or 0.
for _, member in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
    if string.sub(member, 1, #ARGV[1]) ~= ARGV[1] and redis.call('EXISTS', ARGV[2] .. member) == 1 then
        return 1
    end
end
return 0
