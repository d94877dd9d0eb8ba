"""Everything that knows of runs, on one database. It reads like a parts list."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fairlead.access import MIGRATIONS as KEYS
from fairlead.access import Audit, Books, KeyBook, RateLimit, SessionBook, UserBook
from fairlead.agents.frameworks.sdk_transport import lay_under
from fairlead.agents.guest import HouseRules
from fairlead.agents.mcp.declared import Server, ToolServers
from fairlead.agents.spec import AgentSpec
from fairlead.clock import Clock, SteeredClock
from fairlead.config import Settings, Ungoverned, lend_keys
from fairlead.database import Database, Query, Timed, migrate
from fairlead.egress import Egress, read_rules
from fairlead.gateway import Model, Prices
from fairlead.gateway.addresses import addresses
from fairlead.gateway.schema import MIGRATIONS as GATEWAY
from fairlead.operate.levels import MIGRATIONS as LEVELS
from fairlead.operate.levels import LevelBook
from fairlead.runs.announcer import Announcer
from fairlead.runs.asked import Escalating
from fairlead.runs.assistants import Assistants
from fairlead.runs.control import Control
from fairlead.runs.delivering import Delivering
from fairlead.runs.erasing import Erasing
from fairlead.runs.execute import Executor
from fairlead.runs.feed import Feed
from fairlead.runs.figure_book import FigureBook
from fairlead.runs.figure_folding import FigureFolding
from fairlead.runs.ids import Ids
from fairlead.runs.journal import MIGRATIONS, Journal, load_queries
from fairlead.runs.oversight import Oversight
from fairlead.runs.payload import Payloads
from fairlead.runs.retention import Retention
from fairlead.runs.schedules import Schedules
from fairlead.runs.scores import Scores
from fairlead.runs.search import Search
from fairlead.runs.task_pushes import TaskPushes
from fairlead.runs.tasks import Tasks
from fairlead.runs.threads import Threads
from fairlead.runs.webhooks import Webhooks
from fairlead.runs.worker import Worker
from fairlead.runs.worker_parts import Parts
from fairlead.ship.checklist.ledger import AnswerLedger
from fairlead.ship.evaluation.book import Book
from fairlead.ship.ledger import MIGRATIONS as SHIP
from fairlead.ship.ledger import Ledger
from fairlead.store import MIGRATIONS as STORE
from fairlead.store import Stores
from fairlead.telemetry.emit import Emit
from fairlead.web.api.webhook_body import WebhookBody
from fairlead.wiring import personal, rate
from fairlead.wiring.blobs import open_blobs
from fairlead.wiring.databases import open_database
from fairlead.wiring.models import ModelLayer, open_models
from fairlead.wiring.process import ended
from fairlead.wiring.rate import open_rate_limit
from fairlead.wiring.redis import open_redis
from fairlead.wiring.stores import open_stores
from fairlead.wiring.tool_servers import open_tool_servers


@dataclass(frozen=True, slots=True)
class Engine:
    """Everything that knows of runs, on one database. Close it when done."""

    settings: Settings
    agents: Mapping[str, AgentSpec]
    database: Database
    queries: Mapping[str, Query]
    payloads: Payloads
    models: ModelLayer
    control: Control
    feed: Feed
    oversight: Oversight
    figures: FigureBook
    folding: FigureFolding
    threads: Threads
    assistants: Assistants
    scores: Scores
    search: Search
    stores: Stores
    retention: Retention
    announcer: Announcer
    books: Books
    levels: LevelBook
    rate: RateLimit
    redis: Any | None
    """The door to it, to see how it is; None where it is not in use."""
    egress: Egress
    tool_servers: ToolServers
    webhooks: Webhooks
    pushes: TaskPushes
    tasks: Tasks
    schedules: Schedules
    ledger: Ledger
    answers: AnswerLedger
    evaluations: Book
    escalating: Escalating
    erasing: Erasing
    ids: Ids
    rules: HouseRules
    clock: Clock
    emit: Emit
    looking: asyncio.Task[None] | None
    """After secrets that may be rotated."""

    async def close(self) -> None:
        if self.looking is not None:
            await ended(self.looking)
        await self.tool_servers.close()
        await self.egress.close()
        await self.models.close()
        await self.rate.aclose()
        if self.redis is not None:
            await self.redis.aclose()
        await self.stores.aclose()
        await self.database.close()


async def open_engine(
    settings: Settings,
    agents: Mapping[str, AgentSpec],
    *,
    providers: Mapping[str, Mapping[str, Any]],
    models: Mapping[str, Model] | None = None,
    prices: Prices | None = None,
    mcp: Mapping[str, Server] | None = None,
    clock: Clock,
    emit: Emit,
    database: Database | None = None,
) -> Engine:
    """Open the database, bring its schema up to date, and put the parts together.

    Raises `DatabaseUnavailable`, `SchemaTooNew`, `ConfigurationError`.
    """
    egress = Egress(rules=read_rules(settings.egress.allow))
    tool_servers = open_tool_servers(mcp or {}, egress=egress, clock=clock, emit=emit)
    database = database or await open_database(
        settings.database, root=settings.root, clock=clock, vectors=settings.store.embedding_model is not None,
        url=settings.live("DATABASE_URL"),
    )  # fmt: skip
    database = Timed(
        database, clock=clock, tell=lambda query, took: emit("database_query", query=query, took=took)
    )  # fmt: skip
    for name in await migrate(database, (MIGRATIONS, KEYS, GATEWAY, STORE, SHIP, LEVELS)):
        emit("migration_applied", database=database.dialect, migration=name)
    queries = load_queries(database.dialect)
    books = _books(settings, database, clock=clock, emit=emit)
    ids = Ids(clock)
    announcer = Announcer(database.signals, clock=clock)
    payloads = Payloads(open_blobs(settings.database, root=settings.root), threshold=settings.database.blob_threshold)
    layer = await open_models(
        settings, database, providers, models=models, prices=prices, key_book=books.keys, clock=clock, emit=emit
    )
    stores = await open_stores(
        settings, database, payloads.blobs, embedder=layer.embedder, new_id=ids.new, clock=clock, emit=emit
    )
    control = Control(
        database,
        queries,
        payloads,
        agents=agents,
        settings=settings.engine,
        ids=ids,
        clock=clock,
        emit=emit,
        announcer=announcer,
        files=stores.files,
    )
    threads = Threads(
        database, queries, payloads, conversations=stores.conversations, ids=ids, clock=clock,
        ttl=settings.engine.thread_ttl,
    )  # fmt: skip
    assistants = Assistants(database, queries, agents=agents, ids=ids, clock=clock)
    return Engine(
        settings=settings,
        agents=agents,
        database=database,
        queries=queries,
        payloads=payloads,
        models=layer,
        control=control,
        feed=Feed(database, queries, payloads, clock=clock),
        oversight=Oversight(database, queries, clock=clock, emit=emit, servers=tool_servers.conditions),
        figures=FigureBook(database, queries),
        folding=FigureFolding(database, queries, keep=settings.models.cost_retention, clock=clock, emit=emit),
        threads=threads,
        assistants=assistants,
        scores=Scores(database, queries, clock=clock, emit=emit),
        search=Search(database, queries, payloads),
        stores=stores,
        retention=Retention(
            database, queries, payloads.blobs, files=stores.files, settings=settings.engine, clock=clock, emit=emit
        ),
        announcer=announcer,
        books=books,
        levels=LevelBook(database, clock=clock),
        rate=open_rate_limit(settings, database, clock=clock, emit=emit),
        redis=None if settings.database.redis_url is None else open_redis(settings, connections=1),
        egress=egress,
        tool_servers=tool_servers,
        webhooks=Webhooks(database, queries, ids=ids, clock=clock, emit=emit),
        pushes=TaskPushes(database, queries, ids=ids),
        tasks=Tasks(database, queries, payloads),
        ledger=Ledger(database, environment=settings.app.environment.value),
        answers=AnswerLedger(database, environment=settings.app.environment.value),
        evaluations=Book(database, environment=settings.app.environment.value),
        escalating=Escalating(database, queries, emit=emit),
        erasing=Erasing(
            database,
            queries,
            personal.holdings(
                database, queries, payloads, books=books, control=control, threads=threads, stores=stores, clock=clock
            ),
            audit=books.audit,
            ids=ids,
            clock=clock,
            emit=emit,
        ),
        schedules=Schedules(
            database,
            queries,
            control=control,
            assistants=assistants,
            threads=threads,
            books=books,
            release=settings.engine.release,
            ids=ids,
            clock=clock,
            emit=emit,
        ),
        ids=ids,
        rules=_rules(settings, providers, models),
        clock=clock,
        emit=emit,
        looking=asyncio.create_task(settings.vault.run()) if settings.vault.any else None,
    )


def _books(settings: Settings, database: Database, *, clock: Clock, emit: Emit) -> Books:
    audit = Audit(database, clock=clock, emit=emit, secret=settings.access.audit_secret)
    others = bool(settings.access.api_keys) or settings.tokens.taken
    return Books(
        keys=KeyBook(database, audit=audit, clock=clock, emit=emit, others=others),
        users=UserBook(database, audit=audit, clock=clock, emit=emit),
        sessions=SessionBook(
            database, audit=audit, lives=settings.sign_in.session_lifetime, idle=settings.sign_in.session_idle,
            clock=clock,
        ),
        audit=audit,
    )  # fmt: skip


def _rules(
    settings: Settings, providers: Mapping[str, Mapping[str, Any]], models: Mapping[str, Model] | None
) -> HouseRules:
    refuse = settings.models.ungoverned is Ungoverned.REFUSE
    return HouseRules(addresses(providers), tuple(models or ()), refuse)


def make_worker(
    engine: Engine,
    *,
    journal_type: type[Journal] = Journal,
    executor_type: type[Executor] = Executor,
    queries: Mapping[str, Query] | None = None,
) -> Worker:
    """A worker for all agents of the project, on the release the settings name. From here on model calls that
    libraries make inside runs are answered by their runs. Batteries hand in parts with a bug of their own."""

    queries = engine.queries if queries is None else queries
    lend_keys()
    lay_under(engine.rules.addresses, engine.emit)
    engine.tool_servers.wake(sorted({name for spec in engine.agents.values() for name in spec.mcp}))
    # Timers and deadlines go by the database's clock: workers' own may differ.
    clock = SteeredClock(engine.clock)

    def journal(name: str) -> Journal:
        return journal_type(engine.database, dict(queries), engine.payloads, worker=name, clock=clock, emit=engine.emit)

    def executor(journal: Journal) -> Executor:
        return executor_type(
            journal,
            dict(engine.agents),
            gateway=engine.models.gateway,
            stores=engine.stores,
            embedder=engine.models.embedder,
            others=engine.control,
            load_state=engine.control.thread_state,
            publish=engine.database.signals.publish,
            rules=engine.rules,
            tool_servers=engine.tool_servers,
            clock=clock,
            emit=engine.emit,
        )

    parts = Parts(
        database=engine.database,
        queries=dict(queries),
        agents=dict(engine.agents),
        settings=engine.settings.engine,
        clock=clock,
        emit=engine.emit,
        journal=journal,
        executor=executor,
        retention=engine.retention,
        sweeps={
            **engine.models.sweeps,
            **engine.stores.sweeps,
            **rate.sweeps(engine.settings, engine.database),
            "service_levels": engine.levels.sweep,
            "score_links": engine.scores.sweep,
            "threads": engine.threads.expire,
        },
        oversight=engine.oversight,
        delivering=_delivering(engine, clock),
        schedules=engine.schedules,
        escalating=engine.escalating,
        erasing=engine.erasing,
        folding=engine.folding,
        announcer=engine.announcer,
    )
    return Worker(parts, ids=engine.ids)


def _delivering(engine: Engine, clock: Clock) -> Delivering:
    return Delivering(
        engine.database, engine.queries, webhooks=engine.webhooks, pushes=engine.pushes, egress=engine.egress,
        render=WebhookBody(engine.control, engine.threads, clock=clock), keep=engine.settings.engine.run_retention,
        clock=clock, emit=engine.emit,
    )  # fmt: skip
