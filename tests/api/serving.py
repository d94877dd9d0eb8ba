"""The API on a real engine: called in process, or listening on loopback."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from pydantic import SecretStr
from starlette.types import ASGIApp

from fairlead import testing
from fairlead.access import Keyring, SignIn
from fairlead.access.provider import Provider
from fairlead.web.app import make_app
from fairlead.web.console.language import LOCALES
from fairlead.web.console.router import Console, console_router
from fairlead.web.console.settings import ConsoleSettings
from fairlead.wiring import Engine
from fairlead.wiring.console_door import EngineDoor
from fairlead.wiring.console_doors import doors_of
from fairlead.wiring.keyring import open_keyring, open_tokens
from tests.access.sign_in_provider import SignInProvider


@dataclass(slots=True)
class Serving:
    running: testing.Running
    app: ASGIApp
    client: httpx.AsyncClient  # in process: waits for the whole answer
    stopping: asyncio.Event

    async def json(self, method: str, path: str, body: Any = None, *, status: int | None = 200, **more: Any) -> Any:
        answer = await self.client.request(method, path, **({"json": body} if body is not None else {}), **more)
        assert status in (None, answer.status_code), answer.text
        return answer.json() if answer.content else None

    def said(self, event: str) -> list[dict[str, Any]]:
        return [fields for name, fields in self.running.said if name == event]


@asynccontextmanager
async def serving(
    agents: Mapping[str, Any], *, keys: tuple[str, ...] = (), table: bool = False,
    app: Mapping[str, Any] | None = None, console: bool = False, provider: SignInProvider | None = None,
    look_again: timedelta = timedelta(seconds=1), **engine: Any,
) -> AsyncIterator[Serving]:  # fmt: skip
    """`table`: the keys of the database count, too. With a `provider` there is a console too, and people sign in."""
    if table:
        engine["api_key_whitelist"] = ",".join(keys)
    async with testing.engine(agents, **engine) as running:
        inside = running.engine
        tokens = open_tokens(inside)
        if table:
            ring = await open_keyring(inside, host="127.0.0.1", tokens=tokens)
        else:
            ring = Keyring((SecretStr(key) for key in keys), tokens=tokens, clock=inside.clock)
        stopping = asyncio.Event()
        sign_in = None if provider is None else _sign_in(inside, provider)
        given = dict(app or {}) | {"sign_in": sign_in}
        if console or provider is not None:
            given["console"] = make_console(inside, sign_in=sign_in, look_again=look_again)
        made = make_app(
            control=inside.control, feed=inside.feed, oversight=inside.oversight, threads=inside.threads,
            assistants=inside.assistants, webhooks=inside.webhooks, pushes=inside.pushes, tasks=inside.tasks,
            schedules=inside.schedules, erasing=inside.erasing, scores=inside.scores, stores=inside.stores,
            embedder=inside.models.embedder,
            costs=inside.models.costs,
            budgets=inside.models.budgets, stops=inside.models.stops, levels=inside.levels,
            gateway=inside.models.gateway, agents=inside.agents,
            keys=ring, rate=inside.rate, books=inside.books, tokens=tokens, settings=inside.settings.server,
            release=inside.settings.engine.release, clock=inside.clock, emit=inside.emit, stopping=stopping,
            **given,
        )  # fmt: skip
        transport = httpx.ASGITransport(made, raise_app_exceptions=True)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            yield Serving(running, made, client, stopping)
        await ring.close()


def make_console(
    engine: Engine, *, sign_in: SignIn | None = None, look_again: timedelta = timedelta(seconds=1),
    locales: Path = LOCALES, environment: str = "testing",
) -> Console:  # fmt: skip
    settings = ConsoleSettings(environment=environment, look_again=look_again, locales=locales)
    return console_router(
        partial(EngineDoor, engine), clock=engine.clock, doors=doors_of(engine), settings=settings,
        sign_in=sign_in,
    )  # fmt: skip


def _sign_in(engine: Engine, provider: SignInProvider) -> SignIn:
    settings = engine.settings.sign_in
    asked = Provider(settings, send=provider.send, clock=engine.clock, emit=engine.emit)
    return SignIn(settings, provider=asked, books=engine.books, clock=engine.clock, emit=engine.emit)


@asynccontextmanager
async def listening(app: ASGIApp) -> AsyncIterator[str]:
    """The address of the application on a real server."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="critical", lifespan="off", timeout_keep_alive=1))
    serve = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.005)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = server.force_exit = True
        await serve


@dataclass(frozen=True, slots=True)
class Told:
    """One server-sent event as a reader gets it."""

    event: str
    data: Any
    id: str


async def read_events(response: httpx.Response, *, most: int = 1_000_000) -> list[Told]:
    """Until the stream ends, or `most` have come."""
    found: list[Told] = []
    fields: dict[str, str] = {}
    async for line in response.aiter_lines():
        if line and not line.startswith(":"):
            name, _, value = line.partition(": ")
            fields[name] = value
        elif not line and fields:
            found.append(
                Told(fields["event"], httpx.Response(200, content=fields["data"]).json(), fields.get("id", ""))
            )
            fields = {}
            if len(found) == most:
                break
    return found
