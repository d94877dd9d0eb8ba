"""Answers kept in the database, shared by all processes."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from fairlead.database import Call, Database
from fairlead.database import sql as named_sql

_HERE = Path(__file__).parent
_MICROSECOND = timedelta(microseconds=1)
_TIDY_EVERY = 100  # answers


class SqlCacheStore:
    """Up to about so many bytes; what is nearest its end goes first. The database is not closed with it."""

    at_once = False

    def __init__(self, database: Database, *, most_bytes: int = 1024 * 1024 * 1024) -> None:
        self._database = database
        self._most = most_bytes
        self._puts = 0
        queries = named_sql.load(_HERE / "queries", database.dialect)
        self._cached, self._keep = queries["cached"], queries["cache"]
        self._expire, self._shrink = queries["expire_cached"], queries["shrink_cached"]

    async def get(self, key: str) -> bytes | None:
        rows = await self._database.read(self._cached, key=key)
        return rows[0]["value"].encode() if rows else None

    async def put(self, key: str, value: bytes, *, tenant: str, keep: timedelta) -> None:
        kept = {"key": key, "tenant": tenant, "value": value.decode(), "keep": keep // _MICROSECOND}
        calls = [Call(self._keep, {**kept, "size": len(value)})]
        if self._puts % _TIDY_EVERY == 0:
            calls += [Call(self._expire), Call(self._shrink, {"most": self._most})]
        self._puts += 1
        await self._database.write_all(calls)

    async def aclose(self) -> None:
        pass
