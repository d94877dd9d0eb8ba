"""What a worker is handed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from fairlead.agents.spec import AgentSpec
from fairlead.clock import SteeredClock
from fairlead.config import EngineSettings
from fairlead.database import Database, Query
from fairlead.runs.announcer import Announcer
from fairlead.runs.asked import Escalating
from fairlead.runs.delivering import Delivering
from fairlead.runs.erasing import Erasing
from fairlead.runs.execute import Executor
from fairlead.runs.figure_folding import FigureFolding
from fairlead.runs.journal import Journal
from fairlead.runs.oversight import Oversight
from fairlead.runs.retention import Retention
from fairlead.runs.schedules import Schedules
from fairlead.telemetry.emit import Emit


@dataclass(frozen=True, slots=True)
class Parts:
    """What a session is made of. `journal` and `executor` are made for a worker's name."""

    database: Database
    queries: Mapping[str, Query]
    agents: dict[str, AgentSpec]
    settings: EngineSettings
    clock: SteeredClock
    emit: Emit
    journal: Callable[[str], Journal]
    executor: Callable[[Journal], Executor]
    retention: Retention
    oversight: Oversight
    announcer: Announcer
    sweeps: Mapping[str, Callable[[], Awaitable[timedelta | None]]] = field(default_factory=dict[str, Any])
    """What other parts have to do as often as retention."""
    delivering: Delivering | None = None
    schedules: Schedules | None = None
    escalating: Escalating | None = None
    erasing: Erasing | None = None
    folding: FigureFolding | None = None
