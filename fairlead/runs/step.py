"""What and where a step is."""

from __future__ import annotations

from typing import NamedTuple


class Step(NamedTuple):
    """`key` is its own within the run; kind, name and digest say what it is, branch where."""

    kind: str
    name: str
    digest: str = ""
    key: str = ""  # empty: not a step, only something said of one
    branch: str = ""
    started_at: int | None = None  # microseconds since 1970
