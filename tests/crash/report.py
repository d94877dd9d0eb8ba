"""The figures of a battery, for people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from tests.crash.checks import Violation
from tests.crash.evidence import Evidence
from tests.crash.plan import Kind
from tests.crash.strike import Blow

_HOUR = 3600.0
_MOST = 8  # violations of one check that are shown


@dataclass(frozen=True, slots=True)
class Report:
    database: str
    seed: int
    blows: Sequence[Blow]
    evidence: Evidence
    violations: Sequence[Violation]
    told: Counter[str]
    left: int
    took: float

    @property
    def thrown(self) -> list[Blow]:
        return [blow for blow in self.blows if not blow.skipped]

    @property
    def share(self) -> float:
        """Of the faults that struck somebody holding a run."""
        return sum(blow.hit for blow in self.thrown) / max(1, len(self.thrown))

    def takeovers(self) -> list[float]:
        """Seconds from each kill -9 to the start of the runs it held on another worker."""
        times: list[float] = []
        for blow in self.thrown:
            if blow.fault.kind is Kind.KILL and blow.peers:
                times += [found for run_id in blow.held if (found := self._resumed(run_id, blow.at)) is not None]
        return sorted(times)

    def _resumed(self, run_id: str, at: float) -> float | None:
        run = self.evidence.runs.get(run_id)
        for before, event in zip(run.events, run.events[1:], strict=False) if run is not None else ():
            # The worker's clock may have been moved by whole hours.
            after = (event.at - at) % _HOUR
            if event.type == "started" and before.type == "lost" and event.at >= at and after < _HOUR / 2:
                return after
        return None


def lines(report: Report) -> list[str]:
    said = [f"== {report.database}: {len(report.thrown)} faults, seed {report.seed}, {report.took:.0f} s", ""]
    rows = [*_kinds(report), ("all", len(report.thrown), sum(blow.hit for blow in report.thrown))]
    for kind, count, hits in rows:
        said.append(f"  {kind:36} {count:5}   on a worker holding a run {hits / max(1, count):6.0%}")
    said += [f"  SKIPPED {count} x {kind}: {why}" for (kind, why), count in _skipped(report).items()]
    said += ["", *(f"  {name:48} {value}" for name, value in figures(report)), ""]
    broken = Counter(violation.check for violation in report.violations)
    said += [f"  {check}: {count} VIOLATIONS" for check, count in broken.items()] or ["  no violation"]
    shown: Counter[str] = Counter()
    for violation in report.violations:
        shown[violation.check] += 1
        if shown[violation.check] <= _MOST:
            said.append(f"    {violation.check}: {violation.said}")
    return said


def figures(report: Report) -> list[tuple[str, str]]:
    runs = list(report.evidence.runs.values())
    events = [event for run in runs for event in run.events]
    types = Counter(event.type for event in events)
    claims = Counter(event.data["after"] for event in events if event.type == "started" and event.data.get("after"))
    models = sum(1 for event in events if event.type == "step" and event.kind == "model")
    asked = sum(report.evidence.asked.values())
    effects = [lines for lines in report.evidence.lines.values() if not lines[0].safe]
    return [
        ("runs accepted, with their children", f"{len(report.evidence.accepted)}, {len(runs)}"),
        ("steps recorded", str(types["step"])),
        ("runs taken from lost workers", str(types["lost"])),
        ("claims by why the run was free", ", ".join(f"{why} {count}" for why, count in claims.most_common())),
        ("kill -9 to resumed elsewhere, ms p50 / p95 / max", _spread(report.takeovers())),
        ("model calls recorded; asked; asked again in flight", f"{models}; {asked}; {asked - models}"),
        ("unsafe effects; done twice", f"{len(effects)}; {sum(len(lines) > 1 for lines in effects)}"),
        *((name, str(count)) for name, count in sorted(report.told.items())),
        ("workers that ended by themselves", str(report.left)),
    ]


def _kinds(report: Report) -> list[tuple[str, int, int]]:
    thrown = Counter(blow.fault.kind for blow in report.thrown)
    hits = Counter(blow.fault.kind for blow in report.thrown if blow.hit)
    return [(kind.value, count, hits[kind]) for kind, count in thrown.most_common()]


def _skipped(report: Report) -> Counter[tuple[str, str]]:
    return Counter((blow.fault.kind.value, blow.skipped) for blow in report.blows if blow.skipped)


def _spread(times: list[float]) -> str:
    if not times:
        return "none"
    p50, p95, most = (1000 * times[min(len(times) - 1, int(len(times) * share))] for share in (0.5, 0.95, 1.0))
    return f"{p50:.0f} / {p95:.0f} / {most:.0f}  ({len(times)} runs)"
