"""The users in the database: made, given a role, disabled, deleted.

    create, or a first sign-in ──► active ◄──► disabled
                                     └──────────┴──► deleted: only a digest is left, and may come again as new

A change of role, disabling and deleting end what a user holds from before: sessions, tokens, and, while they may not
come in, keys of which they are the owner. Every process knows within two seconds, as of a key.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fairlead.access.audit import Audit
from fairlead.access.book import TOPIC
from fairlead.access.roles import Role
from fairlead.access.user import NewUser, Status, User, digest_of_user
from fairlead.clock import Clock, from_micros
from fairlead.database import Call, Database, Row
from fairlead.database import sql as named_sql
from fairlead.errors import Conflict, NotFound
from fairlead.telemetry.emit import Emit

_HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Bar:
    """What holds of a user's keys and tokens: `shut`: none opens; else only what was issued from `valid_from` on."""

    digest: str
    shut: bool
    valid_from: int


@dataclass(frozen=True, slots=True)
class UserChanges:
    version: int
    bars: tuple[Bar, ...]


class UserBook:
    def __init__(self, database: Database, *, audit: Audit, clock: Clock, emit: Emit) -> None:
        self._database = database
        self._queries = named_sql.load(_HERE / "queries", database.dialect)
        self._audit = audit
        self._clock = clock
        self._emit = emit

    async def create(self, new: NewUser, *, by: str) -> User:
        """Raises `Conflict` when there is one of this name."""
        now = self._clock.micros()
        given = {
            "tenant": new.tenant, "id": f"usr_{now:014x}{secrets.token_hex(5)}", "at": now, "name": new.name,
            "digest": digest_of_user(new.tenant, new.name), "email": new.email, "subject": new.subject,
            "role": new.role.value, "by": by,
        }  # fmt: skip
        rows = await self._change("user_create", given, by=by, name=new.name, detail={"role": new.role.value})
        if not rows or rows[0]["id"] != given["id"]:
            raise Conflict(f"There is a user {new.name} already.")
        self._emit("user_created", user=new.name, tenant=new.tenant, by=by, role=new.role.value)
        return _user_of(rows[0])

    async def get(self, name: str, *, tenant: str) -> User:
        """Raises `NotFound`."""
        digest = digest_of_user(tenant, name)
        rows = await self._database.read(self._queries["user"], tenant=tenant, digest=digest)
        if not rows:
            raise NotFound(f"There is no user {name}.", hint="See `fairlead users list`.")
        return _user_of(rows[0])

    async def of_subject(self, subject: str) -> User | None:
        rows = await self._database.read(self._queries["user_of_subject"], subject=subject)
        return _user_of(rows[0]) if rows else None

    async def of_email(self, email: str) -> Sequence[User]:
        """Those an administrator made with this address who have not yet signed in, of all tenants."""
        return [_user_of(row) for row in await self._database.read(self._queries["users_of_email"], email=email)]

    async def list(self, *, tenant: str | None, before: str | None = None, limit: int = 100) -> list[User]:
        """Newest first; a `tenant` of None: of all."""
        rows = await self._database.read(self._queries["user_list"], tenant=tenant, before=before, limit=limit)
        return [_user_of(row) for row in rows]

    async def set_role(self, name: str, role: Role, *, tenant: str, by: str) -> User:
        user = await self.get(name, tenant=tenant)
        return user if user.role is role else await self._set(user, role, user.status, "user.role", by)

    async def disable(self, name: str, *, tenant: str, by: str) -> User:
        """From now on nothing of theirs opens: sessions, tokens, keys they own."""
        user = await self.get(name, tenant=tenant)
        done = user.status is Status.DISABLED
        return user if done else await self._set(user, user.role, Status.DISABLED, "user.disable", by)

    async def enable(self, name: str, *, tenant: str, by: str) -> User:
        user = await self.get(name, tenant=tenant)
        done = user.status is Status.ACTIVE
        return user if done else await self._set(user, user.role, Status.ACTIVE, "user.enable", by)

    async def delete(self, name: str, *, tenant: str, by: str) -> None:
        """For good: the name is forgotten, and what they held opens nothing."""
        user = await self.get(name, tenant=tenant)
        given = {"tenant": tenant, "id": user.id, "at": self._clock.micros()}
        # The log keeps the fact, and not whom.
        if await self._change("user_delete", given, by=by, name=user.id, action="user.delete"):
            self._emit("user_changed", user=user.id, tenant=tenant, by=by, role=None, status="deleted")

    async def bind(self, user: User, *, subject: str, email: str | None) -> User:
        """They have signed in."""
        at = self._clock.micros()
        rows = await self._database.write(
            self._queries["user_bind"], tenant=user.tenant, id=user.id, subject=subject, email=email, at=at
        )
        return _user_of(rows[0]) if rows else user

    async def changed(self, seen: int) -> UserChanges:
        rows = await self._database.read(self._queries["users_changed"], seen=seen)
        counted: int = rows[0]["counted"]
        if counted < seen:
            return await self.changed(0)
        bars = (Bar(row["digest"], row["status"] != "active", row["valid_from"]) for row in rows if row["digest"])
        return UserChanges(counted, tuple(bars))

    async def _set(self, user: User, role: Role, status: Status, action: str, by: str) -> User:
        given = {
            "tenant": user.tenant, "id": user.id, "at": self._clock.micros(), "role": role.value,
            "status": status.value,
        }  # fmt: skip
        detail = {"role": role.value} if action == "user.role" else {}
        rows = await self._change("user_set", given, by=by, name=user.name, action=action, detail=detail)
        if not rows:
            raise NotFound(f"The user {user.name} was deleted meanwhile.")
        self._emit("user_changed", user=user.name, tenant=user.tenant, by=by, role=role.value, status=status.value)
        return _user_of(rows[0])

    async def _change(
        self, query: str, given: dict[str, Any], *, by: str, name: str, action: str = "user.create",
        detail: dict[str, Any] | None = None,
    ) -> Sequence[Row]:  # fmt: skip
        note = self._audit.note(action, tenant=given["tenant"], by=by, subject=name, of="user", detail=detail)
        calls = [
            Call(self._queries["user_change"]), Call(self._queries[query], given),
            Call(note.query, {**note.parameters, "id": given["id"]}),
        ]  # fmt: skip
        if query != "user_create":
            calls.append(Call(self._queries["sessions_close_of"], {"tenant": given["tenant"], "id": given["id"]}))
        rows = await self._database.write_all(calls)
        self._database.signals.publish(TOPIC)
        await self._audit.seal()
        return rows[1]


def _user_of(row: Row) -> User:
    seen = row["last_seen_at"]
    return User(
        row["id"], row["name"], row["tenant"], row["email"], row["subject"], Role(row["role"]), Status(row["status"]),
        from_micros(row["created_at"]), row["created_by"], None if seen is None else from_micros(seen),
    )  # fmt: skip
