"""The time axis of the waterfall: linear from 0, idle stretches cut out, everything as percent of its width.

It needs no browser: bars, ticks and flags come out as positions. Text is placed for an axis of `WIDTH` pixels,
the narrowest there is, so it fits on the wider ones too.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from fairlead.web.console.format import Format

WIDTH = 330  # px
TICK_APART = 44  # px
BREAK = 5.0  # percent
THINNEST = 0.6  # percent: 2 px
IDLE = 30.0  # s: a shorter gap is never cut
_NICE = (1.0, 2.0, 5.0)
_MINUTES = (60.0, 120.0, 300.0, 600.0, 1200.0, 1800.0, 3600.0, 7200.0, 18000.0, 36000.0, 86400.0)


@dataclass(frozen=True, slots=True)
class Gap:
    """Seconds cut out of the axis."""

    start: float
    end: float

    @property
    def length(self) -> float:
        return self.end - self.start


@dataclass(frozen=True, slots=True)
class Tick:
    x: float
    label: str


@dataclass(frozen=True, slots=True)
class Flag:
    """A word above the ticks: resumed, now, the length of a break."""

    x: float
    label: str
    tone: str = ""


@dataclass(frozen=True, slots=True)
class Scale:
    end: float  # seconds that are shown, gaps not counted
    gaps: tuple[Gap, ...] = ()

    def x(self, second: float) -> float:
        """Where a moment lies, in percent."""
        kept, passed = max(second, 0.0), 0.0
        for gap in self.gaps:
            if second >= gap.end:
                kept -= gap.length
                passed += BREAK
            elif second > gap.start:
                kept -= second - gap.start
                passed += BREAK * (second - gap.start) / gap.length
        return round(min(100.0, kept * self.percent_per_second + passed), 3)

    @property
    def percent_per_second(self) -> float:
        return (100.0 - BREAK * len(self.gaps)) / self.end

    def bar(self, start: float, end: float) -> tuple[float, float]:
        """x and width, never thinner than can be seen."""
        x = self.x(start)
        width = max(self.x(end) - x, THINNEST)
        return round(min(x, 100.0 - width), 3), round(width, 3)


def build(busy: Iterable[tuple[float, float]], until: float, *, growing: bool = False) -> Scale:
    """The axis for a run that was executing in `busy` and lasts `until`. A growing one changes its end seldom."""
    gaps = idle(busy, until)
    kept = max(until - sum(gap.length for gap in gaps), 0.001)
    end = _round_up(kept * 1.04) if growing else _snug(kept)
    return Scale(end, gaps)


def idle(busy: Iterable[tuple[float, float]], until: float) -> tuple[Gap, ...]:
    """The stretches in which nothing executes that are worth cutting, a little kept at both ends."""
    merged = _merge(busy)
    executing = sum(end - start for start, end in merged)
    edges = [(0.0, 0.0), *merged, (until, until)]
    found: list[Gap] = []
    for (_, end), (start, _) in pairwise(edges):
        if start - end > IDLE and start - end > executing / 4:
            margin = min(max(executing * 0.03, 0.25), (start - end) / 10)
            found.append(Gap(end + margin, start - margin))
    return tuple(_largest(found))


def _largest(gaps: list[Gap]) -> list[Gap]:
    """At most eight, or the breaks would leave no room for what happened."""
    kept = sorted(gaps, key=lambda gap: gap.length, reverse=True)[:8]
    return sorted(kept, key=lambda gap: gap.start)


def _merge(busy: Iterable[tuple[float, float]]) -> list[tuple[float, float]]:
    merged: list[tuple[float, float]] = []
    for start, end in sorted(busy):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((start, max(start, end)))
    return merged


def _snug(kept: float) -> float:
    """The next fifth of a tick, leaving the last bar short of 99 %."""
    part = tick_step(kept) / 5
    needed = kept / 0.985
    return round(-(-needed // part) * part, 6)


def _round_up(kept: float) -> float:
    """One of ten ends per power of ten, so the axis stands still while it is nearly a quarter too long."""
    power = 1e-3
    while power * 10 < kept:
        power *= 10
    for factor in (1.0, 1.25, 1.6, 2.0, 2.5, 3.2, 4.0, 5.0, 6.4, 8.0, 10.0):
        if power * factor >= kept:
            return round(power * factor, 6)
    return round(power * 12.5, 6)


def tick_step(seconds: float, *, width: int = WIDTH) -> float:
    """1, 2 or 5 times a power of ten; from a minute on, what clocks show."""
    least = seconds * TICK_APART / width
    for minutes in _MINUTES if least > 50 else ():
        if minutes >= least:
            return minutes
    power = 1e-3
    while power < 1e7:
        for factor in _NICE:
            if factor * power >= least:
                return round(factor * power, 6)
        power *= 10
    return power


def ticks(scale: Scale, fmt: Format) -> list[Tick]:
    step = tick_step(scale.end)
    marks = [(scale.x(second), clock(second, step, fmt)) for second in _marks(scale, step)]
    apart = max(TICK_APART, *(_wide(label, room=6) for _, label in marks)) / WIDTH * 100
    found: list[Tick] = []
    for x, label in marks:
        if x <= 100 - apart / 3 and (not found or x - found[-1].x >= apart - 0.01):
            found.append(Tick(x, label))
    return found


def _marks(scale: Scale, step: float) -> Iterable[float]:
    """Round moments that are shown, section by section."""
    section, shown = 0.0, 0.0
    for gap in [*scale.gaps, None]:
        end = gap.start if gap else section + (scale.end - shown)
        number = -(-section // step)
        while number * step <= end + 1e-9:
            yield number * step
            number += 1
        if gap:
            shown += gap.start - section
            section = gap.end


def clock(second: float, step: float, fmt: Format) -> str:
    """Elapsed time as an axis says it: 20 ms, 0.2 s, 10 s, 2:40, 1:05:00."""
    if step < 0.1 and second < 1:
        return fmt.words.gettext("%(n)s ms") % {"n": f"{second * 1000:.0f}"}
    if second < 60:
        decimals = 0 if step >= 1 else 1 if step >= 0.1 else 2
        return fmt.words.gettext("%(n)s s") % {"n": f"{second:.{decimals}f}" if second else "0"}
    minutes, seconds = divmod(round(second), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def place(flags: Sequence[Flag], *, width: int = WIDTH) -> list[Flag]:
    """The flags moved so that none overlaps another or leaves the axis; one that finds no room is left out."""
    placed: list[Flag] = []
    right = 0.0
    for flag in sorted(flags, key=lambda flag: flag.x):
        half = _wide(flag.label) / 2 / width * 100
        x = max(flag.x, right + half)
        if x + half > 100:
            x = 100 - half
            if x - half < right:
                placed = _push_left(placed, x - half, width=width)
        placed.append(replace(flag, x=round(x, 3)))
        right = x + half
    return placed


def _push_left(placed: list[Flag], limit: float, *, width: int) -> list[Flag]:
    moved: list[Flag] = []
    for flag in reversed(placed):
        half = _wide(flag.label) / 2 / width * 100
        x = min(flag.x, limit - half)
        if x - half < 0:
            break
        moved.append(replace(flag, x=round(x, 3)))
        limit = x - half
    return moved[::-1]


def _wide(label: str, *, room: float = 14) -> float:
    """Pixels of a label at 11 px, with the room between two; CJK is twice as wide."""
    return sum(11.5 if ord(letter) > 0x2E7F else 6.2 for letter in label) + room
