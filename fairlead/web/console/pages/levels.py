"""Service levels: what was promised, how it went, and what is left of the error budgets."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlencode

from fairlead.operate.levels import Measure, Report, parse_window
from fairlead.operate.levels import State as Kept
from fairlead.web.console.door import Door
from fairlead.web.console.format import NOTHING, Format
from fairlead.web.console.language import N_
from fairlead.web.console.state import State, Tone

PATH = "/console/service-levels"
AGAIN = timedelta(seconds=5)
WINDOWS = ("1h", "24h", "7d", "30d")
_STATES = {
    Kept.MET: State("success", Tone.OK, N_("met")),
    Kept.MISSED: State("error", Tone.ERR, N_("missed")),
    Kept.NO_DATA: State("unknown", Tone.ASK, N_("no data")),
}
_LEVELS = {
    "error_rate": N_("Error rate"), "api_p95": N_("API times"), "availability": N_("Availability"),
    "database_p95": N_("Database times"),
}  # fmt: skip
_OF = {
    "requests": N_("requests"), "runs": N_("runs"), "submit": N_("starting a run"), "read": N_("reading"),
    "api": N_("API"), "query": N_("queries"),
}  # fmt: skip
_PROMISES = {
    "requests": N_("less than 1 % fail"), "runs": N_("less than 1 % fail"), "submit": N_("P95 under 500 ms"),
    "read": N_("P95 under 500 ms"), "api": N_("over 99.9 % of the time"), "query": N_("P95 under 100 ms"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Row:
    """`figure`: of what was measured, the share or the time alone. `burns`: how many times faster than allowed, over
    the last hours."""

    state: State
    level: str
    of: str
    promise: str
    figure: str
    measured: str
    left: str
    burns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LevelsView:
    window: str
    windows: Sequence[str]
    said: Sequence[str]  # the windows, in words
    burns: Sequence[str]  # the windows of `Row.burns`
    rows: tuple[Row, ...]
    report: Report

    @property
    def live(self) -> str:
        return f"{PATH}/live?{urlencode({'window': self.window})}"


def parse(given: str | None) -> str:
    """The window that was asked for; 30 days, where none was. Raises `InvalidInput`."""
    window = given or WINDOWS[-1]
    parse_window(window)
    return window


async def read(door: Door, window: str) -> Report:
    return await door.levels(parse_window(window))


def shape(window: str, report: Report, fmt: Format) -> LevelsView:
    said, burns = _in_words(WINDOWS, fmt), _in_words(report.measures[0].burn if report.measures else (), fmt)
    return LevelsView(window, WINDOWS, said, burns, tuple(_row(one, fmt) for one in report.measures), report)


def _in_words(windows: Iterable[str], fmt: Format) -> tuple[str, ...]:
    return tuple(fmt.coarse(parse_window(one)) for one in windows)


def _row(one: Measure, fmt: Format) -> Row:
    burns = tuple(NOTHING if burn is None else f"{burn:.1f}×" for burn in one.burn.values())
    left = NOTHING if one.budget is None else f"{one.budget.left:.0%}"
    # Here, not in the page: a template would take the sign of "per cent" for a place to fill.
    level, of, promise = map(
        fmt.words.gettext, (_LEVELS[one.objective.level], _OF[one.objective.of], _PROMISES[one.objective.of])
    )
    return Row(_STATES[one.state], level, of, promise, _figure(one, fmt), _measured(one, fmt), left, burns)


def _figure(one: Measure, fmt: Format) -> str:
    share = one.events.share
    if share is None:
        return NOTHING
    if one.objective.of == "api":
        return f"{1 - share:.3%}"
    if one.events.p95 is None:
        return f"{share:.2%}"
    return fmt.words.gettext("P95 %(time)s") % {"time": fmt.duration(timedelta(seconds=one.events.p95))}


def _measured(one: Measure, fmt: Format) -> str:
    """The figure, and what it is made of."""
    figure, _ = _figure(one, fmt), fmt.words.gettext
    if one.events.share is None or (one.objective.of == "api" and not one.events.bad):
        return figure
    if one.objective.of == "api":
        away = fmt.duration(timedelta(seconds=one.events.bad))
        return _("%(share)s, away for %(time)s") % {"share": figure, "time": away}
    bad, all_ = fmt.count(round(one.events.bad)), fmt.count(round(one.events.total))
    if one.events.p95 is None:
        return _("%(share)s, %(bad)s of %(all)s failed") % {"share": figure, "bad": bad, "all": all_}
    return _("%(p95)s, %(bad)s of %(all)s late") % {"p95": figure, "bad": bad, "all": all_}
