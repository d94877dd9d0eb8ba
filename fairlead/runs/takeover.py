"""Runs of workers that died go back into the queue.

    lock fallen (within 250 ms) ──┐
    lease over (15 s)           ──┴──► worker declared lost ──► its runs pending, or error/poison
                                       (waits for its writes under way, refuses all later ones)

Each worker watches the next few in a ring, so the cost does not grow with their number.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta

from fairlead.agents.jsonable import encode
from fairlead.database import Call, Database, Query
from fairlead.database.door import Row
from fairlead.runs.run import Reason, Status
from fairlead.runs.turns import Turns
from fairlead.telemetry.emit import Emit

_DIED = "Workers died %d times while they held this run."
_LIST_EVERY = 1  # turns for which a list of peers is good: who has just come may die at once


class Takeover:
    """A role: look whether a peer has died, and free its runs."""

    def __init__(
        self, database: Database, queries: Mapping[str, Query], *, worker: str, max_deaths: int, emit: Emit
    ) -> None:
        self._database = database
        self._queries = queries
        self._worker = worker
        self._max_deaths = max_deaths
        self._emit = emit
        self._turns = Turns(database, queries)
        self._peers: list[str] = []
        self._expired: list[str] = []
        self._turn = 0

    async def once(self) -> timedelta | None:
        if self._turn % _LIST_EVERY == 0:
            await self._list()
        self._turn += 1
        for worker in await self._database.presence.fallen(self._peers):
            await self.lose(worker, fallen=True)
        for worker in self._expired:
            await self.lose(worker, fallen=False)
        return None

    async def lose(self, worker: str, *, fallen: bool) -> int:
        """Declare it lost; answers how many runs it held. 0 as well when it was alive after all."""
        answers = await self._database.write_all([
            Call(self._queries["lose_worker"], {"lost": worker, "fallen": fallen}),
            Call(self._queries["lose_runs"], {
                "lost": worker, "max_deaths": self._max_deaths, "poison_error": _poison(self._max_deaths)
            }),
        ])  # fmt: skip
        declared, freed = answers
        self._peers = [peer for peer in self._peers if peer != worker]
        self._expired = [peer for peer in self._expired if peer != worker]
        if declared or freed:
            self._tell(worker, freed, how="connection" if fallen else "lease")
        for row in freed:
            if row["thread_id"] is not None and row["status"] == Status.ERROR:
                await self._turns.free(row["tenant"], row["thread_id"], row["id"])
        return len(freed)

    async def _list(self) -> None:
        rows = await self._database.read(self._queries["peers"], id=self._worker)
        self._peers = [row["id"] for row in rows]
        self._expired = [row["id"] for row in rows if row["expired"]]

    def _tell(self, worker: str, freed: Sequence[Row], *, how: str) -> None:
        self._emit("worker_lost", worker=worker, runs=len(freed), detected_by=how)
        self._database.signals.publish("work")
        for row in freed:
            self._database.signals.publish(f"run:{row['id']}")
            self._tell_of(row)

    def _tell_of(self, row: Row) -> None:
        """Of one that held too many workers this is the end, and its worker can't tell of it any more."""
        who = {"run_id": row["id"], "agent": row["agent"], "tenant": row["tenant"], "release": row["release"]}
        if row["status"] != Status.ERROR:
            self._emit("run_lost", **who, attempt=row["fence"])
            return
        self._emit(
            "agent_completed", **who, status=Status.ERROR, reason=Reason.POISON, intent=row["intent"] or "general",
            took=timedelta(microseconds=row["executing_us"]), steps=row["steps"], cost_nano=row["cost_nano"],
            attempt=row["fence"], error={"error": "poison", "message": _DIED % self._max_deaths},
        )  # fmt: skip


def _poison(deaths: int) -> str:
    said = _DIED % deaths
    hint = "Look at its last steps: one of them probably ends the process. Retry it when that is mended."
    return encode({"error": "poison", "message": said, "hint": hint}).decode()
