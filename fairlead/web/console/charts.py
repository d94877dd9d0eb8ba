"""Charts: pictures the server draws itself (sparklines, histograms, bars), and series for the script to draw.

    sparkline(values)   histogram(bins, marks=…)   bars(rows)      geometry in percent, for SVG that follows every width
    chart(name, …)                                                  a figure with its sentence and its table

The macros of `parts/_chart.html` show them. A missing value is a gap, and never joined; nothing is smoothed; bars begin
at 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from fairlead.web.console.format import NOTHING, Format
from fairlead.web.console.language import N_

_NANO = 1_000_000_000
_TOP = 4.0  # percent of a sparkline's height kept free above and below its line
_GAP = 0.08  # of a column's room, on either side of it
_FAR = 5  # a limit so many times above everything is told, not drawn: it would flatten all below it


# Pictures


@dataclass(frozen=True, slots=True)
class Sparkline:
    """`path` is SVG in a box of 100 by 100; `dots` are values with a gap on both sides."""

    path: str
    dots: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Bin:
    """A column of a histogram, and where it leads."""

    label: str
    count: int
    said: str = ""  # above the column; empty: the count
    href: str = ""


@dataclass(frozen=True, slots=True)
class Column:
    bin: Bin
    x: float
    width: float
    height: float

    @property
    def middle(self) -> float:
        return round(self.x + self.width / 2, 2)

    @property
    def top(self) -> float:
        return round(100 - self.height, 2)


@dataclass(frozen=True, slots=True)
class Mark:
    """A dashed line across the columns. `at`: in columns from the left edge, 1.5 is the middle of the second."""

    at: float
    label: str
    limit: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    x: float
    label: str
    limit: bool


@dataclass(frozen=True, slots=True)
class Histogram:
    columns: tuple[Column, ...]
    lines: tuple[Line, ...] = ()

    @property
    def empty(self) -> bool:
        return not any(one.bin.count for one in self.columns)


@dataclass(frozen=True, slots=True)
class BarRow:
    """`value` is drawn, `said` is shown beside it; `more` and its `tone` stand after it."""

    label: str
    value: float
    said: str
    more: str = ""
    tone: str = ""
    href: str = ""
    code: bool = False  # a name of the reader's own program


@dataclass(frozen=True, slots=True)
class Bar:
    row: BarRow
    width: float


def sparkline(values: Sequence[float | None]) -> Sparkline:
    """From the lowest to the highest value; a row of equal values is a line in the middle."""
    known = [one for one in values if one is not None]
    if not known:
        return Sparkline("")
    low, high = min(known), max(known)
    path, dots = [""], list[tuple[float, float]]()
    for place, value in enumerate(values):
        if value is None:
            continue
        point = _x(place, len(values)), _y(value, low, high)
        before = place > 0 and values[place - 1] is not None
        after = place + 1 < len(values) and values[place + 1] is not None
        if before or after:
            path.append(f"{'L' if before else 'M'}{point[0]:g} {point[1]:g}")
        else:
            dots.append(point)
    return Sparkline("".join(path), tuple(dots))


def histogram(bins: Sequence[Bin], *, marks: Sequence[Mark] = ()) -> Histogram:
    """Columns from the left to the right, the highest as high as there is room."""
    room = 100 / max(len(bins), 1)
    most = max((one.count for one in bins), default=0) or 1
    columns = tuple(
        Column(one, round(room * (place + _GAP), 2), round(room * (1 - 2 * _GAP), 2), round(100 * one.count / most, 2))
        for place, one in enumerate(bins)
    )
    lines = tuple(Line(round(min(max(one.at, 0.0), len(bins)) * room, 2), one.label, one.limit) for one in marks)
    return Histogram(columns, lines)


def bars(rows: Sequence[BarRow], *, most: float | None = None) -> tuple[Bar, ...]:
    """One below the other; the longest, or `most`, is as long as there is room."""
    longest = most or max((one.value for one in rows), default=0) or 1
    return tuple(Bar(one, round(min(100 * max(one.value, 0) / longest, 100), 2)) for one in rows)


def _x(place: int, of: int) -> float:
    return round(100 * (place / (of - 1) if of > 1 else 0.5), 2)


def _y(value: float, low: float, high: float) -> float:
    share = (value - low) / (high - low) if high > low else 0.5
    return round(_TOP + (100 - 2 * _TOP) * (1 - share), 2)


# Series


class Unit(StrEnum):
    """What the values are: a script and a table write them alike."""

    COUNT = "count"
    MONEY = "money"  # nano-dollars
    SHARE = "share"  # 0.014 is 1.4%
    SECONDS = "seconds"


class Shape(StrEnum):
    BARS = "bars"
    STACK = "stack"  # bars on bars, the first at the bottom
    LINES = "lines"


@dataclass(frozen=True, slots=True)
class Series:
    """`colour` is a token: model, tool, ok, err, warn, ask, accent. Told apart by dash too."""

    label: str
    values: Sequence[float | None]
    colour: str = "model"
    dashed: bool = False


@dataclass(frozen=True, slots=True)
class Chart:
    """`data`: what the script draws. `rows`: the same as a table, the last first; `csv`: where it is as a file."""

    name: str
    sentence: str
    data: dict[str, Any]
    series: Sequence[Series]
    rows: tuple[tuple[datetime, tuple[str, ...]], ...]
    csv: str = ""
    far: str = ""  # a limit that lies beyond the scale
    partial: bool = False

    @property
    def empty(self) -> bool:
        return not any(value is not None for one in self.series for value in one.values)


@dataclass(frozen=True, slots=True)
class Limit:
    value: float
    label: str


@dataclass(frozen=True, slots=True)
class Axis:
    """When each value began, how long each lasts, and whether the last is not over."""

    starts: Sequence[datetime]
    step: timedelta
    partial: bool = False
    drag: bool = field(default=True)  # whether dragging sets `from` and `to` in the address


def chart(
    name: str, axis: Axis, series: Sequence[Series], fmt: Format, *, unit: Unit = Unit.COUNT,
    shape: Shape = Shape.LINES, limit: Limit | None = None, csv: str = "",
) -> Chart:  # fmt: skip
    """Of at most four series. `name` is its id on the page."""
    totals = _stacked(series) if shape is Shape.STACK else [value for one in series for value in one.values]
    most = max((value for value in totals if value is not None), default=0.0)
    drawn = limit is not None and (most == 0 or limit.value <= most * _FAR)
    scale = _NANO if unit is Unit.MONEY else 1
    data: dict[str, Any] = {
        "shape": shape.value, "unit": unit.value, "step": int(axis.step.total_seconds()), "partial": axis.partial,
        "drag": axis.drag, "starts": [int(one.timestamp()) for one in axis.starts],
        "series": [
            {"label": one.label, "colour": one.colour, "dashed": one.dashed,
             "values": [None if value is None else value / scale for value in one.values]}
            for one in series
        ],
        "limit": {"value": limit.value / scale, "label": limit.label} if limit is not None and drawn else None,
    }  # fmt: skip
    rows = tuple(
        (start, tuple(write(one.values[place], unit, fmt) for one in series)) for place, start in enumerate(axis.starts)
    )
    far = limit.label if limit is not None and not drawn else ""
    return Chart(name, _sentence(series, unit, limit, fmt), data, series, rows[::-1], csv, far, axis.partial)


def write(value: float | None, unit: Unit, fmt: Format) -> str:
    if value is None:
        return NOTHING
    match unit:
        case Unit.COUNT:
            return fmt.count(round(value))
        case Unit.MONEY:
            return fmt.money(round(value))
        case Unit.SHARE:
            return percent(value)
        case Unit.SECONDS:
            return fmt.duration(timedelta(seconds=value))


def percent(share: float) -> str:
    """97.9%, 1.4%, 0%; what is little is not nothing: <0.1%, and what is not all is not 100%."""
    if 0 < share < 0.0005:
        return "<0.1%"
    if 0.9995 <= share < 1:
        return ">99.9%"
    return f"{round(share * 100, 1):g}%"


def _stacked(series: Sequence[Series]) -> list[float | None]:
    return [
        None if all(value is None for value in column) else sum(value or 0 for value in column)
        for column in zip(*(one.values for one in series), strict=True)
    ]


def _sentence(series: Sequence[Series], unit: Unit, limit: Limit | None, fmt: Format) -> str:
    """Highest, lowest and now, of each; for those who hear the page."""
    _ = fmt.words.gettext
    said: list[str] = []
    for one in series:
        known = [value for value in one.values if value is not None]
        if not known:
            said.append(_(N_("%(name)s: no figures")) % {"name": one.label})
            continue
        given = {
            "name": one.label, "most": write(max(known), unit, fmt), "least": write(min(known), unit, fmt),
            "now": write(known[-1], unit, fmt),
        }  # fmt: skip
        said.append(_(N_("%(name)s: highest %(most)s, lowest %(least)s, last %(now)s")) % given)
    said += [_(N_("limit %(limit)s")) % {"limit": limit.label}] if limit is not None else []
    return "; ".join(said)
