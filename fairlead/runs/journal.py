"""What a worker writes: claims, steps, and runs put down. Every write names the fence of its claim.

    claim ──► record* ──► put_down
      │          └── refused: somebody else owns the run now ──► Fenced
      └── raises the fence

One journal for SQLite and PostgreSQL: what differs is in the `.sql` files. Steps of all runs go together in one
statement, whatever waits when the last one returned. While the database can't be reached, writes wait: what has been
done is kept in memory until it is recorded.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import orjson

from fairlead.agents.memory import Message
from fairlead.clock import Clock
from fairlead.database import Call, Database, Gather, Migrations, Query, Row, Rows
from fairlead.database import sql as named_sql
from fairlead.errors import Conflict, DatabaseUnavailable, Fenced
from fairlead.runs.payload import Payloads
from fairlead.runs.rows import event_of, run_of
from fairlead.runs.run import Event, Run
from fairlead.runs.transcript import said_in_run
from fairlead.telemetry.emit import Emit

_HERE = Path(__file__).parent
MIGRATIONS = Migrations("runs", _HERE / "migrations")
T = TypeVar("T")
_EVERYTHING = 2**31 - 1
_PAUSE = timedelta(milliseconds=200)
_MICROSECOND = timedelta(microseconds=1)


def load_queries(dialect: str) -> Mapping[str, Query]:
    return named_sql.load(_HERE / "queries", dialect)


class Entry(NamedTuple):
    """One event of a held run: a row of `record.sql`. `data` is the column's text."""

    tenant: str
    run_id: str
    fence: int
    seq: int
    type: str
    kind: str | None
    name: str | None
    key: str | None
    branch: str
    digest: str
    started_at: int | None
    at: int
    data: str | None


Said = tuple[str, str, str, str]
"""A message of a run: a row of `keep_messages.sql`."""


class _Written(NamedTuple):
    entry: Entry
    said: Sequence[Said]  # with it, in the same transaction


class PutDown(NamedTuple):
    """A held run as it is left, ended, waiting or handed back: a row of `put_down.sql`, and what its thread keeps."""

    tenant: str
    run_id: str
    fence: int
    status: str
    reason: str | None
    output: str | None
    error: str | None
    seq: int
    type: str
    data: str | None
    wake_at: int | None
    wakes: int
    finished: int
    executing_us: int
    cost_nano: int
    tokens_in: int
    tokens_out: int
    steps: int
    progress: int
    at: int
    thread_id: str | None = None
    state: str | None = None
    base: str | None = None  # the checkpoint it began from, when that is not where the thread stood


_THREAD_FIELDS = 3  # the last of PutDown


class Journal:
    """The journal as one worker sees it."""

    def __init__(
        self,
        database: Database,
        queries: Mapping[str, Query],
        payloads: Payloads,
        *,
        worker: str,
        clock: Clock,
        emit: Emit,
    ) -> None:
        self.payloads = payloads
        self.worker = worker
        self._database = database
        self._queries = queries
        self._clock = clock
        self._emit = emit
        self._records: Gather[_Written, bool] = Gather(self._write_records)
        self._downs: Gather[PutDown, bool] = Gather(self._write_downs)

    async def claim(
        self, *, release: str, agents: Sequence[str], slots: int, total: int
    ) -> list[tuple[Run, list[Event]]]:
        """Take up to `slots` runs, first those of highest priority, then the oldest, each with what it has recorded.

        At most `total` runs are held by all workers together; 0 means no such limit.
        """
        given: dict[str, Any] = {
            "worker": self.worker, "release": release, "agents": orjson.dumps(agents).decode(), "slots": slots,
            "total": total,
        }  # fmt: skip
        rows = await self._database.write(self._queries["claim"], **given)
        records = await self._records_of([row for row in rows if row["fence"] > 1])
        return [(await self._run(row), records.get(row["id"], [])) for row in rows]

    def record(self, entry: Entry, said: Sequence[Said] = ()) -> Any:
        """A future that is true when the entry is durable, and what was said with it; false when the run is no longer
        ours."""
        return self._records.put(_Written(entry, said))

    async def caught_up(self) -> None:
        """Wait until the entries that were handed in are written or refused."""
        await self._records.caught_up()

    async def put_down(self, down: PutDown) -> None:
        """Leave the run, all of whose entries are written; durable on return. Raises `Fenced` when it is not ours."""
        if not await self._downs.put(down):
            raise Fenced(f"Run {down.run_id} is held by another worker.")

    async def keep_messages(self, said: Sequence[Said]) -> None:
        """Each message once, by its digest."""
        await self._persist(self._queries["keep_messages"], said)

    async def keep(self, scope: str, value: bytes) -> str:
        """JSON as a column's text, in a blob when it is large."""
        return await self.until_answered(lambda: self.payloads.keep_encoded(scope, value))

    async def said(self, run: Run) -> list[Message]:
        """What the models and tools of a run have said, as it is recorded."""
        query = self._queries["said"]
        rows = await self.until_answered(
            lambda: self._database.read(query, tenant=run.tenant, run_id=run.id, until=_EVERYTHING)
        )
        return said_in_run([event_of(row, data=await self.payloads.load(row["data"])) for row in rows])

    async def wakes(self, run: Run) -> int:
        """How often something that this run may wait for has come, so far."""
        query = self._queries["state"]
        rows = await self.until_answered(lambda: self._database.read(query, tenant=run.tenant, id=run.id))
        return rows[0]["wakes"] if rows else run.wakes

    async def show(self, figures: Rows) -> None:
        """Cost, tokens, steps and progress of runs under way, for people to see."""
        await self._database.write(self._queries["figures"], figures, worker=self.worker)

    async def cancelled(self) -> list[str]:
        """Runs we hold that somebody wants stopped."""
        return [row["id"] for row in await self._database.read(self._queries["cancelled"], worker=self.worker)]

    async def reconcile(self, holding: Sequence[tuple[str, int]]) -> list[str]:
        """Hand back runs that carry our name although we do not hold them."""
        held = orjson.dumps([f"{run_id}:{fence}" for run_id, fence in holding]).decode()
        rows = await self._database.write(self._queries["reconcile"], worker=self.worker, holding=held)
        return [row["id"] for row in rows]

    async def _run(self, row: Row) -> Run:
        return run_of(row, input=await self.payloads.load(row["input"]), output=None)

    async def _records_of(self, rows: Sequence[Row]) -> dict[str, list[Event]]:
        """In one query for all of them."""
        if not rows:
            return {}
        found: dict[str, list[Event]] = {}
        asked = [(row["tenant"], row["id"]) for row in rows]
        for row in await self._database.read(self._queries["records"], asked):
            event = event_of(row, data=await self.payloads.load(row["data"]))
            found.setdefault(event.run_id, []).append(event)
        return found

    async def _write_records(self, batch: list[_Written]) -> Sequence[bool]:
        try:
            written = await (self._write_one(*batch[0]) if len(batch) == 1 else self._write_many(batch))
        except Conflict:
            return await self._one_by_one(batch)
        if written == len(batch):
            return [True] * len(batch)
        return await self._standing([(e.tenant, e.run_id, e.fence, e.seq, e.type) for e, _ in batch])

    async def _write_one(self, entry: Entry, said: Sequence[Said]) -> int:
        query, given = self._queries["record_asked" if said else "record_one"], entry._asdict()
        return len(await self.until_answered(lambda: self._database.write(query, said, worker=self.worker, **given)))

    async def _write_many(self, batch: list[_Written]) -> int:
        rows: list[Sequence[Any]] = [one.entry for one in batch]
        said = [_as_row(message) for one in batch for message in one.said]
        query = self._queries["record_asked_many" if said else "record"]
        return (await self._persist(query, [*rows, *said]))[0]["written"]

    async def _one_by_one(self, batch: list[_Written]) -> Sequence[bool]:
        """Somebody tried to record a step twice: only that run is refused."""
        if len(batch) == 1:
            return [False]
        return [(await self._write_records([one]))[0] for one in batch]

    async def _write_downs(self, downs: list[PutDown]) -> Sequence[bool]:
        rows = [down[:-_THREAD_FIELDS] for down in downs]
        threads = [call for down in downs if down.thread_id for call in self._thread_calls(down)]
        if threads:
            calls = [Call(self._queries["put_down"], {"worker": self.worker}, rows), *threads]
            answer = (await self._persist_all(calls))[0]
        else:
            answer = await self._persist(self._queries["put_down"], rows)
        if answer[0]["written"] == len(downs):
            return [True] * len(downs)
        return await self._standing([(d.tenant, d.run_id, d.fence, d.seq, d.type) for d in downs])

    def _thread_calls(self, down: PutDown) -> list[Call]:
        if not down.finished:
            return []
        thread = {"tenant": down.tenant, "thread_id": down.thread_id}
        settle = {**thread, "run_id": down.run_id, "fence": down.fence, "seq": down.seq, "state": down.state}
        leave = [Call(self._queries["settle_thread"], settle), Call(self._queries["advance_thread"], thread)]
        if down.state is None:
            return leave
        return [Call(self._queries["keep_checkpoint"], {**settle, "base": down.base}), *leave]

    async def _standing(self, asked: list[tuple[str, str, int, int, str]]) -> list[bool]:
        """Which of these writes stand. A lost answer is not a refusal."""
        rows = await self._persist(self._queries["held"], asked)
        standing = {(row["run_id"], row["seq"]) for row in rows}
        return [(run_id, seq) in standing for _, run_id, _, seq, _ in asked]

    async def _persist(self, query: Query, rows: Rows) -> Sequence[Row]:
        return (await self._persist_all([Call(query, {"worker": self.worker}, rows)]))[0]

    async def _persist_all(self, calls: list[Call]) -> list[Sequence[Row]]:
        return await self.until_answered(lambda: self._send(calls))

    async def until_answered(self, ask: Callable[[], Awaitable[T]], *, asked: str = "") -> T:
        """Until the database has said yes or no: what was done must not be forgotten because it is away, and no run
        fails for that. `ask` must be safe to repeat; `asked` names another database than ours."""
        asked = asked or self._database.dialect
        failed_at: float | None = None
        while True:
            try:
                answer = await ask()
            except DatabaseUnavailable as error:
                if failed_at is None:
                    failed_at = self._clock.monotonic()
                    self._emit("database_unreachable", database=asked, error=str(error))
                await self._clock.sleep(_PAUSE)
                continue
            if failed_at is not None:
                took = timedelta(seconds=self._clock.monotonic() - failed_at)
                self._emit("database_recovered", database=asked, took=took)
            return answer

    async def _send(self, calls: list[Call]) -> list[Sequence[Row]]:
        if len(calls) == 1:
            return [await self._database.write(calls[0].query, calls[0].rows, **calls[0].parameters)]
        return await self._database.write_all(calls)


def _as_row(said: Said) -> Sequence[Any]:
    """A message among the rows of `record_asked_many.sql`."""
    tenant, run_id, digest, body = said
    return (tenant, run_id, None, None, "said", None, None, None, None, digest, None, None, body)


def micros(duration: timedelta) -> int:
    return duration // _MICROSECOND
