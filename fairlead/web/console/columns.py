"""A figure of each hour or day as columns, in percent of the chart; what they show is said in a sentence, too."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from fairlead.web.console.curves import round_up
from fairlead.web.console.format import Format
from fairlead.web.console.language import N_

_MOST_LABELS = 6
_GAP = 0.2  # of a column
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Column:
    """`partial`: the hour or day is not over, or began before the period."""

    x: float
    width: float
    y: float
    height: float
    said: str
    partial: bool


@dataclass(frozen=True, slots=True)
class Label:
    x: float
    text: str


@dataclass(frozen=True, slots=True)
class Columns:
    """`ticks` from the top. `sentence` is for those who hear the page."""

    ticks: tuple[str, ...]
    columns: tuple[Column, ...]
    labels: tuple[Label, ...]
    sentence: str
    partial: bool


def of_moments(
    title: str, moments: Sequence[tuple[datetime, int]], step: timedelta, write: Callable[[int], str], fmt: Format, *,
    since: datetime,
) -> Columns:  # fmt: skip
    """Bars start at 0, and every moment has a place, whether anything was in it or not."""
    top = round_up(max((value for _, value in moments), default=0)) if any(value for _, value in moments) else 0
    each = 100 / max(len(moments), 1)
    columns = tuple(
        _column(
            place, each, value / top if top else 0, f"{when(at, step, fmt)}: {write(value)}",
            at < since or at + step > fmt.now,
        )
        for place, (at, value) in enumerate(moments)
    )  # fmt: skip
    every = -(-len(moments) // _MOST_LABELS) or 1
    labels = tuple(
        Label(round((place + 0.5) * each, 2), _short(at, step, fmt))
        for place, (at, _) in enumerate(moments)
        if place % every == every // 2
    )
    ticks = (write(round(top)), write(round(top / 2)), "0") if top else ("", "", "0")
    return Columns(ticks, columns, labels, _sentence(title, moments, step, write, fmt), any(c.partial for c in columns))


def when(at: datetime, step: timedelta, fmt: Format) -> str:
    """An hour in the reader's zone. A day is one of UTC, and so called by its date there."""
    return f"{at:%Y-%m-%d}" if step >= _DAY else f"{fmt.local(at):%Y-%m-%d %H:%M}"


def _short(at: datetime, step: timedelta, fmt: Format) -> str:
    return f"{at:%m-%d}" if step >= _DAY else f"{fmt.local(at):%H:%M}"


def _column(place: int, each: float, share: float, said: str, partial: bool) -> Column:
    height = round(100 * share, 2)
    return Column(
        round((place + _GAP / 2) * each, 3), round(each * (1 - _GAP), 3), round(100 - height, 2), height, said, partial
    )


def _sentence(
    title: str, moments: Sequence[tuple[datetime, int]], step: timedelta, write: Callable[[int], str], fmt: Format
) -> str:
    if not moments:
        return title
    most_at, most = max(moments, key=lambda moment: moment[1])
    given = {"title": title, "most": write(most), "at": when(most_at, step, fmt), "last": write(moments[-1][1])}
    return fmt.words.gettext(N_("%(title)s: highest %(most)s at %(at)s, last %(last)s")) % given
