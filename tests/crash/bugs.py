"""Bugs planted on purpose. A battery that does not catch them proves nothing.

Each is a variant of one part, handed in where `wiring.make_worker` hands in the right one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from fairlead import wiring
from fairlead.database import Query
from fairlead.runs.branch import Branch, enter
from fairlead.runs.execute import Executor
from fairlead.runs.holding import Holding
from fairlead.runs.journal import Entry, Journal, PutDown, Said
from fairlead.runs.run_context import RunContext
from fairlead.runs.thread_memory import ThreadMemory
from fairlead.runs.worker import Worker
from fairlead.wiring import Engine
from tests.crash.plan import Kind
from tests.crash.report import Report


@dataclass(frozen=True, slots=True)
class Bug:
    """`kinds`: the faults that bring it to light soonest. `shows`: the checks, one of which finds it."""

    what: str
    database: str
    kinds: tuple[Kind, ...]
    shows: tuple[str, ...]

    def caught(self, report: Report) -> bool:
        """By what it does, and not because its workers do nothing at all."""
        return report.share >= 0.5 and any(one.check in self.shows for one in report.violations)


BUGS = {
    "no_fence": Bug(
        "writes of a worker that lost its runs are let through",
        "postgres",
        (Kind.PARTITION, Kind.STOP, Kind.CUT),
        ("stale workers recorded nothing", "every run ended well", "zero unsafe tools repeated"),
    ),
    "early_acknowledgement": Bug(
        "a step is called recorded before it is durable",
        "sqlite",
        (Kind.KILL,),
        ("zero steps recorded twice", "zero unsafe tools repeated"),
    ),
    "no_lease_recovery": Bug(
        "runs of lost workers are left to them", "sqlite", (Kind.KILL, Kind.STOP), ("none stuck",)
    ),
    "positional_keys": Bug(
        "steps are known by when they were reached",
        "sqlite",
        (Kind.KILL, Kind.TERM),
        ("every run ended well", "branches never swapped"),
    ),
}


def make_worker(engine: Engine, bug: str) -> Worker:
    queries = _QUERIES[bug](dict(engine.queries), engine.database.dialect) if bug in _QUERIES else None
    return wiring.make_worker(
        engine,
        journal_type=EarlyJournal if bug == "early_acknowledgement" else Journal,
        executor_type=PositionalExecutor if bug == "positional_keys" else Executor,
        queries=queries,
    )


# -- no fence


def _without_fence(queries: dict[str, Query], dialect: str) -> dict[str, Query]:
    names = ("record", "record_one", "record_asked", "record_asked_many")
    return {**queries, **{name: _unfenced(queries[name], dialect) for name in names}}


def _unfenced(query: Query, dialect: str) -> Query:
    alone = query.name in ("record_one", "record_asked")
    fence = {"sqlite": ":fence" if alone else "g.fence", "postgres": "given.fence"}[dialect]
    if alone and dialect == "postgres":
        fence = f"${query.parameters.index('fence') + 1}"
    guards = {
        "sqlite": (f" AND r.fence = {fence} AND +r.status = 'running' AND +r.owner = :worker",),
        "postgres": (
            f" AND r.fence = {fence}", "AND r.status || '' = 'running' AND r.owner || '' = alive.id",
            " AND lost_at IS NULL FOR SHARE",
        ),
    }[dialect]  # fmt: skip
    return _cut(query, guards)


def _cut(query: Query, texts: tuple[str, ...]) -> Query:
    def without(statement: str) -> str:
        for text in texts:
            statement = statement.replace(text, "")
        return statement

    cut = replace(query, statements=tuple(without(statement) for statement in query.statements))
    if cut == query:
        raise RuntimeError(f"The guard of `{query.name}` has changed; this bug must be planted anew.")
    return cut


# -- no lease recovery


def _without_recovery(queries: dict[str, Query], dialect: str) -> dict[str, Query]:
    def nothing(query: Query) -> Query:
        return replace(query, statements=(_NOTHING[dialect],))

    return {**queries, "lose_runs": nothing(queries["lose_runs"])}


_NOTHING = {
    "sqlite": "SELECT id FROM runs WHERE false",
    "postgres": "SELECT id FROM runs WHERE false AND $1::text IS NOT NULL AND $2::bigint > 0 AND $3::text IS NOT NULL",
}
_QUERIES = {"no_fence": _without_fence, "no_lease_recovery": _without_recovery}


# -- early acknowledgement


class EarlyJournal(Journal):
    """Says yes at once and writes a little later, as a cache that forgot to sync."""

    def record(self, entry: Entry, said: Sequence[Said] = ()) -> Any:
        loop = asyncio.get_running_loop()
        loop.call_later(0.15, super().record, entry, said)
        answered: asyncio.Future[bool] = loop.create_future()
        answered.set_result(True)
        return answered

    async def put_down(self, down: PutDown) -> None:
        await asyncio.sleep(0.2)  # an undisturbed run loses nothing
        await super().put_down(down)


# -- positional keys


class PositionalBranch(Branch):
    """One count for the whole run, whichever line of execution asks."""

    __slots__ = ("_count",)

    def __init__(self) -> None:
        super().__init__()
        self._count = [0]

    def child(self, name: str) -> Branch:
        return self

    def key(self, kind: str, name: str, digest: str) -> str:
        self._count[0] += 1
        return f"{self._count[0]:06d}"


class PositionalExecutor(Executor):
    def _context(self, held: Holding, root: Branch, memory: ThreadMemory) -> RunContext:
        root = PositionalBranch()
        enter(root)
        return super()._context(held, root, memory)
