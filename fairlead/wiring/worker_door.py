"""What a worker says over HTTP: live, ready, metrics, drain. In raw ASGI: a worker needs no framework.

GET /health            every part as this worker has it; 503 when one it needs is unhealthy
GET /health/live       200 while the process answers
GET /health/ready      200 while it claims runs and its database answers, else 503
GET /metrics           what this process counted
POST /internal/drain   202: claims no more, hands its runs back, ends, as on SIGTERM; needs an admin's key, if any
"""

from __future__ import annotations

from collections.abc import Callable

import orjson

from fairlead.access import Keyring, Role, require
from fairlead.clock import Clock
from fairlead.errors import FairleadError, Forbidden, NotFound, Unauthorised
from fairlead.gateway.exchange import JSON, Exchange, Receive, Scope, Send
from fairlead.runs.worker import Worker
from fairlead.telemetry.health import Component, Condition, Health, health_of
from fairlead.telemetry.metrics import CONTENT_TYPE, Metrics
from fairlead.telemetry.pulse import Pulse

_VITAL = frozenset({"database", "worker"})


class WorkerDoor:
    def __init__(
        self, worker: Worker, *, pulse: Pulse, metrics: Metrics, keys: Keyring, clock: Clock,
        drain: Callable[[], None], draining: Callable[[], bool],
    ) -> None:  # fmt: skip
        self._worker = worker
        self._pulse = pulse
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
            case "GET /health":
                await self._tell(exchange, await self._pulse.whole())
            case "GET /health/ready" | "GET /ready":
                await self._tell(exchange, await self._pulse.ready())
            case "GET /metrics":
                await exchange.whole(200, self._metrics.render(), (b"content-type", CONTENT_TYPE.encode()))
            case "POST /internal/drain":
                headers = {k.decode("latin-1"): v.decode("latin-1") for k, v in scope["headers"]}
                require(await self._keys.identify(headers), Role.ADMIN)
                self._drain()
                await exchange.whole(202, orjson.dumps({"status": "draining"}), JSON)
            case asks:
                await _problem(exchange, 404, NotFound(f"There is no {asks} on a worker.", hint="The API has it."))

    async def _tell(self, exchange: Exchange, health: Health) -> None:
        """Whether it claims is known at once, and never told from memory."""
        parts = {**health.components, "worker": self._claiming()}
        whole = health_of(parts, now=health.timestamp, version=health.version, vital=_VITAL)
        await exchange.whole(whole.http_status, orjson.dumps(whole.to_json()), JSON)

    def _claiming(self) -> Component:
        if self._draining():
            return Component(Condition.UNHEALTHY, "draining")
        if not self._worker.ready.is_set():
            return Component(Condition.UNHEALTHY, "starting")
        return Component(Condition.HEALTHY)


async def _problem(exchange: Exchange, status: int, error: FairleadError) -> None:
    said = {"title": error.code, "status": status, "detail": str(error), "code": error.code}
    await exchange.whole(status, orjson.dumps(said), (b"content-type", b"application/problem+json"))
