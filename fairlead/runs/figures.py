"""How runs ended, counted: values, and how they add up. Pure.

    ended runs ──fold──► rows by five minutes, hours and days ──► Course: what a period was like

A run counts when it has ended for half a minute; one that is tried again after that counts again when it ends. Its
time is what it executed: not the wait for a worker, a person or a child.

Times are kept in buckets that grow by a quarter of an octave, 19 %: a quantile, told as the middle of its bucket, is at
most 9 % off. Sums go by `grain`, minutes: five minutes for three days, hours and days as long as costs.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

from fairlead.runs.run import Status

FINE, HOUR, DAY = 5, 60, 1440
KEPT_FINE = 3 * DAY  # minutes: what two days are compared by

MICROS = 60_000_000  # of a minute
_SECOND = 40  # the bucket that ends at one second
_PER_OCTAVE = 4
_LAST = 108  # 36 hours and more
_SHORTEST = 2.0 ** (-_SECOND / _PER_OCTAVE)


class Ended(NamedTuple):
    """A run that ended: a row of `ended_runs.sql`."""

    tenant: str
    agent: str
    release: str
    status: str
    reason: str | None
    finished_at: int
    executing_us: int
    cost_nano: int


class Used(NamedTuple):
    """A tool as runs used it that ended within the five minutes from `minute` on: a row of `ended_tools.sql`."""

    tenant: str
    agent: str
    release: str
    name: str
    minute: int
    calls: int
    failed: int


class Range(NamedTuple):
    """Spans of one grain, next to each other."""

    grain: int
    since: int
    until: int


class Figure(NamedTuple):
    """A row of `run_figures`. `name`: an outcome, a bucket of times, or a tool, by `kind`."""

    kind: str
    grain: int
    tenant: str
    minute: int
    agent: str
    release: str
    name: str
    total: int
    failed: int = 0
    took_us: int = 0
    cost_nano: int = 0


@dataclass(frozen=True, slots=True)
class Sums:
    """Of runs that ended. Of those that were interrupted the time does not count: they stopped somewhere."""

    success: int = 0
    interrupted: int = 0
    failed: int = 0
    took_us: int = 0
    cost_nano: int = 0

    def __add__(self, other: Sums) -> Sums:
        return Sums(
            self.success + other.success, self.interrupted + other.interrupted, self.failed + other.failed,
            self.took_us + other.took_us, self.cost_nano + other.cost_nano,
        )  # fmt: skip

    @property
    def runs(self) -> int:
        return self.success + self.interrupted + self.failed

    @property
    def success_rate(self) -> float | None:
        return self.success / self.runs if self.runs else None

    @property
    def error_rate(self) -> float | None:
        return self.failed / self.runs if self.runs else None

    @property
    def mean(self) -> float | None:
        """Seconds."""
        timed = self.success + self.failed
        return self.took_us / timed / 1_000_000 if timed else None


@dataclass(frozen=True, slots=True)
class ToolUse:
    name: str
    calls: int
    failed: int

    @property
    def failed_share(self) -> float:
        return self.failed / self.calls if self.calls else 0.0


@dataclass(frozen=True, slots=True)
class Course:
    """What happened from minute `since` to `until`, in spans by when they begin; one that nothing ended in is missing.
    `counted_from`: the first minute of which all is counted; what is older still is being."""

    since: int
    until: int
    spans: Mapping[int, Sums]
    buckets: Mapping[int, int] = field(default_factory=dict[int, int])
    tools: Sequence[ToolUse] = ()
    counted_from: int = 0

    def sums(self, since: int, until: int) -> Sums:
        return sum((one for minute, one in self.spans.items() if since <= minute < until), Sums())

    def steps(self, starts: range) -> list[Sums | None]:
        """What ended in each of the spans that begin there; None where not all of it is counted."""
        found: list[Sums | None] = [None if start < self.counted_from else Sums() for start in starts]
        for minute, one in self.spans.items():
            place = (minute - starts.start) // starts.step
            if 0 <= place < len(found) and (before := found[place]) is not None:
                found[place] = before + one
        return found


def cover(cuts: Iterable[int], *, finest: int) -> list[Range]:
    """The spans to be read, as coarse as can be, so that what lies between any two of the cuts can be told. Cuts are
    where a span of the finest grain begins."""
    found: list[Range] = []
    for since, until in pairwise(sorted(set(cuts))):
        for one in _between(since, until, finest):
            if found and found[-1].grain == one.grain and found[-1].until == one.since:
                one = Range(one.grain, found.pop().since, one.until)
            found.append(one)
    return found


def _between(since: int, until: int, finest: int) -> list[Range]:
    for grain in (DAY, HOUR, FINE):
        first, last = -(-since // grain) * grain, until // grain * grain
        if finest <= grain and first < last:
            return [*_between(since, first, finest), Range(grain, first, last), *_between(last, until, finest)]
    return []


def fold(ended: Iterable[Ended], used: Iterable[Used], *, fine_from: int) -> list[Figure]:
    """What is to be added to the figures. Five minutes that began before `fine_from` are not kept."""
    found: dict[tuple[str, int, str, int, str, str, str], list[int]] = {}
    for run in ended:
        timed = run.status != Status.INTERRUPTED
        added = [1, 0, run.executing_us if timed else 0, run.cost_nano]
        minute = run.finished_at // MICROS
        _add(found, "status", run, minute, outcome(run.status, run.reason), added, fine_from)
        if timed:
            _add(found, "time", run, minute, f"{bucket_of(run.executing_us):03}", [1, 0, 0, 0], fine_from)
    for tool in used:
        _add(found, "tool", tool, tool.minute, tool.name, [tool.calls, tool.failed, 0, 0], fine_from)
    return [Figure(*key, *sums) for key, sums in found.items()]


def _add(
    found: dict[tuple[str, int, str, int, str, str, str], list[int]], kind: str, of: Ended | Used, minute: int,
    name: str, added: Sequence[int], fine_from: int,
) -> None:  # fmt: skip
    for grain in (FINE, HOUR, DAY):
        start = minute // grain * grain
        if grain == FINE and start < fine_from:
            continue
        sums = found.setdefault((kind, grain, of.tenant, start, of.agent, of.release, name), [0, 0, 0, 0])
        for place, value in enumerate(added):
            sums[place] += value


def outcome(status: str, reason: str | None) -> str:
    """ "error/budget", "success"."""
    return f"{status}/{reason}" if reason else status


def sums_of(name: str, count: int, took_us: int, cost_nano: int) -> Sums:
    """Of runs with one outcome."""
    match Status(name.partition("/")[0]):
        case Status.SUCCESS:
            return Sums(success=count, took_us=took_us, cost_nano=cost_nano)
        case Status.ERROR | Status.TIMEOUT:
            return Sums(failed=count, took_us=took_us, cost_nano=cost_nano)
        case _:
            return Sums(interrupted=count, cost_nano=cost_nano)


def bucket_of(took_us: int) -> int:
    """The first bucket that does not end before."""
    seconds = took_us / 1_000_000
    if seconds <= _SHORTEST:
        return 0
    return min(max(math.ceil(_PER_OCTAVE * math.log2(seconds) - 1e-9) + _SECOND, 0), _LAST)


def bound_of(bucket: int) -> float:
    """Where it ends, in seconds; the last one has no end."""
    return 2.0 ** ((bucket - _SECOND) / _PER_OCTAVE)


def quantile(buckets: Mapping[int, int], wanted: float) -> float | None:
    """In seconds, at most 9 % off; None of nothing."""
    rank, before = wanted * sum(buckets.values()), 0
    for bucket in sorted(buckets):
        before += buckets[bucket]
        if buckets[bucket] and before >= rank:
            return 2.0 ** ((bucket - 0.5 - _SECOND) / _PER_OCTAVE)
    return None


def octaves(buckets: Mapping[int, int], *, most: int = 8) -> list[tuple[float, int]]:
    """Where each octave ends, in seconds, and how many are in it: without gaps; the shortest are one where there are
    more than `most`."""
    found: dict[int, int] = {}
    for bucket, count in buckets.items():
        octave = -(-(bucket - _SECOND) // _PER_OCTAVE)
        found[octave] = found.get(octave, 0) + count
    if not found:
        return []
    first, last = min(found), max(found)
    shortest = max(first, last - most + 1)
    kept = {octave: found.get(octave, 0) for octave in range(shortest, last + 1)}
    kept[shortest] += sum(count for octave, count in found.items() if octave < shortest)
    return [(2.0**octave, count) for octave, count in kept.items()]
