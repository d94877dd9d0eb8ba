"""For tests, ours and our users': an engine in this process, a clock moved by hand, and the suites that every
implementation of a door passes. Nothing else of Fairlead imports it.

    async with testing.engine({"greet": greet}) as running:
        run = await running.run("greet", {"name": "Ada"})
        assert run.output == "Hello, Ada"
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from fairlead.agents.mcp.declared import Server
from fairlead.agents.spec import AgentSpec, spec_of
from fairlead.clock import Clock, SystemClock, to_micros
from fairlead.config import lend_keys as lend_keys
from fairlead.config import load_settings
from fairlead.database import Blobs, Call, Database
from fairlead.database.sql import parse
from fairlead.errors import Conflict, Damaged, InvalidInput, NotFound
from fairlead.gateway import Model, Prices
from fairlead.runs.run import Event, NewRun, Run
from fairlead.runs.worker import Worker
from fairlead.telemetry.emit import Emit, silent
from fairlead.wiring.engine import Engine, make_worker, open_engine

_PATIENCE_S = 10.0  # a test that waits longer than this has failed


class MovableClock:
    """A `Clock` that stands still until it is moved. Who sleeps wakes when it has been moved far enough."""

    def __init__(self, start: datetime = datetime(2030, 1, 1, tzinfo=UTC)) -> None:
        self._now = start
        self._elapsed = 0.0
        self._sleepers: list[tuple[float, asyncio.Future[None]]] = []

    def now(self) -> datetime:
        return self._now

    def micros(self) -> int:
        return to_micros(self._now)

    def monotonic(self) -> float:
        return self._elapsed

    @property
    def sleepers(self) -> int:
        """How many sleep now."""
        return sum(not waker.done() for _, waker in self._sleepers)

    async def sleep(self, duration: timedelta) -> None:
        waker: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._sleepers.append((self._elapsed + duration.total_seconds(), waker))
        await waker

    def move(self, duration: timedelta) -> None:
        """Let time pass, backwards too: then only the wall clock goes back."""
        self._now += duration
        self._elapsed += max(0.0, duration.total_seconds())
        due = [waker for until, waker in self._sleepers if until <= self._elapsed]
        self._sleepers = [(until, waker) for until, waker in self._sleepers if until > self._elapsed]
        for waker in due:
            if not waker.done():
                waker.set_result(None)


@dataclass(slots=True)
class Running:
    """An engine with its workers. `said` is everything it emitted: (event, fields)."""

    engine: Engine
    said: list[tuple[str, dict[str, Any]]]
    _workers: dict[Worker, asyncio.Task[None]] = field(default_factory=dict["Worker", "asyncio.Task[None]"])

    @property
    def workers(self) -> list[Worker]:
        return list(self._workers)

    async def submit(self, agent: str, input: Any = None, **more: Any) -> Run:
        return (await self.engine.control.submit(NewRun(agent, input, **more), watch=True))[0]

    async def run(self, agent: str, input: Any = None, **more: Any) -> Run:
        """Submit it and wait until it has ended, or needs a person."""
        return await self.ended((await self.submit(agent, input, **more)).id)

    async def ended(self, run_id: str) -> Run:
        async with asyncio.timeout(_PATIENCE_S):
            await self.engine.feed.ended(run_id)
        return await self.engine.control.get(run_id)

    async def until(self, run_id: str, type: str, *, times: int = 1, **wanted: Any) -> Event:
        """The first event of this type (and kind, name, …) that is stored, or the `times`-th of them."""
        async with asyncio.timeout(_PATIENCE_S):
            async for event in self.engine.feed.follow(run_id, until_end=False):
                if not isinstance(event, Event) or event.type != type:
                    continue
                if all(getattr(event, key) == value for key, value in wanted.items()):
                    times -= 1
                    if times == 0:
                        return event
        raise AssertionError("unreachable")

    async def events(self, run_id: str, *types: str) -> list[Event]:
        events = await self.engine.feed.events(run_id)
        return [event for event in events if not types or event.type in types]

    async def start_worker(self, engine: Engine | None = None) -> Worker:
        """One more; on an engine of its own it is as a process of its own."""
        worker = make_worker(engine or self.engine)
        self._workers[worker] = asyncio.create_task(worker.run())
        async with asyncio.timeout(_PATIENCE_S):
            await worker.ready.wait()
        return worker

    async def crash(self, worker: Worker) -> None:
        """As if its process were killed: nothing more is written, nothing handed back, its lock falls."""
        assert worker.session is not None
        await worker.session.stop()
        await self._forget(worker)
        await self.engine.database.presence.release(worker.session.name)

    async def stop_worker(self, worker: Worker, *, hand_back: bool = True) -> None:
        """As on SIGTERM."""
        worker.stop(hand_back=hand_back)
        await self._workers.pop(worker)

    async def close(self) -> None:
        for worker in self.workers:
            if worker.session is not None:
                await worker.session.end()
            await self._forget(worker)

    async def _forget(self, worker: Worker) -> None:
        task = self._workers.pop(worker)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@asynccontextmanager
async def engine(
    agents: Mapping[str, Any],
    *,
    workers: int = 1,
    database_url: str | None = None,
    root: Path | None = None,
    providers: Mapping[str, Mapping[str, Any]] | None = None,
    models: Mapping[str, Model] | None = None,
    prices: Prices | None = None,
    mcp: Mapping[str, Server] | None = None,
    clock: Clock | None = None,
    environ: Mapping[str, str] | None = None,
    also: Emit = silent,
    **settings: Any,
) -> AsyncGenerator[Running]:
    """Agents (callables, `Agent`s or specs) served in this process, on a new SQLite file unless told otherwise.

    `settings` are those of the manual, by their short names: `worker_concurrency=2`. `environ`: what they refer to.
    `also` is told what is said too.
    """
    with tempfile.TemporaryDirectory(prefix="fairlead-") as folder:
        said: list[tuple[str, dict[str, Any]]] = []

        def emit(event: str, /, **fields: Any) -> None:
            said.append((event, fields))
            also(event, **fields)

        place = root or Path(folder)
        given: dict[str, Any] = {
            "database_url": database_url or f"sqlite:///{place}/fairlead.db", "blob_dir": str(place / "blobs"),
            **settings,
        }  # fmt: skip
        made = load_settings(root=place, environ=environ or {}, clock=clock, **given)
        made.vault.emit = emit
        opened = await open_engine(
            made,
            {name: one if isinstance(one, AgentSpec) else spec_of(name, one) for name, one in agents.items()},
            providers=providers or {},
            models=models,
            prices=prices,
            mcp=mcp,
            clock=clock or SystemClock(),
            emit=emit,
        )
        running = Running(opened, said)
        try:
            for _ in range(workers):
                await running.start_worker()
            yield running
        finally:
            await running.close()
            await opened.close()


# -- suites: each is a row of functions that raise AssertionError; give them to pytest.mark.parametrize


async def _probe(database: Database) -> Callable[..., Call]:
    await database.script("CREATE TABLE probe (id text PRIMARY KEY, value bigint)")
    insert = """-- rows: id text, value int
        INSERT INTO probe (id, value) SELECT id, value FROM {rows} AS r WHERE true RETURNING id"""
    write = parse("write", insert, database.dialect)
    return lambda *rows: Call(write, rows=rows)


async def _stored(database: Database) -> dict[str, int]:
    rows = await database.read(parse("all", "SELECT id, value FROM probe ORDER BY id", database.dialect))
    return {row["id"]: row["value"] for row in rows}


async def what_is_written_is_there_for_every_reader(database: Database) -> None:
    call = await _probe(database)
    answer = await database.write(call().query, [("a", 1), ("b", None)])
    assert sorted(row["id"] for row in answer) == ["a", "b"]
    assert await _stored(database) == {"a": 1, "b": None}


async def no_rows_write_nothing(database: Database) -> None:
    call = await _probe(database)
    assert list(await database.write(call().query, ())) == []


async def many_writers_at_once_all_succeed(database: Database) -> None:
    call = await _probe(database)
    await asyncio.gather(*(database.write(call().query, [(f"{n:03}", n)]) for n in range(100)))
    assert list((await _stored(database)).values()) == list(range(100))


async def calls_written_together_stand_or_fall_together(database: Database) -> None:
    call = await _probe(database)
    await _raises(Conflict, database.write_all([call(("a", 1)), call(("a", 2))]))
    assert await _stored(database) == {}


async def a_refused_write_does_not_harm_those_beside_it(database: Database) -> None:
    call = await _probe(database)
    writes = [database.write(call().query, [(key, 1)]) for key in ("a", "b", "a", "c")]
    outcomes = await asyncio.gather(*writes, return_exceptions=True)
    assert sum(isinstance(outcome, Conflict) for outcome in outcomes) == 1
    assert await _stored(database) == {"a": 1, "b": 1, "c": 1}


async def what_it_cannot_hold_is_refused_and_harms_nobody(database: Database) -> None:
    call = await _probe(database)
    for bad in ("lone \ud800 surrogate", 2**70):
        row = (bad, 1) if isinstance(bad, str) else ("big", bad)
        outcomes = await asyncio.gather(
            database.write(call().query, [row]), database.write(call().query, [(f"beside {bad!r}", 1)]),
            return_exceptions=True,
        )  # fmt: skip
        assert isinstance(outcomes[0], InvalidInput), outcomes[0]
        assert not isinstance(outcomes[1], BaseException), outcomes[1]
    assert len(await _stored(database)) == 2


async def texts_come_back_as_they_were(database: Database) -> None:
    call = await _probe(database)
    texts = ["", "'", '"', "ä ∞ 𝄞", "{1,NULL}", "null", "line\nbreak\ttab", "\\x1e", "back\\slash", ":name {now}"]
    await database.write(call().query, [(text, 1) for text in texts])
    assert set(await _stored(database)) == set(texts)


async def its_clock_goes_forward(database: Database) -> None:
    now = parse("now", "SELECT {now} AS now", database.dialect)
    first, second = [(await database.read(now))[0]["now"] for _ in range(2)]
    assert second >= first > 1_500_000_000_000_000


async def presence_is_held_by_one_and_falls_with_its_release(database: Database) -> None:
    await database.presence.hold("w-1")
    await database.presence.hold("w-1")
    assert await database.presence.holding("w-1")
    assert await database.presence.fallen(["w-1"]) == []
    await database.presence.release("w-1")
    assert await database.presence.fallen(["w-1"]) == ["w-1"]


DATABASE: tuple[Callable[[Database], Awaitable[None]], ...] = (
    what_is_written_is_there_for_every_reader,
    no_rows_write_nothing,
    many_writers_at_once_all_succeed,
    calls_written_together_stand_or_fall_together,
    a_refused_write_does_not_harm_those_beside_it,
    what_it_cannot_hold_is_refused_and_harms_nobody,
    texts_come_back_as_they_were,
    its_clock_goes_forward,
    presence_is_held_by_one_and_falls_with_its_release,
)


async def a_blob_comes_back_as_it_was(blobs: Blobs) -> None:
    for data in (b"", b"\x00\xff" * 100_000):
        assert await blobs.get(await blobs.put("run-1", data)) == data


async def a_file_is_kept_as_its_bytes_are(blobs: Blobs) -> None:
    data = bytes(range(256)) * 50_000
    with tempfile.TemporaryFile() as file:
        file.write(data)
        reference = await blobs.put_file("run-1", file)
    assert reference == await blobs.put("run-1", data)
    assert await blobs.get(reference) == data


async def keeping_a_blob_twice_keeps_it_once(blobs: Blobs) -> None:
    references = await asyncio.gather(*(blobs.put("run-1", b"same") for _ in range(20)))
    assert len(set(references)) == 1


async def a_scope_goes_alone(blobs: Blobs) -> None:
    mine, other = await blobs.put("run-1", b"x"), await blobs.put("run-11", b"x")
    assert await blobs.list_scope("run-1") == [mine]
    await blobs.delete_scope("run-1")
    await blobs.delete_scope("run-1")
    assert await blobs.list_scope("run-1") == []
    await _raises(NotFound, blobs.get(mine))
    assert await blobs.get(other) == b"x"


async def what_is_not_kept_is_swept_unless_it_is_new(blobs: Blobs) -> None:
    used, unused = await blobs.put("run-1", b"used"), await blobs.put("run-1", b"unused")
    other = await blobs.put("run-11", b"unused")
    long_ago, soon = SystemClock().now() - timedelta(hours=1), SystemClock().now() + timedelta(hours=1)
    assert await blobs.sweep("run-1", keep=(used,), before=long_ago) == 0
    assert await blobs.sweep("run-1", keep=(used,), before=soon) == 1
    assert await blobs.sweep("run-1", keep=(used,), before=soon) == 0
    await _raises(NotFound, blobs.get(unused))
    assert (await blobs.get(used), await blobs.get(other)) == (b"used", b"unused")


async def any_text_is_a_scope(blobs: Blobs) -> None:
    for scope in ("user@example.com", "../../etc", "a/b", ".", "", "x" * 300, "ä", "nul\0"):
        reference = await blobs.put(scope, b"kept")
        assert await blobs.get(reference) == b"kept"
        await blobs.delete_scope(scope)
        await _raises(NotFound, blobs.get(reference))


async def what_was_lost_is_put_back_under_its_reference(blobs: Blobs) -> None:
    kept = {await blobs.put(scope, b"kept"): scope for scope in ("run-1", "thread default a/b")}
    assert sorted([one async for one in blobs.list_all()]) == sorted(kept)
    for reference, scope in kept.items():
        await blobs.delete_scope(scope)
        await _raises(Damaged, blobs.put_back(reference, b"other"))
        await _raises(NotFound, blobs.get(reference))
        await blobs.put_back(reference, b"kept")
        assert await blobs.get(reference) == b"kept"
    assert sorted([one async for one in blobs.list_all()]) == sorted(kept)


async def a_hostile_reference_is_not_found(blobs: Blobs) -> None:
    for reference in ("", "../../etc/passwd", f"../x/{'0' * 64}", f"run-1/{'0' * 64}", "run-1/" + "0" * 63 + "/", "\0"):
        await _raises(NotFound, blobs.get(reference))


BLOBS: tuple[Callable[[Blobs], Awaitable[None]], ...] = (
    a_blob_comes_back_as_it_was,
    a_file_is_kept_as_its_bytes_are,
    keeping_a_blob_twice_keeps_it_once,
    a_scope_goes_alone,
    what_is_not_kept_is_swept_unless_it_is_new,
    any_text_is_a_scope,
    what_was_lost_is_put_back_under_its_reference,
    a_hostile_reference_is_not_found,
)


async def _raises(kind: type[Exception], doing: Awaitable[Any]) -> None:
    try:
        await doing
    except kind:
        return
    raise AssertionError(f"expected {kind.__name__}")
