"""The model layer, put together from the settings and from what a project declares. It reads like a parts list."""

from __future__ import annotations

import os
import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from importlib import import_module
from typing import Any

from fairlead.access import KeyBook
from fairlead.clock import Clock
from fairlead.config import CacheKind, ModelSettings, Settings
from fairlead.database import Database
from fairlead.gateway import CircuitPolicy, Gateway, GatewayPolicy, Model, Prices, RetryPolicy, Shared, bounds, build
from fairlead.gateway.allowance import Limit, Period
from fairlead.gateway.budgets import KEY, SharedBudgets
from fairlead.gateway.cache import Cache
from fairlead.gateway.cache_store import CacheStore, MemoryCacheStore
from fairlead.gateway.cache_store_sql import SqlCacheStore
from fairlead.gateway.costs import Costs
from fairlead.gateway.embedding import Embedder
from fairlead.gateway.key_limit import KeyLimit
from fairlead.gateway.limit import Limit as ProviderLimit
from fairlead.gateway.limits import Limits
from fairlead.gateway.provider import Complete
from fairlead.gateway.providers.declared import declared_providers
from fairlead.gateway.rate import Rate, Rates
from fairlead.gateway.rate_store import RateStore
from fairlead.gateway.rate_store_sql import SqlRateStore
from fairlead.gateway.schema import load_queries
from fairlead.gateway.switch import ProviderSwitch, Stops, Switch
from fairlead.gateway.transport_http1 import Http1Transport
from fairlead.gateway.types import Attempt, ModelReply, ModelRequest
from fairlead.gateway.usage_log import UsageLog, UsageRow
from fairlead.gateway.usage_retention import UsageRetention
from fairlead.gateway.wire import WIRES
from fairlead.telemetry.emit import Emit
from fairlead.wiring.redis import open_redis

_NANO = 1_000_000_000


@dataclass(frozen=True, slots=True)
class ModelLayer:
    """Everything that knows of model calls. Close it before its database."""

    gateway: Gateway
    usage: UsageLog
    usage_retention: UsageRetention
    costs: Costs
    budgets: SharedBudgets
    stops: Stops
    limits: Limits
    caches: list[Cache]
    embedder: Embedder | None
    """Of documents; None where no model is named for it."""

    @property
    def sweeps(self) -> Mapping[str, Callable[[], Awaitable[Any]]]:
        """What a worker does now and then."""
        return {"usage_retention": self.usage_retention.once}

    async def close(self) -> None:
        await self.gateway.aclose()
        for cache in self.caches:
            await cache.aclose()
        await self.limits.aclose()
        await self.stops.close()
        await self.budgets.stop()
        await self.usage.close()


async def open_models(
    settings: Settings,
    database: Database,
    providers: Mapping[str, Mapping[str, Any]],
    *,
    models: Mapping[str, Model] | None = None,
    prices: Prices | None,
    key_book: KeyBook,
    clock: Clock,
    emit: Emit,
) -> ModelLayer:
    """Raises ConfigurationError for a declaration that makes no sense."""

    chosen, prices = settings.models, prices or Prices()
    queries = load_queries(database.dialect)
    usage = UsageLog(database, queries, clock=clock, emit=emit)
    limits = Limits(
        _rates(chosen, providers), store=_rate_store(settings, database), process=_process(), clock=clock, emit=emit,
        signals=database.signals,
    )  # fmt: skip
    stops = Stops(database, queries, clock=clock, emit=emit)
    budgets = SharedBudgets(
        database, queries, settings.budgets, of_keys=lambda: _limits_of(key_book), clock=clock, emit=emit
    )
    await stops.start()
    await budgets.start()
    caches: list[Cache] = []

    def cached(call: Complete) -> Complete:
        if chosen.cache is CacheKind.OFF:
            return call
        store = _cache_store(settings, database, clock)
        caches.append(
            Cache(
                call, store=store, wires=WIRES, clock=clock, emit=emit, keep=chosen.cache_ttl,
                on_hit=lambda request, reply: usage.add(_hit(request, reply, prices, clock)),
            )
        )  # fmt: skip
        return caches[-1]

    def limited(name: str, call: Complete) -> Complete:
        return ProviderLimit(call, limits=limits, expect=_expected_tokens, clock=clock, emit=emit)

    gateway = build(
        declared_providers(
            providers, root=settings.root, secret=settings.live, open_transport=Http1Transport, clock=clock,
            silence=chosen.timeout,
        ),
        prices, clock, emit, jitter=random.random, models=models, policy=_policy(chosen),
        shared=Shared(
            switch=lambda call: Switch(call, stops),
            cache=cached,
            key_limit=lambda call: KeyLimit(call, limits=limits, expect=_expected_tokens),
            purses=budgets.purse,
            provider_switch=lambda name, call: ProviderSwitch(call, stops, provider=name),
            limit=limited,
            keep=lambda request, attempt: usage.add(_row(request, attempt, prices)),
        ),
    )  # fmt: skip
    retention = UsageRetention(
        database, queries, rows_for=chosen.usage_retention, sums_for=chosen.cost_retention, clock=clock, emit=emit
    )
    costs, embedder = Costs(database, queries), _embedder(settings, gateway)
    return ModelLayer(gateway, usage, retention, costs, budgets, stops, limits, caches, embedder)


def _embedder(settings: Settings, gateway: Gateway) -> Embedder | None:
    store = settings.store
    if store.embedding_model is None:
        return None
    return Embedder(
        gateway, store.embedding_model, dimensions=store.embedding_dimensions, timeout=settings.models.timeout
    )


async def _limits_of(key_book: KeyBook) -> list[Limit]:
    """The budgets that API keys bring with them."""
    limits: list[Limit] = []
    for tenant, key_id, allowed in await key_book.allowances():
        each = ((Period.DAY, allowed.day_nano), (Period.MONTH, allowed.month_nano), (Period.TOTAL, allowed.total_nano))
        limits += [
            Limit(tenant, f"key:{key_id}", period, nano, set_by=KEY) for period, nano in each if nano is not None
        ]
    return limits


def _policy(models: ModelSettings) -> GatewayPolicy:
    circuit = CircuitPolicy(
        error_rate=float(models.error_rate), min_volume=models.min_volume, rate_open=models.open_for,
        consecutive=models.consecutive_errors, run_open=models.cooldown,
    )  # fmt: skip
    retry = RetryPolicy(tries=models.retry_count + 1, first_wait=models.retry_delay)
    return GatewayPolicy(retry, circuit, int(models.cheapest_below_usd * _NANO), models.lossy)


def _rates(models: ModelSettings, providers: Mapping[str, Mapping[str, Any]]) -> Rates:
    """A simulated model has no account that could run out of anything, but for a rate that its table names."""
    default = Rate(models.requests_per_minute or None, models.tokens_per_minute or None)
    tables: dict[str, Mapping[str, Any]] = {"simulated": {}, **providers}
    declared = {name: _rate(name, table, default) for name, table in tables.items()}
    return Rates(default, providers={name: rate for name, rate in declared.items() if rate != default})


def _rate(name: str, table: Mapping[str, Any], default: Rate) -> Rate:
    if table.get("kind", name) == "simulated":
        default = Rate(None, None)
    requests = table.get("requests_per_minute", default.requests)
    return Rate(requests or None, table.get("tokens_per_minute", default.tokens) or None)


def _expected_tokens(request: ModelRequest) -> int:
    found = bounds.measured(request)
    return found.expected_in + found.most_out


def _rate_store(settings: Settings, database: Database) -> RateStore:
    if settings.database.redis_url is None:
        return SqlRateStore(database)
    return import_module("fairlead.gateway.rate_store_redis").RedisRateStore(open_redis(settings))


def _cache_store(settings: Settings, database: Database, clock: Clock) -> CacheStore:
    match settings.models.cache:
        case CacheKind.REDIS:
            return import_module("fairlead.gateway.cache_store_redis").RedisCacheStore(open_redis(settings))
        case CacheKind.DATABASE:
            return SqlCacheStore(database)
        case _:
            return MemoryCacheStore(clock=clock)


def _process() -> str:
    """A name that no other process has or has had."""
    return f"{os.getpid()}-{os.urandom(8).hex()}"


def _row(request: ModelRequest, attempt: Attempt, prices: Prices) -> UsageRow:
    saved = prices.saved_nano(attempt.model, attempt.usage) if attempt.usage.cached_in else 0
    streamed, first_token = request.sink is not None, request.way.meter.first_token
    return UsageRow(request.caller, attempt, saved, streamed, first_token=first_token)


def _hit(request: ModelRequest, reply: ModelReply, prices: Prices, clock: Clock) -> UsageRow:
    """An answer of our own cache: nothing was used, and this much saved."""
    saved = prices.saved_nano(reply.model, reply.usage, answered_from_cache=True)
    answered = Attempt(reply.provider, clock.now(), timedelta(0), "ok", model=reply.model)
    return UsageRow(request.caller, answered, saved, request.sink is not None, cached=True)
