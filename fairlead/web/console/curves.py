"""Looks of a watch as charts: both releases on one scale, look by look, everything in percent of its width and height.

A figure that could not be had is a gap. What lies beyond every bucket is drawn at the upper edge.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from fairlead.ship.evidence import quantile
from fairlead.ship.ledger import LookRecord
from fairlead.ship.verdict import Figures, Limits
from fairlead.web.console.format import NOTHING, Format
from fairlead.web.console.language import N_

MOST_MARKS = 60  # looks; of more the lines alone are drawn
_FAR = 5  # a limit so many times above everything is told, not drawn: it would flatten all below it
_NICE = (1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0)
_HEADROOM = 1.04
_EDGE = 3.0  # percent kept free at the left and the right, for the marks

Value = Callable[[Figures], float | None]


@dataclass(frozen=True, slots=True)
class Mark:
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Line:
    """Of one release. `path` is SVG in a box of 100 by 100."""

    new: bool
    build: str
    path: str
    marks: tuple[Mark, ...]


@dataclass(frozen=True, slots=True)
class Limit:
    y: float
    label: str


@dataclass(frozen=True, slots=True)
class Curve:
    """`ticks` from the top. `far`: the label of a limit that lies beyond the scale."""

    title: str
    ticks: tuple[str, ...]
    lines: tuple[Line, ...]
    limit: Limit | None
    far: str
    sentence: str


@dataclass(frozen=True, slots=True)
class _Kind:
    title: str
    value: Value
    write: Callable[[float], str]
    limit: float | None = None


def of_looks(looks: Sequence[LookRecord], *, new: str, old: str, limits: Limits, fmt: Format) -> list[Curve]:
    """Errors, latency, requests."""
    kinds = (
        _Kind(N_("Error rate"), rate, percent, limits.error_rate),
        _Kind(N_("P95 latency"), p95, lambda value: seconds(value, fmt), limits.p95),
        _Kind(N_("Requests a look"), lambda one: one.requests, lambda number: f"{number:g}"),
    )
    return [_curve(kind, looks, new=new, old=old, fmt=fmt) for kind in kinds]


def rate(figures: Figures) -> float | None:
    return figures.errors / figures.requests if figures.requests else None


def p95(figures: Figures) -> float | None:
    return quantile(figures.latency, 0.95)


def percent(share: float) -> str:
    """5%, 4.9%."""
    return f"{round(share * 100, 1):g}%"


def seconds(value: float, fmt: Format) -> str:
    return fmt.words.gettext("%(n)s s") % {"n": f"{value:g}"} if math.isfinite(value) else "∞"


def span(value: float | None, fmt: Format) -> str:
    """For a table: of a histogram, so an upper bound."""
    if value is None:
        return NOTHING
    return fmt.duration(timedelta(seconds=value)) if math.isfinite(value) else "∞"


def _curve(kind: _Kind, looks: Sequence[LookRecord], *, new: str, old: str, fmt: Format) -> Curve:
    arms = {True: [_of(one.look.canary, kind) for one in looks], False: [_of(one.look.stable, kind) for one in looks]}
    most = max((one for arm in arms.values() for one in arm if one is not None and math.isfinite(one)), default=0.0)
    drawn = kind.limit is not None and (most == 0 or kind.limit <= most * _FAR)
    top = round_up(_HEADROOM * max(most, kind.limit if drawn and kind.limit else 0.0))
    title = fmt.words.gettext(kind.title)
    limit = kind.write(kind.limit) if kind.limit is not None else ""
    return Curve(
        title=title,
        ticks=(kind.write(top), kind.write(top / 2), "0"),
        lines=tuple(_line(arms[one], top, new=one, build=new if one else old) for one in (False, True)),
        limit=Limit(_y(kind.limit, top), limit) if drawn and kind.limit is not None else None,
        far="" if drawn else limit,
        sentence=_sentence(title, kind, ((new, arms[True]), (old, arms[False])), limit, fmt),
    )


def _of(figures: Figures | None, kind: _Kind) -> float | None:
    return None if figures is None else kind.value(figures)


def round_up(value: float) -> float:
    """The next round number; 1 for nothing."""
    if value <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(round(factor * power, 9) for factor in _NICE if factor * power >= value * (1 - 1e-9))


def _line(values: Sequence[float | None], top: float, *, new: bool, build: str) -> Line:
    marks: list[Mark] = []
    path: list[str] = []
    joined = False
    for place, value in enumerate(values):
        if value is None:
            joined = False
            continue
        mark = Mark(_x(place, len(values)), _y(value, top))
        path.append(f"{'L' if joined else 'M'}{mark.x} {mark.y}")
        alone = not joined and (place + 1 == len(values) or values[place + 1] is None)
        if len(values) <= MOST_MARKS or alone:
            marks.append(mark)
        joined = True
    return Line(new, build, "".join(path), tuple(marks))


def _x(place: int, of: int) -> float:
    return round(_EDGE + (100 - 2 * _EDGE) * (place / (of - 1) if of > 1 else 0.5), 2)


def _y(value: float, top: float) -> float:
    return round(100 * (1 - min(value / top, 1.0)), 2)


def _sentence(
    title: str, kind: _Kind, arms: Sequence[tuple[str, Sequence[float | None]]], limit: str, fmt: Format
) -> str:
    """Highest and now, of each; for those who hear the page."""
    _ = fmt.words.gettext
    said: list[str] = []
    for build, values in arms:
        known = [one for one in values if one is not None]
        if not known:
            said.append(_(N_("%(build)s: no figures")) % {"build": build})
            continue
        given = {"build": build, "most": kind.write(max(known)), "now": kind.write(known[-1])}
        said.append(_(N_("%(build)s: highest %(most)s, last %(now)s")) % given)
    said += [_(N_("limit %(limit)s")) % {"limit": limit}] if limit else []
    return f"{title}. " + "; ".join(said)
