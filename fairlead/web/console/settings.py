"""What wiring tells the console about itself."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from fairlead.web.console.language import LOCALES


@dataclass(frozen=True, slots=True)
class ConsoleSettings:
    environment: str = "development"
    secure_cookies: bool = False  # True behind TLS
    trace_url: str | None = None  # of a trace, with {trace_id} in it
    fragment_every: timedelta = timedelta(milliseconds=250)  # at most this often for one element
    locales: Path = LOCALES  # a folder of catalogues, one for each language
    lease: timedelta = timedelta(seconds=15)  # a worker that has not renewed for this long is lost
    look_again: timedelta = timedelta(seconds=5)  # what grows without an event
