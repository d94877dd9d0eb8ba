"""What the tables of this part hold of people."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

from fairlead.access.books import Books
from fairlead.access.personal import Batch, Held, HeldRows, Piece, Signed, Subject, done_by
from fairlead.clock import Clock, to_micros
from fairlead.database import Database
from fairlead.database import sql as named_sql
from fairlead.errors import NotFound

_HERE = Path(__file__).parent
_BATCH = 500
_HEARD_BY = timedelta(minutes=1)  # a process that has not asked what changed for so long knows nothing at all

KEYS = Held(
    "key", "api_keys", ("id",), "owner = :user", json=frozenset(("scopes", "models", "metadata")),
    hidden=frozenset(("version",)), blank={"owner": "NULL", "metadata": "'{}'"},
)  # fmt: skip
USERS = Held(
    "user", "users", ("id",), "name = :user", hidden=frozenset(("digest", "version")),
    kept="of a deleted user the digest of the name is left, so that tokens from before open nothing",
)  # fmt: skip
SESSIONS = Held(
    "session", "sessions", ("digest",),
    "user_id IN (SELECT u.id FROM users u WHERE u.tenant = :tenant AND u.name = :user)", hidden=frozenset(("digest",)),
)  # fmt: skip
AUDIT = Held(
    "audit", "audit", ("seq",), done_by("actor"), json=frozenset(("detail",)),
    kept="who did what, and to whom, is evidence, which nobody may take away",
)  # fmt: skip
SIGNED = (Signed("api_keys", ("id",), ("created_by", "revoked_by")), Signed("users", ("id",), ("created_by",)))
EXEMPT = {
    "api_key_changes": "a counter",
    "user_changes": "a counter",
    "audit_heads": "the last hash of each tenant's audit log",
    "audit_pending": "entries on their way into the audit log, for less than a second",
    "rate_taken": "who called; nothing is written there any more",
    "rate_windows": "who calls now; forgotten after a window of the rate limit",
}


class HeldUsers:
    """Users and their sessions. Nothing of theirs opens from the first turn on, keys included."""

    kind = USERS.kind

    def __init__(self, database: Database, books: Books, *, by: str = "erasure") -> None:
        self._books = books
        self._by = by
        self._users, self._sessions = HeldRows(USERS, database), HeldRows(SESSIONS, database)

    @property
    def tables(self) -> frozenset[str]:
        return frozenset(("users", "sessions"))

    async def export(self, of: Subject) -> AsyncIterator[Piece]:
        for holding in (self._users, self._sessions):
            async for piece in holding.export(of):
                yield piece

    async def erase(self, of: Subject) -> Batch:
        if of.user is not None:
            return Batch(await self._shut_out(of.user, of.tenant))
        users = await self._books.users.list(tenant=of.tenant)
        shut = sum([await self._shut_out(user.name, of.tenant) for user in users])
        for key in await self._books.keys.list(tenant=of.tenant):
            await self._books.keys.revoke(key.name, tenant=of.tenant, by=self._by)
            shut += 1
        return Batch(shut)

    async def _shut_out(self, name: str, tenant: str) -> int:
        revoked = await self._books.keys.revoke_owned(name, tenant=tenant, by=self._by)
        try:
            await self._books.users.delete(name, tenant=tenant, by=self._by)
        except NotFound:  # whoever was only named by keys, tokens and runs
            return revoked
        return revoked + 1


class HeldKeys:
    """Keys that are revoked: they say who did what, so they go after that."""

    kind = KEYS.kind

    def __init__(self, database: Database, *, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._erase = named_sql.load(_HERE / "queries", database.dialect)["erase_keys"]
        self._rows = HeldRows(KEYS, database)

    @property
    def tables(self) -> frozenset[str]:
        return frozenset(("api_keys", "api_key_secrets"))

    def export(self, of: Subject) -> AsyncIterator[Piece]:
        return self._rows.export(of)

    async def erase(self, of: Subject) -> Batch:
        if of.user is not None:
            return await self._rows.erase(of)
        before = to_micros(self._clock.now() - _HEARD_BY)
        (row,) = await self._database.write(self._erase, tenant=of.tenant, before=before, batch=_BATCH)
        return Batch(row["erased"], waits=bool(row["waiting"]))
