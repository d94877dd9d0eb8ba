"""The figures on top of the dashboard: each with its course, how it changed, and the runs behind it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlencode

from fairlead.clock import to_micros
from fairlead.gateway.budgets import BudgetState
from fairlead.gateway.costs import Moment
from fairlead.runs.figure_book import MOST, AtWork
from fairlead.runs.figures import MICROS, Course, Sums, quantile
from fairlead.web.console.charts import Sparkline, percent, sparkline
from fairlead.web.console.dashboard_query import Query
from fairlead.web.console.format import NOTHING, Format
from fairlead.web.console.language import N_

ERROR_ALERT = 0.10
LATENCY_ALERT = 60.0
"""As the alerts AgentHighErrorRate and AgentHighLatency have it; the latter in seconds."""
_NANO = 1_000_000_000
_MUCH = 0.005  # of a share
QUANTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
_SINCE = {
    "1h": N_("%(by)s on the hour before"), "24h": N_("%(by)s on the day before"), "7d": N_("%(by)s on the week before"),
    "30d": N_("%(by)s on the 30 days before"), "": N_("%(by)s on the period before"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Change:
    """`by`: how much; `said`: in full. `up` None: as before. `tone` says whether it is good, where it is much."""

    by: str
    said: str
    up: bool | None
    tone: str = ""


@dataclass(frozen=True, slots=True)
class Tile:
    label: str
    value: str
    href: str
    aside: str = ""
    change: Change | None = None
    more: str = ""
    spark: Sparkline | None = None


def shape(
    query: Query, course: Course | None, steps: Sequence[Sums | None], now: AtWork | None,
    today: Sequence[Moment] | None, budget: BudgetState | None, fmt: Format,
) -> tuple[Tile, ...]:  # fmt: skip
    ended = _Ended(query, course, steps, fmt)
    return (
        ended.success(), ended.latency(), _cost(query, today, budget, fmt), ended.runs(), ended.errors(),
        _at_work(query, now, ended.at_work(), fmt),
    )  # fmt: skip


class _Ended:
    """Figures of runs that ended: in the period, in the one before, and step by step."""

    def __init__(self, query: Query, course: Course | None, steps: Sequence[Sums | None], fmt: Format) -> None:
        self.query, self.course, self.steps, self.fmt = query, course, steps, fmt
        self.sums: Sums | None = None
        self.before: Sums | None = None
        span = query.span
        if course is not None:
            self.sums = course.sums(span.since, span.until)
            known = course.counted_from <= 2 * span.since - span.until
            self.before = course.sums(2 * span.since - span.until, span.since) if known else None

    def success(self) -> Tile:
        _, rate = self.fmt.words.gettext, self.sums.success_rate if self.sums else None
        change = self._points(rate, self.before.success_rate if self.before else None, good=True)
        line = sparkline([None if one is None else one.success_rate for one in self.steps])
        value = NOTHING if rate is None else percent(rate)
        return Tile(_(N_("Success rate")), value, self.query.runs(status="success"), change=change, spark=line)

    def errors(self) -> Tile:
        words, sums = self.fmt.words, self.sums or Sums()
        change = self._points(sums.error_rate, self.before.error_rate if self.before else None, good=False)
        line = sparkline([None if one is None else one.error_rate for one in self.steps])
        more = words.ngettext("%(num)s run", "%(num)s runs", sums.failed)
        value = NOTHING if sums.error_rate is None else percent(sums.error_rate)
        return Tile(
            words.gettext(N_("Error rate")), value, self.query.runs(status="error"), change=change, spark=line,
            more=more % {"num": self.fmt.count(sums.failed)} if self.course else "",
        )  # fmt: skip

    def latency(self) -> Tile:
        _, fmt = self.fmt.words.gettext, self.fmt
        mean, before = (one.mean if one else None for one in (self.sums, self.before))
        p95 = quantile(self.course.buckets, QUANTILES["p95"]) if self.course else None
        change = None
        if mean is not None and before is not None:
            by = fmt.duration(timedelta(seconds=abs(mean - before)))
            change = self._change(mean - before, by, least=0.01 * before)
        longer = self.query.runs() if p95 is None else self.query.runs(min_duration=f"{p95:.3g}s")
        return Tile(
            _(N_("Mean latency")), NOTHING if mean is None else fmt.duration(timedelta(seconds=mean)), longer,
            change=change, spark=sparkline([None if one is None else one.mean for one in self.steps]),
            more="" if p95 is None else f"P95 {about(p95, fmt)}",
        )  # fmt: skip

    def runs(self) -> Tile:
        _, fmt = self.fmt.words.gettext, self.fmt
        change = None
        if self.sums and self.before and self.before.runs:
            more = self.sums.runs / self.before.runs - 1
            change = self._change(more, percent(abs(more)), least=0.0005)
        value = NOTHING if self.sums is None else fmt.count(self.sums.runs)
        over = self.steps[:-1] if self.query.span.until * MICROS > to_micros(fmt.now) else self.steps
        line = sparkline([None if one is None else one.runs for one in over])
        return Tile(_(N_("Runs ended")), value, self.query.runs(), change=change, spark=line)

    def at_work(self) -> Sparkline:
        """How many executed at a time, on average."""
        span = self.query.span
        now = to_micros(self.fmt.now)
        shares = [
            None if one is None else one.took_us / max(min(start + span.step, now / MICROS) - start, 1)
            for start, one in zip(span.starts, self.steps, strict=False)
        ]
        return sparkline(shares)

    def _points(self, rate: float | None, before: float | None, *, good: bool) -> Change | None:
        if rate is None or before is None:
            return None
        tone = "" if abs(rate - before) < _MUCH else "ok" if (rate > before) is good else "err"
        return self._change(rate - before, f"{abs(rate - before) * 100:.1f}", least=0.0005, tone=tone)

    def _change(self, by: float, said: str, *, least: float, tone: str = "") -> Change:
        """Less than `least` is no change."""
        _ = self.fmt.words.gettext
        if abs(by) < least:
            return Change("", _(N_("as before")), None)
        return Change(said, _(_SINCE[self.query.period]) % {"by": said}, by > 0, tone)


def about(seconds: float | None, fmt: Format) -> str:
    """A time that is known to a tenth: 7.3 s, 35 s, 2 min 20 s."""
    if seconds is None or seconds >= 100 or seconds < 0.1:
        return fmt.duration(None if seconds is None else timedelta(seconds=seconds))
    return fmt.words.gettext("%(n)s s") % {"n": f"{seconds:.2g}"}


def _cost(query: Query, today: Sequence[Moment] | None, budget: BudgetState | None, fmt: Format) -> Tile:
    """Since midnight in UTC, as budgets are; of the tenant, whatever else is asked for."""
    _, href = fmt.words.gettext, "/console/costs" if query.tenant is None else ""
    if today is None:
        return Tile(_(N_("Cost today")), NOTHING, href)
    midnight = _midnight(fmt.now)
    ours = [one for one in today if one.at >= midnight]
    before = [one for one in today if one.at < midnight][: len(ours)]
    cost, yesterday = _sum(ours), _sum(before)
    cumulated = [_sum(ours[: place + 1]) for place in range(len(ours))]
    limit = budget.limit_nano if budget else None
    change = None
    if yesterday and cost != yesterday:
        by = fmt.money(abs(cost - yesterday))
        change = Change(by, _(N_("%(by)s on yesterday")) % {"by": by}, cost > yesterday)
    aside = "" if limit is None else _(N_("of %(limit)s")) % {"limit": _dollars(limit, fmt)}
    return Tile(_(N_("Cost today")), fmt.money(cost), href, aside, change, spark=sparkline([0, *cumulated]))


def _dollars(nano: int, fmt: Format) -> str:
    """A limit is mostly a round sum."""
    return f"${nano // _NANO:,}" if nano % _NANO == 0 else fmt.money(nano)


def _midnight(now: datetime) -> datetime:
    return now.replace(hour=0, minute=0, second=0, microsecond=0)


def _sum(moments: Sequence[Moment]) -> int:
    return sum(one.sums.cost_nano for one in moments)


def _at_work(query: Query, now: AtWork | None, line: Sparkline, fmt: Format) -> Tile:
    _ = fmt.words.gettext
    named = {"status": "running", "agent": query.agent or "", "release": query.release or ""}
    href = f"/console/runs?{urlencode({k: v for k, v in named.items() if v})}" if query.tenant is None else ""
    if now is None:
        return Tile(_(N_("Running now")), NOTHING, href, spark=line)
    more = _(N_("nothing waits"))
    if now.oldest is not None:
        more = _(N_("oldest waits %(span)s")) % {"span": fmt.coarse(fmt.now - now.oldest)}
    aside = _(N_("queue %(n)s")) % {"n": _many(now.waiting, fmt)} if now.waiting else ""
    return Tile(_(N_("Running now")), _many(now.running, fmt), href, aside, more=more, spark=line)


def _many(count: int, fmt: Format) -> str:
    return f"{fmt.count(MOST)}+" if count >= MOST else fmt.count(count)
