"""The audit log: who did what, newest first; whether it is whole; and all of it as a file."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from fairlead.access import Audit, Entry, Head, Principal, Wanted, tenant_for
from fairlead.errors import InvalidInput
from fairlead.gateway.period import parse_period
from fairlead.web.console import policy
from fairlead.web.console.desk import Desk
from fairlead.web.console.doors import Doors
from fairlead.web.console.roles import admin_of
from fairlead.web.console.scopes import address
from fairlead.web.console.section import Routes

PATH = "/console/audit"
PAGE = 50
_LONGEST_DETAIL = 160  # characters of a row
_HEAD = re.compile(r"\d{1,18}:[0-9a-f]{64}")
_EARLIEST = "3650d"
_PLACES = {
    "run": "/console/runs/{}", "budget": "/console/budgets?q={}", "calls": "/console/budgets?q={}",
    "key": "/console/keys/key?name={}", "user": "/console/users/user?name={}",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Query:
    """The filters as typed, and what they mean. `tenant` is empty for the caller's own."""

    action: str = ""
    by: str = ""
    subject: str = ""
    since: str = ""
    until: str = ""
    tenant: str = ""
    before: int | None = None
    wanted: Wanted = field(default_factory=Wanted)

    def address(self, path: str = PATH, **changes: str) -> str:
        found = {
            "action": self.action, "by": self.by, "subject": self.subject, "from": self.since, "to": self.until,
            "tenant": self.tenant,
        } | changes  # fmt: skip
        given = {name: value for name, value in found.items() if value}
        return address(path, **given) if given else path

    @property
    def narrowed(self) -> bool:
        return any((self.action, self.by, self.subject, self.since, self.until))


@dataclass(frozen=True, slots=True)
class Row:
    entry: Entry
    detail: str
    address: str
    of_action: str
    of_by: str


@dataclass(frozen=True, slots=True)
class AuditView:
    query: Query
    rows: tuple[Row, ...]
    older: str
    newest: str
    installation: bool
    tenant: str
    verify: str
    export: str


def parse(params: Mapping[str, str], now: datetime) -> Query:
    """Raises `InvalidInput` for what is no time and no number. Times are whole hours."""
    action, by, subject, since, until, tenant = (
        params.get(name, "").strip()[:500] for name in ("action", "by", "subject", "from", "to", "tenant")
    )
    begin = end = None
    if since or until:
        period = parse_period(since or _EARLIEST, until or None, now=now)
        begin, end = period.since if since else None, period.until if until else None
    wanted = Wanted(action or None, by or None, subject or None, begin, end)
    return Query(action, by, subject, since, until, tenant, _before(params.get("before", "")), wanted)


def _before(text: str) -> int | None:
    if not text:
        return None
    if not (text.isascii() and text.isdecimal()) or len(text) > 18:
        raise InvalidInput(f"{text[:60]!r} is the number of no entry.")
    return int(text)


def parse_head(text: str) -> Head | None:
    """`seq:hash`, as the page of a verification gives it. Raises `InvalidInput`."""
    text = text.strip()
    if not text:
        return None
    if _HEAD.fullmatch(text) is None:
        raise InvalidInput("This is no head of the log.", hint="It is a number, a colon and 64 digits: 17:ab12…")
    seq, _, digest = text.partition(":")
    return Head(int(seq), digest)


def shape(query: Query, found: Sequence[Entry], caller: Principal) -> AuditView:
    """`found` may have one more than a page."""
    rows = tuple(_row(entry, query) for entry in found[:PAGE])
    return AuditView(
        query=query, rows=rows,
        older=query.address(before=str(rows[-1].entry.seq)) if len(found) > PAGE else "",
        newest=query.address() if query.before is not None else "", installation=caller.installation,
        tenant=query.tenant or caller.tenant,
        verify=address(f"{PATH}/verify", tenant=query.tenant) if query.tenant else f"{PATH}/verify",
        export=query.address(f"{PATH}.jsonl"),
    )  # fmt: skip


def _row(entry: Entry, query: Query) -> Row:
    place = "" if query.tenant else _PLACES.get(entry.action.partition(".")[0], "")
    there = place.format(_quoted(entry.subject)) if place and entry.subject else query.address(subject=entry.subject)
    return Row(
        entry, detail_of(entry.detail), there, query.address(action=entry.action), query.address(by=entry.by)
    )  # fmt: skip


def _quoted(text: str) -> str:
    return address("", x=text).partition("=")[2].replace("+", "%20")


def detail_of(detail: Mapping[str, Any]) -> str:
    """`role: admin, owner: bob`: what is empty is left out, and what is long is cut."""
    told = (f"{name}: {value if isinstance(value, str) else orjson.dumps(value, default=str).decode()}"
            for name, value in detail.items() if value not in (None, "", [], {}))  # fmt: skip
    text = ", ".join(told)
    return text if len(text) <= _LONGEST_DETAIL else f"{text[:_LONGEST_DETAIL]}…"


def matches(entry: Entry, wanted: Wanted) -> bool:
    return (
        wanted.action in (None, entry.action)
        and wanted.by in (None, entry.by)
        and wanted.subject in (None, entry.subject)
        and (wanted.since is None or entry.at >= wanted.since)
        and (wanted.until is None or entry.at < wanted.until)
    )


class AuditPages:
    def __init__(self, desk: Desk, doors: Doors) -> None:
        self._desk = desk
        self._audit = doors.books.audit

    def pages(self) -> Routes:
        return [(PATH, self.page), (f"{PATH}/verify", self.verify), (f"{PATH}.jsonl", self.export)]

    def writes(self) -> Routes:
        return []

    async def page(self, request: Request) -> Response:
        caller, query = self._asked(request)
        tenant = tenant_for(caller, query.tenant or None)
        found = await self._audit.list(tenant, query.wanted, before=query.before, limit=PAGE + 1)
        return self._desk.page(request, "pages/audit.html", view=shape(query, found, caller), here="audit")

    async def verify(self, request: Request) -> Response:
        """Every entry is looked at."""
        caller, query = self._asked(request)
        head = request.query_params.get("head", "")
        verdict = await self._audit.verify(tenant_for(caller, query.tenant or None), kept=parse_head(head))
        return self._desk.page(
            request, "pages/audit_verdict.html", verdict=verdict, kept=head.strip(), tenant=query.tenant,
            at=self._desk.clock.now(), back=query.address(), here="audit",
        )  # fmt: skip

    async def export(self, request: Request) -> Response:
        """All that match, in order; as `fairlead audit export` writes them."""
        caller, query = self._asked(request)
        lines = _lines(self._audit, tenant_for(caller, query.tenant or None), query.wanted)
        headers = policy.HEADERS | {"Content-Disposition": 'attachment; filename="audit.jsonl"'}
        return StreamingResponse(lines, media_type="application/x-ndjson", headers=headers)

    def _asked(self, request: Request) -> tuple[Principal, Query]:
        return admin_of(request), parse(request.query_params, self._desk.clock.now())


async def _lines(audit: Audit, tenant: str, wanted: Wanted) -> AsyncIterator[bytes]:
    after = 0
    while found := await audit.following(tenant, after=after):
        kept = [orjson.dumps(asdict(entry)) + b"\n" for entry in found if matches(entry, wanted)]
        if kept:
            yield b"".join(kept)
        after = found[-1].seq
