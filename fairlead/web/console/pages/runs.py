"""The list of runs: a search line, the statuses, a page of rows."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TypeVar
from urllib.parse import urlencode

from fairlead.errors import InvalidInput
from fairlead.gateway.period import parse_period
from fairlead.runs.run import Reason, Run, Status
from fairlead.web.console import state
from fairlead.web.console.door import Counts, Door, RunPage, Standing, Standings, Wanted
from fairlead.web.console.format import Format
from fairlead.web.console.headline import headline
from fairlead.web.console.language import N_
from fairlead.web.console.reading import or_none

PATH = "/console/runs"
PAGE = 50
E = TypeVar("E", bound=StrEnum)
_FIELDS = (
    "agent", "release", "reason", "status", "thread", "parent", "user", "model", "tool", "from", "to", "min_cost",
    "min_duration", "is",
)  # fmt: skip
_BOXES = {
    "agent": N_("Agent"), "release": N_("Release"), "user": N_("User"), "model": N_("Model"), "tool": N_("Tool"),
    "from": N_("Accepted from"), "to": N_("Accepted until"), "min_cost": N_("Least cost"),
    "min_duration": N_("Least duration"),
}  # fmt: skip
_HINTS = {"from": "24h", "to": "2026-11-27", "min_cost": "0.05", "min_duration": "30s", "model": "provider/model"}
_LENGTHS = {"ms": 0.001, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
_LENGTH = re.compile(r"(\d{1,9}(?:\.\d{1,6})?)\s*(ms|s|m|min|h|d)?")
_MONEY = re.compile(r"\$?(\d{1,9}(?:\.\d{1,9})?)")
_STANDINGS = {
    Standing.RETRYING: state.State("running", state.Tone.ACCENT, N_("silently retrying")),
    Standing.STUCK: state.State("running", state.Tone.WARN, N_("stuck")),
}


@dataclass(frozen=True, slots=True)
class Query:
    """What the address asks for. `given` are its filters as they are written, `wanted` what they mean: `text` is the
    search line without its `name:value` words."""

    wanted: Wanted = field(default_factory=Wanted)
    given: Mapping[str, str] = field(default_factory=dict[str, str])
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

    def without(self, name: str) -> str:
        return self.address(**{name: None})

    def _filters(self) -> dict[str, str]:
        return {"q": self.wanted.text, **self.given}

    @property
    def narrowed(self) -> bool:
        return any(self._filters().values())

    @property
    def hidden(self) -> list[tuple[str, str]]:
        """Filters the search form carries along."""
        return [(name, value) for name, value in self._filters().items() if value and name != "q"]

    @property
    def unboxed(self) -> list[tuple[str, str]]:
        """Those that the form of filters carries along."""
        return [(name, value) for name, value in self._filters().items() if value and name not in _BOXES]


@dataclass(frozen=True, slots=True)
class Box:
    """A filter to be written into the form. `hint`: how."""

    name: str
    label: str
    value: str
    hint: str = ""


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

    def looks(self, fmt: Format) -> dict[str, Hashable]:
        """All that each piece of it is drawn from."""
        run = self.run
        return {
            "run_name": (self.state, self.title, run.agent, run.release),
            "run_steps": run.steps,
            "run_accepted": fmt.time(run.created_at),
            "run_figures": (run.cost_nano, self.duration, fmt.now if self.ticking else None),
        }


@dataclass(frozen=True, slots=True)
class RunsView:
    query: Query
    rows: tuple[Row, ...]
    statuses: tuple[StatusLink, ...]
    total: int | None
    exact: bool
    counted: Counts | None
    chips: tuple[Chip, ...]
    boxes: tuple[Box, ...]
    older: str
    newer: str
    live: str
    standings: tuple[StatusLink, ...] = ()
    further: str = ""
    """Where to look on, when not all could be looked at."""
    fresh: int = 0

    @property
    def found_by(self) -> str:
        """The filters, as they are in the address."""
        return self.query.address().partition("?")[2]


def parse(params: Mapping[str, str], *, now: datetime) -> Query:
    """Filters from the address; `agent:triage` in the search line is the same as the filter. Nonsense is no filter, but
    for times, lengths and money. Raises `InvalidInput`."""
    found = {name: params.get(name, "").strip()[:200] for name in _FIELDS}
    words: list[str] = []
    for word in params.get("q", "")[:500].split():
        name, colon, value = word.partition(":")
        if colon and value and name in _FIELDS:
            found[name] = value
        else:
            words.append(word)
    for name, kind in (("status", Status), ("reason", Reason), ("is", Standing)):
        found[name] = _member(kind, found[name]) or ""
    given = {name: value for name, value in found.items() if value}
    period = parse_period(given.get("from"), given.get("to"), now=now) if "from" in given or "to" in given else None
    wanted = Wanted(
        status=_member(Status, found["status"]),
        reason=_member(Reason, found["reason"]),
        agent=given.get("agent"),
        release=given.get("release"),
        thread_id=given.get("thread"),
        parent_id=given.get("parent"),
        text=" ".join(words),
        user=given.get("user"),
        since=period.since if period is not None and "from" in given else None,
        until=period.until if period is not None and "to" in given else None,
        least_cost_nano=_nano(given.get("min_cost")),
        least_duration=_length(given.get("min_duration")),
        standing=_member(Standing, found["is"]),
        model=given.get("model"),
        tool=given.get("tool"),
    )
    return Query(wanted, given, before=params.get("before") or None, after=params.get("after") or None)


def _nano(given: str | None) -> int | None:
    if given is None:
        return None
    if (told := _MONEY.fullmatch(given)) is None:
        raise InvalidInput(f"min_cost: {given[:60]!r} is no sum of money.", hint="Write dollars: 0.05")
    return round(float(told[1]) * 1_000_000_000)


def _length(given: str | None) -> timedelta | None:
    if given is None:
        return None
    if (told := _LENGTH.fullmatch(given)) is None:
        raise InvalidInput(f"min_duration: {given[:60]!r} is no length of time.", hint="Write 30s, 5min or 2h.")
    return timedelta(seconds=float(told[1]) * _LENGTHS[told[2] or "s"])


def _member(kind: type[E], value: str) -> E | None:
    return next((member for member in kind if member.value == value), None)


@dataclass(frozen=True, slots=True)
class Material:
    """The rows, and what is told beside them: it cost nobody the rows when it can't be had."""

    page: RunPage
    counts: Counts | None
    standings: Standings | None


async def read(door: Door, query: Query) -> Material:
    page, counts, standings = await asyncio.gather(
        door.runs(query.wanted, before=query.before, after=query.after, limit=PAGE),
        or_none(door.counts(replace(query.wanted, status=None))),
        or_none(door.standings()),
    )
    return Material(page, counts, standings)


def shape(query: Query, material: Material, fmt: Format) -> RunsView:
    page, counts = material.page, material.counts
    rows = tuple(row(run, fmt, material.standings) for run in page.runs)
    first, last = (page.runs[0].id, page.runs[-1].id) if page.runs else ("", "")
    return RunsView(
        query=query,
        rows=rows,
        statuses=statuses(query, counts),
        total=sum(counts.by_status.values()) if counts else None,
        exact=counts.exact if counts else True,
        counted=counts,
        chips=tuple(_chips(query)),
        boxes=tuple(
            Box(name, fmt.words.gettext(label), query.given.get(name, ""), _HINTS.get(name, ""))
            for name, label in _BOXES.items()
        ),
        older=query.address(before=last) if page.older and last else "",
        newer=query.address(after=first) if page.newer and first else "",
        live=_live(query, first, last, newest=not page.newer),
        standings=standings(query, material.standings),
        further=query.address(before=page.looked_to) if page.looked_to else "",
    )


def statuses(query: Query, counts: Counts | None) -> tuple[StatusLink, ...]:
    return tuple(
        StatusLink(
            state=state.of_status(status),
            count=counts.by_status.get(status, 0) if counts else None,
            address=query.address(status=status.value, reason=None, **{"is": None}),
            current=query.wanted.status is status,
        )
        for status in Status
    )


def standings(query: Query, told: Standings | None) -> tuple[StatusLink, ...]:
    """What needs a look, whatever is shown."""
    counts = {} if told is None else {Standing.RETRYING: len(told.retrying), Standing.STUCK: len(told.stuck)}
    return tuple(
        StatusLink(
            state=shown,
            count=counts.get(standing),
            address=query.address(status=None, reason=None, **{"is": standing.value}),
            current=query.wanted.standing is standing,
        )
        for standing, shown in _STANDINGS.items()
    )


def row(run: Run, fmt: Format, told: Standings | None = None) -> Row:
    shown = state.of_run(run)
    if told is not None and run.status is Status.RUNNING and not run.cancel_requested:
        if failed := told.retrying.get(run.id):
            word = fmt.words.ngettext("retrying, %(num)s failed try", "retrying, %(num)s failed tries", failed)
            shown = replace(_STANDINGS[Standing.RETRYING], word=word % {"num": failed}, name=run.status.value)
        elif run.id in told.stuck:
            shown = replace(_STANDINGS[Standing.STUCK], name=run.status.value)
    return Row(run, shown, headline(run), duration(run, fmt), run.status is Status.RUNNING)


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
    """Would the list show this run? For counting new ones without asking the database again: what the run itself does
    not tell is a no."""
    return (
        wanted.status in (None, run.status)
        and wanted.reason in (None, run.reason)
        and wanted.agent in (None, run.agent)
        and wanted.release in (None, run.release)
        and wanted.thread_id in (None, run.thread_id)
        and wanted.parent_id in (None, run.parent_id)
        and wanted.user in (None, run.user)
        and (wanted.since is None or run.created_at >= wanted.since)
        and (wanted.until is None or run.created_at < wanted.until)
        and run.cost_nano >= (wanted.least_cost_nano or 0)
        and (wanted.least_duration is None or _length_of(run) >= wanted.least_duration)
        and wanted.standing is wanted.model is wanted.tool is None
        and (not wanted.text or run.id.startswith(wanted.text) or wanted.text.lower() in headline(run).lower())
    )


def _length_of(run: Run) -> timedelta:
    return run.finished_at - run.created_at if run.finished_at is not None else timedelta()


def _chips(query: Query) -> list[Chip]:
    return [Chip(name, value, query.without(name)) for name, value in query.hidden if name not in ("status", "is")]


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
