"""What and where a step is."""

from __future__ import annotations

from typing import NamedTuple


class Step(NamedTuple):
    """`key` is its own within the run; kind, name and digest say what it is, branch where."""

    kind: str | None = None
    name: str | None = None
    digest: str = ""
    key: str | None = None
    branch: str = ""
    started_at: int | None = None  # microseconds since 1970


NO_STEP = Step()  # of events that belong to the whole run
