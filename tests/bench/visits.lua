-- visits.lua: what wrk asks in bench_http.py. Arguments after "--": what to ask for, and "proxied" (every visit has an address of its
-- own in X-Forwarded-For, half of them came before), "few" (20,000 addresses, over and over) or "silent" (a proxy that forwards none).
-- Prints requests, seconds, failures, answers that were no success, and the latencies in ms: median, 99th percentile, slowest.
local number = 0

function setup(thread)
    thread:set('number', number)
    number = number + 1
end

function init(args)
    path, how = args[1], args[2]
    first, known = number * 0x2000000 + 0x0b000000, 0 -- 11.0.0.0 and up: 33 million addresses for each thread
    math.randomseed(number + 1)
    head = 'GET ' .. path .. ' HTTP/1.1\r\nHost: 127.0.0.1\r\n'
    silent = head .. '\r\n'
    head = head .. 'X-Forwarded-For: '
end

local function visitor()
    if how == 'few' then
        return math.random(0, 9999)
    end
    if known == 0 or math.random(2) == 1 then
        known = known + 1
        return known - 1
    end
    return math.random(0, known - 1)
end

function request()
    if how == 'silent' then
        return silent
    end
    local n = first + visitor()
    return head .. math.floor(n / 16777216) .. '.' .. math.floor(n / 65536) % 256 .. '.' .. math.floor(n / 256) % 256 .. '.' ..
        n % 256 .. '\r\n\r\n'
end

function done(summary, latency)
    local e = summary.errors
    print(string.format('figures %d %.3f %d %d %.3f %.3f %.3f', summary.requests, summary.duration / 1e6,
        e.connect + e.read + e.write + e.timeout, e.status, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
        latency.max / 1e3))
end
