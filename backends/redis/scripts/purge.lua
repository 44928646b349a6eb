-- Drops visitors of deleted counters that would never expire. KEYS: 1 the list of their groups (apply.lua). ARGV: 1 how many at
-- most. Answer: how many were dropped, and how many groups are left.
local call, budget, dropped = redis.call, tonumber(ARGV[1]), 0
for _ = 1, 20 do
    local base = call('LINDEX', KEYS[1], 0)
    if not base then
        break
    end
    local meta = redis.pcall('HGET', base, 'm')
    local ours = type(meta) == 'string' and #meta == 17
    local number = ours and struct.unpack('>I4', meta) - 1 or 0
    local name = number > 0 and base .. ':' .. number or base
    local fields = redis.pcall('HKEYS', name)
    local ids, more = {}, false
    for _, field in ipairs(fields) do
        if #field == 16 and dropped + #ids < budget then
            ids[#ids + 1] = field
        elseif #field == 16 then
            more = true
        end
    end
    for from = 1, #ids, 1000 do
        call('HDEL', name, unpack(ids, from, math.min(from + 999, #ids)))
    end
    dropped = dropped + #ids
    if more then
        break
    end
    if not fields.err then -- else it is not ours, and stays as it is
        call('UNLINK', name)
    end
    if number > 0 then
        call('HSET', base, 'm', struct.pack('>I4', number) .. string.sub(meta, 5))
    else
        call('LPOP', KEYS[1])
    end
end
return { dropped, call('LLEN', KEYS[1]) }
