"""What operators need to know of the whole: the queue, the workers, and runs that nobody serves."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from fairlead.agents.jsonable import encode
from fairlead.clock import Clock, from_micros, to_micros
from fairlead.database import Database, Query
from fairlead.runs.rows import worker_of
from fairlead.runs.run import Status, Worker
from fairlead.telemetry.emit import Emit
from fairlead.telemetry.health import Component, Condition

_MOST = 10_000  # beyond that a count is "many"


@dataclass(frozen=True, slots=True)
class Unserved:
    """Runs that wait although no living worker serves their agent on their release."""

    release: str
    agent: str
    runs: int
    oldest: datetime


@dataclass(frozen=True, slots=True)
class Queue:
    """`oldest`: since when the one waits that has waited longest; None: none does. `poisoned`: given up within the last
    hour, because each worker that held them died."""

    depth: int
    oldest: datetime | None
    poisoned: int


@dataclass(frozen=True, slots=True)
class Open:
    """Runs of an agent on a release that have not ended, by status. `waiting`: of them for a worker."""

    release: str
    agent: str
    status: Status
    runs: int
    waiting: int
    oldest: datetime


class Oversight:
    """Counts and lists over all runs. `once` is the role that raises the alarm."""

    def __init__(
        self, database: Database, queries: Mapping[str, Query], *, clock: Clock, emit: Emit,
        servers: Callable[[], Mapping[str, Component]] = dict,
    ) -> None:  # fmt: skip
        """`servers`: how the MCP servers of this process are."""
        self._database = database
        self._queries = queries
        self._clock = clock
        self._emit = emit
        self._servers = servers
        self._shown: dict[str, dict[str, list[str]]] = {}

    async def workers(self) -> list[Worker]:
        return [worker_of(row) for row in await self._database.read(self._queries["workers"])]

    async def show_tool_servers(self, worker: str) -> None:
        """Let people see the MCP servers of a worker of this process, when something has changed."""
        servers = {name: [str(one.status), one.message] for name, one in self._servers().items()}
        if servers != self._shown.get(worker, {}):
            told = encode(servers).decode()
            await self._database.write(self._queries["show_tool_servers"], id=worker, tool_servers=told)
            self._shown = {worker: servers}

    async def tool_servers(self) -> dict[str, Component]:
        """The MCP servers of all living workers; of one that several have, how it is where it is worst."""
        told: dict[str, Component] = {}
        for worker in await self.workers():
            for name, one in worker.tool_servers.items() if worker.alive else ():
                if name not in told or one.status is Condition.UNHEALTHY:
                    told[name] = one
        return told

    async def unserved(self) -> list[Unserved]:
        rows = await self._database.read(self._queries["unserved"])
        return [Unserved(row["release"], row["agent"], row["runs"], from_micros(row["oldest"])) for row in rows]

    async def counts(self, *, tenant: str = "default") -> dict[Status, int]:
        """Runs by status, each counted up to 10 000."""
        rows = await self._database.read(self._queries["counts"], tenant=tenant, most=_MOST)
        return {Status(row["status"]): row["count"] for row in rows}

    async def open_runs(self, *, tenant: str = "default", most: int = _MOST) -> list[Open]:
        """A tenant's, by release and agent; of each status `most` are counted, the oldest."""
        rows = await self._database.read(self._queries["open_by_release"], tenant=tenant, most=most)
        return [
            Open(
                row["release"], row["agent"], Status(row["status"]), row["runs"],
                row["waiting"] if row["status"] == Status.PENDING else 0, from_micros(row["oldest"]),
            )
            for row in rows
        ]  # fmt: skip

    async def queue_depth(self) -> int:
        """How many runs wait for a worker."""
        return (await self._database.read(self._queries["queued"], most=_MOST * 10))[0]["depth"]

    async def queue(self) -> Queue:
        (row,) = await self._database.read(self._queries["queue"], most=_MOST * 10, since=_hour_ago(self._clock))
        oldest = row["oldest"]
        return Queue(row["depth"], None if oldest is None else from_micros(oldest), row["poisoned"])

    async def ping(self) -> None:
        """Raises `DatabaseUnavailable` when the database does not answer."""
        await self._database.read(self._queries["state"], tenant="", id="")

    async def count(self) -> None:
        """Tell how deep the queue is."""
        depth = await self.queue_depth()
        workers = await self.workers()
        self._emit("queue_depth", depth=depth, active=sum(worker.running for worker in workers if worker.alive))

    async def once(self) -> timedelta | None:
        await self.count()
        for one in await self.unserved():
            waited = self._clock.now() - one.oldest
            self._emit("run_unserved", agent=one.agent, release=one.release, count=one.runs, waited=waited)
        return None


def _hour_ago(clock: Clock) -> int:
    return to_micros(clock.now() - timedelta(hours=1))
