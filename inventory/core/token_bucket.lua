-- Token bucket with a cost (generic cell rate algorithm), decided in one step for all processes.
-- KEYS[1] holds the instant at which the bucket is full again, in microseconds of this server's clock.
-- ARGV: microseconds until one token is restored; capacity in tokens; cost (negative: tokens to return); 1 to take, 0 to peek.
-- Returns: 1 if the cost is available, tokens left, microseconds until the cost is available, microseconds until full.
local interval, capacity, cost, take = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4] == '1'
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local full = math.max(tonumber(redis.call('GET', KEYS[1]) or 0), now)
local room = now + interval * capacity - full
local used = interval * cost
if room < used then
    return {0, math.max(0, math.floor(room / interval)), used - room, full - now}
end
if take then
    full = math.max(now, full + used)
    room = now + interval * capacity - full
    if full > now then
        redis.call('SET', KEYS[1], string.format('%.0f', full), 'PX', math.ceil((full - now) / 1000))
    else
        redis.call('DEL', KEYS[1])
    end
end
return {1, math.floor(room / interval), 0, full - now}
