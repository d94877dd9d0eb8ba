"""The pages of the console, on an engine."""

from __future__ import annotations

from functools import partial

from starlette.types import ASGIApp

from fairlead.access import SignIn
from fairlead.config import Settings
from fairlead.web.console.router import console_router
from fairlead.web.console.settings import ConsoleSettings
from fairlead.wiring.console_door import EngineDoor
from fairlead.wiring.console_doors import doors_of
from fairlead.wiring.engine import Engine


def open_pages(engine: Engine, sign_in: SignIn | None) -> ASGIApp:
    settings = engine.settings
    return console_router(
        partial(EngineDoor, engine), clock=engine.clock, sign_in=sign_in, doors=doors_of(engine),
        settings=ConsoleSettings(
            environment=settings.app.environment.value, secure_cookies=_over_tls(settings),
            trace_url=settings.telemetry.trace_url, lease=settings.engine.lease,
        ),
    )  # fmt: skip


def _over_tls(settings: Settings) -> bool:
    """Readers come by https, though a proxy may speak http to us."""
    return (settings.sign_in.redirect_url or "").startswith("https://")
