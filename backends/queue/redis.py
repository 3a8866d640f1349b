"""The job queue in Redis: every change is one script, so that a client or server that dies leaves none half done."""

from collections.abc import Collection
from pathlib import Path
from typing import Any

from backends.queue.leased import LeasedJobQueue
from backends.queue.leases import LONGEST_DELAY_SECONDS, Lane, Leases
from backends.queue.settings import RedisQueueSettings
from backends.queue.worker_names import WorkerName
from backends.redis.connecting import open_client, translated

_LONGEST_MS = int(LONGEST_DELAY_SECONDS * 1000)
_KEYS = ("ready", "later", "held", "holders", "bodies", "workers", "lanes", "turns")
"""Places that may be taken, in their order; ids by the time from which each may be taken, and by the end of each lease;
worker and body of each id; workers by the time until which each lives; the lane of each id; the last turn of each
workspace, and of them all at "|". A lane is "priority|workspace|", a place a lane and an id. Times are milliseconds of
the server's clock: those of its clients differ."""

_HEAD = """
local ready, later, held, holders = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local bodies, workers, lanes, turns = KEYS[5], KEYS[6], KEYS[7], KEYS[8]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local function is_mine(id, worker)
  return redis.call('HGET', holders, id) == worker
end
local function free(id)
  redis.call('ZREM', held, id)
  redis.call('HDEL', holders, id)
end
local function place(id)
  return (redis.call('HGET', lanes, id) or '1||') .. id
end
local function make_ready(id)
  free(id)
  redis.call('ZREM', later, id)
  redis.call('ZADD', ready, 0, place(id))
end
"""
_SCRIPTS = {
    "put": """
local id, body, delay, lane = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4]
redis.call('HSET', bodies, id, body) -- First: only a script's first change is refused when the server is full.
redis.call('ZREM', ready, place(id))
redis.call('HSET', lanes, id, lane)
if delay > 0 then
  free(id)
  redis.call('ZADD', later, now + delay, id)
else
  make_ready(id)
end
""",
    "take": """
local worker, lease, longest = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local function due(key, number)
  local found = redis.call('ZRANGEBYSCORE', key, '-inf', now, 'LIMIT', 0, number)
  if #found == 0 then
    found = redis.call('ZRANGEBYSCORE', key, '(' .. now + longest, '+inf', 'LIMIT', 0, number)
  end
  return found
end
for _, key in ipairs({held, later}) do
  for _, id in ipairs(due(key, 100)) do
    make_ready(id)
  end
end
local function first_after(border)
  return redis.call('ZRANGE', ready, border, '+', 'BYLEX', 'LIMIT', 0, 1)[1]
end
local chosen, longest_ago
local found = first_after('-')
local priority = found and found:sub(1, 1)
while found and found:sub(1, 1) == priority do
  local lane, workspace = found:match('^(%d|([^|]*)|)')
  local turn = tonumber(redis.call('HGET', turns, workspace) or 0)
  if not chosen or turn < longest_ago then
    chosen, longest_ago = found, turn
  end
  found = first_after('(' .. lane .. '\\255')
end
if not chosen then
  return false
end
local workspace, id = chosen:match('^%d|([^|]*)|(.*)$')
local newest = (redis.call('HGET', turns, '|') or 0) + 1
redis.call('ZREM', ready, chosen) -- First: a full server refuses a first change that needs room.
redis.call('HSET', turns, workspace, newest, '|', newest)
local body = redis.call('HGET', bodies, id)
if not body then
  return false
end
redis.call('ZADD', held, now + lease, id)
redis.call('HSET', holders, id, worker)
return {id, body}
""",
    "renew": """
local worker, lease = ARGV[1], tonumber(ARGV[2])
redis.call('ZREMRANGEBYSCORE', workers, '-inf', now)
redis.call('ZADD', workers, now + lease, worker)
for place = 3, #ARGV do
  if is_mine(ARGV[place], worker) then
    redis.call('ZADD', held, now + lease, ARGV[place])
  end
end
""",
    "acknowledge": """
local id, worker = ARGV[1], ARGV[2]
if is_mine(id, worker) then
  free(id)
  redis.call('HDEL', bodies, id)
  redis.call('HDEL', lanes, id)
end
""",
    "release": """
local id, worker = ARGV[1], ARGV[2]
if is_mine(id, worker) then
  make_ready(id)
end
""",
    "leave": """
local worker = ARGV[1]
redis.call('ZREM', workers, worker)
local pairs_of = redis.call('HGETALL', holders)
for place = 1, #pairs_of, 2 do
  if pairs_of[place + 1] == worker then
    make_ready(pairs_of[place])
  end
end
""",
    "alive": """
return redis.call('ZCOUNT', workers, now, now + ARGV[1])
""",
}


class RedisJobQueue(LeasedJobQueue):
    """Its workers may be processes of several machines."""

    def __init__(self, settings: RedisQueueSettings, *, data_dir: Path, **_ignored: object) -> None:
        self._redis = RedisLeases(settings)
        super().__init__(settings, self._redis, names=data_dir / "workers")

    def close(self) -> None:
        super().close()
        self._redis.close()

    def _text(self, name: WorkerName) -> str:
        return f"{name.machine}-{name.text}"


class RedisLeases(Leases):
    """Needs one server: a script's keys lie together there."""

    def __init__(self, settings: RedisQueueSettings) -> None:
        self._settings = settings
        self._lease_ms = int(settings.lease_seconds * 1000)
        self._client = open_client(settings)
        self._keys = [f"{settings.prefix}jobs:{name}" for name in _KEYS]
        self._bodies = self._keys[_KEYS.index("bodies")]
        self._scripts = {name: self._client.register_script(_HEAD + text) for name, text in _SCRIPTS.items()}

    def put(self, message_id: str, body: bytes, *, lane: Lane, delay_seconds: float = 0.0) -> None:
        place = f"{int(lane.priority)}|{lane.workspace_id}|"
        self._run("put", message_id, body, min(int(delay_seconds * 1000), _LONGEST_MS), place)

    def take(self, worker: str) -> tuple[str, bytes] | None:
        taken = self._run("take", worker, self._lease_ms, _LONGEST_MS)
        return (taken[0].decode(), taken[1]) if taken else None

    def renew(self, worker: str, *, held: Collection[str]) -> None:
        self._run("renew", worker, self._lease_ms, *held)

    def acknowledge(self, message_id: str, worker: str) -> None:
        self._run("acknowledge", message_id, worker)

    def release(self, message_id: str, worker: str) -> None:
        self._run("release", message_id, worker)

    def leave(self, worker: str) -> None:
        self._run("leave", worker)

    def bodies(self) -> list[bytes]:
        with translated(self._settings):
            # In parts: one answer with all of them would keep the server from everybody else.
            return list(dict(self._client.hscan_iter(self._bodies, count=1000)).values())

    def count(self) -> int:
        with translated(self._settings):
            return int(self._client.hlen(self._bodies))

    def count_workers(self) -> int:
        return int(self._run("alive", _LONGEST_MS))

    def close(self) -> None:
        self._client.close()

    def _run(self, name: str, *arguments: str | bytes | int) -> Any:
        with translated(self._settings):
            return self._scripts[name](keys=self._keys, args=arguments)
