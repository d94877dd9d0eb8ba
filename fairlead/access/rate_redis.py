"""What callers took, counted in Redis. It may forget: then the window begins anew."""

from __future__ import annotations

from typing import Any

from fairlead.access.rate import Taken, Window
from fairlead.database.redis_door import RedisDoor

# Of all processes the same clock. Both buckets are of one caller, and so in one slot of a cluster.
_TAKE = """
local time = redis.call('TIME')
local at = tonumber(time[1]) * 1000000 + tonumber(time[2])
local size, most, amount = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local number = math.floor(at / size)
local kept = redis.call('HMGET', KEYS[1], 'number', 'before', 'now')
local was, before, now = tonumber(kept[1] or number), tonumber(kept[2] or '0'), tonumber(kept[3] or '0')
if was ~= number then
  if was == number - 1 then before = now else before = 0 end
  now = 0
end
local granted = 0
if math.floor(before * (size - at % size) / size) + now + amount <= most then
  granted, now = amount, now + amount
  redis.call('HSET', KEYS[1], 'number', number, 'before', before, 'now', now)
  redis.call('PEXPIRE', KEYS[1], math.ceil(2 * size / 1000))
end
return {granted, before, now, at}
"""


class RedisRateStore:
    """Closes its door."""

    def __init__(self, door: RedisDoor) -> None:
        self._door = door

    async def take(self, caller: str, amount: int, window: Window) -> Taken:
        key = f"fairlead:taken:{{{caller}}}"
        answer: Any = await self._door.run(_TAKE, key, args=(window.micros, window.most, amount))
        granted, before, now, at = answer
        return Taken(int(granted), int(before), int(now), int(at))

    async def aclose(self) -> None:
        await self._door.aclose()
