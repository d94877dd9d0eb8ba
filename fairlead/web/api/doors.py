"""What the API is handed: the doors of the engine, and what it must know of the process it lives in."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fairlead.access import Books, Keyring, RateLimit
from fairlead.agents.spec import AgentSpec
from fairlead.clock import Clock
from fairlead.config import ServerSettings
from fairlead.gateway import Embedder
from fairlead.gateway.budgets import SharedBudgets
from fairlead.gateway.costs import Costs
from fairlead.gateway.switch import Stops
from fairlead.operate.levels import LevelBook
from fairlead.runs.assistants import Assistants
from fairlead.runs.control import Control
from fairlead.runs.erasing import Erasing
from fairlead.runs.feed import Feed
from fairlead.runs.oversight import Oversight
from fairlead.runs.schedules import Schedules
from fairlead.runs.scores import Scores
from fairlead.runs.task_pushes import TaskPushes
from fairlead.runs.tasks import Tasks
from fairlead.runs.threads import Threads
from fairlead.runs.webhooks import Webhooks
from fairlead.store import Stores
from fairlead.telemetry.emit import Emit
from fairlead.telemetry.pulse import Probe
from fairlead.web.api.open_streams import OpenStreams

if TYPE_CHECKING:
    from fairlead.access import Tokens


@dataclass(frozen=True, slots=True)
class Doors:
    control: Control
    feed: Feed
    oversight: Oversight
    threads: Threads
    assistants: Assistants
    webhooks: Webhooks
    pushes: TaskPushes
    tasks: Tasks
    schedules: Schedules
    scores: Scores
    erasing: Erasing
    stores: Stores
    embedder: Embedder | None
    costs: Costs
    budgets: SharedBudgets
    stops: Stops
    levels: LevelBook
    agents: Mapping[str, AgentSpec]
    keys: Keyring
    rate: RateLimit
    books: Books
    tokens: Tokens | None
    settings: ServerSettings
    release: str
    version: str
    environment: str
    clock: Clock
    emit: Emit
    metrics: Callable[[], bytes] | None
    probes: Mapping[str, Probe]
    stopping: asyncio.Event  # set: open streams end
    streams: OpenStreams
