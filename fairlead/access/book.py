"""The keys in the database: made, listed, rotated, revoked. What is kept of a secret is its digest.

    create ──► valid ──► expired
                 │  └── rotate: a new secret; the old ones end after an overlap
                 └──► revoked, for good

Each change is one transaction that takes a row which all changes take, and counts it: `changed` so gives what came
after what a process has seen, however commits of others overlapped. After the commit everyone is told.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

import orjson

from fairlead.access.audit import Audit
from fairlead.access.key import Key, NewKey, Standing, digest_of, new_secret
from fairlead.access.roles import Allowance, Limits, Principal, Role, Scope
from fairlead.access.user import Status, digest_of_user
from fairlead.clock import Clock, from_micros, to_micros
from fairlead.database import Call, Database, Migrations, Row
from fairlead.database import sql as named_sql
from fairlead.errors import Conflict, NotFound
from fairlead.telemetry.emit import Emit

_HERE = Path(__file__).parent
MIGRATIONS = Migrations("access", _HERE / "migrations")
TOPIC = "keys"


@dataclass(frozen=True, slots=True)
class Issued:
    """A key with the secret it was given, which nobody can ask for again."""

    key: Key
    secret: str

    def __repr__(self) -> str:
        return f"Issued({self.key.name})"


@dataclass(frozen=True, slots=True)
class Known:
    """A secret of a key as the database has it. Times are microseconds; `ends` is that of the key or of its secret."""

    digest: bytes
    key: Key
    ends: int | None
    principal: Principal


@dataclass(frozen=True, slots=True)
class Changes:
    """`version`: how far this reader now is; `keys`: the ids of those that changed, `known`: all their secrets."""

    version: int
    keys: frozenset[str]
    known: tuple[Known, ...]


class KeyBook:
    """`others`: there are keys in the settings too, so that the first key here needs to be nobody's in particular."""

    def __init__(
        self, database: Database, *, audit: Audit, clock: Clock, emit: Emit, others: bool = False
    ) -> None:  # fmt: skip
        self._database = database
        self._queries = named_sql.load(_HERE / "queries", database.dialect)
        self._audit = audit
        self._clock = clock
        self._emit = emit
        self._others = others

    async def allowances(self) -> list[tuple[str, str, Allowance]]:
        """(tenant, key id, what it may spend) of every key that may not spend what it likes."""
        rows = await self._database.read(self._queries["allowances"])
        return [
            (row["tenant"], row["id"], Allowance(row["day_nano"], row["month_nano"], row["total_nano"])) for row in rows
        ]

    async def create(self, new: NewKey, *, by: str) -> Issued:
        """Raises `Conflict` when a living key has the name, or when nobody could make the next key."""
        if not new.administers and not self._others and not await self._administered():
            raise Conflict(
                "Once there is a key, nobody gets in without one: the first must be an administrator's.",
                hint="Make it with the role admin and the scope `*` or `admin`, then the others.",
            )
        now, secret = self._clock.micros(), new_secret()
        given = {"tenant": new.tenant, "id": _new_id(now)}
        calls = (("create", _row(new, by)), ("add_secret", {"digest": digest_of(secret).hex()}))
        detail = {"role": new.role.value, "scopes": sorted(new.scopes), "owner": new.owner}
        await self._change(now, given, calls, self._audit.note("key.create", tenant=new.tenant, by=by, subject=new.name,
                                                               of="key", detail=detail))  # fmt: skip
        made = await self.get(new.name, tenant=new.tenant)
        if made.id != given["id"]:
            raise Conflict(f"There is a key {new.name} already.", hint="Rotate it, or revoke it first.")
        self._emit("key_created", key=made.name, tenant=made.tenant, by=by, role=made.role.value, owner=made.owner,
                   scopes=sorted(made.scopes), expires_at=made.expires_at)  # fmt: skip
        return Issued(made, secret)

    async def get(self, name: str, *, tenant: str) -> Key:
        """The living key of this name, or the last one that had it. Raises `NotFound`."""
        rows = await self._database.read(self._queries["key"], tenant=tenant, name=name)
        if not rows:
            raise NotFound(f"There is no key {name}.", hint="See `fairlead keys list`.")
        return _key_of(rows[0])

    async def list(
        self, *, tenant: str | None, owner: str | None = None, revoked: bool = False, before: str | None = None,
        limit: int = 100,
    ) -> list[Key]:  # fmt: skip
        """Newest first; `before` is a key's id; a `tenant` of None: of all."""
        rows = await self._database.read(
            self._queries["list"], tenant=tenant, owner=owner, revoked=int(revoked), before=before, limit=limit
        )
        return [_key_of(row) for row in rows]

    async def rotate(
        self, name: str, *, tenant: str, by: str, overlap: timedelta = timedelta(0), expires_at: datetime | None = None
    ) -> Issued:
        """A new secret; those before it end after `overlap`. `expires_at` moves the end of the key itself.

        Raises `NotFound`, and `Conflict` when the key is revoked, or has expired and gets no later end.
        """
        key = await self.get(name, tenant=tenant)
        standing = key.standing(self._clock.now())
        if standing is Standing.REVOKED or (standing is Standing.EXPIRED and expires_at is None):
            hint = "Make a new one." if standing is Standing.REVOKED else "Give it a later end while you rotate it."
            raise Conflict(f"The key {name} is {standing.value}.", hint=hint)
        now, secret = self._clock.micros(), new_secret()
        given = {"tenant": tenant, "id": key.id}
        digest, until = digest_of(secret).hex(), now + overlap // timedelta(microseconds=1)
        note = self._audit.note("key.rotate", tenant=tenant, by=by, subject=name, of="key",
                                detail={"overlap_s": overlap.total_seconds()})  # fmt: skip
        rows = await self._change(now, given, (
            ("rotate", {"expires_at": _micros(expires_at)}), ("end_secrets", {"digest": digest, "until": until}),
            ("forget_secrets", {}), ("add_secret", {"digest": digest}),
        ), note)  # fmt: skip
        if not rows:
            raise Conflict(f"The key {name} was revoked meanwhile.", hint="Make a new one.")
        self._emit("key_rotated", key=name, tenant=tenant, by=by, overlap=overlap)
        return Issued(_key_of(rows[0]), secret)

    async def revoke(self, name: str, *, tenant: str, by: str) -> Key:
        """From now on every process refuses it, within a second; again: it stays as it is. Raises `NotFound`."""
        key = await self.get(name, tenant=tenant)
        given = {"tenant": tenant, "id": key.id}
        note = self._audit.note("key.revoke", tenant=tenant, by=by, subject=name, of="key")
        if key.revoked_at is None and await self._change(self._clock.micros(), given, (("revoke", {"by": by}),), note):
            self._emit("key_revoked", key=name, tenant=tenant, by=by)
        return await self.get(name, tenant=tenant)

    async def revoke_owned(self, owner: str, *, tenant: str, by: str) -> int:
        """All living keys of a user; answers how many those were."""
        count = 0
        while keys := await self.list(tenant=tenant, owner=owner):
            for key in keys:
                await self.revoke(key.name, tenant=tenant, by=by)
            count += len(keys)
        return count

    async def changed(self, seen: int) -> Changes:
        """Every secret of every key that changed after version `seen`; of 0: of every key that is not revoked."""
        rows = await self._database.read(self._queries["changed"], seen=seen)
        counted: int = rows[0]["counted"]
        if counted < seen:  # the database was restored from before
            return await self.changed(0)
        keys = frozenset(row["id"] for row in rows if row["id"] is not None)
        return Changes(counted, keys, tuple(_known_of(row) for row in rows if row["digest"] is not None))

    async def barred(self, tenant: str, key_id: str | None, user: str | None) -> str:
        """Why the key or its user opens nothing now, in words; empty when nothing bars them."""
        digest = None if user is None else digest_of_user(tenant, user)
        row = (await self._database.read(self._queries["barred"], tenant=tenant, key_id=key_id, user=digest))[0]
        if row["revoked_at"] is not None:
            return "the key was revoked"
        if row["expires_at"] is not None and row["expires_at"] <= self._clock.micros():
            return "the key has expired"
        return f"the user is {row['status']}" if row["status"] not in (None, Status.ACTIVE.value) else ""

    async def used(self, moments: Sequence[tuple[str, str, int]]) -> None:
        """Tenant, id and time of the last use of each key."""
        await self._database.write(self._queries["used"], moments)

    async def _administered(self) -> bool:
        rows = await self._database.read(self._queries["administrators"], now=self._clock.micros())
        return any(Scope.covered(_key_of(row).scopes, Scope.ADMIN) for row in rows)

    async def _change(
        self, at: int, given: dict[str, Any], calls: Sequence[tuple[str, dict[str, Any]]], note: Call
    ) -> Sequence[Row]:
        """The rows of the first. When the connection falls it is all done again, with the same ids and digests."""
        every = [Call(self._queries["change"])]
        for name, more in calls:
            every.append(Call(self._queries[name], {"at": at, **given, **more}))
        every.append(Call(note.query, {**note.parameters, "id": given["id"]}))
        rows = await self._database.write_all(every)
        self._database.signals.publish(TOPIC)
        await self._audit.seal()
        return rows[1]


def _new_id(now: int) -> str:
    """Sorts by time."""
    return f"key_{now:014x}{secrets.token_hex(5)}"


def _row(new: NewKey, by: str) -> dict[str, Any]:
    return {
        "name": new.name, "owner": new.owner, "role": new.role.value, "scopes": _json(sorted(new.scopes)),
        "models": _json(new.models), "day_nano": new.allowance.day_nano, "month_nano": new.allowance.month_nano,
        "total_nano": new.allowance.total_nano, "requests_per_minute": new.limits.requests_per_minute,
        "tokens_per_minute": new.limits.tokens_per_minute, "metadata": _json(dict(new.metadata)), "by": by,
        "expires_at": _micros(new.expires_at),
    }  # fmt: skip


def _key_of(row: Row) -> Key:
    return Key(
        id=row["id"],
        name=row["name"],
        tenant=row["tenant"],
        owner=row["owner"],
        role=Role(row["role"]),
        scopes=_scopes_of(row["scopes"]),
        models=_models_of(row["models"]),
        allowance=Allowance(row["day_nano"], row["month_nano"], row["total_nano"]),
        limits=Limits(row["requests_per_minute"], row["tokens_per_minute"]),
        metadata=orjson.loads(row["metadata"]),
        created_at=from_micros(row["created_at"]),
        created_by=row["created_by"],
        expires_at=_moment(row["expires_at"]),
        rotated_at=_moment(row["rotated_at"]),
        revoked_at=_moment(row["revoked_at"]),
        revoked_by=row["revoked_by"],
        last_used_at=_moment(row["last_used_at"]),
    )


# Thousands of keys have the same few: once in memory is enough.
@lru_cache(maxsize=1024)
def _scopes_of(text: str) -> frozenset[Scope]:
    return frozenset(Scope(one) for one in orjson.loads(text))


@lru_cache(maxsize=1024)
def _models_of(text: str) -> tuple[str, ...]:
    return tuple(orjson.loads(text))


def _known_of(row: Row) -> Known:
    ends = [moment for moment in (row["expires_at"], row["secret_expires_at"]) if moment is not None]
    key = _key_of(row)
    return Known(bytes.fromhex(row["digest"]), key, min(ends, default=None), key.principal)


def _json(value: Any) -> str:
    return orjson.dumps(value).decode()


def _micros(moment: datetime | None) -> int | None:
    return None if moment is None else to_micros(moment)


def _moment(micros: int | None) -> datetime | None:
    return None if micros is None else from_micros(micros)
