"""From the events of a run to its steps: one row per step, with every attempt it took.

Main path: `fold`. An intent or a waiting opens a step, the step's own record closes it, and what was open when a
worker died is kept as the time lost with it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from operator import attrgetter
from typing import Any

from fairlead.runs.body import Body
from fairlead.runs.run import Event
from fairlead.web.console import model_call, reading

WAITS = frozenset({"timer", "child", "approval"})
"""Kinds of steps in which nothing executes."""
_AS_BEGUN = attrgetter("start", "seq")  # of steps of which none was lost


class StepState(StrEnum):
    DONE = "done"
    FAILED = "failed"
    OPEN = "open"  # somebody is in the middle of it
    WAITING = "waiting"  # for a person, a child run or a time
    UNKNOWN = "unknown"  # begun, and nobody knows whether it happened
    STOPPED = "stopped"  # given up in the middle, by a cancellation or a death


@dataclass(frozen=True, slots=True)
class Span:
    start: datetime
    end: datetime

    @property
    def took(self) -> timedelta:
        return max(self.end - self.start, timedelta())


@dataclass(frozen=True, slots=True)
class Try:
    """One attempt at a step: to a provider, or of a tool."""

    span: Span
    ok: bool
    outcome: str
    message: str = ""
    provider: str = ""


@dataclass(slots=True)  # not frozen: that takes thrice the time, and a long run has thousands
class Step:
    key: str
    kind: str  # model tool step timer child approval value
    name: str
    branch: str
    seq: int  # of the event that closed it, or opened it
    fence: int
    start: datetime
    end: datetime | None  # None: not over
    state: StepState
    tries: tuple[Try, ...] = ()
    lost: tuple[Span, ...] = ()  # what was under way when a worker died
    body: Any = None  # what was recorded of it; a `Body` is decoded when it is looked at
    again: int = 1  # the how manieth step of this name in its branch; 0 until it is told of
    text: str = ""  # what has been streamed so far
    speaks: bool = False  # a model was asked in it, and not aside

    @property
    def data(self) -> Any:
        """Decoded anew each time."""
        return model_call.plain(self.body) if self.kind == "model" else reading.at(self.body)

    @property
    def first_token(self) -> timedelta | None:
        return None if self.end is None else reading.span(_told(self.kind, self.body), "first_token")

    @property
    def cost_nano(self) -> int | None:
        if self.end is None or self.kind not in ("model", "child"):
            return None
        found = reading.number(_told(self.kind, self.body), "cost_nano")
        return None if found is None else int(found)

    @property
    def begin(self) -> datetime:
        """When it was first tried, by whichever worker."""
        return min(self.start, *(span.start for span in self.lost)) if self.lost else self.start


@dataclass(frozen=True, slots=True)
class Resume:
    """A worker died, and another took over."""

    at: datetime
    before: str  # the worker that had it; may be empty
    after: str
    fence: int
    took: timedelta | None
    reused: int  # recorded steps


@dataclass(frozen=True, slots=True)
class Work:
    """When something executed, but for what is still open, as far as it is known without looking at each step: from
    the first of them until the last, and never a longer pause between two."""

    since: datetime
    until: datetime
    pause: timedelta = timedelta()

    def and_also(self, more: Work) -> Work:
        """With what is told after it: what fills pauses of one in the other is not looked at."""
        return Work(self.since, max(self.until, more.until), max(self.pause, more.pause, more.since - self.until))


@dataclass(frozen=True, slots=True)
class Story:
    """Everything the events say about how a run went."""

    steps: tuple[Step, ...]  # in the order in which they began
    resumes: tuple[Resume, ...]
    started_at: datetime | None  # when a worker first had it
    workers: dict[int, str] = field(default_factory=dict[int, str])  # by fence
    work: Work | None = None

    @property
    def branches(self) -> int:
        return len({step.branch for step in self.steps if step.branch})

    @property
    def retried(self) -> int:
        """Attempts that failed and were followed by another."""
        return sum(len(step.tries) - 1 for step in self.steps if step.tries)


def fold(events: Iterable[Event], texts: Mapping[str, str] | None = None, *, over: bool = False) -> Story:
    """The story so far. `texts`: what open model calls have said, by key. `over`: nobody works on the run any more."""
    telling = Telling()
    for event in events:
        telling.hear(event)
    return telling.told(texts or {}, over=over)


class Telling:
    """A story as it is being told: it hears event after event, and says at any time how it went so far."""

    def __init__(self) -> None:
        self.done: list[Step] = []
        self.open: dict[str, Event] = {}  # what began it
        self.lost: dict[str, list[Span]] = {}
        self.resumes: list[Resume] = []
        self.workers: dict[int, str] = {}
        self.started_at: datetime | None = None
        self.death: Event | None = None
        self.fence = 0
        self.latest: datetime | None = None
        self.work: Work | None = None
        self._numbered: dict[int, Step] = {}  # as told last, by what closed them

    def hear(self, event: Event) -> None:
        self.latest = event.at
        match event.type:
            case "started":
                self._started(event)
            case "lost":
                self.death = event
            case "intent" | "waiting":
                self._opened(event)
            case "step" | "failed" | "outcome":
                self._closed(event)
            case _:
                pass

    def _started(self, event: Event) -> None:
        worker = reading.text(event.data, "worker")
        before = self.workers.get(self.fence, "")
        self.fence = event.fence or reading.whole(event.data, "attempt") or self.fence + 1
        self.workers[self.fence] = worker
        self.started_at = self.started_at or event.at
        if self.death is not None:
            gap = reading.number(self.death.data, "after_ms")
            took = event.at - self.death.at if gap is None else timedelta(milliseconds=gap)
            before = reading.text(self.death.data, "worker") or before
            reused = reading.number(event.data, "reused")
            known = len(self.done) if reused is None else int(reused)
            self.resumes.append(Resume(event.at, before, worker, self.fence, took, known))
            for key, began in self.open.items():
                if began.type == "intent":
                    self.lost.setdefault(key, []).append(Span(_start(began), event.at))
        self.death = None

    def _opened(self, event: Event) -> None:
        key = event.key or f"#{event.seq}"
        if key in self.open and event.type == "waiting":
            return  # parked twice for the same thing: it has waited since the first time
        self.open[key] = event if event.fence else replace(event, fence=self.fence)

    def _closed(self, event: Event) -> None:
        key = event.key or f"#{event.seq}"
        began = self.open.pop(key, None)
        start = event.started_at or (_start(began) if began else event.at)
        kind = event.kind or (began and began.kind) or "step"
        body = event.data
        if began is not None and began.type == "waiting":
            start = _start(began)
            body = {**reading.mapping(began.data), **reading.mapping(body)}  # what it waited for stays known
        start = min(start, event.at)
        if kind not in (*WAITS, "value"):
            work = Work(start, event.at)
            self.work = self.work.and_also(work) if self.work else work
        told = _told(kind, body)
        self.done.append(
            Step(
                key=key,
                kind=kind,
                name=event.name or (began and (began.name or began.kind)) or kind,
                branch=event.branch or (began.branch if began else ""),
                seq=event.seq,
                fence=event.fence or self.fence,
                start=start,
                end=event.at,
                state=StepState.DONE if event.type != "failed" and told.get("error") is None else StepState.FAILED,
                tries=_tries(told["attempts"], event.at) if "attempts" in told else (),
                body=body,
                again=0,
                speaks=kind == "model" and _speaks(told),
            )
        )

    def told(self, texts: Mapping[str, str], *, over: bool) -> Story:
        left = [self._left(_open(key, began), texts, over=over) for key, began in self.open.items()]
        steps = [step for step in [*self.done, *left] if step.kind != "value"]
        if self.lost:
            steps = [replace(s, lost=tuple(self.lost[s.key])) if s.key in self.lost else s for s in steps]
        if self.lost or self.resumes:
            in_order = sorted(_infer_lost(steps, self.resumes), key=lambda step: (step.begin, step.seq))
        else:
            in_order = sorted(steps, key=_AS_BEGUN)
        steps, self._numbered = _count_names(in_order, self._numbered)
        return Story(tuple(steps), tuple(self.resumes), self.started_at, self.workers, self.work)

    def _left(self, step: Step, texts: Mapping[str, str], *, over: bool) -> Step:
        """What nobody works on any more: an effect may or may not have happened, everything else was given up."""
        if step.state is not StepState.OPEN:
            return step
        if step.kind == "model":
            step = replace(step, speaks=_speaks(_told(step.kind, step.body)))
        end = self.death.at if self.death else self.latest if over else None
        if end is None:
            return replace(step, text=texts.get(step.key, ""))
        state = StepState.UNKNOWN if step.kind == "tool" else StepState.STOPPED
        return replace(step, state=state, end=max(end, step.start))


def _start(event: Event) -> datetime:
    return event.started_at or event.at


def _open(key: str, event: Event) -> Step:
    state, kind = StepState.OPEN if event.type == "intent" else StepState.WAITING, event.kind or "step"
    return Step(
        key, kind, event.name or kind, event.branch, event.seq, event.fence, _start(event), None, state, body=event.data
    )  # fmt: skip


def _told(kind: str, body: Any) -> dict[str, Any]:
    """What was recorded, as far as the picture is made of it."""
    if kind == "model":
        return model_call.told(body)
    plain = kind != "child" and isinstance(body, Body) and not body.names("error", "attempts", "first_token")
    return {} if plain else reading.mapping(body)


def _speaks(told: dict[str, Any]) -> bool:
    return bool(reading.mapping(told, "request")) and not told.get("aside")


def _tries(attempts: Any, over: datetime) -> tuple[Try, ...]:
    """The attempts as recorded, kept inside the step even when two clocks disagreed. One that went well is the step."""
    found: list[Try] = []
    given = reading.items(attempts)
    if len(given) == 1 and reading.text(given[0], "outcome") == "ok":
        return ()
    for attempt in given:
        start = reading.moment(attempt, "started_at")
        if start is None:
            continue
        start = min(start, over)
        span = Span(start, min(start + (reading.span(attempt, "took") or timedelta()), over))
        outcome = reading.text(attempt, "outcome")
        said, provider = reading.text(attempt, "message"), reading.text(attempt, "provider")
        found.append(Try(span, outcome == "ok", outcome, said, provider))
    return tuple(found)


def _infer_lost(steps: list[Step], resumes: list[Resume]) -> list[Step]:
    """What ran in each branch when a worker died left no record: it lies between the last record and the death."""
    for resume in resumes:
        before: dict[str, datetime] = {}  # by branch: when its last record before the death was made
        after: dict[str, datetime] = {}  # and its first one afterwards
        for step in steps:
            if step.end is None:
                continue
            if step.end <= resume.at:
                before[step.branch] = max(step.end, before.get(step.branch, step.end))
            elif step.fence >= resume.fence:  # by whose it was: a step may begin before its worker's claim is told
                after[step.branch] = min(step.end, after.get(step.branch, step.end))
        steps = [_with_lost(step, resume, before, after) for step in steps]
    return steps


def _with_lost(step: Step, resume: Resume, before: dict[str, datetime], after: dict[str, datetime]) -> Step:
    if step.lost or step.fence != resume.fence or step.kind not in ("model", "tool", "step") or step.start < resume.at:
        return step
    line = _line(step.branch)
    if any(branch in after and after[branch] <= step.start for branch in line):
        return step  # something came before it: it was not what the death interrupted
    known = [before[branch] for branch in line if branch in before]
    return replace(step, lost=(Span(max(known), resume.at),)) if known else step


def _line(branch: str) -> list[str]:
    """A branch and those it came from."""
    parts = branch.split("/") if branch else []
    return ["", *("/".join(parts[: number + 1]) for number in range(len(parts)))]


def _count_names(steps: list[Step], before: Mapping[int, Step]) -> tuple[list[Step], dict[int, Step]]:
    """Each with its number, and those that are not as they were closed. One that is over, and as it was `before`, is
    the same value again: whoever draws it need not look at it anew."""
    seen: dict[tuple[str, str], int] = {}
    counted: list[Step] = []
    numbered: dict[int, Step] = {}
    for step in steps:
        where = (step.branch, step.name)
        again = seen[where] = seen.get(where, 0) + 1
        known = before.get(step.seq)
        if known is not None and known.again == again and _is_same(known, step):
            step = numbered[step.seq] = known
        elif not step.again:
            step.again = again  # nobody has been told of it
        elif step.again != again:
            step = numbered[step.seq] = _numbered(step, again)
        if step.lost:
            numbered[step.seq] = step
        counted.append(step)
    return counted, numbered


def _is_same(known: Step, step: Step) -> bool:
    return known.end is not None and known.end is step.end and known.lost == step.lost


def _numbered(step: Step, again: int) -> Step:
    """A fifth of the time of `replace`, and a long run has thousands."""
    return Step(
        step.key, step.kind, step.name, step.branch, step.seq, step.fence, step.start, step.end, step.state, step.tries,
        step.lost, step.body, again, step.text, step.speaks,
    )  # fmt: skip
