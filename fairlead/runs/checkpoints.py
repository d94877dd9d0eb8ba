"""What a thread kept, moment by moment: after each run, after each write from outside, and where runs fork from.

run ends ──► checkpoint (its id is the run's)       in between: the run's journal tells each step
write    ──► checkpoint          fork ──► checkpoint, and a run that begins from it
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from fairlead.agents.jsonable import encode
from fairlead.agents.memory import Message
from fairlead.clock import from_micros, to_micros
from fairlead.database import Call, Database, Query, Row
from fairlead.errors import Conflict, NotFound
from fairlead.runs.ids import Ids
from fairlead.runs.payload import Payloads, thread_scope
from fairlead.runs.rows import event_of
from fairlead.runs.run import Event, Run
from fairlead.runs.transcript import said_in_run, says
from fairlead.runs.writing import written

State = dict[str, Any]
EVERYTHING = 2**31 - 1  # no event has a higher `seq`


@dataclass(frozen=True, slots=True)
class Checkpoint:
    id: str
    thread_id: str
    parent_id: str | None
    run_id: str | None
    source: str  # loop: a run has ended; update, fork: somebody wrote
    node: str | None  # after which part of the agent
    state: State | None
    created_at: datetime


class Checkpoints:
    def __init__(self, database: Database, queries: Mapping[str, Query], payloads: Payloads, *, ids: Ids) -> None:
        self._database = database
        self._queries = queries
        self._payloads = payloads
        self._ids = ids

    async def state_for(self, run: Run) -> State | None:
        """What the thread of this run keeps as the run begins, with what its caller wants changed."""
        _, state = await self.base_of(run)
        update = run.terms.get("update")
        return written(state, update, scope=run.id) if update else state

    async def base_of(self, run: Run) -> tuple[str | None, State | None]:
        """The checkpoint that a run under way begins from, and its state."""
        tenant, thread_id = run.tenant, run.thread_id or ""
        if (named := run.terms.get("checkpoint")) is not None:
            found = await self.find(tenant, thread_id, named) if named else None
            return named or None, found.state if found is not None else None
        rows = await self._database.read(
            self._queries["thread_base"], tenant=tenant, thread_id=thread_id, run_id=run.id
        )
        return (rows[0]["id"], await self._payloads.load(rows[0]["state"])) if rows else (None, None)

    async def before(self, run: Run) -> tuple[str | None, State | None]:
        """The checkpoint that a run began from, whatever the thread has come to since."""
        tenant, thread_id = run.tenant, run.thread_id or ""
        if "checkpoint" in run.terms or run.finished_at is None:
            return await self.base_of(run)
        own = await self.find(tenant, thread_id, run.id)
        if own is not None:
            parent = await self.find(tenant, thread_id, own.parent_id) if own.parent_id else None
        else:
            rows = await self._database.read(
                self._queries["checkpoint_before"], tenant=tenant, thread_id=thread_id, run_id=run.id,
                at=to_micros(run.started_at or run.created_at),
            )  # fmt: skip
            parent = await self._checkpoint(rows[0]) if rows else None
        return (parent.id, parent.state) if parent is not None else (None, None)

    async def said(self, run: Run, *, until: int = EVERYTHING) -> list[Message]:
        """What the models and tools of a native agent said in a run, up to an event of it."""
        return said_in_run(await self.events(run, until=until))

    async def events(self, run: Run, *, until: int = EVERYTHING) -> list[Event]:
        """The events that say it: one for each reply and each tool's result."""
        rows = await self._database.read(self._queries["said"], tenant=run.tenant, run_id=run.id, until=until)
        events = [event_of(row, data=await self._payloads.load(row["data"])) for row in rows]
        return [event for event in events if says(event)]

    async def find(self, tenant: str, thread_id: str, checkpoint_id: str) -> Checkpoint | None:
        rows = await self._database.read(
            self._queries["checkpoint"], tenant=tenant, thread_id=thread_id, id=checkpoint_id
        )
        return await self._checkpoint(rows[0]) if rows else None

    async def list(
        self, tenant: str, thread_id: str, *, before: Checkpoint | None = None, limit: int
    ) -> list[Checkpoint]:
        """Newest first."""
        rows = await self._database.read(
            self._queries["checkpoints"], tenant=tenant, thread_id=thread_id, limit=limit,
            before=to_micros(before.created_at) if before else None, before_id=before.id if before else "",
        )  # fmt: skip
        return [await self._checkpoint(row) for row in rows]

    async def write(
        self, tenant: str, thread_id: str, state: State | None, *, node: str | None, parent_id: str | None = None
    ) -> str:
        """A new state, which the thread keeps from now on. Raises `NotFound`; `Conflict` while a run is under way."""
        checkpoint = self._new(tenant, thread_id, await self._keep(tenant, thread_id, state), "update", node, parent_id)
        given = checkpoint.parameters
        write = {key: given[key] for key in ("tenant", "thread_id", "id", "state")}
        place = {key: given[key] for key in ("tenant", "thread_id", "id")}
        added, wrote, _ = await self._database.write_all([
            checkpoint, Call(self._queries["write_thread"], write), Call(self._queries["drop_checkpoint"], place)
        ])  # fmt: skip
        if not added:
            raise NotFound(f"There is no thread {thread_id}.", hint="Create it: POST /threads.")
        if not wrote:
            raise Conflict(
                f"Thread {thread_id} has a run that has not ended.", hint="Answer it, wait for it, or cancel it."
            )
        return given["id"]

    async def fork(
        self, tenant: str, thread_id: str, state: State | None, *, node: str | None, parent_id: str | None
    ) -> str:
        """A state for a run to begin from; the thread stays where it is until that run has ended."""
        call = self._new(tenant, thread_id, await self._keep(tenant, thread_id, state), "fork", node, parent_id)
        await self._database.write(call.query, **call.parameters)
        return call.parameters["id"]

    async def _keep(self, tenant: str, thread_id: str, state: State | None) -> str | None:
        scope = thread_scope(tenant, thread_id)
        return None if state is None else await self._payloads.keep_encoded(scope, encode(state))

    def _new(
        self, tenant: str, thread_id: str, state: str | None, source: str, node: str | None, parent_id: str | None
    ) -> Call:
        return Call(self._queries["add_checkpoint"], {
            "tenant": tenant, "thread_id": thread_id, "id": self._ids.new(), "parent_id": parent_id, "source": source,
            "node": node, "state": state,
        })  # fmt: skip

    async def _checkpoint(self, row: Row) -> Checkpoint:
        return Checkpoint(
            row["id"], row["thread_id"], row["parent_id"], row["run_id"], row["source"], row["node"],
            await self._payloads.load(row["state"]), from_micros(row["created_at"]),
        )  # fmt: skip
