"""Whose turn it is in a thread: one run at a time, in the order in which they came.

    submit, resume, retry ──► join: the thread is free, or the run waits behind the one that holds it
    the run has ended     ──► free: the next one may start

A run that ends in the hands of a worker frees its thread in the same transaction (`journal`); this is for all others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fairlead.database import Call, Database, Query, Row
from fairlead.runs.rows import NEVER


class Turns:
    def __init__(self, database: Database, queries: Mapping[str, Query]) -> None:
        self._database = database
        self._queries = queries

    async def join(self, tenant: str, thread_id: str, run_id: str, entering: Call) -> Sequence[Row]:
        """`entering` makes the run pending; what it answers. In the same transaction the run gets its place."""
        thread = {"tenant": tenant, "thread_id": thread_id}
        answers = await self._database.write_all([
            Call(self._queries["take_thread"], thread),
            entering,
            Call(self._queries["join_thread"], {**thread, "run_id": run_id, "never": NEVER}),
        ])  # fmt: skip
        return answers[1]

    async def free(self, tenant: str, thread_id: str, run_id: str | None) -> None:
        """The run has ended: the next may start. Changes nothing when another run holds the thread."""
        thread: dict[str, Any] = {"tenant": tenant, "thread_id": thread_id}
        await self._database.write_all([
            Call(self._queries["leave_thread"], {**thread, "run_id": run_id}),
            Call(self._queries["advance_thread"], thread),
        ])  # fmt: skip
        self._database.signals.publish("work")

    async def once(self) -> None:
        """A role: free threads whose run ended while its process died before the thread heard of it."""
        for row in await self._database.read(self._queries["stuck_threads"]):
            await self.free(row["tenant"], row["thread_id"], row["run_id"])
