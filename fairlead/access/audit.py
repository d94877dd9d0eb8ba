"""Who did what: only ever added to, each entry covering the one before it by its hash.

    the transaction that does it ──► a note that waits ──► sealed: numbered, hashed, in the chain of its tenant
    the process dies between the two ──► whoever seals next takes it along

So what is done is noted or not done, and yet the hash is made where the secret is. With AUDIT_SECRET it is an HMAC:
then who may write to the database, and has no secret, can't make up a chain. `verify` finds what was changed, taken
away, put in between or put in another order; an end that was cut off is found by a head that was kept elsewhere.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson
from pydantic import SecretStr

from fairlead.clock import Clock, from_micros, to_micros
from fairlead.database import Call, Database, Gather, Row
from fairlead.database import sql as named_sql
from fairlead.errors import DatabaseUnavailable
from fairlead.telemetry.emit import Emit, silent

_HERE = Path(__file__).parent
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_LONGEST = 500  # characters of a name
_LONGEST_DETAIL = 8000
_PAGE = 1000
_MOST_FAULTS = 20
_LAST = 2**62
KEYED, PLAIN = "hmac-sha256", "sha256"


@dataclass(frozen=True, slots=True)
class Entry:
    tenant: str
    seq: int
    id: str
    at: datetime
    by: str
    action: str
    subject: str
    detail: Mapping[str, Any]
    method: str
    hash: str


@dataclass(frozen=True, slots=True)
class Head:
    """The last entry of a tenant. Kept elsewhere it proves later that nothing up to it was cut off."""

    seq: int
    hash: str

    def __str__(self) -> str:
        return f"{self.seq}:{self.hash}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """`faults` are sentences, the first of many; `keyed`: how many entries need the secret."""

    tenant: str
    entries: int
    keyed: int
    head: Head
    faults: tuple[str, ...]

    @property
    def whole(self) -> bool:
        return not self.faults


@dataclass(frozen=True, slots=True)
class Wanted:
    action: str | None = None
    by: str | None = None
    subject: str | None = None
    since: datetime | None = None
    until: datetime | None = None


class Audit:
    def __init__(
        self, database: Database, *, clock: Clock, emit: Emit = silent, secret: SecretStr | None = None
    ) -> None:
        self._database = database
        self._queries = named_sql.load(_HERE / "queries", database.dialect)
        self._clock = clock
        self._emit = emit
        self._secret = secret.get_secret_value().encode() if secret else None
        self._seals: Gather[None, None] = Gather(self._seal_all)

    def note(
        self, action: str, *, tenant: str, by: str, subject: str = "", of: str = "",
        detail: Mapping[str, Any] | None = None,
    ) -> Call:  # fmt: skip
        """The statement that notes it, for the transaction that does it; `seal` after the commit.

        `of`: "key" or "user" — it counts only if that transaction has changed the one of the parameter `id`.
        """
        at = self._clock.micros()
        given = {
            "audit_id": f"aud_{at:014x}{secrets.token_hex(6)}", "tenant": tenant, "at": at, "actor": _text(by),
            "action": action, "subject": _text(subject), "detail": _told(detail or {}),
        }  # fmt: skip
        return Call(self._queries[f"audit_note_{of}" if of else "audit_note"], given)

    async def record(
        self, action: str, *, tenant: str, by: str, subject: str = "", detail: Mapping[str, Any] | None = None
    ) -> None:
        """Note it by itself. Raises `DatabaseUnavailable` when that can't be done."""
        await self._database.write_all([self.note(action, tenant=tenant, by=by, subject=subject, detail=detail)])
        await self.seal()

    async def report(
        self, action: str, *, tenant: str, by: str, subject: str = "", detail: Mapping[str, Any] | None = None
    ) -> None:
        """The same of something that is done already: whatever becomes of the log, it goes on."""
        try:
            await self.record(action, tenant=tenant, by=by, subject=subject, detail=detail)
        except DatabaseUnavailable as error:
            self._emit("audit_lost", tenant=tenant, by=by, action=action, subject=subject, error=error.message)

    async def seal(self) -> None:
        """Move what waits into the chain. When the database is away it waits on."""
        with suppress(DatabaseUnavailable):
            await self._seals.put(None)

    async def list(self, tenant: str, wanted: Wanted, *, before: int | None = None, limit: int = 100) -> list[Entry]:
        """Newest first; `before` is the `seq` of the last one that was seen."""
        await self.seal()
        rows = await self._database.read(
            self._queries["audit_list"], tenant=tenant, action=wanted.action, actor=wanted.by, subject=wanted.subject,
            since=0 if wanted.since is None else to_micros(wanted.since),
            until=_LAST if wanted.until is None else to_micros(wanted.until),
            before_seq=_LAST if before is None else before, limit=limit,
        )  # fmt: skip
        return [_entry_of(row) for row in rows]

    async def following(self, tenant: str, *, after: int, limit: int = _PAGE) -> list[Entry]:
        """In order, from the one after this `seq`."""
        await self.seal()
        rows = await self._database.read(self._queries["audit_from"], tenant=tenant, after=after, limit=limit)
        return [_entry_of(row) for row in rows]

    async def verify(self, tenant: str, *, kept: Head | None = None) -> Verdict:
        """Look at every entry. `kept`: a head from before; what it covers must still be there as it was."""
        await self.seal()
        head = await self._head(tenant)
        check = _Check(self._secret)
        async for row in self._chain(tenant):
            check.look(row, kept)
        faults = [*check.faults]
        if kept is not None and check.seq < kept.seq:
            faults.append(f"The end is cut off: entry {kept.seq} was there, and the last is {check.seq} now.")
        if (check.seq, check.stored) != (head.seq, head.hash):
            faults.append(f"The last entry is {check.seq}, and it should be {head.seq}: the end was changed.")
        return Verdict(tenant, check.entries, check.keyed, Head(check.seq, check.stored), tuple(faults[:_MOST_FAULTS]))

    async def _chain(self, tenant: str) -> AsyncIterator[Row]:
        await self.seal()
        after = 0
        while rows := await self._database.read(self._queries["audit_from"], tenant=tenant, after=after, limit=_PAGE):
            for row in rows:
                yield row
            after = rows[-1]["seq"]

    async def _head(self, tenant: str) -> Head:
        rows = await self._database.read(self._queries["audit_head"], tenant=tenant)
        return Head(rows[0]["seq"], rows[0]["hash"]) if rows else Head(0, "")

    # Sealing

    async def _seal_all(self, waiting: list[None]) -> list[None]:
        """Another process may seal at the same time: who comes second does nothing, and looks again."""
        while rows := await self._database.read(self._queries["audit_waiting"]):
            for row in rows:
                await self._seal(row["tenant"])
        return waiting

    async def _seal(self, tenant: str) -> None:
        # The head first: whoever seals one of these notes meanwhile moves it on, and we then add nothing.
        head = await self._head(tenant)
        notes = await self._database.read(self._queries["audit_pending"], tenant=tenant)
        seq, last = head.seq, head.hash
        added: list[tuple[Any, ...]] = []
        for note in notes:
            seq += 1
            values = [note[name] for name in ("id", "at", "actor", "action", "subject", "detail")]
            last = _hash(self._secret, last, [tenant, seq, *values])
            identity, at, *rest = values
            added.append((identity, seq, at, *rest, KEYED if self._secret else PLAIN, last))
        of_tenant = {"tenant": tenant, "hash": last}
        await self._database.write_all([
            Call(self._queries["audit_begin"], {"tenant": tenant}),
            Call(self._queries["audit_advance"], {**of_tenant, "seq": seq, "expected": head.seq}),
            Call(self._queries["audit_add"], of_tenant, added),
            Call(self._queries["audit_settle"]),
        ])  # fmt: skip


class _Check:
    """Goes along a chain. After a fault it takes the stored hash for granted, so that it finds the next one, too."""

    def __init__(self, secret: bytes | None) -> None:
        self.seq = self.entries = self.keyed = 0
        self.stored = ""
        self.faults: list[str] = []
        self._secret = secret

    def look(self, row: Row, kept: Head | None) -> None:
        seq = row["seq"]
        if seq != self.seq + 1:
            self.faults.append(f"Entries {self.seq + 1} to {seq - 1} are gone.")
        if row["method"] == KEYED:
            self.keyed += 1
        elif self.keyed:
            self.faults.append(f"Entry {seq} has no secret in its hash, as those before it have.")
        if row["method"] == KEYED and self._secret is None:
            self.faults.append(f"Entry {seq} can't be verified without AUDIT_SECRET.")
        elif not self._fits(row):
            self.faults.append(f"Entry {seq} was changed, put there, or does not follow the one before it.")
        self.seq, self.stored, self.entries = seq, row["hash"], self.entries + 1
        if kept is not None and kept.seq == seq and kept.hash != row["hash"]:
            self.faults.append(f"Entry {seq} is another than the head that was kept.")

    def _fits(self, row: Row) -> bool:
        names = ("tenant", "seq", "id", "at", "actor", "action", "subject", "detail")
        secret = self._secret if row["method"] == KEYED else None
        return hmac.compare_digest(_hash(secret, self.stored, [row[name] for name in names]), str(row["hash"]))


def _hash(secret: bytes | None, before: str, values: list[Any]) -> str:
    data = before.encode() + b"\n" + orjson.dumps(values)
    return hmac.new(secret, data, hashlib.sha256).hexdigest() if secret else hashlib.sha256(data).hexdigest()


def _text(text: str) -> str:
    """On one line, and no longer than anybody would read."""
    return _CONTROL.sub("?", text)[:_LONGEST]


def _told(detail: Mapping[str, Any]) -> str:
    text = orjson.dumps(detail, default=str, option=orjson.OPT_SORT_KEYS).decode()
    return text if len(text) <= _LONGEST_DETAIL else orjson.dumps({"too_long": len(text)}).decode()


def _entry_of(row: Row) -> Entry:
    return Entry(
        row["tenant"], row["seq"], row["id"], from_micros(row["at"]), row["actor"], row["action"], row["subject"],
        orjson.loads(row["detail"]), row["method"], row["hash"],
    )  # fmt: skip
