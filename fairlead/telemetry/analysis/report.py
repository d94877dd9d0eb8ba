"""What groups of lines say, for people and programs. Pure values."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from fairlead.telemetry.analysis.groups import Group, Part, Slow, middle

_HOUR = 3_600_000  # ms


@dataclass(frozen=True, slots=True)
class FileRead:
    """`format`: in words; `strange`: lines that are nothing of it; `note`: what else is to be known of it."""

    name: str
    format: str
    bytes: int
    strange: int = 0
    note: str = ""


@dataclass(frozen=True, slots=True)
class Latency:
    """In ms; percentiles are right to 1 %. None: nothing was timed."""

    count: int
    mean: float | None
    p50: float | None
    p95: float | None
    p99: float | None
    max: float | None


@dataclass(frozen=True, slots=True)
class Row:
    """Of one route, model, tool or agent. `failed`: as its kind counts failures."""

    name: str
    count: int
    failed: int
    latency: Latency
    tokens: int
    cost_usd: float


@dataclass(frozen=True, slots=True)
class Hour:
    at: datetime
    requests: int
    errors: int


@dataclass(frozen=True, slots=True)
class SlowRequest:
    at: datetime | None
    name: str
    status: str
    took: float  # ms
    id: str


@dataclass(frozen=True, slots=True)
class Wrong:
    """An error; digits in what it says are #, so that the same one is counted as one."""

    said: str
    count: int
    first: datetime | None
    last: datetime | None


@dataclass(frozen=True, slots=True)
class Report:
    """`since`: what was asked for; None: everything. `newest`: of all lines, those that are older too."""

    since: datetime | None
    slower_than: timedelta
    files: Sequence[FileRead]
    lines: int
    strange: int
    older: int
    timeless: int
    first: datetime | None
    last: datetime | None
    newest: datetime | None
    requests: Row
    statuses: Mapping[str, int]
    routes: Sequence[Row]
    hours: Sequence[Hour]
    slow: int
    slowest: Sequence[SlowRequest]
    errors: int
    wrongs: Sequence[Wrong]
    runs: Mapping[str, int]
    agents: Sequence[Row]
    models: Sequence[Row]
    tools: Sequence[Row]
    events: Mapping[str, int]

    @property
    def error_rate(self) -> float | None:
        """Of requests: answers of 5xx. None: there was no request."""
        return self.requests.failed / self.requests.count if self.requests.count else None

    @property
    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "slower_than": self.slower_than.total_seconds(), "error_rate": self.error_rate}


def report_of(
    groups: Iterable[Group], files: Sequence[FileRead], *, since: datetime | None, slower_than: timedelta, top: int
) -> Report:
    parts: Counter[Part] = Counter()
    kept: list[Group] = []
    newest: list[int] = []
    for one in groups:
        parts[one.part] += one.lines
        if one.part is Part.KEPT:
            kept.append(one)
        if one.last is not None:
            newest.append(one.last)
    by_event: dict[str, list[Group]] = {}
    for one in kept:
        by_event.setdefault(one.event, []).append(one)
    requests, runs = by_event.get("http_request", []), by_event.get("agent_completed", [])
    threshold = slower_than / timedelta(milliseconds=1)
    slowest = sorted((slow for one in requests for slow in one.slow), key=lambda slow: -slow.took)
    wrongs = _wrongs(kept)
    return Report(
        since, slower_than, files,
        lines=parts[Part.KEPT], strange=sum(one.strange for one in files), older=parts[Part.OLDER],
        timeless=parts[Part.TIMELESS],
        first=_at(min((one.first for one in kept if one.first is not None), default=None)),
        last=_at(max((one.last for one in kept if one.last is not None), default=None)),
        newest=_at(max(newest, default=None)),
        requests=_row("", requests, _is_5xx),
        statuses=_counted(requests, lambda one: one.status or "none"),
        routes=_rows(requests, _is_5xx, top), hours=_hours(requests),
        slow=sum(_beyond(one, threshold) for one in requests), slowest=tuple(map(_slow, slowest[:top])),
        errors=sum(one.count for one in wrongs), wrongs=wrongs[:top],
        runs=_counted(runs, lambda one: one.status or "none"),
        agents=_rows(runs, lambda one: one.status in ("error", "timeout"), top),
        models=_rows(by_event.get("llm_call", []), lambda one: one.status not in ("ok", "success", ""), top),
        tools=_rows(by_event.get("tool_result", []), lambda one: one.status not in ("ok", "success", ""), top),
        events=_counted(kept, lambda one: one.event or "(none)"),
    )  # fmt: skip


def latency_of(groups: Iterable[Group]) -> Latency:
    course: Counter[int] = Counter()
    timed, took, longest = 0, 0.0, 0.0
    for one in groups:
        course.update(one.course)
        timed += one.timed
        took += one.took
        longest = max(longest, one.longest)
    if not timed:
        return Latency(0, None, None, None, None, None)
    ordered = sorted(course.items())
    p50, p95, p99 = (_quantile(ordered, sum(course.values()), share, longest) for share in (0.5, 0.95, 0.99))
    return Latency(timed, took / timed, p50, p95, p99, longest)


def _quantile(course: Sequence[tuple[int, int]], count: int, share: float, longest: float) -> float | None:
    passed = 0
    for bucket, lines in course:
        passed += lines
        if passed >= share * count:
            return min(middle(bucket), longest)
    return None


def _rows(groups: Sequence[Group], failed: Callable[[Group], bool], top: int) -> list[Row]:
    """Those with the most lines."""
    named: dict[str, list[Group]] = {}
    for one in groups:
        named.setdefault(one.name or "(none)", []).append(one)
    most = sorted(named, key=lambda name: (-sum(one.lines for one in named[name]), name))[:top]
    return [_row(name, named[name], failed) for name in most]


def _row(name: str, groups: Sequence[Group], failed: Callable[[Group], bool]) -> Row:
    return Row(
        name, sum(one.lines for one in groups), sum(one.lines for one in groups if failed(one)), latency_of(groups),
        round(sum(one.tokens for one in groups)), sum(one.cost for one in groups),
    )  # fmt: skip


def _hours(requests: Sequence[Group]) -> list[Hour]:
    """Each hour from the first to the last, those without a request too; the days on which there was one where that
    would be too many."""
    counts: Counter[int] = Counter()
    errors: Counter[int] = Counter()
    for one in requests:
        if one.hour is not None:
            counts[one.hour] += one.lines
            errors[one.hour] += one.lines if _is_5xx(one) else 0
    if not counts:
        return []
    hours = range(min(counts), max(counts) + 1) if max(counts) - min(counts) < _MOST_HOURS else sorted(counts)
    return [Hour(datetime.fromtimestamp(hour * 3600, UTC), counts[hour], errors[hour]) for hour in hours]


_MOST_HOURS = 24 * 62


def _wrongs(kept: Sequence[Group]) -> list[Wrong]:
    """Lines at the level of an error, and requests that were answered with 5xx; the most frequent first."""
    said: dict[str, list[Group]] = {}
    for one in kept:
        if one.wrong:
            said.setdefault(one.wrong, []).append(one)
        elif one.event == "http_request" and _is_5xx(one):
            said.setdefault(f"{one.status} {one.name}", []).append(one)
    found = [
        Wrong(
            words, sum(one.lines for one in of),
            _at(min((one.first for one in of if one.first is not None), default=None)),
            _at(max((one.last for one in of if one.last is not None), default=None)),
        )
        for words, of in said.items()
    ]  # fmt: skip
    return sorted(found, key=lambda one: (-one.count, one.said))


def _counted(groups: Iterable[Group], key: Callable[[Group], str]) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for one in groups:
        counts[key(one)] += one.lines
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def _beyond(one: Group, threshold: float) -> int:
    """How many took longer: exact where a group holds few of them, else to the width of a bucket."""
    if len(one.slow) < _SLOW_KEPT:
        return len(one.slow)
    return sum(lines for bucket, lines in one.course.items() if middle(bucket) > threshold)


_SLOW_KEPT = 20  # of a group, in group.sql


def _slow(one: Slow) -> SlowRequest:
    return SlowRequest(_at(one.moment), one.name, one.status or "", one.took, one.id or "")


def _is_5xx(one: Group) -> bool:
    return one.status.startswith("5") and len(one.status) == len("500")


def _at(moment: int | None) -> datetime | None:
    """A time that no calendar has is none."""
    if moment is None:
        return None
    try:
        return datetime.fromtimestamp(moment / 1000, UTC)
    except (OverflowError, ValueError, OSError):
        return None
