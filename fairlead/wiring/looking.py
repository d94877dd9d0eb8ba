"""What `fairlead check` looks at, put together from the settings and what the project declares."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

import httpx2
import orjson

from fairlead.agents.load import find_declaration, read_declaration
from fairlead.clock import SystemClock
from fairlead.config import Settings
from fairlead.database import Database
from fairlead.errors import ConfigurationError, FairleadError, InvalidInput, ModelError
from fairlead.gateway.providers.declared import declared_providers, key_of
from fairlead.gateway.providers.http import HttpProvider
from fairlead.gateway.transport_http1 import Http1Transport
from fairlead.operate.check import backup, database, disk, judged
from fairlead.operate.check.judged import Asked
from fairlead.operate.check.look import Look, why
from fairlead.operate.check.machine import Machine
from fairlead.runs.journal import load_queries
from fairlead.runs.oversight import Oversight
from fairlead.ship.checklist.answer import Found, Void
from fairlead.ship.checklist.facts import CouldNotAsk
from fairlead.ship.verdict import Verdict
from fairlead.telemetry.emit import silent
from fairlead.wiring.backing_up import newest_verified
from fairlead.wiring.databases import open_database
from fairlead.wiring.probes import places_of
from fairlead.wiring.project import settings_here
from fairlead.wiring.redis import open_redis
from fairlead.wiring.serving_lock import serving

_LOST = timedelta(hours=1)


@asynccontextmanager
async def open_looks(
    url: str = "", *, timeout: timedelta, machine: Machine | None = None
) -> AsyncGenerator[list[Look]]:
    """Of the system of the project we stand in; `url`: where its API is, if not where the settings say. Raises
    `ConfigurationError`, `InvalidInput`."""
    settings, clock = settings_here(needed_by=None), SystemClock()
    if url and not url.startswith(("http://", "https://")):
        raise InvalidInput(f"{url} is no address of an API.", hint="Such as http://127.0.0.1:8000.")
    seen, looked = machine or Machine(), _Looks(settings, url.rstrip("/"), timeout, clock)
    providers = list(looked.providers())
    try:
        yield [
            Look("application", looked.application, "See its log; start it with `fairlead serve` or `fairlead dev`."),
            Look("workers", looked.workers, "Start one: `fairlead work`, or `fairlead serve --worker`."),
            Look("queue", looked.queue, "Start more workers; see `fairlead doctor` and `fairlead runs list`."),
            Look("database", lambda: database.look(looked.open_database, clock), "Check DATABASE_URL and its server."),
            Look("slow-queries", looked.slow_queries, "See pg_stat_activity; end what hangs with pg_cancel_backend."),
            Look("cache", looked.cache, "Check REDIS_URL and its server."),
            *(provider.look for provider in providers),
            Look("cpu", seen.cpu, "Find what uses it; add machines, or take work away."),
            Look("memory", seen.memory, "Find what uses it, before the kernel ends it."),
            Look("disk", looked.disk, "Free space: see RETENTION_DAYS, RUN_RETENTION; or move to a larger disk."),
            Look("backup", looked.backup, "Take one: `fairlead backup create`; see that it is scheduled."),
        ]
    finally:
        await asyncio.gather(*(provider.close() for provider in providers))


@dataclass(frozen=True, slots=True)
class _Provider:
    look: Look
    close: Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class _Looks:
    settings: Settings
    url: str
    timeout: timedelta
    clock: SystemClock

    async def application(self) -> Found:
        url = self.url or self._served_at()
        live, _ = await self._get(f"{url}/health/live")
        health, body = await self._get(f"{url}/health")
        found = judged.service(live, health, body)
        return Found(found.result, found.said, url)

    async def workers(self) -> Found:
        async with self._oversight() as oversight:
            known = await oversight.workers()
        alive = [one for one in known if one.alive]
        since = self.clock.now() - _LOST
        return judged.workers(
            alive=len(alive), draining=sum(one.draining for one in alive),
            lost=sum(one.lost_at is not None and one.lost_at >= since for one in known),
            running=sum(one.running for one in alive), slots=sum(one.slots for one in alive),
        )  # fmt: skip

    async def queue(self) -> Found:
        async with self._oversight() as oversight:
            queue, unserved = await oversight.queue(), await oversight.unserved()
        return judged.queue(
            depth=queue.depth, limit=self.settings.engine.queue_limit, poisoned=queue.poisoned,
            waited=None if queue.oldest is None else self.clock.now() - queue.oldest,
            unserved=sum(one.runs for one in unserved),
        )  # fmt: skip

    async def slow_queries(self) -> Found:
        if self.settings.database.is_sqlite:
            return Found(Void.NOT_APPLICABLE, "A SQLite file does not say what is asked of it.")
        return await database.slow_queries(self.open_database)

    async def cache(self) -> Found:
        if self.settings.database.redis_url is None:
            return judged.no_cache()
        door = open_redis(self.settings, connections=1)
        try:
            before = self.clock.monotonic()
            await door.ping()
            took = self.clock.monotonic() - before
            used, most, policy = await door.memory()
        finally:
            await door.aclose()
        return judged.cache(used=used, most=most, policy=policy, took=took)

    async def disk(self) -> Found:
        places = places_of(self.settings)
        taken = await asyncio.to_thread(lambda: {name: disk.share_taken(place) for name, place in places.items()})
        return disk.judge(taken)

    async def backup(self) -> Found:
        newest = await asyncio.to_thread(newest_verified, self.settings)
        return backup.judge(newest, environment=self.settings.app.environment, now=self.clock.now())

    async def open_database(self) -> database.Opened:
        chosen, path = self.settings.database, None
        if chosen.is_sqlite:
            path = self.settings.root / chosen.sqlite_path
            if not path.exists():
                raise CouldNotAsk(f"There is no database yet: {path}.")
        before = self.clock.monotonic()
        opened: Database = await open_database(
            chosen, root=self.settings.root, clock=self.clock, url=self.settings.live("DATABASE_URL")
        )
        return database.Opened(opened, self.clock.monotonic() - before, path, chosen.pool_size)

    def providers(self) -> Iterator[_Provider]:
        """Those that are declared, and of ours those that have a key."""
        tables = _declared(self.settings)
        made = declared_providers(
            tables, root=self.settings.root, secret=self.settings.live, open_transport=Http1Transport, clock=self.clock
        )
        for one in made:
            name = f"provider {one.name}"
            mend = f"See the status page of {one.name}, and its key."
            if not isinstance(one, HttpProvider):
                if one.name in tables:
                    yield _Provider(Look(name, _simulated), one.aclose)
            elif one.ready:
                yield _Provider(Look(name, partial(self._provider, one), mend), one.aclose)
            elif one.name in tables:
                variable = key_of(one.name, tables[one.name])
                yield _Provider(Look(name, partial(_no_key, variable), f"Set {variable}."), one.aclose)

    async def _provider(self, provider: HttpProvider) -> Found:
        try:
            return judged.provider(Asked(await provider.look(self.timeout)))
        except ModelError as error:
            return judged.provider(Asked(None, why(error).rstrip(".")))

    def _served_at(self) -> str:
        if self.settings.client.url or not self.settings.database.is_sqlite:
            return self.settings.api_url
        server = serving(self.settings)
        if server is None:
            raise _NotServed("Nobody serves this project.")
        if not server.url:
            raise CouldNotAsk(f"Process {server.pid} has the database, and takes no calls.")
        return server.url

    @asynccontextmanager
    async def _oversight(self) -> AsyncGenerator[Oversight]:
        opened = (await self.open_database()).database
        try:
            yield Oversight(opened, load_queries(opened.dialect), clock=self.clock, emit=silent)
        finally:
            await opened.close()

    async def _get(self, url: str) -> tuple[Asked, Any]:
        try:
            async with httpx2.AsyncClient(trust_env=False, timeout=self.timeout.total_seconds()) as client:
                answer = await client.get(url)
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as error:
            return Asked(None, type(error).__name__), None
        try:
            return Asked(answer.status_code), orjson.loads(answer.content)
        except orjson.JSONDecodeError:
            return Asked(answer.status_code), None


def _declared(settings: Settings) -> Mapping[str, Mapping[str, Any]]:
    """None, where there is no project. Raises `ConfigurationError` for one that is written wrongly."""
    try:
        found = find_declaration(settings.root)
    except ConfigurationError:
        return {}
    return read_declaration(found).providers


class _NotServed(FairleadError):
    code = "unreachable"


async def _simulated() -> Found:
    return Found(Void.NOT_APPLICABLE, "It is simulated, in this process.")


async def _no_key(variable: str) -> Found:
    return Found(Verdict.FAIL, f"It has no key: {variable} is not set.")
