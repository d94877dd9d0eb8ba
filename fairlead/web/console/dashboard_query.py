"""What a dashboard is asked to show: a period, and whose runs. The address holds all of it.

    period=24h, or from=… to=…      agent=… release=…      tenant=… (`*` is all of them)

Figures are read by a `grain`, and drawn by a `step` of one or more of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

from fairlead.errors import InvalidInput
from fairlead.gateway.period import Period, parse_period
from fairlead.runs.figures import DAY, FINE, HOUR, KEPT_FINE
from fairlead.web.console.language import N_

PATH = "/console"
ALL = "*"
PERIODS = {"1h": timedelta(hours=1), "24h": timedelta(days=1), "7d": timedelta(days=7), "30d": timedelta(days=30)}
PERIOD_NAMES = {
    "1h": N_("Last hour"), "24h": N_("Last 24 hours"), "7d": N_("Last 7 days"), "30d": N_("Last 30 days"),
}  # fmt: skip
USUAL = "24h"
_LONGEST_NAME = 200
_FINE_STEPS = timedelta(hours=3)
_FINE_GRAINS = timedelta(days=1)
_HOURS = timedelta(days=8)
_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Span:
    """Minutes since 1970. The period is from `since` to `until`, the one before begins at `before`; what is drawn
    begins at `drawn`, where a step does."""

    before: int
    drawn: int
    since: int
    until: int
    grain: int
    step: int

    @property
    def starts(self) -> range:
        return range(self.drawn, self.until, self.step)

    @property
    def cuts(self) -> tuple[int, ...]:
        """Where what is told begins or ends."""
        return (self.before, self.since, self.until, *self.starts)


@dataclass(frozen=True, slots=True)
class Query:
    """`period` is empty where `given` holds a beginning or an end."""

    period: str
    span: Span
    given: Mapping[str, str]  # from, to
    agent: str | None = None
    release: str | None = None
    tenant: str | None = None  # None: the reader's own

    @property
    def filters(self) -> dict[str, str]:
        """All of it, as in the address."""
        named = {"period": self.period, **self.given, "agent": self.agent, "release": self.release,
                 "tenant": self.tenant}  # fmt: skip
        return {name: value for name, value in named.items() if value}

    @property
    def narrowed(self) -> bool:
        return self.agent is not None or self.release is not None

    def address(self, path: str = PATH, **more: str) -> str:
        return f"{path}?{urlencode(self.filters | more)}"

    def runs(self, **more: str) -> str:
        """The list of the runs behind a figure; empty where the reader has no such list: it is of their own tenant."""
        if self.tenant is not None:
            return ""
        when = dict(self.given) if self.given else {"from": self.period}
        named = {"agent": self.agent, "release": self.release}
        return f"/console/runs?{urlencode({k: v for k, v in named.items() if v} | when | more)}"


def parse(params: Mapping[str, str], now: datetime) -> Query:
    """Raises `InvalidInput` for a period that is none."""
    given = {name: said for name in ("from", "to") if (said := params.get(name, "").strip()[:60])}
    if params.get("given") and params.get("period"):
        given = {}  # the form had held them before, and now a period was chosen
    period = "" if given else params.get("period", "").strip() or USUAL
    if period and period not in PERIODS:
        known = ", ".join(PERIODS)
        raise InvalidInput(f"{period[:20]!r} is no period.", hint=f"One of {known}; or give from and to.")
    span = _of_length(PERIODS[period], now) if period else _between(given, now)
    return Query(period, span, given, *(_name(params, name) for name in ("agent", "release", "tenant")))


def _name(params: Mapping[str, str], name: str) -> str | None:
    return params.get(name, "").strip()[:_LONGEST_NAME] or None


def _of_length(length: timedelta, now: datetime) -> Span:
    """The time until now. The last grain is not over."""
    grain, step = _grain(length), _step(length)
    until = -(-_minutes(now) // grain) * grain
    return _span(until - length // _MINUTE, until, grain, step)


def _between(given: Mapping[str, str], now: datetime) -> Span:
    """Whole hours."""
    period = parse_period(given.get("from"), given.get("to"), now=now)
    if period.since > now:
        raise InvalidInput("The period has not begun yet.", hint="Begin it earlier.")
    grain, step = _grain(period.length), _step(period.length)
    since, until = _minutes(period.since), _minutes(period.until)
    if grain == FINE and 2 * since - until < _minutes(now) - KEPT_FINE + HOUR:
        grain, step = HOUR, HOUR
    return _span(since // grain * grain, -(-until // grain) * grain, grain, step)


def _span(since: int, until: int, grain: int, step: int) -> Span:
    drawn = since // step * step
    return Span(min(2 * since - until, drawn), drawn, since, until, grain, step)


def _grain(length: timedelta) -> int:
    return FINE if length <= _FINE_GRAINS else HOUR if length <= _HOURS else DAY


def _step(length: timedelta) -> int:
    return FINE if length <= _FINE_STEPS else HOUR if length <= _HOURS else DAY


def _minutes(moment: datetime) -> int:
    return -int((_EPOCH - moment) // _MINUTE)  # up, where it is not whole


def moment(minute: int) -> datetime:
    return _EPOCH + minute * _MINUTE


def whole_hours(span: Span) -> Period:
    """For costs, which are kept by the hour; of whole days where that is the step."""
    first = max(HOUR, span.step)
    return Period(moment(span.since // first * first), moment(-(-span.until // HOUR) * HOUR))


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def of_own_tenant(query: Query) -> Query:
    """Who names their own tenant asks for what they see anyway."""
    return replace(query, tenant=None)
