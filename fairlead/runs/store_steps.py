"""The store as an agent has it: each use is a step, so that a resumed run reads what it read before.

A write that a dying worker may have done is done again: it puts the same value under the same key.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from fairlead.agents.jsonable import plain
from fairlead.runs.recorded import Recording
from fairlead.store import Item, Items

_MICROSECOND = timedelta(microseconds=1)
Labels = str | Sequence[str]


class StoreSteps:
    """Implements `fairlead.agents.Store` on a recording."""

    def __init__(self, recording: Recording, items: Items) -> None:
        self._recording = recording
        self._items = items
        self._tenant = recording.held.run.tenant

    async def get(self, namespace: Labels, key: str, default: Any = None) -> Any:
        async def read() -> Any:
            item = await self._items.get(_labels(namespace), key, tenant=self._tenant)
            return None if item is None else item.value

        found = await self._step("get", read, _labels(namespace), key)
        return default if found is None else found

    async def put(
        self, namespace: Labels, key: str, value: Mapping[str, Any], *, ttl: timedelta | None = None,
        index: Sequence[str] | bool = True,
    ) -> None:  # fmt: skip
        fields = False if index is False else None if index is True else list(index)
        kept = plain(dict(value))

        async def write() -> None:
            await self._items.put(_labels(namespace), key, kept, tenant=self._tenant, ttl=ttl, index=fields)

        lives = None if ttl is None else ttl // _MICROSECOND
        await self._step("put", write, _labels(namespace), key, kept, lives, fields)

    async def delete(self, namespace: Labels, key: str) -> None:
        async def remove() -> None:
            await self._items.delete(_labels(namespace), key, tenant=self._tenant)

        await self._step("delete", remove, _labels(namespace), key)

    async def search(
        self, namespace: Labels = (), *, query: str | None = None, filter: Mapping[str, Any] | None = None,
        limit: int = 10, offset: int = 0,
    ) -> list[dict[str, Any]]:  # fmt: skip
        async def find() -> list[dict[str, Any]]:
            found = await self._items.search(
                _labels(namespace), tenant=self._tenant, query=query, filter=filter, limit=limit, offset=offset
            )
            return [_plain(item) for item in found]

        return await self._step("search", find, _labels(namespace), query, filter, limit, offset)

    async def _step(self, verb: str, do: Callable[[], Awaitable[Any]], *given: Any) -> Any:
        journal = self._recording.held.journal

        async def patient(*_: Any) -> Any:
            return await journal.until_answered(do)

        return await self._recording.once(f"store.{verb}", patient, given, {})


def _labels(namespace: Labels) -> list[str]:
    return namespace.split(".") if isinstance(namespace, str) else list(namespace)


def _plain(item: Item) -> dict[str, Any]:
    return {
        "namespace": list(item.namespace), "key": item.key, "value": item.value, "score": item.score,
        "updated_at": item.updated_at.isoformat(),
    }  # fmt: skip
