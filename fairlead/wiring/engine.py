"""Everything that knows of runs, on one database. It reads like a parts list."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fairlead.access import MIGRATIONS as KEYS
from fairlead.access import KeyBook
from fairlead.agents.frameworks.sdk_transport import lay_under
from fairlead.agents.guest import HouseRules
from fairlead.agents.spec import AgentSpec
from fairlead.clock import Clock, SteeredClock
from fairlead.config import DatabaseSettings, Settings, Ungoverned, lend_keys
from fairlead.database import Database, FolderBlobs, Postgres, Query, Sqlite, migrate
from fairlead.gateway import Model, Prices
from fairlead.gateway.addresses import addresses
from fairlead.gateway.schema import MIGRATIONS as GATEWAY
from fairlead.runs.announcer import Announcer
from fairlead.runs.assistants import Assistants
from fairlead.runs.control import Control
from fairlead.runs.execute import Executor
from fairlead.runs.feed import Feed
from fairlead.runs.ids import Ids
from fairlead.runs.journal import MIGRATIONS, Journal, load_queries
from fairlead.runs.oversight import Oversight
from fairlead.runs.payload import Payloads
from fairlead.runs.retention import Retention
from fairlead.runs.threads import Threads
from fairlead.runs.worker import Parts, Worker
from fairlead.telemetry.emit import Emit
from fairlead.wiring.models import ModelLayer, open_models


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
    threads: Threads
    assistants: Assistants
    retention: Retention
    announcer: Announcer
    key_book: KeyBook
    ids: Ids
    rules: HouseRules
    clock: Clock
    emit: Emit

    async def close(self) -> None:
        await self.models.close()
        await self.database.close()


async def open_engine(
    settings: Settings,
    agents: Mapping[str, AgentSpec],
    *,
    providers: Mapping[str, Mapping[str, Any]],
    models: Mapping[str, Model] | None = None,
    prices: Prices | None = None,
    clock: Clock,
    emit: Emit,
    database: Database | None = None,
) -> Engine:
    """Open the database, bring its schema up to date, and put the parts together.

    Raises `DatabaseUnavailable`, `SchemaTooNew`, `ConfigurationError`.
    """
    database = database or await open_database(settings.database, root=settings.root, clock=clock)
    for name in await migrate(database, (MIGRATIONS, KEYS, GATEWAY)):
        emit("migration_applied", database=database.dialect, migration=name)
    queries = load_queries(database.dialect)
    key_book = KeyBook(database, clock=clock, emit=emit, others=bool(settings.access.api_keys))
    ids = Ids(clock)
    announcer = Announcer(database.signals, clock=clock)
    payloads = Payloads(
        FolderBlobs(settings.root / settings.database.blob_dir), threshold=settings.database.blob_threshold
    )
    return Engine(
        settings=settings,
        agents=agents,
        database=database,
        queries=queries,
        payloads=payloads,
        models=await open_models(
            settings, database, providers, models=models, prices=prices, key_book=key_book, clock=clock, emit=emit
        ),
        control=Control(
            database,
            queries,
            payloads,
            agents=agents,
            settings=settings.engine,
            ids=ids,
            clock=clock,
            emit=emit,
            announcer=announcer,
        ),
        feed=Feed(database, queries, payloads, clock=clock),
        oversight=Oversight(database, queries, clock=clock, emit=emit),
        threads=Threads(database, queries, payloads, ids=ids),
        assistants=Assistants(database, queries, agents=agents, ids=ids, clock=clock),
        retention=Retention(database, queries, payloads.blobs, settings=settings.engine, clock=clock, emit=emit),
        announcer=announcer,
        key_book=key_book,
        ids=ids,
        rules=_rules(settings, providers, models),
        clock=clock,
        emit=emit,
    )


async def open_database(settings: DatabaseSettings, *, root: Path, clock: Clock) -> Database:
    if settings.is_sqlite:
        return await Sqlite.open(root / settings.sqlite_path, clock=clock)
    return await Postgres.open(settings.url, clock=clock, connections=settings.pool_size)


def _rules(
    settings: Settings, providers: Mapping[str, Mapping[str, Any]], models: Mapping[str, Model] | None
) -> HouseRules:
    refuse = settings.models.ungoverned is Ungoverned.REFUSE
    return HouseRules(addresses(providers), tuple(models or ()), refuse)


def make_worker(engine: Engine) -> Worker:
    """A worker for all agents of the project, on the release the settings name. From here on model calls that
    libraries make inside runs are answered by their runs."""

    lend_keys()
    lay_under(engine.rules.addresses, engine.emit)
    # Timers and deadlines go by the database's clock: workers' own may differ.
    clock = SteeredClock(engine.clock)

    def journal(name: str) -> Journal:
        return Journal(
            engine.database, dict(engine.queries), engine.payloads, worker=name, clock=clock, emit=engine.emit
        )

    def executor(journal: Journal) -> Executor:
        return Executor(
            journal,
            dict(engine.agents),
            gateway=engine.models.gateway,
            others=engine.control,
            load_state=engine.control.thread_state,
            publish=engine.database.signals.publish,
            rules=engine.rules,
            clock=clock,
            emit=engine.emit,
        )

    parts = Parts(
        database=engine.database,
        queries=dict(engine.queries),
        agents=dict(engine.agents),
        settings=engine.settings.engine,
        clock=clock,
        emit=engine.emit,
        journal=journal,
        executor=executor,
        retention=engine.retention,
        sweeps={**engine.models.sweeps, "threads": engine.threads.expire},
        oversight=engine.oversight,
        announcer=engine.announcer,
    )
    return Worker(parts, ids=engine.ids)
