-- One counter's operations of one batch, in array order: all of them are decided first and written afterwards, because a
-- script does not roll back. What can fail (a foreign type, memory, a read-only server) fails in a read or in the first write.
-- KEYS: 1 the counter, a hash: t total, u unique, g its generation and, behind it, epochs whose visitors never expire; it is
--         there exactly while the counter exists. 2 the writer's mark. 3 all names, a sorted set. 4 what purge has to do.
-- ARGV: 1 sequence, 20 digits. 2 how long a mark is kept, ms. 3 the name. 4 a generation that was never used. 5 the times of
--       the server's between which this may run, ms, and the operations, packed by encode.c. In a series: 6 its 16 bytes,
--       7 number, 20 digits, 8 how long it is kept, ms, 9 each op's place in it, 4 bytes each.
-- Answer: total and unique as found, then a letter an op (decode.c): the client adds up. Numbers are never Lua numbers on the
-- way out: those are doubles. Totals are two limbs of base 10^10 in here, exact over all of int64.
-- Most calls are visits of visitors who return: what only others need is made where they need it.
local call, unpack, byte, sub, format = redis.call, struct.unpack, string.byte, string.sub, string.format
local counter, ops, series = KEYS[1], ARGV[5], ARGV[6]

local mark = call('GET', KEYS[2])
if mark then
    local sequence = sub(mark, 1, 20)
    if sequence == ARGV[1] and sub(mark, 22) == '?' then
        return redis.error_reply('FFHALF this batch stopped half way')
    elseif sequence == ARGV[1] then
        call('PEXPIRE', KEYS[2], ARGV[2]) -- a write, so that WAIT speaks of this batch on a new connection too
        return { string.match(mark, '^%d+ (%S+) (%S+) (%S*)$') }
    elseif sequence > ARGV[1] then
        return redis.error_reply('FFLATE a later batch of this writer is stored')
    end
end
local clock = call('TIME')[1] * 1000 + 1000 -- the second's end: nothing expires too early
local earliest, latest, pos = unpack('>I8I8', ops, 1)
if clock < earliest or clock > latest then
    return redis.error_reply('FFSTALE the batch was first sent too long ago')
end

-- ---- the counter as it is found, and as the operations leave it

local found = call('HMGET', counter, 't', 'u', 'g')
local before, before_unique, stored = found[1], found[2], found[3]
local existed = before and true or false
local exists, fresh, generation = existed, not existed, ARGV[4] -- fresh: no visitor is stored under this generation
local th, tl, uh, ul = 0, 0, 0, 0
local forever -- epochs whose visitors never expire
if existed then
    tl, ul = tonumber(before), tonumber(before_unique)
    if not tl or not ul or not stored then
        return redis.error_reply('FFFOREIGN a key of ours holds what is not ours')
    end
    local space = string.find(stored, ' ', 1, true)
    generation, forever = space and sub(stored, 1, space - 1) or stored, space and sub(stored, space + 1)
    if tl < 0 or ul < 0 or #before > 10 or #before_unique > 10 then
        local function limbs(text)
            local minus = byte(text) == 45
            local digits = minus and sub(text, 2) or text
            local high, low = tonumber(sub(digits, 1, -11)) or 0, tonumber(sub(digits, -10))
            if minus then
                high, low = 0 - high, 0 - low -- never a negative zero, which is written as one
                if low < 0 then
                    high, low = high - 1, low + 1e10
                end
            end
            return high, low
        end
        th, tl = limbs(before)
        uh, ul = limbs(before_unique)
    end
else
    before, before_unique = '0', '0'
end
local touched, deleted = false, false

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

-- ---- visitors: a group of hashes for each epoch, from id to time. Hash 0, the group's own name, also holds m: how many hashes
-- there are, how many visitors, when they expire by the server's clock ('inf': never), and 1 when hashes may expire before
-- that. Linear hashing: the group grows by a hash whenever there are more than 16 visitors a hash, so that each is a listpack
-- that is quickly searched, at a quarter of the memory that a key of its own costs.

local groups, seen = {}, {} -- seen: id to time, false when there is none

local function group_of(epoch)
    local group = groups[epoch]
    if not group then
        local base = counter .. ':v:' .. generation .. ':' .. epoch
        local meta = not fresh and call('HGET', base, 'm')
        group = { base = base, prefix = base .. ':', epoch = epoch, hashes = 0, low = 1, visitors = 0, expires = 0 }
        if meta then
            if #meta ~= 17 then
                error('FFFOREIGN a key of ours holds what is not ours')
            end
            group.hashes, group.visitors, group.expires, group.uneven = unpack('>I4I4dB', meta)
            while group.low * 2 <= group.hashes do
                group.low = group.low * 2
            end
        end
        groups[epoch] = group
    end
    return group
end

-- The name of the hash of visitors whose ids begin with these 24 bits.
local function hash_of(group, bits)
    local number = bits % (group.low * 2)
    if number >= group.hashes then
        number = number - group.low
    end
    return number == 0 and group.base or group.prefix .. number
end

local function bits_of(id)
    local a, b, c = byte(id, 1, 3)
    return a * 65536 + b * 256 + c
end

-- The time stored for this visitor, false when there is none.
local function last_of(group, id)
    local last = seen[id]
    if last == nil then
        last = group.hashes > 0 and call('HGET', hash_of(group, bits_of(id)), id)
        last = last and last + 0
        seen[id] = last
    end
    return last
end

-- Whose time is to be written: id, then its bits, in the group's list.
local written = {}

local function remember(group, id, bits, time, need, grace)
    local ids = group.ids
    if not ids then
        ids = {}
        group.ids, group.id_count, group.added, group.need, group.grace = ids, 0, 0, 0, 0
    end
    if not written[id] then
        local at = group.id_count + 2
        written[id], ids[at - 1], ids[at], group.id_count = true, id, bits, at
        if not seen[id] then
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

-- ---- series: number, 20 digits, then a letter an op

local answered, numbered, series_key, series_keep = '', nil, nil, nil
local gap = false
if series then
    numbered, series_key, series_keep = {}, counter .. ':s:' .. series, tonumber(ARGV[8])
    local bound = call('GET', series_key)
    if bound then
        local number = sub(bound, 1, 20)
        if number > ARGV[7] then
            answered = nil
        elseif number == ARGV[7] then
            answered = sub(bound, 21)
        end
        local left = call('PTTL', series_key)
        if left > series_keep then
            series_keep = left
        end
    end
end

-- ---- deciding. Letters: 0 done, 1 done and new; in a replay q and r; T token, G range, A absent, in a replay t, g, a; S an
-- earlier op of the series is missing.

local replays, tokens, new_tokens, drops
if series or byte(ops, pos + 1) >= 32 then
    replays = { ['0'] = 'q', ['1'] = 'r', T = 't', G = 'g', A = 'a', q = 'q', r = 'r', t = 't', g = 'g', a = 'a' }
    tokens, new_tokens = {}, {} -- a token's value: its letter, then the fingerprints it stands for
end
local out, count = {}, 0

-- A run: kind, flags (1 sliding, 2 second id, 4 both written, 8 never expires, 16 must exist, 32 any token in the batch, 64
-- this run has tokens), how many; for visits and forgets window, time to live, grace, both epochs; then the ops; then their
-- second ids.
while pos <= #ops do
    local kind = byte(ops, pos)
    local flags, run, window, need, grace, first, second, two, both, sliding, seconds
    if kind == 2 or kind == 5 then
        flags, run, window, need, grace, first, second, pos = unpack('>xBI2I8I8I8ss', ops, pos)
        two, both, sliding = flags % 4 >= 2, flags % 8 >= 4, flags % 2 >= 1
        need = flags % 16 >= 8 and math.huge or clock + need
        seconds = pos + run * (flags >= 64 and 27 + 58 or 27)
    else
        flags, run, pos = unpack('>xBI2', ops, pos)
    end
    local must_exist = flags % 32 >= 16
    local group = kind == 2 and group_of(first)
    local hashes, low, base, prefix
    if group then
        hashes, low, base, prefix = group.hashes, group.low, group.base, group.prefix
    end
    for i = 1, run do
        count = count + 1
        local letter, token, keep, bound_bytes, print_bytes, prints, id, now, bits, ah, al, bh, bl
        if flags >= 64 then
            token, keep, bound_bytes, print_bytes, prints, pos = unpack('>c16I8BBc32', ops, pos)
        end
        if window then
            id, now, bits, pos = unpack('>c16I8I3', ops, pos)
        elseif kind == 1 then
            ah, al, pos = unpack('>i4I8', ops, pos)
        elseif kind == 3 then
            ah, al, bh, bl, pos = unpack('>i4I8i4I8', ops, pos)
        end
        if series then
            local at = unpack('>I4', ARGV[9], count * 4 - 3)
            if not answered then
                letter = 'T'
            elseif at < #answered then
                letter = replays[sub(answered, at + 1, at + 1)]
            elseif at > #answered + #numbered then
                letter, gap = 'S', true
            end
        end
        if token and not letter then
            local bound = tokens[token]
            if bound == nil then
                bound = call('GET', counter .. ':t:' .. token)
                tokens[token] = bound
            end
            if bound then
                letter = 'T'
                for one = 1, print_bytes, 16 do
                    for other = 2, #bound, 16 do
                        if sub(prints, one, one + 15) == sub(bound, other, other + 15) then
                            letter = replays[sub(bound, 1, 1)]
                        end
                    end
                end
                if series then
                    numbered[#numbered + 1] = letter
                end
            end
        end
        if not letter then
            if must_exist and not exists then
                letter = 'A'
            elseif kind == 2 then
                local last, id2, other = seen[id], nil, nil
                if last == nil then -- as last_of and hash_of do it: this is what happens most
                    last = false
                    if hashes > 0 then
                        local number = bits % (low * 2)
                        if number >= hashes then
                            number = number - low
                        end
                        last = call('HGET', number == 0 and base or prefix .. number, id)
                        last = last and last + 0
                    end
                    seen[id] = last
                end
                if two and (not last or sliding or now - last >= window) then
                    id2, other = sub(ops, seconds + i * 16 - 16, seconds + i * 16 - 1), group_of(second)
                    local older = last_of(other, id2)
                    if older and (not last or older > last) then
                        last = older
                    end
                end
                local due = not last or now - last >= window
                local h, l, vh, vl = th, tl + 1, uh, ul
                if l >= 1e10 or th >= 922337203 then
                    h, l = sum(th, tl, 0, 1)
                end
                if due then
                    vh, vl = sum(uh, ul, 0, 1)
                end
                if h and vh then
                    th, tl, uh, ul = h, l, vh, vl
                    touched, exists = true, true
                    letter = due and '1' or '0'
                    if due or sliding then
                        local time = due and now or math.max(last, now)
                        remember(group, id, bits, time, need, grace)
                        if both then
                            remember(other, id2, bits_of(id2), time, need, grace)
                        end
                    end
                else
                    letter = 'G'
                end
            elseif kind == 1 then
                local h, l = sum(th, tl, ah, al)
                if h then
                    th, tl, touched, exists, letter = h, l, true, true, '0'
                else
                    letter = 'G'
                end
            elseif kind == 3 then
                th, tl, uh, ul, touched, exists, letter = ah, al, bh, bl, true, true, '0'
            elseif kind == 4 then
                if exists then
                    deleted, touched, exists, fresh, generation = true, true, false, true, ARGV[4]
                    th, tl, uh, ul = 0, 0, 0, 0
                    groups, seen, written, drops = {}, {}, {}, nil
                end
                letter = '0'
            else
                for which = 1, two and 2 or 1 do
                    local of = group_of(which == 1 and first or second)
                    local one = which == 1 and id or sub(ops, seconds + i * 16 - 16, seconds + i * 16 - 1)
                    if last_of(of, one) then
                        seen[one] = false
                        drops = drops or {}
                        drops[one] = of
                    end
                end
                letter = '0'
            end
            if token and (letter == '0' or letter == '1') then
                tokens[token] = letter .. sub(prints, 1, bound_bytes)
                new_tokens[#new_tokens + 1] = token
                new_tokens[token] = keep
            end
            if series then
                numbered[#numbered + 1] = letter
            end
        end
        out[count] = letter
    end
    if two then
        pos = pos + run * 16
    end
end
local letters = table.concat(out)
if gap and #numbered == 0 then
    return { before, before_unique, letters } -- nothing is decided, and nothing may be stored
end

-- ---- the last reads: what is written below and was not read above must be of our own types

if exists ~= existed then
    call('ZSCORE', KEYS[3], ARGV[3])
    if exists and call('EXISTS', counter) == 1 then
        return redis.error_reply('FFFOREIGN a key of ours holds what is not ours')
    end
end
local dead = deleted and existed and forever
if dead then
    call('LLEN', KEYS[4])
end

-- ---- writing

-- Nothing of this should fail, and a right taken away or a command renamed meanwhile makes it fail all the same. What was written
-- then stands, and the mark says so: a batch that stopped half way is neither acknowledged nor done again.
local begun = false
local function write()
    -- The mark first: should anything below fail after all, nothing is done a second time. But what frees memory goes before it, so
    -- that it is done when memory is full.
    local function leave_mark()
        call('SET', KEYS[2], ARGV[1] .. ' ' .. before .. ' ' .. before_unique .. ' ' .. letters, 'PX', ARGV[2])
        begun = true
    end

    if touched and exists then
        leave_mark()
        local total, unique = tl, ul -- numbers that Redis writes as they are
        if th ~= 0 or uh ~= 0 then
            local function text_of(high, low)
                if high == 0 then
                    return format('%.0f', low)
                elseif high > 0 then
                    return format('%.0f%010.0f', high, low)
                elseif low > 0 then
                    high, low = high + 1, 1e10 - low
                end
                return high == 0 and format('-%.0f', low) or format('%.0f%010.0f', high, low)
            end
            total, unique = text_of(th, tl), text_of(uh, ul)
        end
        if existed and not deleted then
            call('HSET', counter, 't', total, 'u', unique)
        else
            call('HSET', counter, 't', total, 'u', unique, 'g', generation)
            forever = nil
        end
        if not existed then
            call('ZADD', KEYS[3], 0, ARGV[3])
        end
    elseif existed and not exists then
        call('UNLINK', counter)
        begun = true
        call('ZREM', KEYS[3], ARGV[3])
    end
    if dead then
        for epoch in string.gmatch(dead, '%S+') do
            call('RPUSH', KEYS[4], counter .. ':v:' .. sub(stored, 1, string.find(stored, ' ', 1, true) - 1) .. ':' .. epoch)
        end
    end
    if drops then
        for id, group in pairs(drops) do
            if not seen[id] and group.hashes > 0 then
                group.visitors = math.max(0, group.visitors - call('HDEL', hash_of(group, bits_of(id)), id))
                begun = true
                group.changed = true
            end
        end
    end

    for _, group in pairs(groups) do
        local ids, base = group.ids, group.base
        if ids then
            local stretched = group.need > group.expires
            if stretched then
                group.expires = group.need + group.grace
                if group.hashes > 0 then
                    group.uneven = 1
                end
            end
            local function expire(name)
                if group.expires < math.huge then
                    call('PEXPIREAT', name, group.expires)
                else
                    call('PERSIST', name)
                end
            end
            -- Moves what belongs there to one more hash. It may fail (a foreign type) and is tried again some other time.
            local function split()
                local number, low = group.hashes, group.low
                if number == low * 2 then
                    low = number
                end
                local from, to = number == low and base or base .. ':' .. number - low, base .. ':' .. number
                local fields = redis.pcall('HGETALL', from)
                local moved, left = { 'p', '' }, {} -- p: every hash is there, and expires, before anybody is put into it
                if fields.err or #fields > 4000 then
                    return false
                end
                for i = 1, #fields, 2 do
                    local id = fields[i]
                    if #id == 16 and bits_of(id) % (low * 2) == number then
                        left[#left + 1] = id
                        moved[#moved + 1] = id
                        moved[#moved + 1] = fields[i + 1]
                    end
                end
                local made = redis.pcall('HSET', to, _G.unpack(moved))
                if type(made) == 'table' and made.err then
                    return false
                end
                expire(to)
                if #left > 0 then
                    call('HDEL', from, _G.unpack(left))
                end
                group.hashes, group.low, group.changed = number + 1, low, true
                return true
            end
            if group.hashes == 0 then
                group.hashes = 1
                call('HSET', base, 'm', '') -- the first field is the first found
            end
            local splits = 0
            while group.visitors + group.added > 16 * group.hashes and splits < 256 and split() do
                splits = splits + 1
            end
            for i = 1, group.id_count, 2 do
                local id = ids[i]
                if seen[id] then
                    local name = hash_of(group, ids[i + 1])
                    if call('HSET', name, id, seen[id]) == 1 then
                        group.visitors, group.changed = group.visitors + 1, true
                    end
                    if group.uneven == 1 and name ~= base then
                        expire(name)
                    end
                end
            end
            if stretched then
                group.changed = true
                expire(base) -- never before the others
                if group.expires == math.huge then
                    forever = forever and forever .. ' ' .. group.epoch or group.epoch
                    call('HSET', counter, 'g', generation .. ' ' .. forever)
                end
            end
        end
        if group.changed then
            call('HSET', base, 'm', struct.pack('>I4I4dB', group.hashes, group.visitors, group.expires, group.uneven or 0))
        end
    end
    if new_tokens then
        for _, token in ipairs(new_tokens) do
            call('SET', counter .. ':t:' .. token, tokens[token], 'PX', new_tokens[token])
        end
    end
    if series and answered and #numbered > 0 then
        call('SET', series_key, ARGV[7] .. answered .. table.concat(numbered), 'PX', series_keep)
    end
    if not (touched and exists) then
        leave_mark()
    end
end
local done, why = pcall(write)
if not done then
    if begun then
        redis.pcall('SET', KEYS[2], ARGV[1] .. ' ?', 'PX', ARGV[2])
        return redis.error_reply('FFHALF this batch stopped half way: ' .. (type(why) == 'table' and why.err or tostring(why)))
    end
    return type(why) == 'table' and why or redis.error_reply(why)
end
return { before, before_unique, letters }
