"""What logs say of the last hours: requests, errors, latency, runs, models, tools.

    files ──► sources (opened, unpacked) ──► formats (which is it?) ──► engine (groups of lines, by DuckDB) ──► report

Lines are data and nothing else: whatever stands in them is counted, shown made safe, and never obeyed.

May import: config, errors, clock.
"""

from fairlead.telemetry.analysis.analyse import Tell, Wanted, analyse
from fairlead.telemetry.analysis.report import FileRead, Report

__all__ = ["FileRead", "Report", "Tell", "Wanted", "analyse"]
