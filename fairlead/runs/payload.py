"""JSON values on their way into a column: small ones as text, large ones as a reference to a blob."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from fairlead.agents.jsonable import decode, encode
from fairlead.database import Blobs
from fairlead.errors import NotFound

_MARK = "@blob:"  # no JSON begins like this, so no user's value can pass for a reference
GONE = {"gone": "removed by retention"}


def thread_scope(tenant: str, thread_id: str) -> str:
    """A thread's name is its owner's choice: two tenants may have chosen the same."""
    return f"thread {tenant} {thread_id}"


def is_kept(text: str | None) -> bool:
    """Whether the column's text stands for a blob."""
    return text is not None and text.startswith(_MARK)


class Payloads:
    """Writes and reads the values of one run (`scope`), blobs above `threshold` bytes."""

    def __init__(self, blobs: Blobs, *, threshold: int) -> None:
        self.blobs = blobs
        self.threshold = threshold

    async def keep(self, scope: str, value: Any) -> str:
        """The column's text. Raises `NotJson` when JSON can't carry the value."""
        return await self.keep_encoded(scope, encode(value))

    async def keep_encoded(self, scope: str, data: bytes) -> str:
        if len(data) <= self.threshold:
            return data.decode()
        return f"{_MARK}{await self.blobs.put(scope, data)}"

    async def forget(self, scope: str, text: str) -> None:
        """What was kept for a scope that came to nothing."""
        if text.startswith(_MARK):
            await self.blobs.delete_scope(scope)

    async def sweep(self, scope: str, texts: Iterable[str | None], *, before: datetime) -> int:
        """Blobs of a scope that none of these columns names, put before that moment."""
        named = {text.removeprefix(_MARK) for text in texts if text is not None and text.startswith(_MARK)}
        return await self.blobs.sweep(scope, keep=named, before=before)

    async def load(self, text: str | None) -> Any:
        if text is None:
            return None
        if not text.startswith(_MARK):
            return decode(text)
        try:
            return decode(await self.blobs.get(text.removeprefix(_MARK)))
        except NotFound:
            return GONE

    async def text(self, text: str | None) -> str | None:
        """The value as JSON, not decoded."""
        if text is None or not text.startswith(_MARK):
            return text
        try:
            return (await self.blobs.get(text.removeprefix(_MARK))).decode()
        except NotFound:
            return encode(GONE).decode()
