"""The list of schedules: what starts by itself, when next, and how it went last."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote, urlencode

from fairlead.errors import FairleadError, NotFound
from fairlead.runs.assistants import Assistants
from fairlead.runs.run import Run
from fairlead.runs.schedule import Missed, Overlap, Schedule
from fairlead.runs.schedules import ScheduleWanted
from fairlead.web.console import cron_words, state
from fairlead.web.console.doors import Doors
from fairlead.web.console.format import Format
from fairlead.web.console.language import N_
from fairlead.web.console.state import State, Tone

PATH = "/console/schedules"
PAGE = 100
_MOST = 1000  # that a tenant may have
MISSED = {Missed.SKIP: N_("skip it"), Missed.RUN_ONCE: N_("run once"), Missed.RUN_ALL: N_("run all")}
OVERLAP = {
    Overlap.ALLOW: N_("run beside it"), Overlap.SKIP: N_("skip it"), Overlap.QUEUE: N_("wait for it"),
    Overlap.CANCEL_RUNNING: N_("cancel it"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Query:
    enabled: bool | None = None
    after: str = ""  # a schedule's id

    def address(self, *, enabled: bool | None, after: str = "") -> str:
        found = {"enabled": "" if enabled is None else "yes" if enabled else "no", "after": after}
        return f"{PATH}?{urlencode({name: value for name, value in found.items() if value})}".rstrip("?")


@dataclass(frozen=True, slots=True)
class Material:
    """`runs`: the last run of each, by id; None: they could not be read."""

    schedules: tuple[Schedule, ...]
    runs: Mapping[str, Run] | None
    names: Mapping[str, str]  # of assistants, by id
    further: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    schedule: Schedule
    path: str
    state: State
    who: str
    when: str  # in words; may be empty
    last: State | None
    last_path: str


@dataclass(frozen=True, slots=True)
class SchedulesView:
    query: Query
    rows: tuple[Row, ...]
    further: str
    runs_known: bool


def parse(params: Mapping[str, str]) -> Query:
    return Query({"yes": True, "no": False}.get(params.get("enabled", "")), params.get("after", "")[:300])


async def read(doors: Doors, query: Query, *, tenant: str) -> Material:
    """They are so few that all are read; a page of them is shown, the next to run first."""
    found, _ = await doors.schedules.search(ScheduleWanted(enabled=query.enabled), tenant=tenant, limit=_MOST)
    order = sorted(found, key=lambda one: (not one.enabled, one.next_at is None, one.next_at, one.id))
    place = next((at + 1 for at, one in enumerate(order) if one.id == query.after), 0)
    shown = order[place : place + PAGE]
    runs, names = await asyncio.gather(_last(doors, shown, tenant), names_of(doors.assistants, shown, tenant))
    return Material(tuple(shown), runs, names, shown[-1].id if len(order) > place + PAGE else "")


async def _last(doors: Doors, shown: Sequence[Schedule], tenant: str) -> Mapping[str, Run] | None:
    """A run that retention took is left out."""

    async def one(run_id: str) -> Run | None:
        try:
            return await doors.control.get(run_id, tenant=tenant)
        except NotFound:
            return None

    try:
        found = await asyncio.gather(*(one(each.last_run_id) for each in shown if each.last_run_id))
    except FairleadError:
        return None
    return {run.id: run for run in found if run is not None}


async def names_of(assistants: Assistants, shown: Sequence[Schedule], tenant: str) -> Mapping[str, str]:
    """The name of each assistant; of one that is gone, nothing."""
    names: dict[str, str] = {}
    for given in {one.assistant_id for one in shown}:
        try:
            names[given] = (await assistants.get(given, tenant=tenant)).name
        except FairleadError:
            continue
    return names


def shape(query: Query, material: Material, fmt: Format) -> SchedulesView:
    rows = tuple(row(one, material.runs or {}, material.names, fmt) for one in material.schedules)
    further = query.address(enabled=query.enabled, after=material.further) if material.further else ""
    return SchedulesView(query, rows, further, material.runs is not None)


def row(one: Schedule, runs: Mapping[str, Run], names: Mapping[str, str], fmt: Format) -> Row:
    last = runs.get(one.last_run_id or "")
    return Row(
        schedule=one,
        path=path_of(one.id),
        state=state_of(one),
        who=names.get(one.assistant_id, one.assistant_id),
        when=cron_words.words(one.rhythm.cron, fmt),
        last=state.of_run(last) if last is not None else None,
        last_path=f"/console/runs/{quote(last.id, safe='')}" if last is not None else "",
    )


def state_of(one: Schedule) -> State:
    if not one.enabled:
        return State("cancelled", Tone.MUTED, N_("paused"))
    if one.last_error is not None:
        return State("error", Tone.ERR, N_("could not start"))
    if one.next_at is None:
        return State("success", Tone.MUTED, N_("over"))
    return State("success", Tone.OK, N_("on"))


def path_of(schedule_id: str) -> str:
    return f"{PATH}/{quote(schedule_id, safe='')}"
