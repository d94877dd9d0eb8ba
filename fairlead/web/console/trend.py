"""Evaluations of one suite, one after the other: the share that was right, with its interval, beside the least wanted.
Geometry in percent, for SVG that follows every width."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fairlead.ship.evaluation import binomial
from fairlead.ship.evaluation.book import Evaluation
from fairlead.ship.evaluation.gate import DOUBT
from fairlead.web.console import state
from fairlead.web.console.format import NOTHING, Format
from fairlead.web.console.language import N_
from fairlead.web.console.state import State

MOST = 30
_SHARP = 2000  # answers, from which on an interval is too small to be drawn
_ROOM = 4.0  # percent kept free at the top and the bottom


@dataclass(frozen=True, slots=True)
class Point:
    """`y`, `low`, `high` and `least` from the top. None: nothing could be asked, which is a gap."""

    evaluation: Evaluation
    state: State
    x: float
    y: float | None
    low: float | None
    high: float | None
    least: float
    left: float  # where its room begins
    right: float
    said: str


@dataclass(frozen=True, slots=True)
class Trend:
    points: tuple[Point, ...]
    ticks: tuple[str, ...]  # from the top
    sentence: str
    first: str
    last: str


def trend(evaluations: Sequence[Evaluation], fmt: Format) -> Trend | None:
    """Of the newest first. None of fewer than two."""
    ordered = sorted(evaluations, key=lambda one: (one.started_at, one.id))[-MOST:]
    if len(ordered) < 2:
        return None
    shares = [share(one) for one in ordered]
    bounds = [interval(one) for one in ordered]
    every = [value for pair in bounds if pair for value in pair] + [one.bounds.min_accuracy for one in ordered]
    floor = max(0.0, min(0.9, int(min(every) * 10) / 10))
    room = 100 / len(ordered)
    points = tuple(
        Point(
            one, state.of_verdict(one.verdict), round(room * (place + 0.5), 2), _y(shares[place], floor),
            *_ends(bounds[place], floor), _at(one.bounds.min_accuracy, floor), round(room * place, 2),
            round(room * (place + 1), 2), _said(one, fmt),
        )
        for place, one in enumerate(ordered)
    )  # fmt: skip
    return Trend(
        points, ("100%", f"{(1 + floor) / 2:.0%}", f"{floor:.0%}"), _sentence(ordered, fmt),
        fmt.time(ordered[0].started_at), fmt.time(ordered[-1].started_at),
    )  # fmt: skip


def share(one: Evaluation) -> float | None:
    return one.figures.passed / one.figures.asked if one.figures.asked else None


def interval(one: Evaluation) -> tuple[float, float] | None:
    """Between which the suite's accuracy is, as surely as a verdict."""
    figures = one.figures
    if not figures.asked:
        return None
    if figures.asked > _SHARP:
        right = figures.passed / figures.asked
        return right, right
    return binomial.interval(figures.passed, figures.asked, DOUBT)


def _ends(pair: tuple[float, float] | None, floor: float) -> tuple[float | None, float | None]:
    return (None, None) if pair is None else (_at(pair[0], floor), _at(pair[1], floor))


def _y(value: float | None, floor: float) -> float | None:
    return None if value is None else _at(value, floor)


def _at(value: float, floor: float) -> float:
    inside = min(max((value - floor) / (1 - floor), 0.0), 1.0)
    return round(_ROOM + (100 - 2 * _ROOM) * (1 - inside), 2)


def _said(one: Evaluation, fmt: Format) -> str:
    _, right = fmt.words.gettext, share(one)
    given = {
        "release": one.release, "verdict": _(state.of_verdict(one.verdict).word),
        "share": NOTHING if right is None else f"{right:.1%}", "time": fmt.time(one.started_at),
    }  # fmt: skip
    return _(N_("%(release)s, %(time)s: %(share)s right, %(verdict)s")) % given


def _sentence(ordered: Sequence[Evaluation], fmt: Format) -> str:
    _ = fmt.words.gettext
    known = [one for one in map(share, ordered) if one is not None]
    if not known:
        return _(N_("Nothing could be asked."))
    given = {"n": len(ordered), "most": f"{max(known):.1%}", "least": f"{min(known):.1%}", "last": f"{known[-1]:.1%}"}
    return _(N_("%(n)s evaluations: highest %(most)s right, lowest %(least)s, last %(last)s")) % given
