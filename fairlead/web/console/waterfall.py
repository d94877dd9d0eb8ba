"""The waterfall as values: rows with bars in percent, ticks, flags and notes. The template only writes them down."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from hashlib import sha256
from heapq import nlargest

from fairlead.runs.run import Approval, Run
from fairlead.web.console import bars, rails, reading, scale
from fairlead.web.console.bars import Bar, Clock
from fairlead.web.console.format import Format
from fairlead.web.console.steps import Resume, Step, StepState, Story

MOST_ROWS = 100  # three screens: more of them keep the first from being painted
MORE_ROWS = 150
_MARK = 17  # letters


@dataclass(frozen=True, slots=True)
class Row:
    mark: str  # the id of its element, which it keeps
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
    hidden_failed: int
    who: str  # the person who answered, once known
    offset: timedelta  # after the run was accepted
    skipped: int = 0  # rows left out above this one

    @property
    def looks(self) -> dict[str, Hashable]:
        """All that each piece of it is drawn from, but for what is selected. When the axis grows, only its line looks
        different; when a row comes below it, only its rail."""
        step, rail = self.step, self.rail
        return {
            "step_rail": (
                step.state, self.node, self.folded, rail.lane, rail.up, rail.down, rail.through, rail.fork, rail.join,
            ),
            "step_name": (
                step.key, step.state, step.name, step.again, len(step.lost), self.tries, self.folded, self.hidden,
                self.hidden_failed, self.who,
            ),
            "step_line": self.bars,
            "step_figures": (
                step.cost_nano, self.took, self.ticking, self.tries, self.begins, self.folded, self.offset
            ),
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Note:
    """A sentence under the chart about a worker that died."""

    resume: Resume
    redone: int  # steps that were under way
    paid_again: int  # nano-dollars


@dataclass(frozen=True, slots=True)
class Waterfall:
    axis: scale.Scale
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

    @property
    def looks(self) -> Hashable:
        """All that it is drawn from, but for its rows, what is said above them, and the time that goes on."""
        return bool(self.rows), self.ticks, self.grid, self.breaks, self.resumes, self.speed, self.notes, self.legend

    @property
    def legend_words(self) -> Mapping[str, str]:
        return bars.LEGEND


def draw(
    run: Run,
    story: Story,
    fmt: Format,
    *,
    approvals: Sequence[Approval] = (),
    unfolded: frozenset[str] = frozenset(),
    most: int = MOST_ROWS,
    before: Waterfall | None = None,
) -> Waterfall:
    """The whole picture of one run at one moment. `before`: one of the same run, of which the rows are taken over that
    look as they did."""
    clock = Clock(run, story, fmt.now)
    axis = scale.build(clock.busy(), clock.until, growing=clock.growing)
    ticks = tuple(scale.ticks(axis, fmt))
    placed = rails.arrange(story.steps, unfolded=unfolded)
    people = {approval.id: approval.decided_by or "" for approval in approvals}
    known = before.rows[1:] if before is not None and before.axis == axis else ()
    rows, after = _rows(placed, chosen(placed, most), clock, axis, people, {row.step.seq: row for row in known})
    now = axis.x(clock.until) if clock.growing else None
    queue = bars.of_queue(clock, axis)
    if rows and queue:
        rows[0] = replace(rows[0], bars=(queue, *rows[0].bars))
    return Waterfall(
        axis=axis,
        rows=tuple(rows),
        ticks=ticks,
        flags=tuple(_flags(clock, axis, story, fmt, now)),
        grid=tuple(tick.x for tick in ticks),
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


def chosen(placed: Sequence[rails.Placed], most: int) -> list[int]:
    """Which rows to send of too many: what failed, what is open, what was slow, then from the beginning on."""
    if len(placed) <= most:
        return list(range(len(placed)))
    urgent = [i for i, row in enumerate(placed) if row.step.state is not StepState.DONE or row.step.lost][: most // 2]
    slow = nlargest(most // 10, range(len(placed)), key=lambda i: _took(placed[i].step))
    kept = {*urgent, *slow, len(placed) - 1}
    for number in range(len(placed)):
        if len(kept) >= most:
            break
        kept.add(number)
    return sorted(kept)


def _took(step: Step) -> timedelta:
    return step.end - step.start if step.end else timedelta.max


def _rows(
    placed: Sequence[rails.Placed], kept: Sequence[int], clock: Clock, axis: scale.Scale, people: dict[str, str],
    known: Mapping[int, Row],
) -> tuple[list[Row], int]:  # fmt: skip
    """`known`: by the event of the step. The first row is not among them: it has the queue's bar, too."""
    rows: list[Row] = []
    marks: set[str] = set()
    last = -1
    for number in kept:
        at, skipped = placed[number], number - last - 1
        row = known.get(at.step.seq) if rows else None
        if row is None or not _stays(row, at, skipped):
            row = _row(at, clock, axis, people, skipped=skipped)
        if (mark := _mark(row, marks)) != row.mark:
            row = replace(row, mark=mark)
        marks.add(mark)
        rows.append(row)
        last = number
    return rows, len(placed) - last - 1


def _mark(row: Row, taken: Collection[str]) -> str:
    """What was recorded twice, for a person had it repeated, is shown twice."""
    mark = row.mark[:_MARK]
    return f"{mark}-{row.step.seq}" if mark in taken else mark


def _stays(row: Row, at: rails.Placed, skipped: int) -> bool:
    """It is drawn from the same, on the same axis. Who answered an approval is known by the approval alone."""
    step = at.step
    return (
        row.step is step and step.end is not None and step.kind != "approval" and not at.folded and not row.folded
        and row.rail == at.rail and row.begins == at.begins and row.skipped == skipped
    )  # fmt: skip


def _row(at: rails.Placed, clock: Clock, axis: scale.Scale, people: dict[str, str], *, skipped: int) -> Row:
    step = at.step
    ends = [one.end for one in at.hidden or (step,)]
    ticking = None in ends and clock.growing
    end = max((one or clock.now) for one in ends)
    return Row(
        mark=("step-" + sha256(f"{at.folded}\n{step.key}".encode()).hexdigest())[:_MARK],
        step=step,
        rail=at.rail,
        bars=tuple(bars.of_folded(at.hidden, clock, axis) if at.folded else bars.of_step(step, clock, axis)),
        took=max(end - step.begin, timedelta()),
        ticking=ticking,
        node=_node(step),
        tries=max(len(step.tries), 1) + len(step.lost),
        begins=at.begins,
        folded=at.folded,
        hidden=len(at.hidden),
        hidden_failed=sum(one.state is StepState.FAILED for one in at.hidden),
        who=_who(step, people),
        offset=step.begin - clock.run.created_at,
        skipped=skipped,
    )


def _node(step: Step) -> str:
    if step.kind == "approval" or step.state is StepState.UNKNOWN:
        return "diamond"
    if step.kind == "model":
        return "circle"
    return "ring" if step.kind in ("timer", "child") else "square"


def _who(step: Step, people: dict[str, str]) -> str:
    if step.kind != "approval":
        return ""
    told = reading.text(step.data, "result", "by") or reading.text(step.data, "by")
    return told or people.get(reading.text(step.data, "approval_id"), "")


def _flags(clock: Clock, axis: scale.Scale, story: Story, fmt: Format, now: float | None) -> list[scale.Flag]:
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
