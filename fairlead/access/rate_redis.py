"""What callers took, counted in Redis. It may forget: then the window begins anew."""

from __future__ import annotations

from typing import Any

from fairlead.access.rate import PARTS, Taken, Window
from fairlead.database.redis_door import RedisDoor

# As `taken_at`, by a clock that is one for all processes. A caller is a hash: each part, and when one was last taken.
_TAKE = """
local time = redis.call('TIME')
local at = tonumber(time[1]) * 1000000 + tonumber(time[2])
local size, count, most, amount = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local last = tonumber(redis.call('HGET', KEYS[1], 'at') or '0')
if last > at and last - at <= size then at = last end
local now, used, held = math.floor(at / size), 0, {}
local kept = redis.call('HGETALL', KEYS[1])
for i = 1, #kept, 2 do
  local part, taken = tonumber(kept[i]), tonumber(kept[i + 1])
  if part and part >= now - count and part <= now then
    used = used + taken
    held[#held + 1], held[#held + 2] = part, taken
  elseif part then
    redis.call('HDEL', KEYS[1], kept[i])
  end
end
local granted = 0
if used + amount <= most then
  granted = amount
  redis.call('HSET', KEYS[1], 'at', string.format('%.0f', at))
  redis.call('HINCRBY', KEYS[1], string.format('%.0f', now), amount)
  redis.call('PEXPIRE', KEYS[1], math.ceil((count + 2) * size / 1000))
end
if granted == amount then return {granted, used + granted, at} end
return {0, used, at, unpack(held)}
"""


class RedisRateStore:
    """Closes its door."""

    def __init__(self, door: RedisDoor) -> None:
        self._door = door

    async def take(self, caller: str, amount: int, window: Window) -> Taken:
        key = f"fairlead:window:{{{caller}}}"
        answer: Any = await self._door.run(_TAKE, key, args=(window.part, PARTS, window.most, amount))
        granted, used, at, *held = map(int, answer)
        return Taken(granted, used, at, dict(zip(held[::2], held[1::2], strict=True)))

    async def aclose(self) -> None:
        await self._door.aclose()
