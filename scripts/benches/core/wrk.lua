-- What wrk does not do by itself: bodies that differ, one disk after the other, and a summary for a program to read.
local made, uuids, deleted = 0, {}, 0

-- args: create, or delete and a file with a UUID in each line and how many of them to pass over.
function init(args)
  local mode = args[1]
  if mode == 'create' then
    wrk.method = 'POST'
    wrk.headers['Content-Type'] = 'application/x-www-form-urlencoded'
    request = create
  elseif mode == 'delete' then
    for uuid in io.lines(args[2]) do uuids[#uuids + 1] = uuid end
    deleted = tonumber(args[3])
    request = delete
  end
end

function create()
  made = made + 1
  return wrk.format(nil, '/api/create', nil, 'size=1&visibility=private&tag=bench+' .. made)
end

function delete()
  deleted = deleted + 1
  return wrk.format('DELETE', '/api/disks/' .. (uuids[deleted] or 'none-left'))
end

function done(summary, latency)
  local errors = summary.errors
  local failed = errors.connect + errors.read + errors.write + errors.timeout + errors.status
  io.write(string.format('SUMMARY {"requests":%d,"failed":%d,"seconds":%.6f,"p50":%.3f,"p99":%.3f,"max":%.3f}\n',
    summary.requests, failed, summary.duration / 1e6,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3, latency.max / 1e3))
end
