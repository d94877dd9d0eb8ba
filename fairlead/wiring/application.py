"""The app that `serve` and `dev` listen with."""

from __future__ import annotations

from fairlead.errors import DatabaseUnavailable, NotFound
from fairlead.gateway.exchange import Exchange, Receive, Scope, Send
from fairlead.wiring.engine import Engine
from fairlead.wiring.telemetry import Telemetry


class Application:
    def __init__(self, engine: Engine, telemetry: Telemetry) -> None:
        self._engine, self._telemetry = engine, telemetry

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        exchange = Exchange(scope, receive, send)
        match exchange.asks:
            case "GET /health/live":
                await exchange.json({"status": "healthy"})
            case "GET /health/ready":
                try:
                    await self._engine.oversight.ping()
                except DatabaseUnavailable as error:
                    await exchange.problem(503, error)
                else:
                    await exchange.json({"status": "healthy"})
            case _:
                await exchange.problem(404, NotFound("There is no such page."))
