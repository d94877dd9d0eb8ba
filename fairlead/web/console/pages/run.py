"""One run: what it was asked, every step it took and what each cost, what was said, and what can be done about it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, TypeVar
from urllib.parse import quote, urlencode

from fairlead.clock import Clock
from fairlead.runs.run import Approval, Event, Run, Status
from fairlead.runs.scores import Score
from fairlead.ship.evaluation.book import OfRun
from fairlead.web.console import conversation, reading, state, steps, waterfall
from fairlead.web.console.door import Door, Standings
from fairlead.web.console.format import Format
from fairlead.web.console.glances import Glances
from fairlead.web.console.headline import headline
from fairlead.web.console.language import N_
from fairlead.web.console.pages import evaluated, scores
from fairlead.web.console.pages.ask import Move, moves
from fairlead.web.console.reading import or_none
from fairlead.web.console.tapes import Tape, Tapes

TABS = {
    "overview": N_("Overview"),
    "events": N_("Events"),
    "model": N_("Model calls"),
    "tools": N_("Tool calls"),
    "logs": N_("Logs"),
    "approvals": N_("Approvals"),
    "children": N_("Child runs"),
    "json": N_("JSON"),
}
T = TypeVar("T")
MOST_LOGS = 500
MOST_ROWS = 10_000  # of a tab that is a table: whoever asks for so many waits for them
_MODEL_CALLS = ("model",)
_TOOL_CALLS = ("tool", "step")


@dataclass(frozen=True, slots=True)
class Selection:
    """What the address asks to see of the run."""

    run_id: str
    tab: str = "overview"
    step: str = ""
    unfolded: frozenset[str] = frozenset()
    rows: int = waterfall.MOST_ROWS

    @property
    def path(self) -> str:
        return f"/console/runs/{quote(self.run_id, safe='')}"

    def address(
        self, *, step: str | None = None, unfold: str = "", more: bool = False, live: bool = False, seen: str = ""
    ) -> str:
        chosen = self.step if step is None else step
        params: list[tuple[str, str]] = [("step", chosen)] if chosen else []
        params += [("open", branch) for branch in sorted({*self.unfolded, unfold} - {""})]
        rows = self.rows + waterfall.MORE_ROWS if more else self.rows
        params += [("rows", str(rows))] if rows != waterfall.MOST_ROWS else []
        params += [("tab", self.tab)] if self.tab != "overview" else []
        params += [("seen", seen)] if seen else []
        return f"{self.path}{'/live' if live else ''}?{urlencode(params)}".rstrip("?")

    def tab_address(self, tab: str) -> str:
        return self.path if tab == "overview" else f"{self.path}?tab={tab}"


def select(run_id: str, params: Mapping[str, str], opened: Sequence[str]) -> Selection:
    rows, tab = params.get("rows", ""), params.get("tab", "")
    most = MOST_ROWS if tab in ("events", "model", "tools") else 1000
    return Selection(
        run_id=run_id,
        tab=tab if tab in TABS else "overview",
        step=params.get("step", "")[:500],
        unfolded=frozenset(branch[:500] for branch in opened[:50]),
        rows=min(int(rows), most) if rows.isdecimal() and len(rows) < 6 else waterfall.MOST_ROWS,
    )


@dataclass(frozen=True, slots=True)
class Material:
    """Everything the page is made of, as read. What could not be read is None."""

    run: Run
    tape: Tape
    children: Sequence[Run] | None
    approvals: Sequence[Approval] | None
    releases: Sequence[str] = ()
    scores: Sequence[Score] | None = None
    standings: Standings | None = None
    evaluated: OfRun | None = None

    @property
    def events(self) -> Sequence[Event]:
        return self.tape.events


class Reading:
    """Reads for one open page, again and again: what stands beside the events is asked for anew when an event may tell
    of it, and now and then what changes without one."""

    def __init__(self, door: Door, tapes: Tapes, clock: Clock, *, again: timedelta, glances: Glances) -> None:
        self._door = door
        self._tapes = tapes
        self._clock = clock
        self._again = again.total_seconds()
        self._glances = glances
        self._known: Material | None = None
        self._read = 0.0

    async def read(self, run_id: str, pending: Sequence[Event]) -> Material:
        known, now = self._known, self._clock.monotonic()
        heard = known is not None and await known.tape.hear(pending)
        plain = all(map(_is_plain, pending))
        if known is None or not plain or now - self._read >= self._again:
            self._read = now
            known = await read(
                self._door, self._tapes, run_id, held=known and known.tape, before=known if heard and plain else None,
                glances=self._glances,
            )  # fmt: skip
        elif not heard:
            known = replace(known, tape=await self._tapes.read(self._door, known.run.tenant, run_id, known.tape))
        self._known = known
        return known


def _is_plain(event: Event) -> bool:
    """It tells of the run's steps, and of nothing beside them."""
    return event.type in ("step", "intent", "log") and event.kind not in ("approval", "child")


async def read(
    door: Door, tapes: Tapes, run_id: str, *, held: Tape | None = None, before: Material | None = None,
    glances: Glances | None = None,
) -> Material:  # fmt: skip
    """The run and its events, or an error; everything else as far as it can be had."""
    return await beside(door, tapes, await door.run(run_id), held=held, before=before, glances=glances)


async def beside(
    door: Door, tapes: Tapes, run: Run, *, held: Tape | None = None, before: Material | None = None,
    glances: Glances | None = None,
) -> Material:  # fmt: skip
    """What the page is made of beside the run. `before`: what was read last, if its tape holds all that has happened,
    and none of that is more than steps. `glances`: for who reads often."""
    run_id = run.id

    def seen(what: str, ask: Callable[[], Awaitable[T]]) -> Awaitable[T]:
        return ask() if glances is None else glances.at((what, run.tenant), ask)

    tape, children, approvals, workers, said, (standings, told) = await asyncio.gather(
        tapes.read(door, run.tenant, run_id, held) if before is None else tapes.keep(run.tenant, run_id, before.tape),
        _again(before and before.children, lambda: door.children(run_id)),
        _again(before and before.approvals, lambda: door.approvals(run_id=run_id, waiting=False)),
        or_none(seen("workers", door.workers)),
        or_none(door.scores(run_id)),
        _beside(door, run, lambda: seen("standings", door.standings)),
    )
    releases = sorted({worker.release for worker in workers or () if worker.lost_at is None} - {run.release})
    return Material(run, tape, children, approvals, releases, said, standings, told)


async def _again(there: Sequence[T] | None, ask: Callable[[], Awaitable[Sequence[T]]]) -> Sequence[T] | None:
    """Nothing, where there was nothing before: of the first an event would have told."""
    return there if there is not None and not there else await or_none(ask())


async def _beside(
    door: Door, run: Run, standings: Callable[[], Awaitable[Standings]]
) -> tuple[Standings | None, OfRun | None]:
    """Of a running one how it stands; of one that ended what evaluations say: they are written down after it."""
    if not run.status.finished:
        return await or_none(standings()) if run.status is Status.RUNNING else None, OfRun()
    return None, await or_none(door.evaluated(run))


@dataclass(frozen=True, slots=True)
class Tab:
    name: str
    label: str
    count: int | None
    address: str
    current: bool


@dataclass(frozen=True, slots=True)
class RunView:
    run: Run
    state: state.State
    title: str
    selection: Selection
    tabs: tuple[Tab, ...]
    moves: tuple[Move, ...]
    story: steps.Story
    chart: waterfall.Waterfall | None  # as the conversation, only of the overview
    said: tuple[conversation.Said, ...]
    selected: steps.Step | None
    missing: bool  # the address names a step that is not there
    waiting: tuple[Approval, ...]
    approvals: tuple[Approval, ...] | None
    children: tuple[Run, ...] | None
    events: tuple[Event, ...]
    events_before: int  # not shown
    logs: tuple[Event, ...]
    progress: str
    live: str
    scores: tuple[scores.Line, ...] | None
    evaluated: evaluated.Evaluated | None
    retrying: int  # failed tries of a run whose call is being tried again
    still: datetime | None  # since when nothing has come of a run that is held

    @property
    def urgent(self) -> bool:
        """There is something to say about it that a person should heed."""
        run = self.run
        return bool(self.waiting or self.retrying or self.still or run.reason or run.error)

    @property
    def broken(self) -> steps.Step | None:
        """The step to look at when the run has failed: the last that did."""
        failed = [step for step in self.story.steps if step.state in (steps.StepState.FAILED, steps.StepState.UNKNOWN)]
        return failed[-1] if failed else None

    @property
    def model_calls(self) -> list[steps.Step]:
        return [step for step in self.story.steps if step.kind in _MODEL_CALLS]

    @property
    def tool_calls(self) -> list[steps.Step]:
        return [step for step in self.story.steps if step.kind in _TOOL_CALLS]


def shape(
    material: Material,
    selection: Selection,
    fmt: Format,
    *,
    texts: Mapping[str, str] | None = None,
    pane_only: bool = False,
    before: RunView | None = None,
) -> RunView:
    """`pane_only`: nothing is drawn but the step that is selected. `before`: the last of an open page, of which is
    taken over what has not changed."""
    run = material.run
    working = run.status in (Status.RUNNING, Status.PENDING)
    story = material.tape.story(texts, over=not working)
    selected = _selected(story, selection)
    approvals = None if material.approvals is None else tuple(material.approvals)
    logs, before_shown = material.tape.logs, max(0, len(material.events) - selection.rows)
    drawn = selection.tab == "overview" and not pane_only
    return RunView(
        run=run,
        state=state.of_run(run),
        title=headline(run),
        selection=selection,
        tabs=tuple(_tabs(material, story, logs, selection)),
        moves=tuple(moves(run, other_release=bool(material.releases))),
        story=story,
        chart=_chart(material, story, selection, fmt, before and before.chart) if drawn else None,
        said=_said(run, story, approvals or (), before) if drawn else (),
        selected=selected,
        missing=bool(selection.step) and selected is None,
        waiting=tuple(one for one in approvals or () if one.approved is None and one.expires_at > fmt.now),
        approvals=approvals,
        children=None if material.children is None else tuple(material.children),
        events=_read(material.events[before_shown:]) if selection.tab == "events" else (),
        events_before=before_shown,
        logs=_read(logs[-MOST_LOGS:]) if selection.tab == "logs" else (),
        progress=reading.text(progress.data, "text") if (progress := material.tape.progress) else "",
        live="" if run.status.finished else selection.address(live=True),
        scores=None if material.scores is None else scores.shape(material.scores),
        evaluated=None if material.evaluated is None else evaluated.shape(material.evaluated, fmt),
        retrying=0 if material.standings is None else material.standings.retrying.get(run.id, 0),
        still=None if material.standings is None else material.standings.stuck.get(run.id),
    )


def _chart(
    material: Material, story: steps.Story, selection: Selection, fmt: Format, before: waterfall.Waterfall | None
) -> waterfall.Waterfall:
    run, people = material.run, material.approvals or ()

    def draw() -> waterfall.Waterfall:
        return waterfall.draw(
            run, story, fmt, approvals=people, unfolded=selection.unfolded, most=selection.rows, before=before
        )

    if run.finished_at is None:
        return draw()
    answered = tuple((one.id, one.decided_by) for one in people)
    language = fmt.words.info().get("language", "")
    return material.tape.chart(
        (run.status, run.finished_at, answered, selection.unfolded, selection.rows, language), draw
    )


def _read(events: Sequence[Event]) -> tuple[Event, ...]:
    return tuple(replace(event, data=reading.at(event.data)) for event in events)


def _said(
    run: Run, story: steps.Story, approvals: tuple[Approval, ...], before: RunView | None
) -> tuple[conversation.Said, ...]:
    material = conversation.material
    same = before is not None and before.run is run and (before.approvals or ()) == approvals
    if before is not None and same and material(before.story) == material(story):
        return before.said
    return tuple(conversation.conversation(run, story, approvals))


def _selected(story: steps.Story, selection: Selection) -> steps.Step | None:
    return next((step for step in story.steps if step.key == selection.step), None) if selection.step else None


def _tabs(material: Material, story: steps.Story, logs: Sequence[Event], selection: Selection) -> list[Tab]:
    counts: dict[str, int | None] = {
        "events": len(material.events),
        "model": sum(step.kind in _MODEL_CALLS for step in story.steps),
        "tools": sum(step.kind in _TOOL_CALLS for step in story.steps),
        "logs": len(logs),
        "approvals": None if material.approvals is None else len(material.approvals),
        "children": None if material.children is None else len(material.children),
    }
    optional = {"approvals", "children"}
    return [
        Tab(name, label, counts.get(name), selection.tab_address(name), name == selection.tab)
        for name, label in TABS.items()
        if name not in optional or counts[name] or name == selection.tab
    ]


def value_of(material: Material, key: str, name: str) -> Any:
    """One value whole, for a download: a field of a step's data, or `input` and `output` of the run."""
    if not key:
        return {"input": material.run.input, "output": material.run.output}.get(name)
    step = next((step for step in material.tape.story().steps if step.key == key), None)
    return reading.at(step.data, name) if step else None
