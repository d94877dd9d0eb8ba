"""When the service was there, from what its processes said of themselves. Pure.

A  ├──────────┤ (asked to stop)      ├───
B       ├─────────────┤ (died)       ·
   ·····up············│····down······│up      the gap counts: the last to leave was not asked to
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Span:
    """A process was there, and reached the database. `asked`: it ended because it was told to."""

    began: datetime
    last: datetime
    asked: bool


@dataclass(frozen=True, slots=True)
class Available:
    """Of the time that counts: what is known, without stops that somebody asked for. `outages`: from, to."""

    known: timedelta
    down: timedelta
    outages: Sequence[tuple[datetime, datetime]]
    since: datetime | None = None


def available(spans: Sequence[Span], *, since: datetime, until: datetime, beat: timedelta) -> Available:
    """`spans`: those within, and the last one before it, which says whether the service was to be there. `beat`: how
    long a living process may say nothing."""
    if not spans:
        return Available(timedelta(0), timedelta(0), ())
    ordered = sorted(spans, key=lambda one: one.began)
    first = max(since, ordered[0].began)
    there, wanted, planned = ordered[0].began, True, timedelta(0)
    outages: list[tuple[datetime, datetime]] = []
    for one in [*ordered, None]:
        begins = until if one is None else one.began
        gap_from, gap_to = max(there, first), min(begins, until)
        # Until `until` nobody needs to have spoken: the next word may be due.
        if gap_to > gap_from and not (one is None and until - there <= beat):
            if wanted:
                outages.append((gap_from, gap_to))
            else:
                planned += gap_to - gap_from
        if one is not None and one.last >= there:
            there, wanted = one.last, not one.asked
    down = sum((end - start for start, end in outages), timedelta(0))
    return Available(max(until - first - planned, timedelta(0)), down, outages, first)
