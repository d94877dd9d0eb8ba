"""The waterfall as values: rows with bars in percent, ticks, flags and notes. The template only writes them down."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from fairlead.runs.run import Approval, Run, Status
from fairlead.web.console import rails, reading, scale
from fairlead.web.console.format import Format
from fairlead.web.console.language import N_
from fairlead.web.console.steps import Resume, Span, Step, StepState, Story

MOST_ROWS = 200
MORE_ROWS = 150


@dataclass(frozen=True, slots=True)
class Bar:
    shape: str  # model first tool failed lost person pause queue child timer unknown
    x: float
    width: float
    open: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    step: Step
    rail: rails.Rail
    bars: tuple[Bar, ...]
    took: timedelta | None
    ticking: bool  # its time still grows
    node: str  # circle square diamond
    tries: int
    begins: str
    folded: str
    hidden: int
    who: str  # the person who answered, once known
    offset: timedelta  # after the run was accepted
    skipped: int = 0  # rows left out above this one


@dataclass(frozen=True, slots=True)
class Note:
    """A sentence under the chart about a worker that died."""

    resume: Resume
    redone: int  # steps that were under way
    paid_again: int  # nano-dollars


@dataclass(frozen=True, slots=True)
class Waterfall:
    rows: tuple[Row, ...]
    ticks: tuple[scale.Tick, ...]
    flags: tuple[scale.Flag, ...]
    grid: tuple[float, ...]
    breaks: tuple[tuple[float, float], ...]  # x and width
    resumes: tuple[float, ...]
    now: float | None
    speed: float  # percent a second, for the script that moves the open bar
    notes: tuple[Note, ...]
    legend: tuple[str, ...]
    steps: int
    skipped: int
    skipped_after: int
    branches: int
    retries: int


def draw(
    run: Run,
    story: Story,
    fmt: Format,
    *,
    approvals: Sequence[Approval] = (),
    unfolded: frozenset[str] = frozenset(),
    most: int = MOST_ROWS,
) -> Waterfall:
    """The whole picture of one run at one moment."""
    clock = _Clock(run, story, fmt.now)
    axis = scale.build(clock.busy(), clock.until, growing=clock.growing)
    placed = rails.arrange(story.steps, unfolded=unfolded)
    people = {approval.id: approval.decided_by or "" for approval in approvals}
    rows, after = _rows(placed, chosen(placed, most), clock, axis, people)
    now = axis.x(clock.until) if clock.growing else None
    queue = _queue(clock, axis)
    if rows and queue:
        rows[0] = replace(rows[0], bars=(queue, *rows[0].bars))
    return Waterfall(
        rows=tuple(rows),
        ticks=tuple(scale.ticks(axis)),
        flags=tuple(_flags(clock, axis, story, fmt, now)),
        grid=tuple(tick.x for tick in scale.ticks(axis)),
        breaks=tuple(axis.bar(gap.start, gap.end) for gap in axis.gaps),
        resumes=tuple(axis.x(clock.second(resume.at)) for resume in story.resumes),
        now=now,
        speed=round(axis.percent_per_second, 6),
        notes=tuple(_note(resume, story.steps) for resume in story.resumes),
        legend=tuple(dict.fromkeys(bar.shape for row in rows for bar in row.bars)),
        steps=len(story.steps),
        skipped=sum(row.skipped for row in rows) + after,
        skipped_after=after,
        branches=story.branches,
        retries=story.retried,
    )


@dataclass(frozen=True, slots=True)
class _Clock:
    """Moments as seconds since the run was accepted."""

    run: Run
    story: Story
    now: datetime

    def second(self, moment: datetime) -> float:
        return max(0.0, (moment - self.run.created_at).total_seconds())

    @property
    def growing(self) -> bool:
        return self.run.status in (Status.RUNNING, Status.PENDING) or any(
            step.state is StepState.WAITING for step in self.story.steps
        )

    @property
    def until(self) -> float:
        if self.growing:
            return self.second(self.now)
        ends = [self.second(step.end) for step in self.story.steps if step.end]
        last = self.run.finished_at or (None if ends else self.now)
        return max([*ends, self.second(last) if last else 0.0])

    def busy(self) -> list[tuple[float, float]]:
        """When something executed: not while a person, a child or a time was waited for."""
        found: list[tuple[float, float]] = []
        for step in self.story.steps:
            if step.kind in ("timer", "child", "approval"):
                continue
            found += [(self.second(span.start), self.second(span.end)) for span in step.lost]
            end = self.second(step.end) if step.end else self.until
            found.append((self.second(step.start), max(end, self.second(step.start))))
        return found


def chosen(placed: Sequence[rails.Placed], most: int) -> list[int]:
    """Which rows to send of too many: what failed, what is open, what was slow, then from the beginning on."""
    if len(placed) <= most:
        return list(range(len(placed)))
    urgent = [i for i, row in enumerate(placed) if row.step.state is not StepState.DONE or row.step.lost][: most // 2]
    slow = sorted(range(len(placed)), key=lambda i: _took(placed[i].step), reverse=True)[: most // 10]
    kept = {*urgent, *slow, len(placed) - 1}
    for number in range(len(placed)):
        if len(kept) >= most:
            break
        kept.add(number)
    return sorted(kept)


def _took(step: Step) -> timedelta:
    return step.end - step.start if step.end else timedelta.max


def _rows(
    placed: Sequence[rails.Placed], kept: Sequence[int], clock: _Clock, axis: scale.Scale, people: dict[str, str]
) -> tuple[list[Row], int]:
    rows: list[Row] = []
    last = -1
    for number in kept:
        rows.append(_row(placed[number], clock, axis, people, skipped=number - last - 1))
        last = number
    return rows, len(placed) - last - 1


def _row(at: rails.Placed, clock: _Clock, axis: scale.Scale, people: dict[str, str], *, skipped: int) -> Row:
    step = at.step
    ticking = step.end is None and clock.growing
    end = step.end or clock.now
    return Row(
        step=step,
        rail=at.rail,
        bars=tuple(_bars(step, clock, axis)) if not at.folded else (),
        took=None if at.folded else max(end - step.begin, timedelta()),
        ticking=ticking and not at.folded,
        node=_node(step),
        tries=max(len(step.tries), 1) + len(step.lost),
        begins=at.begins,
        folded=at.folded,
        hidden=at.hidden,
        who=_who(step, people),
        offset=step.begin - clock.run.created_at,
        skipped=skipped,
    )


def _node(step: Step) -> str:
    if step.kind in ("approval",) or step.state is StepState.UNKNOWN:
        return "diamond"
    if step.kind == "model":
        return "circle"
    return "ring" if step.kind in ("timer", "child") else "square"


def _who(step: Step, people: dict[str, str]) -> str:
    if step.kind != "approval":
        return ""
    told = reading.text(step.data, "result", "by") or reading.text(step.data, "by")
    return told or people.get(reading.text(step.data, "approval_id"), "")


def _bars(step: Step, clock: _Clock, axis: scale.Scale) -> list[Bar]:
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


def _tried(step: Step, clock: _Clock, axis: scale.Scale) -> list[Bar]:
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


def _bar(shape: str, span: Span, clock: _Clock, axis: scale.Scale) -> Bar:
    return Bar(shape, *axis.bar(clock.second(span.start), clock.second(span.end)))


def _queue(clock: _Clock, axis: scale.Scale) -> Bar | None:
    started = clock.story.started_at
    if started is None or clock.second(started) * axis.percent_per_second < 1:
        return None
    return Bar("queue", *axis.bar(0.0, clock.second(started)))


def _flags(clock: _Clock, axis: scale.Scale, story: Story, fmt: Format, now: float | None) -> list[scale.Flag]:
    _ = fmt.words.gettext
    flags = [scale.Flag(axis.x(clock.second(resume.at)), "↻ " + _("resumed"), "ask") for resume in story.resumes[-3:]]
    for gap in axis.gaps:
        label = _("%(span)s wait") % {"span": fmt.duration(timedelta(seconds=round(gap.length)))}
        flags.append(scale.Flag(axis.x((gap.start + gap.end) / 2), label))
    if now is not None:
        flags.append(scale.Flag(now, _("now"), "accent"))
    return scale.place(flags)


def _note(resume: Resume, steps: Sequence[Step]) -> Note:
    redone = [step for step in steps if any(span.end == resume.at for span in step.lost)]
    return Note(resume, len(redone), sum(step.cost_nano or 0 for step in redone if step.kind == "model"))


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
