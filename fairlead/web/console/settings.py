"""What wiring tells the console about itself."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class ConsoleSettings:
    environment: str = "development"
    secure_cookies: bool = False  # True behind TLS
    fragment_every: timedelta = timedelta(milliseconds=250)  # at most this often for one element
    look_again: timedelta = timedelta(seconds=5)  # what grows without an event
