"""What the API is handed: the doors of the engine, and what it must know of the process it lives in."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from fairlead.access import Books, Keyring, RateLimit, Tokens
from fairlead.agents.spec import AgentSpec
from fairlead.clock import Clock
from fairlead.config import ServerSettings
from fairlead.gateway import Embedder
from fairlead.gateway.budgets import SharedBudgets
from fairlead.gateway.costs import Costs
from fairlead.gateway.switch import Stops
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
from fairlead.telemetry.health import Component
from fairlead.web.api.open_streams import OpenStreams

Probe = Callable[[], Awaitable[Component]]


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
