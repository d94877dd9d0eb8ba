"""The bars of one row: what a step did with its time, in percent of the axis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from fairlead.runs.run import Run, Status
from fairlead.web.console import scale
from fairlead.web.console.language import N_
from fairlead.web.console.steps import WAITS, Span, Step, StepState, Story

LEGEND = {
    "first": N_("model: waiting, streaming"),
    "model": N_("model: waiting, streaming"),
    "tool": N_("tool"),
    "failed": N_("failed attempt"),
    "lost": N_("lost with its worker"),
    "person": N_("waiting for a person"),
    "timer": N_("sleeping"),
    "child": N_("child run"),
    "queue": N_("queued"),
    "unknown": N_("outcome unknown"),
    "stopped": N_("stopped in the middle"),
}


@dataclass(frozen=True, slots=True)
class Bar:
    shape: str  # model first tool failed lost person pause queue child timer unknown
    x: float
    width: float
    open: bool = False


@dataclass(frozen=True)
class Clock:
    """Moments as seconds since the run was accepted. What all steps have a part in is found once."""

    run: Run
    story: Story
    now: datetime

    def second(self, moment: datetime) -> float:
        return max(0.0, (moment - self.run.created_at).total_seconds())

    @cached_property
    def growing(self) -> bool:
        return self.run.status in (Status.RUNNING, Status.PENDING) or any(
            step.state is StepState.WAITING for step in self.story.steps
        )

    @cached_property
    def until(self) -> float:
        if self.growing:
            return self.second(self.now)
        ends = [step.end for step in self.story.steps if step.end]
        last = self.run.finished_at or (None if ends else self.now)
        return max(self.second(max(ends)) if ends else 0.0, self.second(last) if last else 0.0)

    def busy(self) -> list[tuple[float, float]]:
        """When something executed: not while a person, a child or a time was waited for. Pauses too short to be cut out
        of the axis may count, where there are no others."""
        if not self._paused:
            return [(0.0, self.until)]
        found: list[tuple[float, float]] = []
        accepted, until = self.run.created_at, self.until
        for step in self.story.steps:
            if step.kind in WAITS:
                continue
            if step.lost:
                found += [(self.second(span.start), self.second(span.end)) for span in step.lost]
            start = (step.start - accepted).total_seconds()
            end = until if step.end is None else (step.end - accepted).total_seconds()
            found.append((max(start, 0.0), max(start, end, 0.0)))
        return found

    @property
    def _paused(self) -> bool:
        work = self.story.work
        if work is None:
            return True
        longest = max(self.second(work.since), work.pause.total_seconds(), self.until - self.second(work.until))
        return longest > scale.IDLE


def of_step(step: Step, clock: Clock, axis: scale.Scale) -> list[Bar]:
    bars = [_bar("lost", span, clock, axis) for span in step.lost]
    start, end = clock.second(step.start), clock.second(step.end) if step.end else clock.until
    opened = step.end is None
    if step.kind in ("approval", "timer", "child"):
        shape = {"approval": "person", "timer": "timer", "child": "child"}[step.kind]
        return [*bars, Bar(shape, *axis.bar(start, end), open=opened)]
    if step.state is StepState.UNKNOWN:
        return [*bars, Bar("unknown", *axis.bar(start, max(end, start)))]
    if step.tries and len(step.tries) > 1:
        bars += _tried(step, clock, axis)
        start = clock.second(step.tries[-1].span.start)
    if step.state in (StepState.FAILED, StepState.STOPPED):
        shape = "failed" if step.state is StepState.FAILED else "stopped"
        return [*bars, Bar(shape, *axis.bar(start, end))]
    return [*bars, *_solid(step, start, end, axis, opened=opened)]


def of_folded(hidden: Sequence[Step], clock: Clock, axis: scale.Scale) -> list[Bar]:
    """From the first of the hidden steps to the last."""
    ends = [clock.second(step.end) if step.end else clock.until for step in hidden]
    return [Bar("folded", *axis.bar(clock.second(hidden[0].begin), max(ends)), open=any(s.end is None for s in hidden))]


def _tried(step: Step, clock: Clock, axis: scale.Scale) -> list[Bar]:
    """The attempts that failed, and the pauses between."""
    bars: list[Bar] = []
    for attempt, following in zip(step.tries, step.tries[1:], strict=False):
        bars.append(_bar("failed", attempt.span, clock, axis))
        pause = Span(attempt.span.end, max(following.span.start, attempt.span.end))
        if pause.took:
            bars.append(_bar("pause", pause, clock, axis))
    return bars


def _solid(step: Step, start: float, end: float, axis: scale.Scale, *, opened: bool) -> list[Bar]:
    if step.kind != "model":
        return [Bar("tool", *axis.bar(start, end), open=opened)]
    if opened and not step.text:
        return [Bar("first", *axis.bar(start, end), open=True)]
    wait = step.first_token.total_seconds() if step.first_token else 0.0
    x, width = axis.bar(start, end)
    first = axis.x(min(start + wait, end))
    whole = Bar("first", x, width) if wait else None
    rest = (first, round(max(x + width - first, scale.THINNEST), 3)) if wait else (x, width)
    solid = Bar("model", *rest, open=opened)
    return [whole, solid] if whole else [solid]


def _bar(shape: str, span: Span, clock: Clock, axis: scale.Scale) -> Bar:
    return Bar(shape, *axis.bar(clock.second(span.start), clock.second(span.end)))


def of_queue(clock: Clock, axis: scale.Scale) -> Bar | None:
    started = clock.story.started_at
    if started is None or clock.second(started) * axis.percent_per_second < 1:
        return None
    return Bar("queue", *axis.bar(0.0, clock.second(started)))
