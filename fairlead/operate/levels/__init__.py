"""Service levels: what we promise of errors, times and availability, measured from what processes saw themselves.

    http_request, database_query, agent_completed ──► Counts (memory) ──► once a minute: service_counts ──► after a day:
    hours ──► `judge` (pure): met, missed or no data; error budget, burn rate

A process says every ten seconds that it is there and reaches the database (service_spans): what no process said is an
outage, unless all had been asked to stop.

Main path: `LevelBook.report`. `Keeper` is the role that writes.
May import: database, telemetry, config, errors, clock.
"""

from fairlead.operate.levels.book import MIGRATIONS, LevelBook
from fairlead.operate.levels.counts import Counts
from fairlead.operate.levels.keeper import Keeper
from fairlead.operate.levels.level import OBJECTIVES, Budget, Measure, Report, State, Window, judge, parse_window

__all__ = [
    "MIGRATIONS",
    "OBJECTIVES",
    "Budget",
    "Counts",
    "Keeper",
    "LevelBook",
    "Measure",
    "Report",
    "State",
    "Window",
    "judge",
    "parse_window",
]
