"""Where the starts of callers are counted: in Redis, in PostgreSQL, or by the one process there is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from importlib import import_module
from typing import Any

from fairlead.access.rate import RateLimit, RateStore, Window
from fairlead.access.rate_sql import SqlRateStore
from fairlead.clock import Clock
from fairlead.config import Settings
from fairlead.database import Database
from fairlead.telemetry.emit import Emit
from fairlead.wiring.redis import open_redis


def open_rate_limit(settings: Settings, database: Database, *, clock: Clock, emit: Emit) -> RateLimit:
    """Close it before the database."""
    window = Window(settings.server.rate_limit, settings.server.rate_window)
    return RateLimit(window, store=_store(settings, database), clock=clock, emit=emit)


def sweeps(settings: Settings, database: Database) -> Mapping[str, Callable[[], Awaitable[Any]]]:
    """What a worker does now and then."""
    store = _store(settings, database)
    return {"rate_sweep": store.sweep} if isinstance(store, SqlRateStore) else {}


def _store(settings: Settings, database: Database) -> RateStore | None:
    if settings.server.rate_limit == 0:
        return None
    if settings.database.redis_url is not None:
        return import_module("fairlead.access.rate_redis").RedisRateStore(open_redis(settings))
    return None if settings.database.is_sqlite else SqlRateStore(database)
