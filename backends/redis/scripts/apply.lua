-- One counter's operations of one batch, in array order: all of them are decided first and written afterwards, because a
-- script does not roll back. What can fail (a foreign type, memory, a read-only server) fails in a read or in the first write.
-- KEYS: 1 the counter, a hash: t total, u unique, g generation, f epochs whose visitors never expire; it is there exactly
--         while the counter exists. 2 the writer's mark. 3 all names, a sorted set. 4 what purge has to do, a list.
-- ARGV: 1 sequence, 20 digits. 2 the server's time at the batch's first attempt, ms. 3 how long a mark is kept, ms. 4 the
--       name. 5 a generation that was never used. 6 the operations, packed by encode.c. In a series: 7 its 16 bytes,
--       8 number, 20 digits, 9 how long it is kept, ms, 10 each op's place in it, 4 bytes each.
-- Answer: total and unique as found, then a letter an op (decode.c): the client adds up. Numbers are never Lua numbers on the
-- way out: those are doubles. Totals are two limbs of base 10^10 in here, exact over all of int64.
local call, unpack, byte, sub = redis.call, struct.unpack, string.byte, string.sub
local counter, series = KEYS[1], ARGV[7]

local mark = call('GET', KEYS[2])
if mark then
    local sequence = sub(mark, 1, 20)
    if sequence == ARGV[1] then
        call('PEXPIRE', KEYS[2], ARGV[3]) -- a write, so that WAIT speaks of this batch on a new connection too
        return { string.match(mark, '^%d+ (%S+) (%S+) (%S*)$') }
    elseif sequence > ARGV[1] then
        return redis.error_reply('FFLATE a later batch of this writer is stored')
    end
end
local clock = call('TIME')
clock = clock[1] * 1000 + math.floor(clock[2] / 1000)
local age = clock - ARGV[2]
if age * 3 > ARGV[3] * 2 or age * 15 < -ARGV[3] then
    return redis.error_reply('FFSTALE the batch was first sent too long ago')
end

-- ---- numbers

local function limbs(text)
    if not string.find(text, '^-?%d+$') then
        return nil
    end
    local minus = byte(text) == 45
    local digits = minus and sub(text, 2) or text
    local high, low = tonumber(sub(digits, 1, -11)) or 0, tonumber(sub(digits, -10))
    if minus then
        high, low = -high, -low
        if low < 0 then
            high, low = high - 1, low + 1e10
        end
    end
    return high, low
end

local function text_of(high, low)
    if high == 0 then
        return string.format('%.0f', low)
    elseif high > 0 then
        return string.format('%.0f%010.0f', high, low)
    elseif low > 0 then
        high, low = high + 1, 1e10 - low
    end
    if high == 0 then
        return string.format('-%.0f', low)
    end
    return string.format('%.0f%010.0f', high, low)
end

-- high, low plus more; nil when that leaves int64
local function sum(high, low, more_high, more_low)
    high, low = high + more_high, low + more_low
    if low >= 1e10 then
        high, low = high + 1, low - 1e10
    end
    if high > 922337203 or (high == 922337203 and low > 6854775807) or high < -922337204 or
        (high == -922337204 and low < 3145224192) then
        return nil
    end
    return high, low
end

-- ---- the counter as it is found, and as the operations leave it

local found = call('HMGET', counter, 't', 'u', 'g', 'f')
local existed = found[1] and true or false
local exists, generation = existed, found[3] or ARGV[5]
local fresh = not existed -- no visitor is stored under this generation
local before, before_unique = found[1] or '0', found[2] or '0'
local th, tl = limbs(before)
local uh, ul = limbs(before_unique)
if not tl or not ul or (existed and not (found[2] and found[3])) then
    return redis.error_reply('FFFOREIGN a key of ours holds what is not ours')
end
local touched, deleted = false, false

-- ---- visitors: a group of hashes for each epoch. Hash 0 (the group's own name) also holds N, how many hashes there are, n,
-- how many visitors, e, when they expire by the server's clock ('never' at 'inf'), and x: hashes may expire before e.
-- Linear hashing: the group grows by a hash whenever there are more than 40 visitors a hash.

local groups, seen, held, drops = {}, {}, {}, {}

local function group_of(epoch)
    local group = groups[epoch]
    if not group then
        local base = counter .. ':v:' .. generation .. ':' .. epoch
        local stored = fresh and {} or call('HMGET', base, 'N', 'n', 'e', 'x')
        local hashes = tonumber(stored[1] or 0)
        local low = 1
        while low * 2 <= hashes do
            low = low * 2
        end
        group = { base = base, epoch = epoch, hashes = hashes, low = low, visitors = tonumber(stored[2] or 0),
                  expires = tonumber(stored[3] or 0), uneven = stored[4], need = 0, grace = 0, added = 0, ids = {} }
        groups[epoch] = group
    end
    return group
end

local function hash_name(group, number)
    if number == 0 then
        return group.base
    end
    return group.base .. ':' .. number
end

local function hash_of(group, id)
    local a, b, c = byte(id, 1, 3)
    local number = (a * 65536 + b * 256 + c) % (group.low * 2)
    if number >= group.hashes then
        number = number - group.low
    end
    return hash_name(group, number)
end

-- The time stored for this visitor, false when there is none.
local function last_of(group, id)
    local last = seen[id]
    if last == nil then
        last = group.hashes > 0 and call('HGET', hash_of(group, id), id)
        if last then
            last = tonumber(last)
        end
        seen[id] = last
        held[id] = last and true
    end
    return last
end

local function remember(group, id, time, need, grace)
    if group.ids[id] == nil then
        group.ids[#group.ids + 1] = id
        group.ids[id] = true
        if not held[id] then
            group.added = group.added + 1
        end
    end
    seen[id] = time
    if need > group.need then
        group.need = need
    end
    if grace > group.grace then
        group.grace = grace
    end
end

-- ---- tokens: is_new, then the fingerprints

local tokens, new_tokens = {}, {}

local function token_of(token)
    local bound = tokens[token]
    if bound == nil then
        bound = call('GET', counter .. ':t:' .. token)
        tokens[token] = bound
    end
    return bound
end

local function same(bound, fingerprints)
    for i = 1, #fingerprints, 16 do
        local one = sub(fingerprints, i, i + 15)
        for j = 2, #bound, 16 do
            if sub(bound, j, j + 15) == one then
                return true
            end
        end
    end
    return false
end

-- ---- series: number, then an answer an op

local answered, series_key, series_keep = '', nil, nil
local numbered, gap = {}, false
if series then
    series_key, series_keep = counter .. ':s:' .. series, tonumber(ARGV[9])
    local stored = call('GET', series_key)
    if stored then
        local number = sub(stored, 1, 20)
        if number > ARGV[8] then
            answered = nil
        elseif number == ARGV[8] then
            answered = sub(stored, 21)
        end
        local left = call('PTTL', series_key)
        if left > series_keep then
            series_keep = left
        end
    end
end

-- ---- deciding. Letters: 0 done, 1 done and new; in a replay q and r; T token, G range, A absent, in a replay t, g, a; S an
-- earlier op of the series is missing.

local replays = { ['0'] = 'q', ['1'] = 'r', T = 't', G = 'g', A = 'a', q = 'q', r = 'r', t = 't', g = 'g', a = 'a' }
local out, count, pos, ops = {}, 0, 1, ARGV[6]

-- What stands before the operation itself: a letter when that decides, else nil.
local function decided(token, fingerprints, must_exist)
    if token then
        local bound = token_of(token)
        if bound then
            return same(bound, fingerprints) and replays[sub(bound, 1, 1)] or 'T'
        end
    end
    if must_exist and not exists then
        return 'A'
    end
    return nil
end

local function touch()
    touched = true
    exists = true
end

-- A run: kind, flags (1 sliding, 2 second id, 4 both written, 8 never expires, 16 must exist, 32 token), ops.
while pos <= #ops do
    local kind, flags, run
    kind, flags, run, pos = unpack('>BBI2', ops, pos)
    local token_run = flags >= 32
    local must_exist = flags % 32 >= 16
    local window, need, grace, first, second, two, both, sliding
    if kind == 2 or kind == 5 then
        two = flags % 4 >= 2
        local keep
        window, keep, grace, first, pos = unpack('>I8I8I8s', ops, pos)
        if two then
            second, pos = unpack('s', ops, pos)
        end
        both, sliding = flags % 8 >= 4, flags % 2 >= 1
        need = flags % 16 >= 8 and math.huge or clock + keep
    end
    for _ = 1, run do
        count = count + 1
        local letter, token, fingerprints, bound_count, keep, id, id2, now, ah, al, bh, bl
        if token_run then
            token, keep, bound_count, fingerprints, pos = unpack('>c16I8BBc0', ops, pos)
        end
        if kind == 2 or kind == 5 then
            if two then
                id, id2, now, pos = unpack('>c16c16I8', ops, pos)
            else
                id, now, pos = unpack('>c16I8', ops, pos)
            end
        elseif kind == 1 then
            ah, al, pos = unpack('>i4I8', ops, pos)
        elseif kind == 3 then
            ah, al, bh, bl, pos = unpack('>i4I8i4I8', ops, pos)
        end
        if series then
            local at = unpack('>I4', ARGV[10], count * 4 - 3)
            if not answered then
                letter = 'T'
            elseif at < #answered then
                letter = replays[sub(answered, at + 1, at + 1)]
            elseif at > #answered + #numbered then
                letter = 'S'
                gap = true
            elseif at < #answered + #numbered then
                letter = replays[numbered[at - #answered + 1]]
            end
        end
        if not letter then
            letter = (token or must_exist) and decided(token, fingerprints, must_exist) or nil
            if letter then
                token = nil
            elseif kind == 2 then
                local group = group_of(first)
                local last = last_of(group, id)
                local other
                if two and (not last or sliding or now - last >= window) then
                    other = group_of(second)
                    local older = last_of(other, id2)
                    if older and (not last or older > last) then
                        last = older
                    end
                end
                local due = not last or now - last >= window
                local h, l = sum(th, tl, 0, 1)
                local vh, vl = uh, ul
                if due then
                    vh, vl = sum(uh, ul, 0, 1)
                end
                if h and vh then
                    th, tl, uh, ul = h, l, vh, vl
                    touch()
                    if due or sliding then
                        local time = due and now or math.max(last, now)
                        remember(group, id, time, need, grace)
                        if both then
                            other = other or group_of(second)
                            last_of(other, id2)
                            remember(other, id2, time, need, grace)
                        end
                    end
                    letter = due and '1' or '0'
                else
                    letter = 'G'
                end
            elseif kind == 1 then
                local h, l = sum(th, tl, ah, al)
                if h then
                    th, tl = h, l
                    touch()
                    letter = '0'
                else
                    letter = 'G'
                end
            elseif kind == 3 then
                th, tl, uh, ul = ah, al, bh, bl
                touch()
                letter = '0'
            elseif kind == 4 then
                if exists then
                    deleted, touched, exists, fresh, generation = true, true, false, true, ARGV[5]
                    th, tl, uh, ul = 0, 0, 0, 0
                    groups, seen, held, drops = {}, {}, {}, {}
                end
                letter = '0'
            else
                for i = 1, two and 2 or 1 do
                    local group, one = group_of(i == 1 and first or second), i == 1 and id or id2
                    if last_of(group, one) then
                        seen[one] = false
                        drops[one] = held[one] and group or nil
                    end
                end
                letter = '0'
            end
            if token and (letter == '0' or letter == '1') then
                local bound = letter .. sub(fingerprints, 1, bound_count * 16)
                tokens[token] = bound
                new_tokens[#new_tokens + 1] = token
                new_tokens[token] = keep
            end
            if series then
                numbered[#numbered + 1] = letter
            end
        end
        out[count] = letter
    end
end
local letters = table.concat(out)
if gap and #numbered == 0 then
    return { before, before_unique, letters } -- nothing is decided, and nothing may be stored
end

-- ---- the last reads: what is written below and was not read above must be of our own types

local persistent = existed and found[4] or nil
if exists ~= existed then
    call('ZSCORE', KEYS[3], ARGV[4])
    if exists and call('EXISTS', counter) == 1 then
        return redis.error_reply('FFFOREIGN a key of ours holds what is not ours')
    end
end
if deleted and persistent then
    call('LLEN', KEYS[4])
end

-- ---- writing

if touched and exists then
    call('HSET', counter, 't', text_of(th, tl), 'u', text_of(uh, ul))
    if not existed or deleted then
        call('HSET', counter, 'g', generation)
        call('HDEL', counter, 'f')
    end
    if not existed then
        call('ZADD', KEYS[3], 0, ARGV[4])
    end
elseif existed and not exists then
    call('UNLINK', counter)
    call('ZREM', KEYS[3], ARGV[4])
end
if deleted and existed then
    for epoch in string.gmatch(persistent or '', '%S+') do
        call('RPUSH', KEYS[4], counter .. ':v:' .. found[3] .. ':' .. epoch)
    end
    persistent = nil
end

local function expire(name, group)
    if group.expires < math.huge then
        call('PEXPIREAT', name, string.format('%.0f', group.expires))
    else
        call('PERSIST', name)
    end
end

-- Moves what belongs there to one more hash. It may fail (a foreign type) and is tried again some other time.
local function split(group)
    local number, low = group.hashes, group.low
    if number == low * 2 then
        low = number
    end
    local from, to = hash_name(group, number - low), hash_name(group, number)
    local fields = redis.pcall('HGETALL', from)
    if fields.err then
        return false
    end
    local moved, left = { 'p', '' }, {}
    for i = 1, #fields, 2 do
        local id = fields[i]
        if #id == 16 then
            local a, b, c = byte(id, 1, 3)
            if (a * 65536 + b * 256 + c) % (low * 2) == number then
                left[#left + 1] = id
                moved[#moved + 1] = id
                moved[#moved + 1] = fields[i + 1]
            end
        end
    end
    local made = redis.pcall('HSET', to, _G.unpack(moved))
    if type(made) == 'table' and made.err then
        return false
    end
    expire(to, group)
    if #left > 0 then
        call('HDEL', from, _G.unpack(left))
    end
    group.hashes, group.low = number + 1, low
    return true
end

-- The group's expiry has moved. Hash 0 never expires before the others.
local function keep_group(group)
    local never = group.expires == math.huge
    call('HSET', group.base, 'e', never and 'inf' or string.format('%.0f', group.expires))
    if group.uneven then
        call('HSET', group.base, 'x', '1')
    end
    expire(group.base, group)
    if never then
        persistent = persistent and persistent .. ' ' .. group.epoch or group.epoch
        call('HSET', counter, 'f', persistent)
    end
end

for id, group in pairs(drops) do
    if seen[id] == false then
        group.visitors = group.visitors - call('HDEL', hash_of(group, id), id)
        group.changed = true
    end
end
for _, group in pairs(groups) do
    if #group.ids > 0 then
        local is_new = group.hashes == 0
        if group.need > group.expires then
            group.uneven = not is_new and '1' or nil
            group.expires = group.need + group.grace
            group.stretched = true
        end
        if is_new then
            group.hashes = 1
        end
        local base, writes, order = group.base, {}, {}
        while group.visitors + group.added > 40 * group.hashes and split(group) do
        end
        for _, id in ipairs(group.ids) do
            if seen[id] then
                local name = hash_of(group, id)
                local fields = writes[name]
                if not fields then
                    fields = {}
                    writes[name] = fields
                    order[#order + 1] = name
                end
                fields[#fields + 1] = id
                fields[#fields + 1] = string.format('%.0f', seen[id])
            end
        end
        for _, name in ipairs(order) do
            group.visitors = group.visitors + call('HSET', name, _G.unpack(writes[name]))
            if group.uneven and name ~= base then
                expire(name, group)
            end
        end
        group.changed = true
    end
    if group.changed then
        call('HSET', group.base, 'N', group.hashes, 'n', group.visitors)
        if group.stretched then
            keep_group(group)
        end
    end
end
for _, token in ipairs(new_tokens) do
    call('SET', counter .. ':t:' .. token, tokens[token], 'PX', string.format('%.0f', new_tokens[token]))
end
if series and answered and #numbered > 0 then
    call('SET', series_key, ARGV[8] .. answered .. table.concat(numbered), 'PX', string.format('%.0f', series_keep))
end
call('SET', KEYS[2], ARGV[1] .. ' ' .. before .. ' ' .. before_unique .. ' ' .. letters, 'PX', ARGV[3])
return { before, before_unique, letters }
