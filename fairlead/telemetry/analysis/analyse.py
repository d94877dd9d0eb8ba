"""Reads files, and says what they tell. The one place where values meet files and the engine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from fairlead.clock import to_micros
from fairlead.errors import InvalidInput
from fairlead.telemetry.analysis.engine import Engine
from fairlead.telemetry.analysis.formats import Format, format_of
from fairlead.telemetry.analysis.report import FileRead, Report, report_of
from fairlead.telemetry.analysis.sources import Source, find_sources, looked_into

Tell = Callable[[str, float], None]
"""Which file is read, and how much of it is done, 0 to 1."""
_WHY = {
    Format.EMPTY: "it is empty",
    Format.BINARY: "it is no text",
    Format.UNKNOWN: "it is neither JSON lines nor an access log that is known here: nothing of it was counted",
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """`since`: nothing that is older. `slow`: from when on a request is listed as slow. `top`: so many of each."""

    since: datetime | None = None
    slow: timedelta = timedelta(seconds=5)
    top: int = 10


def analyse(names: Sequence[str], wanted: Wanted, *, rotated: bool = False, tell: Tell | None = None) -> Report:
    """Of these files; `-` is standard input. Raises `NotFound`, `InvalidInput` (also when none of them is a log that
    can be read), `ConfigurationError` without the extra."""
    sources = find_sources(names, rotated=rotated)
    cutoff = None if wanted.since is None else to_micros(wanted.since) // 1000
    files: list[FileRead] = []
    with Engine(cutoff=cutoff, slow=wanted.slow) as engine:
        for source in sources:
            files.append(_take(engine, source, tell or (lambda _name, _share: None)))
        if all(one.format in (Format.BINARY, Format.UNKNOWN) for one in files):
            raise InvalidInput(
                f"{files[0].name} can't be read: {files[0].note}.",
                hint="Taken: JSON lines (Fairlead's, or Docker's around them), access logs of nginx, Apache, uvicorn.",
            )
        return report_of(engine.groups(), files, since=wanted.since, slower_than=wanted.slow, top=wanted.top)


def _take(engine: Engine, source: Source, tell: Tell) -> FileRead:
    def progress(share: float) -> None:
        tell(source.name, share)

    progress(0.0)
    source, sample, wrong = looked_into(source)
    format = format_of(sample)
    if not format.readable:
        return FileRead(source.name, format, source.size, note=wrong or _WHY[format])
    taken = engine.take(source, format, progress)
    note = "" if taken.cut is None else f"{taken.cut}: what comes before that was counted"
    return FileRead(source.name, format, source.size, taken.strange, note)
