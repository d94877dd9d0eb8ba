"""Who has signed in to the console: a cookie with a random secret, of which the database keeps the SHA-256.

open ──► good ──► ended: signed out, not seen for too long, too old, or the user has got another role or was barred
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from fairlead.access.audit import Audit
from fairlead.access.key import digest_of
from fairlead.access.roles import Principal, Role
from fairlead.access.user import User
from fairlead.clock import Clock
from fairlead.database import Call, Database
from fairlead.database import sql as named_sql

_HERE = Path(__file__).parent
_SEEN_EVERY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Session:
    """`opened` is in microseconds."""

    principal: Principal
    opened: int


class SessionBook:
    """`lives`: how long at most; `idle`: how long without a request."""

    def __init__(self, database: Database, *, audit: Audit, lives: timedelta, idle: timedelta, clock: Clock) -> None:
        self._database = database
        self._queries = named_sql.load(_HERE / "queries", database.dialect)
        self._audit = audit
        self._lives = _micros(lives)
        self._idle = _micros(idle)
        self._clock = clock

    @property
    def lives(self) -> timedelta:
        return timedelta(microseconds=self._lives)

    async def open(self, user: User, role: Role) -> str:
        """What the cookie holds."""
        secret, now = secrets.token_urlsafe(32), self._clock.micros()
        given = {
            "digest": digest_of(secret).hex(), "tenant": user.tenant, "id": user.id, "role": role.value, "at": now,
            "expires_at": now + self._lives,
        }  # fmt: skip
        note = self._audit.note("session.open", tenant=user.tenant, by=user.principal.name, subject=user.name,
                                detail={"role": role.value})  # fmt: skip
        sweep = {"at": now, "idle_since": now - self._idle}
        await self._database.write_all(
            [Call(self._queries["session_open"], given), note, Call(self._queries["sessions_sweep"], sweep)]
        )
        await self._audit.seal()
        return secret

    async def find(self, secret: str) -> Session | None:
        now, digest = self._clock.micros(), digest_of(secret).hex()
        rows = await self._database.read(self._queries["session"], digest=digest, at=now, idle_since=now - self._idle)
        if not rows:
            return None
        row = rows[0]
        if now - row["seen_at"] >= _micros(_SEEN_EVERY):
            await self._database.write(self._queries["session_seen"], digest=digest, at=now)
        name, until = row["name"], row["expires_at"]
        caller = Principal(f"user:{name}", Role(row["session_role"]), tenant=row["tenant"], user=name)
        return Session(replace(caller, until=until), row["opened_at"])

    async def close(self, secret: str) -> None:
        session = await self.find(secret)
        calls = [Call(self._queries["session_close"], {"digest": digest_of(secret).hex()})]
        if session is not None:
            who = session.principal
            calls.append(self._audit.note("session.close", tenant=who.tenant, by=who.name, subject=who.user or ""))
        await self._database.write_all(calls)
        await self._audit.seal()


def _micros(duration: timedelta) -> int:
    return duration // timedelta(microseconds=1)
