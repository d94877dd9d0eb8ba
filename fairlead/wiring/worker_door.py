"""What a worker says over HTTP: live, ready, metrics, drain. In raw ASGI: a worker needs no framework.

GET /health/live       200 while the process answers
GET /health/ready      200 while it claims runs and its database answers, else 503
GET /metrics           what this process counted
POST /internal/drain   202: claims no more, hands its runs back, ends, as on SIGTERM; needs an admin's key, if any
"""

from __future__ import annotations

from collections.abc import Callable

import orjson

import fairlead
from fairlead.access import Keyring, Role, require
from fairlead.clock import Clock
from fairlead.errors import DatabaseUnavailable, FairleadError, Forbidden, NotFound, Unauthorised
from fairlead.gateway.exchange import JSON, Exchange, Receive, Scope, Send
from fairlead.runs.oversight import Oversight
from fairlead.runs.worker import Worker
from fairlead.telemetry.health import Component, Condition, health_of
from fairlead.telemetry.metrics import CONTENT_TYPE, Metrics


class WorkerDoor:
    def __init__(
        self, worker: Worker, *, oversight: Oversight, metrics: Metrics, keys: Keyring, clock: Clock,
        drain: Callable[[], None], draining: Callable[[], bool],
    ) -> None:  # fmt: skip
        self._worker = worker
        self._oversight = oversight
        self._metrics = metrics
        self._keys = keys
        self._clock = clock
        self._drain = drain
        self._draining = draining

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        exchange = Exchange(scope, receive, send)
        try:
            await self._answer(exchange, scope)
        except Forbidden as error:
            await _problem(exchange, 403, error)
        except Unauthorised as error:
            await _problem(exchange, 401, error)

    async def _answer(self, exchange: Exchange, scope: Scope) -> None:
        match exchange.asks:
            case "GET /health/live":
                await exchange.json({"status": "healthy", "timestamp": self._clock.now().isoformat()})
            case "GET /health/ready" | "GET /ready":
                await self._ready(exchange)
            case "GET /metrics":
                await exchange.whole(200, self._metrics.render(), (b"content-type", CONTENT_TYPE.encode()))
            case "POST /internal/drain":
                headers = {k.decode("latin-1"): v.decode("latin-1") for k, v in scope["headers"]}
                require(await self._keys.identify(headers), Role.ADMIN)
                self._drain()
                await exchange.whole(202, orjson.dumps({"status": "draining"}), JSON)
            case asks:
                await _problem(exchange, 404, NotFound(f"There is no {asks} on a worker.", hint="The API has it."))

    async def _ready(self, exchange: Exchange) -> None:
        parts = {"database": await self._database(), "worker": self._claiming()}
        health = health_of(
            parts, now=self._clock.now(), version=fairlead.__version__, vital=frozenset({"database", "worker"})
        )
        await exchange.whole(health.http_status, orjson.dumps(health.to_json()), JSON)

    async def _database(self) -> Component:
        try:
            await self._oversight.ping()
        except DatabaseUnavailable as error:
            return Component(Condition.UNHEALTHY, error.message)
        return Component(Condition.HEALTHY)

    def _claiming(self) -> Component:
        if self._draining():
            return Component(Condition.UNHEALTHY, "draining")
        if not self._worker.ready.is_set():
            return Component(Condition.UNHEALTHY, "starting")
        return Component(Condition.HEALTHY)


async def _problem(exchange: Exchange, status: int, error: FairleadError) -> None:
    said = {"title": error.code, "status": status, "detail": str(error), "code": error.code}
    await exchange.whole(status, orjson.dumps(said), (b"content-type", b"application/problem+json"))
