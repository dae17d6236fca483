-- One request against a budget, decided in one step for all processes (the generic cell rate algorithm).
-- KEYS[1] holds the instant at which the budget is full again, in microseconds of this server's clock.
-- ARGV: microseconds that one request uses up; requests that may come at once; 1 to count the request, 0 only to ask.
-- Answers: whether it may pass, how many more may at once, and microseconds until one may again and until all may.
local interval, capacity, counts = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3] == '1'
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local full = math.max(tonumber(redis.call('GET', KEYS[1]) or 0), now)
local room = now + interval * capacity - full
if room < interval then
    return {0, 0, interval - room, full - now}
end
if counts then
    full = full + interval
    room = room - interval
    redis.call('SET', KEYS[1], string.format('%.0f', full), 'PX', math.ceil((full - now) / 1000))
end
return {1, math.floor(room / interval), 0, full - now}
