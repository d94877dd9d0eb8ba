"""The pages people look at: server-rendered, live.

Main path: a page reads from the door, shapes what it read into a value, a template writes it.

May import: what web may; never web.api.
"""

from __future__ import annotations

from fairlead.web.console.door import (
    SILENT,
    Counts,
    Delta,
    Door,
    Forking,
    Outcome,
    RunPage,
    Shipped,
    Standing,
    Standings,
    Wanted,
)
from fairlead.web.console.doors import Doors
from fairlead.web.console.router import console_router
from fairlead.web.console.section import of_house
from fairlead.web.console.settings import ConsoleSettings

__all__ = [
    "SILENT",
    "ConsoleSettings",
    "Counts",
    "Delta",
    "Door",
    "Doors",
    "Forking",
    "Outcome",
    "RunPage",
    "Shipped",
    "Standing",
    "Standings",
    "Wanted",
    "console_router",
    "of_house",
]  # fmt: skip
