"""The audit log: who did what."""

from __future__ import annotations

import re
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from fairlead.access import Entry, Head, Role, Scope, Wanted
from fairlead.errors import InvalidInput
from fairlead.web.api.call import Call
from fairlead.web.api.doors import Doors
from fairlead.web.api.keys import OfTenant, tenant_of
from fairlead.web.api.operation import Operation
from fairlead.web.api.reply import Reply, json_reply
from fairlead.web.api.shape import Shape

_NUMBER = re.compile(r"-?[0-9.]+")  # seconds since 1970: nothing that anybody means


def _no_number(given: Any) -> Any:
    if isinstance(given, str) and _NUMBER.fullmatch(given):
        raise ValueError("write it as 2026-11-01T14:00:00Z")
    return given


Time = Annotated[datetime, BeforeValidator(_no_number)]


class AuditQuery(OfTenant):
    action: str | None = Field(None, description="Such as `key.create`.")
    by: str | None = Field(None, description="Who did it: `key:NAME`, `user:NAME`.")
    subject: str | None = Field(None, description="To what it was done.")
    since: Time | None = None
    until: Time | None = None
    before: Annotated[int, Field(ge=1, lt=2**62)] | None = Field(None, description="Older than this `seq`.")
    after: Annotated[int, Field(ge=0, lt=2**62)] | None = Field(
        None, description="All that follow this `seq`, in order: no filter goes with it."
    )
    limit: Annotated[int, Field(ge=1, le=1000)] = 100


class VerifyQuery(OfTenant):
    head: Annotated[str, Field(pattern=r"^\d{1,18}:[0-9a-f]{64}$")] | None = Field(
        None, description="A head that was kept: `seq:hash`."
    )


class EntryView(Shape):
    tenant: str
    seq: int
    id: str
    at: datetime
    by: str
    action: str
    subject: str
    detail: dict[str, Any]
    method: str
    hash: str


class VerdictView(Shape):
    tenant: str
    whole: bool
    entries: int
    keyed: int = Field(description="Entries whose hash needs AUDIT_SECRET.")
    head: str = Field(description="`seq:hash` of the last entry. Keep it elsewhere: it proves the end.")
    faults: list[str]


class AuditLog:
    def __init__(self, doors: Doors) -> None:
        self._audit = doors.books.audit

    def operations(self) -> list[Operation]:
        admin: dict[str, Any] = {"role": Role.ADMIN, "scope": Scope.ADMIN, "tag": "audit"}
        return [
            Operation("GET", "/audit", self.list, "Who did what, newest first", query=AuditQuery,
                      gives=list[EntryView], **admin),
            Operation("GET", "/audit/verify", self.verify, "Whether the log is whole", query=VerifyQuery,
                      gives=VerdictView, **admin),
        ]  # fmt: skip

    async def list(self, call: Call) -> Reply:
        query = call.query(AuditQuery)
        if query.after is not None:
            return json_reply([_view(entry) for entry in await self._following(call, query, query.after)])
        wanted = Wanted(query.action, query.by, query.subject, _moment(query.since), _moment(query.until))
        found = await self._audit.list(tenant_of(call, query.tenant), wanted, before=query.before, limit=query.limit)
        return json_reply([_view(entry) for entry in found])

    async def _following(self, call: Call, query: AuditQuery, after: int) -> list[Entry]:
        if query.model_fields_set - {"after", "limit", "tenant"}:
            raise InvalidInput("`after` goes with no filter.", hint="Leave it out, or page with `before`.")
        return await self._audit.following(tenant_of(call, query.tenant), after=after, limit=query.limit)

    async def verify(self, call: Call) -> Reply:
        """Every entry is looked at."""
        query = call.query(VerifyQuery)
        kept = None
        if query.head is not None:
            seq, _, digest = query.head.partition(":")
            kept = Head(int(seq), digest)
        verdict = await self._audit.verify(tenant_of(call, query.tenant), kept=kept)
        return json_reply({
            "tenant": verdict.tenant, "whole": verdict.whole, "entries": verdict.entries, "keyed": verdict.keyed,
            "head": str(verdict.head), "faults": verdict.faults,
        })  # fmt: skip


def _moment(given: datetime | None) -> datetime | None:
    """A time without a zone is UTC. Raises `InvalidInput` for one that nobody means."""
    if given is None:
        return None
    try:
        return (given if given.tzinfo else given.replace(tzinfo=UTC)).astimezone(UTC)
    except OverflowError as error:
        raise InvalidInput("This is no time.") from error


def _view(entry: Entry) -> dict[str, Any]:
    return asdict(entry)
