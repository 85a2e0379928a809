-- Readers of a board, for wrk: each takes the next of these addresses. Prints one JSON object at the end.
local board = os.getenv("LOAD_BOARD")
local page, api = "/benchmarks/" .. board .. "/", "/api/v1/benchmarks/" .. board .. "/leaderboard/"
local addresses = {
    page, page .. "?status=verified", page .. "?framework=PyTorch", page .. "?max_parameters=25000000",
    api, api .. "?status=verified", api .. "?metric=top5",
}
local turn = 0

request = function()
    turn = turn + 1
    -- The proxy before the portal ends TLS and says so.
    return wrk.format("GET", addresses[turn % #addresses + 1], {["X-Forwarded-Proto"] = "https", ["Host"] = "127.0.0.1"})
end

done = function(summary, latency, requests)
    local errors = summary.errors
    io.write(string.format(
        '{"requests": %d, "p50": %f, "p95": %f, "p99": %f, "bad": %d, "unanswered": %d}\n',
        summary.requests, latency:percentile(50) / 1000, latency:percentile(95) / 1000, latency:percentile(99) / 1000,
        errors.status, errors.connect + errors.read + errors.write + errors.timeout))
end
