"""What figures say of a new release beside the stable one. Pure.

    looks so far ──► errors, latency, cost, each: worse? beyond its limit? ──► fail | pass | unclear | could not ask

One fail fails. Nothing passes on figures that are missing or too few: it is unclear, or could not be asked, and what
becomes of it then is the strategy's to say.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from fairlead.ship import evidence
from fairlead.ship.evidence import Counts, Histogram


class Verdict(StrEnum):
    PASS = "pass"
    FAIL = "fail"
    UNCLEAR = "unclear"
    COULD_NOT_ASK = "could_not_ask"


@dataclass(frozen=True, slots=True)
class Figures:
    """What one release did since the look before. Latency in seconds, cost in dollars a run."""

    requests: int
    errors: int
    latency: Histogram = field(default_factory=dict[float, int])
    cost: Histogram = field(default_factory=dict[float, int])


@dataclass(frozen=True, slots=True)
class Look:
    """At one moment. None: its figures could not be had."""

    stable: Figures | None
    canary: Figures | None


@dataclass(frozen=True, slots=True)
class Limits:
    """`worse_by`: the canary's latency and cost may be so many times the stable release's. `alarms`: at most such a
    share of good releases is failed by any one of the tests, however often it is looked at."""

    error_rate: float = 0.05
    p95: float = 60.0  # seconds
    worse_by: float = 1.1
    least_requests: int = 100  # of the canary, before anything passes
    alarms: float = 0.004


@dataclass(frozen=True, slots=True)
class Finding:
    """`evidence`: how many times likelier it is that something is wrong, as an e-value."""

    about: str
    verdict: Verdict
    said: str
    evidence: float = 1.0


def judge(looks: Sequence[Look], limits: Limits) -> list[Finding]:
    """One finding for each that was looked at."""
    both = [(one.stable, one.canary) for one in looks if one.stable is not None and one.canary is not None]
    if not both or looks[-1].canary is None or looks[-1].stable is None:
        return [Finding("figures", Verdict.COULD_NOT_ASK, "The figures of both releases could not be had.")]
    stable, canary = summed([one for one, _ in both]), summed([one for _, one in both])
    enough = canary.requests >= limits.least_requests
    counts = [(Counts(s.requests, s.errors), Counts(c.requests, c.errors)) for s, c in both]
    findings = [
        _finding("error_rate", evidence.above(limits.error_rate, [c for _, c in counts]), limits, enough,
                 f"{_rate(canary)} of {canary.requests}, at most {limits.error_rate:.1%}"),
        _finding("errors", evidence.worse_rate(counts), limits, enough and stable.requests > 0,
                 f"{_rate(canary)} of {canary.requests}, stable {_rate(stable)} of {stable.requests}"),
    ]  # fmt: skip
    if any(c.latency for _, c in both):
        slow = [evidence.over(c.latency, limits.p95) for _, c in both]
        said = f"p95 {_seconds(canary.latency)}, stable {_seconds(stable.latency)}"
        findings += [
            _finding("p95", evidence.above(0.05, slow), limits, enough, f"{said}, at most {limits.p95:g} s"),
            _worse("latency", [(s.latency, c.latency) for s, c in both], limits, enough, said),
        ]
    if any(c.cost for _, c in both):
        said = f"median ${_median(canary.cost):.4g} a run, stable ${_median(stable.cost):.4g}"
        findings.append(_worse("cost", [(s.cost, c.cost) for s, c in both], limits, enough, said))
    return findings


def verdict_of(findings: Sequence[Finding]) -> Verdict:
    """Of all of them. Of nothing: could not ask."""
    said = {one.verdict for one in findings}
    for verdict in (Verdict.FAIL, Verdict.COULD_NOT_ASK, Verdict.UNCLEAR):
        if verdict in said:
            return verdict
    return Verdict.PASS if said else Verdict.COULD_NOT_ASK


def _worse(
    about: str, looks: Sequence[tuple[Histogram, Histogram]], limits: Limits, enough: bool, said: str
) -> Finding:
    """What is allowed is taken off the canary's values first."""
    allowed = [(stable, {value / limits.worse_by: n for value, n in canary.items()}) for stable, canary in looks]
    ranked = min(sum(sum(s.values()) for s, _ in looks), sum(sum(c.values()) for _, c in looks))
    return _finding(about, evidence.worse_values(allowed), limits, enough and ranked >= evidence.LEAST_RANKED, said)


def _finding(about: str, found: float, limits: Limits, enough: bool, said: str) -> Finding:
    if found >= 1 / limits.alarms:
        return Finding(about, Verdict.FAIL, said, found)
    return Finding(about, Verdict.PASS if enough else Verdict.UNCLEAR, said, found)


def summed(figures: Sequence[Figures]) -> Figures:
    latency, cost = dict[float, int](), dict[float, int]()
    for one in figures:
        latency, cost = evidence.merged(latency, one.latency), evidence.merged(cost, one.cost)
    return Figures(sum(one.requests for one in figures), sum(one.errors for one in figures), latency, cost)


def _rate(figures: Figures) -> str:
    return f"{figures.errors / figures.requests:.1%}" if figures.requests else "none"


def _seconds(histogram: Histogram) -> str:
    value = evidence.quantile(histogram, 0.95)
    return "unknown" if value is None else f"{value:g} s"


def _median(histogram: Histogram) -> float:
    return evidence.quantile(histogram, 0.5) or 0.0
