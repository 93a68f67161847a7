-- One request for each line of a file: the line is the value of one header, the rest is constant.
-- LINES is the file, HEADER the header's name with what stands before the value, ROUTE the path.
-- RATE, if it is not 0, is how many requests a second there shall be, in one thread.
local rate = tonumber(os.getenv("RATE"))
local ffi = require("ffi")
ffi.cdef[[
typedef struct { long s; long ns; } timespec;
int clock_gettime(int clock, timespec *now);
]]
local now = ffi.new("timespec")
local began, sent = nil, 0
local lines = assert(io.open(os.getenv("LINES")))
local body = string.rep("x", 165)
local head = "POST " .. os.getenv("ROUTE") .. " HTTP/1.1\r\nHost: 127.0.0.1\r\n"
  .. "Content-Type: application/json\r\nContent-Length: " .. #body .. "\r\n" .. os.getenv("HEADER")

function request()
  local line = lines:read("*l")
  if not line then
    -- A line that is used again would be refused, or verified from a cache: better no row at all.
    io.stderr:write("the file of lines was too short for this run\n")
    os.exit(1)
  end
  return head .. line .. "\r\n\r\n" .. body
end

if rate > 0 then
  -- Milliseconds until the next request is due.
  function delay()
    ffi.C.clock_gettime(1, now)
    local ms = tonumber(now.s) * 1e3 + tonumber(now.ns) / 1e6
    began = began or ms
    sent = sent + 1
    return math.max(0, math.floor(began + sent * 1e3 / rate - ms + 0.5))
  end
end

function done(summary, latency)
  local errors = summary.errors
  print(string.format("figures %d %d %d %d %d %d", summary.requests, summary.duration,
    errors.status, errors.connect + errors.read + errors.write + errors.timeout,
    latency:percentile(50), latency:percentile(99)))
end
