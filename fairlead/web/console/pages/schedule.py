"""One schedule: when it starts what, its latest runs, and the form that makes or changes one."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import islice
from typing import Any, TypeVar

from fairlead.agents.spec import AgentSpec
from fairlead.errors import FairleadError, InvalidInput, NotFound
from fairlead.runs.run import Run
from fairlead.runs.schedule import Missed, Overlap, Rhythm, Schedule, Work, check, times
from fairlead.web.asking import nano_of
from fairlead.web.console import form, reading
from fairlead.web.console.doors import Doors
from fairlead.web.console.form import Kind, Layout, Problem
from fairlead.web.console.format import Format
from fairlead.web.console.language import N_
from fairlead.web.console.pages import runs as runs_page
from fairlead.web.console.pages.ask import Question
from fairlead.web.console.pages.playground_form import NANO, read_usd
from fairlead.web.console.pages.schedule_list import MISSED, OVERLAP, Row, names_of, path_of, row

UPCOMING = 5
E = TypeVar("E", bound=StrEnum)
RUNS = 20


@dataclass(frozen=True, slots=True)
class Material:
    schedule: Schedule
    runs: Sequence[Run] | None  # None: could not be read
    names: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class ScheduleView:
    schedule: Schedule
    row: Row
    missed: str
    overlap: str
    jitter: str
    budget: str
    upcoming: tuple[datetime, ...]
    runs: tuple[runs_page.Row, ...] | None


async def read(doors: Doors, schedule_id: str, *, tenant: str) -> Material:
    schedule = await doors.schedules.get(schedule_id, tenant=tenant)
    runs, names = await asyncio.gather(
        _runs(doors, schedule_id, tenant), names_of(doors.assistants, [schedule], tenant)
    )
    return Material(schedule, runs, names)


async def _runs(doors: Doors, schedule_id: str, tenant: str) -> Sequence[Run] | None:
    found: list[Run] = []
    try:
        for run_id in await doors.schedules.started(schedule_id, tenant=tenant, limit=RUNS):
            try:
                found.append(await doors.control.get(run_id, tenant=tenant))
            except NotFound:  # retention took it between the two questions
                continue
    except FairleadError:
        return None
    return found


def shape(material: Material, fmt: Format) -> ScheduleView:
    one = material.schedule
    runs = {run.id: run for run in material.runs or ()}
    upcoming = tuple(islice(times(one.rhythm, fmt.now), UPCOMING)) if one.enabled else ()
    return ScheduleView(
        schedule=one,
        row=row(replace(one, last_run_id=_last(one, material.runs)), runs, material.names, fmt),
        missed=MISSED[one.rhythm.missed],
        overlap=OVERLAP[one.rhythm.overlap],
        jitter=fmt.duration(one.rhythm.jitter) if one.rhythm.jitter else "",
        budget=fmt.money(one.work.budget_nano) if one.work.budget_nano else "",
        upcoming=upcoming,
        runs=None if material.runs is None else tuple(runs_page.row(run, fmt) for run in material.runs),
    )


def _last(one: Schedule, runs: Sequence[Run] | None) -> str | None:
    """Also one that somebody asked for beside its times."""
    return runs[0].id if runs else one.last_run_id


# -- the form


@dataclass(frozen=True, slots=True)
class Read:
    """What was typed comes to, or what is wrong with which field."""

    rhythm: dict[str, Any]
    work: dict[str, Any]
    metadata: dict[str, Any]
    problems: dict[str, Problem]


def layout_of(spec: AgentSpec, *, raw: bool = False) -> Layout:
    """As the playground asks for its input, but for files: those expire."""
    layout = form.layout_of(spec, raw=raw)
    if any(field.kind is Kind.FILE or (field.kind is Kind.FILES and field.required) for field in layout.fields):
        return form.layout_of(spec, raw=True)
    kept = tuple(field for field in layout.fields if field.kind is not Kind.FILES)
    if layout.shape is form.Shape.CHAT:
        return Layout(form.Shape.ONE, kept, None)
    return Layout(layout.shape, kept, layout.schema)


def fresh(layout: Layout) -> dict[str, str]:
    return {
        **form.fresh(layout), "cron": "0 9 * * 1-5", "missed": Missed.RUN_ONCE.value, "overlap": Overlap.ALLOW.value,
    }  # fmt: skip


def typed_of(schedule: Schedule, spec: AgentSpec, fmt: Format) -> tuple[Layout, dict[str, str]]:
    """What one would type to get this schedule."""
    rhythm, work = schedule.rhythm, schedule.work
    layout = layout_of(spec)
    plain = layout.shape is not form.Shape.ONE or isinstance(work.input, str) or spec.native is None
    filled = form.fill(layout, work.input) if plain else None
    if filled is None:
        layout = layout_of(spec, raw=True)
        filled = form.fill(layout, work.input) or {}
    seconds = rhythm.jitter.total_seconds()
    return layout, filled | {
        "cron": rhythm.cron, "timezone": rhythm.timezone or "", "missed": rhythm.missed.value,
        "overlap": rhythm.overlap.value, "jitter": f"{seconds:g}" if seconds else "",
        "start": _local(rhythm.start_at, fmt), "end": _local(rhythm.end_at, fmt), "thread": schedule.thread_id or "",
        "budget": f"{work.budget_nano / NANO:.9f}".rstrip("0").rstrip(".") if work.budget_nano else "",
        "metadata": form.dump(schedule.metadata, pretty=True) if schedule.metadata else "",
    }  # fmt: skip


def _local(moment: datetime | None, fmt: Format) -> str:
    return "" if moment is None else fmt.local(moment).strftime("%Y-%m-%dT%H:%M")


def read_form(layout: Layout, typed: Mapping[str, str], fmt: Format) -> Read:
    found = form.read(layout, typed)
    problems = dict(found.problems)
    zone = typed.get("timezone", "").strip() or None
    rhythm: dict[str, Any] = {
        "cron": typed.get("cron", "").strip(), "timezone": zone,
        "start_at": _moment(typed, "start", fmt, problems), "end_at": _moment(typed, "end", fmt, problems),
        "jitter": _jitter(typed.get("jitter", ""), problems),
        "missed": _member(Missed, typed.get("missed", ""), "missed", problems),
        "overlap": _member(Overlap, typed.get("overlap", ""), "overlap", problems),
    }  # fmt: skip
    _check(rhythm, problems)
    budget, wrong = read_usd(typed.get("budget", ""))
    if wrong is not None:
        problems["budget"] = wrong
    metadata, wrong = form.read_object(typed.get("metadata", ""))
    if wrong is not None:
        problems["metadata"] = wrong
    return Read(rhythm, {"input": found.value, "budget_nano": nano_of(budget)}, metadata, problems)


def _check(rhythm: Mapping[str, Any], problems: dict[str, Problem]) -> None:
    """Each part by itself, so that what is wrong is told where it is."""
    parts = (
        ("timezone", Rhythm("* * * * *", rhythm["timezone"])),
        ("cron", Rhythm(rhythm["cron"])),
        ("end", Rhythm("* * * * *", start_at=rhythm["start_at"], end_at=rhythm["end_at"])),
    )
    for name, part in parts:
        try:
            check(part)
        except InvalidInput as error:
            said = f"{error.message} {error.hint}".strip()
            problems.setdefault(name, Problem("%(problem)s", {"problem": said}))


def _moment(typed: Mapping[str, str], name: str, fmt: Format, problems: dict[str, Problem]) -> datetime | None:
    """As the reader's own clock has it."""
    given = typed.get(name, "").strip()
    if not given:
        return None
    try:
        moment = datetime.fromisoformat(given)
        return (moment if moment.tzinfo else moment.replace(tzinfo=fmt.zone)).astimezone(fmt.now.tzinfo)
    except (ValueError, OverflowError):
        problems[name] = Problem(N_("Write it as 2026-11-28T09:00."))
        return None


def _jitter(given: str, problems: dict[str, Problem]) -> timedelta:
    seconds = reading.number({"s": float(given)}, "s") if given.strip().replace(".", "", 1).isdecimal() else None
    if given.strip() and (seconds is None or not 0 <= seconds <= 86400):
        problems["jitter"] = Problem(N_("Write seconds, at most 86400."))
        return timedelta()
    return timedelta(seconds=seconds or 0)


def _member(kind: type[E], given: str, name: str, problems: dict[str, Problem]) -> E | None:
    found = next((one for one in kind if one.value == given), None)
    if found is None:
        problems[name] = Problem(N_("Choose one of the list."))
    return found


def work_of(given: Mapping[str, Any]) -> Work:
    return Work(**given)


def question_of(schedule: Schedule, who: str, words: Any) -> Question:
    path = path_of(schedule.id)
    return Question(
        title=words(N_("Delete this schedule?")),
        text=words(N_("It starts nothing any more, and is gone. Runs that it started go on and stay.")),
        detail=f"{who} · {schedule.rhythm.cron}",
        confirm=words(N_("Delete the schedule")),
        action=f"{path}/delete",
        back=path,
        danger=True,
    )
