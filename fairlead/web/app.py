"""The one ASGI application: the API, and the console beside it, behind one front.

front (request id, time, security headers, who calls) ──► routes ──► API operation | page of the console
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from fairlead import __version__
from fairlead.access import Books, Keyring, RateLimit, SignIn
from fairlead.agents.spec import AgentSpec
from fairlead.clock import Clock
from fairlead.config import ServerSettings
from fairlead.errors import MethodNotAllowed
from fairlead.gateway import Embedder, Gateway
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
from fairlead.telemetry.redact import Redactor
from fairlead.web.api.doors import Doors, Probe
from fairlead.web.api.files import FORM_SLACK
from fairlead.web.api.open_streams import OpenStreams
from fairlead.web.api.routes import api_routes
from fairlead.web.console.addresses import is_console
from fairlead.web.front import Front
from fairlead.web.gateway import GatewayEndpoints, is_gateway
from fairlead.web.routing import Routes

_EXPOSED = (
    "Content-Location", "Location", "X-Request-ID", "X-Response-Time", "Retry-After", "RateLimit",
    "RateLimit-Policy", "X-Should-Retry",
    "X-Fairlead-Model", "X-Fairlead-Cost-USD", "X-Fairlead-Cached",
)  # fmt: skip

if TYPE_CHECKING:
    from fairlead.access import Tokens


def make_app(
    *,
    control: Control,
    gateway: Gateway,
    feed: Feed,
    oversight: Oversight,
    threads: Threads,
    assistants: Assistants,
    webhooks: Webhooks,
    pushes: TaskPushes,
    tasks: Tasks,
    schedules: Schedules,
    erasing: Erasing,
    scores: Scores,
    stores: Stores,
    embedder: Embedder | None = None,
    costs: Costs,
    budgets: SharedBudgets,
    stops: Stops,
    levels: LevelBook,
    agents: Mapping[str, AgentSpec],
    keys: Keyring,
    rate: RateLimit,
    books: Books,
    tokens: Tokens | None = None,
    sign_in: SignIn | None = None,
    settings: ServerSettings,
    release: str,
    clock: Clock,
    emit: Emit,
    environment: str = "development",
    metrics: Callable[[], bytes] | None = None,
    probes: Mapping[str, Probe] | None = None,
    console: ASGIApp | None = None,
    model_timeout: timedelta = timedelta(minutes=2),
    stopping: asyncio.Event | None = None,
    redactor: Redactor | None = None,
) -> ASGIApp:
    """Everything is handed in.

    `metrics` renders the body of /metrics; `probes` are parts of /health beside the database and the queue; `console`
    answers below /console, and with `sign_in` people come to it with a session. Set `stopping` when the server is told
    to stop: open streams end, and their readers reconnect.
    """
    stopping = stopping or asyncio.Event()
    doors = Doors(
        control=control, feed=feed, oversight=oversight, threads=threads, assistants=assistants,
        webhooks=webhooks, pushes=pushes, tasks=tasks, schedules=schedules, scores=scores, stores=stores,
        embedder=embedder, erasing=erasing, costs=costs,
        budgets=budgets, stops=stops, levels=levels, agents=agents, keys=keys, rate=rate,
        books=books, tokens=tokens,
        settings=settings, release=release, version=__version__, environment=environment, clock=clock, emit=emit,
        metrics=metrics, probes=probes or {}, stopping=stopping, streams=OpenStreams(stopping),
    )  # fmt: skip
    endpoints = GatewayEndpoints(gateway, keys=keys, clock=clock, emit=emit, timeout=model_timeout)
    front: ASGIApp = Front(
        _routing(Routes(api_routes(doors)), endpoints, console), keys=keys, sign_in=sign_in, limit=settings.body_limit,
        file_limit=stores.files.limit + FORM_SLACK, clock=clock, emit=emit,
        redactor=redactor or Redactor(),
    )  # fmt: skip
    if origins := settings.cors_origins:
        front = CORSMiddleware(
            front, allow_origins=origins, allow_methods=["*"], allow_headers=["*"], expose_headers=_EXPOSED
        )
    return front


def _routing(routes: Routes, endpoints: GatewayEndpoints, console: ASGIApp | None) -> ASGIApp:
    """The routes alone: the front does what a framework's own layers of middleware do, once."""

    def route(scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        if scope["type"] == "http":
            if is_gateway(scope["path"]):
                return endpoints(scope, receive, send)  # type: ignore[arg-type]
            if (found := routes.find(scope["method"], scope["path"])) is not None:
                answering, scope["path_params"] = found
                return answering(scope, receive, send)
            if methods := routes.methods(scope["path"]):
                raise MethodNotAllowed(methods)
        if console is None or not is_console(scope["path"]):
            raise HTTPException(404)
        scope["app"] = console  # so that its router raises what it refuses
        return console(scope, receive, send)

    return route
