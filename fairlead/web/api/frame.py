"""One server-sent event."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Frame:
    """`id` when a reader may resume behind it. `passing`: it names itself, and nobody resumes behind it."""

    event: str
    data: Any
    id: str = ""
    passing: bool = False
