"""The list of runs: a search line, the statuses, a page of rows."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from enum import StrEnum
from typing import TypeVar
from urllib.parse import urlencode

from fairlead.errors import FairleadError
from fairlead.runs.run import Reason, Run, Status
from fairlead.web.console import state
from fairlead.web.console.door import Counts, Door, RunPage, Wanted
from fairlead.web.console.format import Format
from fairlead.web.console.headline import headline
from fairlead.web.console.language import N_

PATH = "/console/runs"
PAGE = 50
E = TypeVar("E", bound=StrEnum)
_FIELDS = ("agent", "release", "reason", "status", "thread", "parent")


@dataclass(frozen=True, slots=True)
class Query:
    """What the address asks for. `text` is the search line without its `name:value` words."""

    wanted: Wanted = field(default_factory=Wanted)
    before: str | None = None
    after: str | None = None

    @property
    def line(self) -> str:
        """The search line as typed: what it holds in words comes back as words."""
        return self.wanted.text

    def address(self, **changes: str | None) -> str:
        """The address of the list with some filters changed; paging starts again."""
        found = {name: value for name, value in self._filters().items() if value} | changes
        return f"{PATH}?{urlencode({name: value for name, value in found.items() if value})}".rstrip("?")

    def _filters(self) -> dict[str, str | None]:
        wanted = self.wanted
        return {
            "q": wanted.text,
            "status": wanted.status,
            "reason": wanted.reason,
            "agent": wanted.agent,
            "release": wanted.release,
            "thread": wanted.thread_id,
            "parent": wanted.parent_id,
        }

    @property
    def narrowed(self) -> bool:
        return any(self._filters().values())

    @property
    def hidden(self) -> list[tuple[str, str]]:
        """Filters the search form carries along."""
        return [(name, value) for name, value in self._filters().items() if value and name != "q"]


@dataclass(frozen=True, slots=True)
class Chip:
    """A filter in force, and the address without it."""

    name: str
    value: str
    without: str


@dataclass(frozen=True, slots=True)
class StatusLink:
    state: state.State
    count: int | None
    address: str
    current: bool


@dataclass(frozen=True, slots=True)
class Row:
    run: Run
    state: state.State
    title: str
    duration: str
    ticking: bool


@dataclass(frozen=True, slots=True)
class RunsView:
    query: Query
    rows: tuple[Row, ...]
    statuses: tuple[StatusLink, ...]
    total: int | None
    exact: bool
    counted: Counts | None
    chips: tuple[Chip, ...]
    older: str
    newer: str
    live: str
    error: str = ""
    fresh: int = 0


def parse(params: Mapping[str, str]) -> Query:
    """Filters from the address; `agent:triage` in the search line is the same as the filter. Nonsense is no filter."""
    found = {name: params.get(name, "").strip()[:200] for name in _FIELDS}
    words: list[str] = []
    for word in params.get("q", "")[:500].split():
        name, colon, value = word.partition(":")
        if colon and value and name in _FIELDS:
            found[name] = value
        else:
            words.append(word)
    wanted = Wanted(
        status=_member(Status, found["status"]),
        reason=_member(Reason, found["reason"]),
        agent=found["agent"] or None,
        release=found["release"] or None,
        thread_id=found["thread"] or None,
        parent_id=found["parent"] or None,
        text=" ".join(words),
    )
    return Query(wanted, before=params.get("before") or None, after=params.get("after") or None)


def _member(kind: type[E], value: str) -> E | None:
    return next((member for member in kind if member.value == value), None)


async def read(door: Door, query: Query) -> tuple[RunPage, Counts | None]:
    """The rows, and the counts beside them; counts that cannot be had cost nobody the rows."""
    page, counts = await asyncio.gather(
        door.runs(query.wanted, before=query.before, after=query.after, limit=PAGE),
        door.counts(replace(query.wanted, status=None)),
        return_exceptions=True,
    )
    if isinstance(page, BaseException):
        raise page
    if isinstance(counts, BaseException) and not isinstance(counts, FairleadError):
        raise counts
    return page, None if isinstance(counts, BaseException) else counts


def shape(query: Query, page: RunPage, counts: Counts | None, fmt: Format) -> RunsView:
    rows = tuple(row(run, fmt) for run in page.runs)
    first, last = (page.runs[0].id, page.runs[-1].id) if page.runs else ("", "")
    return RunsView(
        query=query,
        rows=rows,
        statuses=statuses(query, counts),
        total=sum(counts.by_status.values()) if counts else None,
        exact=counts.exact if counts else True,
        counted=counts,
        chips=tuple(_chips(query)),
        older=query.address(before=last) if page.older and last else "",
        newer=query.address(after=first) if page.newer and first else "",
        live=_live(query, first, last, newest=not page.newer),
    )


def statuses(query: Query, counts: Counts | None) -> tuple[StatusLink, ...]:
    return tuple(
        StatusLink(
            state=state.of_status(status),
            count=counts.by_status.get(status, 0) if counts else None,
            address=query.address(status=status.value, reason=None),
            current=query.wanted.status is status,
        )
        for status in Status
    )


def row(run: Run, fmt: Format) -> Row:
    return Row(run, state.of_run(run), headline(run), duration(run, fmt), run.status is Status.RUNNING)


def duration(run: Run, fmt: Format) -> str:
    """How long it took; of a run that is not over, what it is doing with its time."""
    _ = fmt.words.gettext
    if run.status is Status.RUNNING:
        return fmt.coarse(fmt.now - (run.started_at or run.created_at))
    if run.finished_at is not None:
        return fmt.duration(run.finished_at - run.created_at)
    span = fmt.coarse(_since(run, fmt))
    if run.status is Status.PENDING:
        return (
            _(N_("queued %(span)s")) % {"span": span}
            if run.started_at is None
            else _(N_("waiting %(span)s")) % {"span": span}
        )
    if run.reason is Reason.APPROVAL:
        return _(N_("waiting %(span)s")) % {"span": span}
    return fmt.duration(run.executing)


def _since(run: Run, fmt: Format) -> timedelta:
    begun = run.started_at + run.executing if run.started_at else run.created_at
    return fmt.now - begun


def matches(wanted: Wanted, run: Run) -> bool:
    """Would the list show this run? For counting new ones without asking the database again."""
    return (
        wanted.status in (None, run.status)
        and wanted.reason in (None, run.reason)
        and wanted.agent in (None, run.agent)
        and wanted.release in (None, run.release)
        and wanted.thread_id in (None, run.thread_id)
        and wanted.parent_id in (None, run.parent_id)
        and (not wanted.text or run.id.startswith(wanted.text) or wanted.text.lower() in headline(run).lower())
    )


def _chips(query: Query) -> list[Chip]:
    return [Chip(name, value, query.address(**{name: None})) for name, value in query.hidden if name != "status"]


def _live(query: Query, first: str, last: str, *, newest: bool) -> str:
    params = dict(query.hidden) | {
        "q": query.wanted.text,
        "first": first,
        "last": last,
        "before": query.before or "",
        "after": query.after or "",
        "newest": "1" if newest else "",
    }
    return "/console/live?" + urlencode({name: value for name, value in params.items() if value})
