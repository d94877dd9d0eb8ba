"""Erasing all data of a user or of a tenant, and telling them before what it is.

    request ──► open: a worker takes it and erases, a batch of each kind after another, until a round finds nothing
                  └── what is in use (a run that ends, a budget that is leased) is waited for and tried again
            ──► finished: whom it was of is forgotten; a digest is left, which proves that it was done

A worker that dies is followed by another where it stopped. The order of the kinds is that of the holdings: first what
would bring more (schedules, keys), then runs, last what they are found by.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from fairlead.access import Audit
from fairlead.access.personal import Holding, Piece, Subject
from fairlead.access.user import digest_of_user
from fairlead.agents.jsonable import decode, encode
from fairlead.clock import Clock, from_micros
from fairlead.database import Call, Database, Query, Row
from fairlead.errors import NotFound
from fairlead.runs.ids import Ids
from fairlead.telemetry.emit import Emit

_AGAIN = timedelta(seconds=1)
_WAITS = timedelta(seconds=5)  # until what is in use is looked at again
_LEASE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Erasure:
    """`user` is None when all of the tenant goes, and forgotten when it is finished. `waits_for`: kinds in use."""

    id: str
    tenant: str
    user: str | None
    whole_tenant: bool
    requested_by: str
    requested_at: datetime
    erased: Mapping[str, int]
    waits_for: tuple[str, ...]
    finished_at: datetime | None


class Erasing:
    """The door to what is held of people, and the role that erases it."""

    def __init__(
        self, database: Database, queries: Mapping[str, Query], holdings: Sequence[Holding], *, audit: Audit, ids: Ids,
        clock: Clock, emit: Emit,
    ) -> None:  # fmt: skip
        self.holdings = tuple(holdings)
        self._database = database
        self._queries = queries
        self._audit = audit
        self._ids = ids
        self._clock = clock
        self._emit = emit

    async def export(self, of: Subject) -> AsyncIterator[Piece]:
        """Everything, kind by kind. What changes meanwhile is told as it is when its turn comes."""
        for holding in self.holdings:
            async for piece in holding.export(of):
                yield piece

    async def request(self, of: Subject, *, by: str) -> Erasure:
        """From now on it will be done, whatever dies."""
        erasure_id = f"era_{self._ids.new()}"
        digest = None if of.user is None else digest_of_user(of.tenant, of.user)
        given = {"tenant": of.tenant, "id": erasure_id, "user_id": of.user, "digest": digest, "actor": by}
        # The log must not keep the name that is to be forgotten.
        note = self._audit.note("data.erase", tenant=of.tenant, by=by, subject=erasure_id,
                                detail={"whole_tenant": of.user is None})  # fmt: skip
        await self._database.write_all([Call(self._queries["request_erasure"], given), note])
        await self._audit.seal()
        self._emit("erasure_requested", erasure=erasure_id, tenant=of.tenant, by=by)
        return await self.get(erasure_id, tenant=of.tenant)

    async def get(self, erasure_id: str, *, tenant: str) -> Erasure:
        """Raises `NotFound`."""
        rows = await self._database.read(self._queries["erasure"], tenant=tenant, id=erasure_id)
        if not rows:
            raise NotFound(f"There is no erasure {erasure_id}.", hint="GET /data/erasures lists them.")
        return _erasure(rows[0])

    async def list(
        self, *, tenant: str, user: str | None = None, before: str | None = None, limit: int = 100
    ) -> list[Erasure]:
        """Newest first; those of a user can be found when their name is forgotten."""
        digest = None if user is None else digest_of_user(tenant, user)
        rows = await self._database.read(
            self._queries["erasures"], tenant=tenant, digest=digest, before=before, limit=limit
        )
        return [_erasure(row) for row in rows]

    async def once(self) -> timedelta | None:
        """A role: one round of one erasure that nobody else is at."""
        found = await self._database.read(self._queries["erasures_open"])
        if not found:
            return None
        where = {"tenant": found[0]["tenant"], "id": found[0]["id"]}
        taken = await self._database.write(self._queries["take_erasure"], **where)
        if taken:
            await self._round(where, taken[0])
        return _AGAIN

    async def _round(self, where: Mapping[str, str], row: Row) -> None:
        of = Subject(row["tenant"], row["user_id"])
        counts, waits_for = Counter[str](decode(row["erased"])), list[str]()
        found = 0
        for holding in self.holdings:
            while True:
                batch = await holding.erase(of)
                found += batch.erased
                counts[holding.kind] += batch.erased
                if not batch.erased:
                    break
                await self._tell(where, counts, waits_for, lease=_LEASE)
            if batch.waits:
                waits_for.append(holding.kind)
        if found or waits_for:
            await self._tell(where, counts, waits_for, lease=timedelta(0) if found else _WAITS)
        else:
            await self._finish(where, counts, of, took=self._clock.now() - from_micros(row["requested_at"]))

    async def _tell(
        self, where: Mapping[str, str], counts: Counter[str], waits_for: list[str], *, lease: timedelta
    ) -> None:
        await self._database.write(
            self._queries["tell_erasure"], **where, erased=_counts(counts),
            waits_for=encode(waits_for).decode() if waits_for else None, lease_us=lease // timedelta(microseconds=1),
        )  # fmt: skip

    async def _finish(self, where: Mapping[str, str], counts: Counter[str], of: Subject, *, took: timedelta) -> None:
        note = self._audit.note("data.erased", tenant=of.tenant, by="fairlead", subject=where["id"],
                                detail={"erased": dict(+counts)})  # fmt: skip
        await self._database.write_all(
            [Call(self._queries["finish_erasure"], {**where, "erased": _counts(counts)}), note]
        )
        await self._audit.seal()
        self._emit("erasure_finished", erasure=where["id"], tenant=of.tenant, count=counts.total(), took=took)


def _counts(counts: Counter[str]) -> str:
    return encode(dict(+counts)).decode()


def _erasure(row: Row) -> Erasure:
    finished = row["finished_at"]
    return Erasure(
        row["id"], row["tenant"], row["user_id"], row["digest"] is None, row["requested_by"],
        from_micros(row["requested_at"]), decode(row["erased"]), tuple(decode(row["waits_for"] or "[]")),
        None if finished is None else from_micros(finished),
    )  # fmt: skip
