"""`fairlead simulate`: the simulated provider as a process of its own, speaking what OpenAI and Anthropic speak.

POST /v1/chat/completions   JSON and server-sent events, tools
POST /v1/responses          the same
POST /v1/messages           the same
POST /v1/embeddings         vectors that are near each other where texts share words
GET  /v1/models
GET  /stats                 {requests, completed, by_digest, inflight, inflight_max}
POST /reset                 counters to zero, faults forgotten
POST /faults                {"rates": {...}, "seed": 7, "next": {"timeout": 1}, "retry_after": 2, "gap": 0.2}
"""

from __future__ import annotations

import asyncio
import ipaddress
import math
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from hmac import compare_digest
from typing import Any

import orjson
import uvicorn

from fairlead.clock import Clock, SystemClock
from fairlead.errors import ConfigurationError, FairleadError, InvalidInput
from fairlead.gateway.exchange import JSON, Exchange, Receive, Scope, Send
from fairlead.gateway.faults import Fault, Faults, parse_faults
from fairlead.gateway.policy import Policy
from fairlead.gateway.providers.simulated import Simulation
from fairlead.gateway.usage import estimated_tokens
from fairlead.gateway.wire import WIRES
from fairlead.gateway.wire.wire import Wire

_PIECE = 16
_ASKS = {f"POST /v1{wire.PATH}": form for form, wire in WIRES.items()}
_STREAM = (b"content-type", b"text/event-stream; charset=utf-8")


@dataclass
class Simulator:
    """The ASGI application. `tokens_per_second` None: as fast as it can. With `api_key`, it asks for it."""

    policy: Policy | None = None
    clock: Clock = field(default_factory=SystemClock)
    latency: timedelta = timedelta(0)
    tokens_per_second: float | None = None
    faults: Faults = field(default_factory=Faults)
    model: str = "simulated"
    api_key: str = ""

    def __post_init__(self) -> None:
        self.simulation = Simulation(self.policy)
        self.inflight = 0
        self.inflight_max = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        exchange = Exchange(scope, receive, send)
        try:
            await self._serve(exchange)
        except FairleadError as error:
            await exchange.problem(400, error)

    async def _serve(self, exchange: Exchange) -> None:
        if not self._may_enter(exchange):
            await exchange.problem(401, InvalidInput("The key is missing or wrong."))
            return
        match exchange.asks:
            case asks if asks in _ASKS:
                await self._counted(exchange, WIRES[_ASKS[asks]])
            case "GET /v1/models":
                await exchange.json({"object": "list", "data": [{"id": self.model, "object": "model"}]})
            case "GET /stats":
                await exchange.json(self.stats())
            case "POST /reset":
                self.reset()
                await exchange.json(self.stats())
            case "POST /faults":
                self.faults = parse_faults(await exchange.read_object())
                await exchange.json({"ok": True})
            case asks:
                await exchange.problem(404, InvalidInput(f"There is no {asks}."))

    def stats(self) -> dict[str, Any]:
        return {
            "requests": self.simulation.requests,
            "completed": self.simulation.completed,
            "by_digest": dict(self.simulation.by_digest),
            "inflight": self.inflight,
            "inflight_max": self.inflight_max,
        }

    def reset(self) -> None:
        self.simulation.reset()
        self.faults = Faults()
        self.inflight_max = self.inflight

    def _may_enter(self, exchange: Exchange) -> bool:
        given = exchange.header(b"authorization").removeprefix(b"Bearer ") or exchange.header(b"x-api-key")
        return not self.api_key or compare_digest(given, self.api_key.encode())

    async def _counted(self, exchange: Exchange, wire: Wire) -> None:
        request = wire.parse_request(await exchange.read())
        self.inflight += 1
        self.inflight_max = max(self.inflight, self.inflight_max)
        try:
            # Whoever leaves must not keep a place: a slow or hanging answer ends with its caller.
            await exchange.until_gone(self._answer(exchange, wire, request))
        finally:
            self.inflight -= 1

    async def _answer(self, exchange: Exchange, wire: Wire, request: dict[str, Any]) -> None:
        key = self.simulation.asked(request, wire.FORMAT)
        fault = self.faults.draw()
        if self.latency:
            await self.clock.sleep(self.latency)
        match fault:
            case Fault.RATE_LIMIT:
                retry_after = (b"retry-after", b"%d" % math.ceil(self.faults.retry_after.total_seconds()))
                await exchange.problem(429, InvalidInput("Slow down (simulated)."), retry_after)
                return
            case Fault.SERVER_ERROR:
                await exchange.problem(500, InvalidInput("Out of order (simulated)."))
                return
            case Fault.TIMEOUT:
                await asyncio.Event().wait()
            case _:
                pass
        answer = self.simulation.answer(request, wire.FORMAT, request["model"], key)
        say = self._stream if request.get("stream") else self._whole
        await say(exchange, wire, answer, fault)
        if fault not in (Fault.CUT, Fault.MALFORMED):
            self.simulation.completed += 1

    async def _whole(self, exchange: Exchange, wire: Wire, answer: dict[str, Any], fault: Fault | None) -> None:
        body = orjson.dumps(answer)
        usage = wire.usage_of(answer)
        await self._pace(usage.tokens_out if usage else 0)
        half = body[: len(body) // 2]
        match fault:
            case Fault.MALFORMED:
                await exchange.whole(200, half, JSON)
            case Fault.CUT:  # a length that never comes: the server drops the connection
                await exchange.start(200, JSON, (b"content-length", b"%d" % len(body)))
                await exchange.piece(half)
            case Fault.SLOW:
                await exchange.start(200, JSON)
                await self._drip(exchange, body)
                await exchange.end()
            case _:
                await exchange.whole(200, body, JSON)

    async def _stream(self, exchange: Exchange, wire: Wire, answer: dict[str, Any], fault: Fault | None) -> None:
        chunks = list(wire.emit(answer, piece=_PIECE))
        half = len(chunks) // 2
        await exchange.start(200, _STREAM)
        for number, chunk in enumerate(chunks):
            if fault is Fault.CUT and number == half:
                break  # cleanly: the case that raises nothing by itself
            if fault is Fault.MALFORMED and number == half:
                chunk = chunk[: len(chunk) // 2] + b"\n\n"
            if fault is Fault.SLOW:
                await self._drip(exchange, wire.event(chunk))
                continue
            await self._pace(estimated_tokens(_PIECE))
            await exchange.piece(wire.event(chunk))
        await exchange.end()

    async def _pace(self, tokens: int) -> None:
        if self.tokens_per_second is not None:
            await self.clock.sleep(timedelta(seconds=tokens / self.tokens_per_second))

    async def _drip(self, exchange: Exchange, body: bytes) -> None:
        for byte in body:
            await exchange.piece(bytes([byte]))
            await self.clock.sleep(self.faults.gap)


def server(app: Simulator, *, host: str, port: int) -> uvicorn.Server:
    """A uvicorn server for it, not started. ConfigurationError for an address beyond this machine without a key."""
    if not app.api_key and not _is_loopback(host):
        raise ConfigurationError(
            f"The simulated provider does not listen on {host} without a key.",
            hint="Give it an API key, or let it listen on 127.0.0.1.",
        )
    config = uvicorn.Config(
        app,  # pyright: ignore[reportArgumentType]  (uvicorn types its applications by the framework's)
        host=host,
        port=port,
        log_level="critical",
        access_log=False,
        lifespan="off",
        timeout_graceful_shutdown=1,
    )
    return uvicorn.Server(config)


def serve(
    policy: Policy | None = None,
    *,
    host: str = "127.0.0.1",
    port: int = 9100,
    latency: timedelta = timedelta(0),
    tokens_per_second: float | None = None,
    faults: Faults | None = None,
    model: str = "simulated",
    api_key: str = "",
) -> None:
    """Serves until SIGINT or SIGTERM. Blocks; call it from the main thread."""
    app = Simulator(
        policy,
        latency=latency,
        tokens_per_second=tokens_per_second,
        faults=faults or Faults(),
        model=model,
        api_key=api_key,
    )
    with suppress(KeyboardInterrupt):  # raised again by uvicorn after it has ended in order
        server(app, host=host, port=port).run()


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
