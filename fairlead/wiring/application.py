"""The one app of API and console, on an engine."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable

from starlette.types import ASGIApp

from fairlead.access import Keyring, Tokens
from fairlead.gateway.standing import health_of_models
from fairlead.telemetry.health import Component, Condition
from fairlead.web.app import make_app
from fairlead.web.console import ConsoleSettings, console_router
from fairlead.wiring.console_door import EngineDoor
from fairlead.wiring.engine import Engine
from fairlead.wiring.rate import health_of_sharing
from fairlead.wiring.tool_servers import health_of_servers

_FULL, _NEARLY_FULL = 0.98, 0.9


def open_application(
    engine: Engine, *, keys: Keyring, tokens: Tokens | None = None, metrics: Callable[[], bytes] | None,
    stopping: asyncio.Event,
) -> ASGIApp:  # fmt: skip
    settings = engine.settings
    environment = settings.app.environment.value
    console = console_router(
        lambda caller: EngineDoor(engine, caller), clock=engine.clock, settings=ConsoleSettings(environment=environment)
    )
    return make_app(
        control=engine.control, gateway=engine.models.gateway, feed=engine.feed, oversight=engine.oversight,
        threads=engine.threads, assistants=engine.assistants, webhooks=engine.webhooks,
        pushes=engine.pushes, tasks=engine.tasks, scores=engine.scores,
        stores=engine.stores, embedder=engine.models.embedder, schedules=engine.schedules, erasing=engine.erasing,
        costs=engine.models.costs, budgets=engine.models.budgets, stops=engine.models.stops,
        model_timeout=engine.settings.models.endpoint_timeout, agents=engine.agents,
        keys=keys, rate=engine.rate, books=engine.books, tokens=tokens, settings=settings.server,
        release=settings.engine.release, clock=engine.clock, emit=engine.emit, environment=environment,
        metrics=metrics, console=console, stopping=stopping,
        probes={
            "cache": lambda: _cache(engine), "disk": lambda: _disk(engine), "ai_service": lambda: _models(engine),
            "mcp": lambda: _tool_servers(engine),
        },
    )  # fmt: skip


async def _models(engine: Engine) -> Component:
    return health_of_models(engine.models.gateway.standings())


async def _tool_servers(engine: Engine) -> Component:
    return health_of_servers(await engine.oversight.tool_servers())


async def _cache(engine: Engine) -> Component:
    return health_of_sharing(engine.settings, engine.rate)


async def _disk(engine: Engine) -> Component:
    """Of the folder that holds blobs, and on a laptop everything."""
    usage = await asyncio.to_thread(shutil.disk_usage, engine.settings.root)
    taken = usage.used / usage.total
    if taken >= _FULL:
        return Component(Condition.UNHEALTHY, f"{taken:.0%} full")
    if taken >= _NEARLY_FULL:
        return Component(Condition.DEGRADED, f"{taken:.0%} full")
    return Component(Condition.HEALTHY, f"{taken:.0%} full")
