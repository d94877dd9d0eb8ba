"""Whose turn it is in a thread: one run at a time, in the order in which they came.

    submit, resume, retry ──► join: the thread is free, or the run waits behind the one that holds it
                                    reject: it was never there · interrupt, rollback: the others are told to stop
    the run has ended     ──► free: the next one may start

A run that ends in the hands of a worker frees its thread in the same transaction (`journal`); this is for all others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from fairlead.database import Call, Database, Query, Row
from fairlead.runs.rows import NEVER


class Joined(NamedTuple):
    entered: Sequence[Row]  # what `entering` answered
    displaced: Sequence[Row] = ()  # runs that were told to stop
    refused: bool = False  # it would have had to wait


class Turns:
    def __init__(self, database: Database, queries: Mapping[str, Query]) -> None:
        self._database = database
        self._queries = queries

    async def join(
        self, tenant: str, thread_id: str, run_id: str, entering: Call, *, user: str | None = None,
        displace: Call | None = None, or_never: int | None = None, before: Sequence[Call] = (),
    ) -> Joined:  # fmt: skip
        """`entering` makes the run pending. In the same transaction the run gets its place.

        `displace` stops the others first. `or_never`: a run created at this moment that would have to wait is taken
        out again. `before` is written while nobody can have claimed the run.
        """
        thread = {"tenant": tenant, "thread_id": thread_id}
        place = {**thread, "run_id": run_id, "never": NEVER}
        calls = [Call(self._queries["take_thread"], {**thread, "user_id": user}), entering]
        calls += [displace] if displace is not None else []
        calls += [*before, Call(self._queries["join_thread"], place)]
        if or_never is not None:
            withdraw = {"tenant": tenant, "run_id": run_id, "created_at": or_never}
            calls.append(Call(self._queries["withdraw"], withdraw))
        answers = await self._database.write_all(calls)
        displaced = answers[2] if displace is not None else ()
        return Joined(answers[1], displaced, or_never is not None and bool(answers[-1]))

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
