"""A run as one turn of a conversation: what it was asked, what it said, how it went."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fairlead.runs.run import Approval, Event, Run, Status
from fairlead.web.console import conversation, state, steps
from fairlead.web.console.door import Delta, Door
from fairlead.web.console.format import Format

_MOST_STEPS = 300  # of a run that is read with all its events
_OPEN = (Status.PENDING, Status.RUNNING)


@dataclass(frozen=True, slots=True)
class Told:
    """A run and what was said in it. `whole` False: it has too many steps to be told here."""

    run: Run
    events: tuple[Event, ...] = ()
    approvals: tuple[Approval, ...] = ()
    whole: bool = True


@dataclass(frozen=True, slots=True)
class Turn:
    run: Run
    state: state.State
    said: tuple[conversation.Said, ...]
    path: str
    took: str
    ticking: float | None  # seconds, while it is under way
    waiting: tuple[Approval, ...]
    output: Any = None  # when it is no words
    whole: bool = True


class Texts:
    """What the open model calls of some runs have said, as far as it was heard."""

    def __init__(self) -> None:
        self.of: dict[str, dict[str, str]] = {}  # by run, then by step

    def hear(self, pending: Sequence[Event | Delta]) -> None:
        for one in pending:
            if isinstance(one, Delta):
                said = self.of.setdefault(one.run_id, {})
                said[one.step] = said.get(one.step, "")[: one.offset] + one.text


async def tell(door: Door, run: Run, known: Sequence[Event] = ()) -> Told:
    """A run with its events; those already known are not read again."""
    if run.steps > _MOST_STEPS:
        return Told(run, whole=False)
    events, approvals = await asyncio.gather(
        door.events(run.id, after=known[-1].seq if known else 0), door.approvals(run_id=run.id, waiting=False)
    )
    return Told(run, (*known, *events), tuple(approvals))


async def tell_again(door: Door, run: Run, before: Told | None) -> Told:
    if before is not None and before.run.finished_at is not None and before.run.finished_at == run.finished_at:
        return before
    return await tell(door, run, before.events if before else ())


def turn(told: Told, fmt: Format, texts: Mapping[str, str] | None = None) -> Turn:
    run, working = told.run, told.run.status in _OPEN
    story = steps.fold(told.events, texts, over=not working)
    said = conversation.turn(run, story, told.approvals)
    words = conversation.answered(run.output) or any(one.who == "agent" and one.text for one in said)
    took = (run.finished_at or fmt.now) - run.created_at
    return Turn(
        run=run,
        state=state.of_run(run),
        said=tuple(said),
        path=f"/console/runs/{run.id}",
        took=fmt.duration(took),
        ticking=round(took.total_seconds(), 1) if working else None,
        waiting=tuple(one for one in told.approvals if one.approved is None and one.expires_at > fmt.now),
        output=None if words else run.output,
        whole=told.whole,
    )
