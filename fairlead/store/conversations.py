"""What agents keep of a conversation for a short while: gone when nobody has written for an hour, or sooner.

    put ──► kept ──time to live since the last put of the conversation──► gone
             └── the thread is deleted, room is needed (memory), Redis loses it ──► gone

In the memory of this process, or in Redis for all of them. What must not be lost belongs into `ctx.memory` or the
store.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Protocol

import orjson

from fairlead.clock import Clock
from fairlead.errors import InvalidInput

MOST_KEYS = 100
MOST_BYTES = 64 * 1024  # of one value
_LONGEST_KEY = 200  # bytes
_ROOM = 64 * 1024 * 1024  # of all conversations in a process


class ConversationStore(Protocol):
    """Raises DatabaseUnavailable when it can't be asked."""

    async def all(self, of: str) -> dict[str, bytes]: ...

    async def put(self, of: str, key: str, value: bytes, *, lives: timedelta) -> bool:
        """False: there are `MOST_KEYS` others already."""
        ...

    async def delete(self, of: str, key: str) -> None: ...

    async def forget(self, of: str) -> None: ...

    async def aclose(self) -> None: ...


class Conversations:
    """Values are JSON. `ttl`: how long a conversation is kept after the last `put`."""

    def __init__(self, store: ConversationStore, *, ttl: timedelta) -> None:
        self._store = store
        self._ttl = ttl

    async def all(self, thread_id: str, *, tenant: str) -> dict[str, Any]:
        found = await self._store.all(_name(tenant, thread_id))
        return {key: orjson.loads(value) for key, value in found.items()}

    async def put(self, thread_id: str, key: str, value: Any, *, tenant: str) -> None:
        """Raises `InvalidInput` when there is too much of it."""
        data = orjson.dumps(value)
        if not key or len(key.encode("utf-8", "surrogatepass")) > _LONGEST_KEY:
            raise InvalidInput(f"A key of a conversation has 1 to {_LONGEST_KEY} bytes.")
        if len(data) > MOST_BYTES:
            raise InvalidInput(
                f"A value of a conversation has at most {MOST_BYTES} bytes; this has {len(data)}.",
                hint="Keep large values in ctx.memory, the store or a blob.",
            )
        if not await self._store.put(_name(tenant, thread_id), key, data, lives=self._ttl):
            raise InvalidInput(f"A conversation has at most {MOST_KEYS} keys.", hint="Delete some, or use the store.")

    async def delete(self, thread_id: str, key: str, *, tenant: str) -> None:
        await self._store.delete(_name(tenant, thread_id), key)

    async def forget(self, thread_id: str, *, tenant: str) -> None:
        await self._store.forget(_name(tenant, thread_id))

    async def aclose(self) -> None:
        await self._store.aclose()


@dataclass(slots=True)
class _Kept:
    until: float
    values: dict[str, bytes] = field(default_factory=dict[str, bytes])

    @property
    def size(self) -> int:
        return 300 + sum(len(key) + len(value) + 200 for key, value in self.values.items())


class MemoryConversations:
    """What has not been written for longest goes first when there is no room."""

    def __init__(self, *, clock: Clock, room: int = _ROOM) -> None:
        self._clock = clock
        self._room = room
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._size = 0

    async def all(self, of: str) -> dict[str, bytes]:
        kept = self._find(of)
        return {} if kept is None else dict(kept.values)

    async def put(self, of: str, key: str, value: bytes, *, lives: timedelta) -> bool:
        kept = self._find(of) or _Kept(0.0)
        if key not in kept.values and len(kept.values) >= MOST_KEYS:
            return False
        self._drop(of)
        kept.values[key] = value
        kept.until = self._clock.monotonic() + lives.total_seconds()
        self._kept[of] = kept
        self._size += kept.size
        while self._size > self._room and len(self._kept) > 1:
            self._drop(next(iter(self._kept)))
        return True

    async def delete(self, of: str, key: str) -> None:
        kept = self._find(of)
        if kept is not None and key in kept.values:
            self._size -= kept.size
            del kept.values[key]
            self._size += kept.size

    async def forget(self, of: str) -> None:
        self._drop(of)

    async def aclose(self) -> None:
        self._kept.clear()
        self._size = 0

    def _find(self, of: str) -> _Kept | None:
        kept = self._kept.get(of)
        if kept is not None and kept.until <= self._clock.monotonic():
            self._drop(of)
            return None
        return kept

    def _drop(self, of: str) -> None:
        if (kept := self._kept.pop(of, None)) is not None:
            self._size -= kept.size


def _name(tenant: str, thread_id: str) -> str:
    return f"{tenant}/{thread_id}"
