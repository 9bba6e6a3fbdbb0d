-- wrk's side of wrk.ts: what it sends, and how it says what came of it.

local file = assert(io.open(os.getenv("BENCH_BODY"), "rb"))
wrk.method = "POST"
wrk.body = file:read("*a")
wrk.headers["Content-Type"] = os.getenv("BENCH_CONTENT_TYPE")
if os.getenv("BENCH_TOKEN") then
  wrk.headers["Authorization"] = "Bearer " .. os.getenv("BENCH_TOKEN")
end
file:close()

function done(summary, latency, _)
  local errors = summary.errors
  local failed = errors.status + errors.timeout + errors.connect + errors.read + errors.write
  local format = "RESULT %d %d %d %d %d\n" -- times in microseconds
  io.write(format:format(summary.requests, summary.duration, latency:percentile(50), latency:percentile(99), failed))
end
