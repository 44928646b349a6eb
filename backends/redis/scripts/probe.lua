-- May this user run every command of the other scripts on keys under the prefix? A script does not roll back, so a right that is
-- missing must be found before it leaves half an operation. Each command is tried on a key that is not there, in a form that
-- leaves nothing; Redis looks at rights before it looks at memory, role and disk, whose errors do not matter here.
-- KEYS: 1 such a key. Answer: the first command that is denied, or ''.
local key = KEYS[1]
local tries = {
    { 'RPUSH', key, '0' }, { 'LLEN', key }, { 'LINDEX', key, '0' }, { 'PEXPIRE', key, '1000' }, { 'PERSIST', key },
    { 'LPOP', key }, { 'UNLINK', key }, { 'DEL', key }, { 'EXISTS', key }, { 'PTTL', key }, { 'GET', key },
    { 'SET', key, '0', 'XX', 'PX', '1000' }, { 'HMGET', key, 'f' }, { 'HGET', key, 'f' }, { 'HGETALL', key },
    { 'HKEYS', key }, { 'HDEL', key, 'f' }, { 'PEXPIREAT', key, '1' }, { 'ZADD', key, 'XX', '0', 'm' }, { 'ZREM', key, 'm' },
    { 'ZSCORE', key, 'm' }, { 'ZRANGE', key, '0', '0' }, { 'ZRANGEBYSCORE', key, '0', '0' }, { 'TIME' },
    { 'HSET', key, 'f', '0', 'no value' }, -- refused for its form, after the rights
}
local denied = ''
for _, try in ipairs(tries) do -- to the end: what one of them leaves another takes away
    local reply = redis.pcall(unpack(try))
    local said = type(reply) == 'table' and reply.err or ''
    if denied == '' and (string.find(said, 'NOPERM', 1, true) or string.find(said, 'nknown', 1, true) or
        string.find(said, 'user executing the script', 1, true)) then
        denied = try[1]
    end
end
return denied
