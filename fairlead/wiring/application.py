"""The one app of API and console, on an engine."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from starlette.types import ASGIApp

from fairlead.access import Keyring
from fairlead.web.app import make_app
from fairlead.wiring.console import Console
from fairlead.wiring.engine import Engine
from fairlead.wiring.keyring import open_sign_in
from fairlead.wiring.probes import open_probes
from fairlead.wiring.telemetry import redactor_of

if TYPE_CHECKING:
    from fairlead.access import Tokens


def open_application(
    engine: Engine, *, keys: Keyring, tokens: Tokens | None = None, metrics: Callable[[], bytes] | None,
    stopping: asyncio.Event,
) -> ASGIApp:  # fmt: skip
    settings = engine.settings
    sign_in = open_sign_in(engine)
    return make_app(
        control=engine.control, gateway=engine.models.gateway, feed=engine.feed, oversight=engine.oversight,
        threads=engine.threads, assistants=engine.assistants, webhooks=engine.webhooks,
        pushes=engine.pushes, tasks=engine.tasks, scores=engine.scores,
        stores=engine.stores, embedder=engine.models.embedder, schedules=engine.schedules, erasing=engine.erasing,
        costs=engine.models.costs, budgets=engine.models.budgets, stops=engine.models.stops,
        levels=engine.levels,
        model_timeout=engine.settings.models.endpoint_timeout, agents=engine.agents,
        keys=keys, rate=engine.rate, books=engine.books, tokens=tokens, sign_in=sign_in, settings=settings.server,
        release=settings.engine.release, clock=engine.clock, emit=engine.emit,
        environment=settings.app.environment.value,
        metrics=metrics, console=Console(engine, sign_in), stopping=stopping, redactor=redactor_of(settings),
        probes=open_probes(engine),
    )  # fmt: skip
