"""What the tables of this part hold of people.

A run is a user's when it was started in their name; or in nobody's, in a thread of theirs. What goes with a run goes
with it: its events, messages, questions, scores, callbacks, blobs.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping

from fairlead.access.personal import Batch, Held, HeldRows, Holding, Piece, Signed, Subject, done_by, pieces_of
from fairlead.database import Database, Query
from fairlead.errors import Conflict, NotFound
from fairlead.runs.control import Control
from fairlead.runs.payload import Payloads, thread_scope
from fairlead.runs.threads import Threads
from fairlead.store import Conversations

_BATCH = 100
_IN_THEIR_THREADS = "thread_id IN (SELECT t.id FROM threads t WHERE t.tenant = :tenant AND t.user_id = :user)"
_RUNS = f"user_id = :user OR (user_id IS NULL AND {_IN_THEIR_THREADS})"
_OF_RUNS = f"run_id IN (SELECT r.id FROM runs r WHERE r.tenant = :tenant AND ({_RUNS}))"
_DELIVERIES = f"user_id = :user OR {_OF_RUNS}"
_OF_DELIVERIES = f"delivery_id IN (SELECT d.id FROM deliveries d WHERE d.tenant = :tenant AND ({_DELIVERIES}))"

_WITH_RUNS = (
    Held("run", "runs", ("id",), _RUNS, hidden=frozenset(("wakes", "fence", "owner")),
         json=frozenset(("input", "output", "error", "metadata", "asker", "terms", "assignment", "trace"))),
    Held("event", "events", ("run_id", "seq"), _OF_RUNS, json=frozenset(("data",)), hidden=frozenset(("fence",))),
    Held("message", "messages", ("run_id", "digest"), _OF_RUNS, json=frozenset(("body",))),
    Held("approval", "approvals", ("run_id", "id"), _OF_RUNS, json=frozenset(("data", "answer"))),
    Held("approval_turn", "approval_turns", ("run_id", "approval_id", "place"), _OF_RUNS, json=frozenset(("asked",))),
    Held("task_push", "task_pushes", ("run_id", "id"), _OF_RUNS, hidden=frozenset(("token", "credentials"))),
    Held("score_link", "score_links", ("digest",), _OF_RUNS, hidden=frozenset(("digest",))),
)  # fmt: skip
_THREADS = Held(
    "thread", "threads", ("id",), "user_id = :user", json=frozenset(("metadata", "state", "ttl")),
)  # fmt: skip
_CHECKPOINTS = Held(
    "checkpoint", "checkpoints", ("thread_id", "id"), _IN_THEIR_THREADS, json=frozenset(("state",)),
)  # fmt: skip
_OTHERS = (
    # Some outlive their run, and have its user since: what was told may be told again.
    Held("delivery_attempt", "delivery_attempts", ("delivery_id", "number"), _OF_DELIVERIES),
    Held("delivery", "deliveries", ("number",), _DELIVERIES, json=frozenset(("data",))),
    # What somebody said of others' runs; of their own it went with those.
    Held("score", "scores", ("run_id", "id"), f"author = :user OR {done_by('author')} OR {_OF_RUNS}"),
    Held("assistant", "assistants", ("id",)),
    Held("assistant_version", "assistant_versions", ("id", "version"),
         json=frozenset(("config", "context", "metadata"))),
    Held("webhook", "webhooks", ("id",), hidden=frozenset(("secrets",)), json=frozenset(("types",))),
)  # fmt: skip
_SCHEDULES = Held("schedule", "schedules", ("id",), "user_id = :user", json=frozenset(("work", "metadata", "asker")))
SIGNED = (
    Signed("approvals", ("run_id", "id"), ("decided_by",)),
    Signed("assistant_versions", ("id", "version"), ("created_by",)),
    Signed("webhooks", ("id",), ("created_by",)),
    Signed("schedules", ("id",), ("created_by",)),
    Signed("erasures", ("id",), ("requested_by",)),
)
EXEMPT = {
    "run_figures": "how many runs there were of each agent, how they ended and what they took: nobody's name",
    "run_folds": "which runs are counted",
    "workers": "processes, and where they run",
    "erasures": "the erasure itself, which forgets whom it was of when it is done; a digest proves it",
}


def schedules(database: Database, payloads: Payloads) -> Holding:
    return HeldRows(_SCHEDULES, database, load=payloads.load)


def others(database: Database, payloads: Payloads) -> list[Holding]:
    return [HeldRows(one, database, load=payloads.load) for one in _OTHERS]


class HeldRuns:
    """Runs that have not ended are cancelled, and go when they have."""

    kind = "run"

    def __init__(
        self, database: Database, queries: Mapping[str, Query], payloads: Payloads, *, control: Control
    ) -> None:
        self._database = database
        self._queries = queries
        self._payloads = payloads
        self._control = control
        self._rows = [HeldRows(one, database, load=payloads.load) for one in _WITH_RUNS]

    @property
    def tables(self) -> frozenset[str]:
        return frozenset(("store_file_uses",)).union(*(one.tables for one in self._rows))

    async def export(self, of: Subject) -> AsyncIterator[Piece]:
        for rows in self._rows:
            async for piece in rows.export(of):
                yield piece
        after = ""
        while ids := await self._ids(of, after=after):
            for run_id in ids:
                for reference in await self._payloads.blobs.list_scope(run_id):
                    async for part in pieces_of(self._payloads.blobs, reference):
                        yield part
            after = ids[-1]

    async def erase(self, of: Subject) -> Batch:
        open_runs = await self._ids(of, ended=False)
        for run_id in open_runs:
            await self._control.cancel(run_id, tenant=of.tenant, by="erasure")
        ended = await self._ids(of, ended=True)
        for run_id in ended:
            # The blobs first: were they left when we die, nobody would know whose they were.
            await self._payloads.blobs.delete_scope(run_id)
        if ended:
            await self._database.write(self._queries["erase_runs"], [(of.tenant, run_id) for run_id in ended])
        return Batch(len(ended), waits=bool(open_runs))

    async def _ids(self, of: Subject, *, ended: bool | None = None, after: str = "") -> list[str]:
        rows = await self._database.read(
            self._queries["runs_held"], tenant=of.tenant, user_id=of.user, after=after, limit=_BATCH,
            ended=None if ended is None else int(ended),
        )  # fmt: skip
        return [row["id"] for row in rows]


class HeldThreads:
    """Threads go once none of their runs is under way; with them what they kept. Others' runs in them stay."""

    kind = "thread"

    def __init__(
        self, database: Database, queries: Mapping[str, Query], payloads: Payloads, *, threads: Threads,
        conversations: Conversations,
    ) -> None:  # fmt: skip
        self._database = database
        self._queries = queries
        self._payloads = payloads
        self._threads = threads
        self._conversations = conversations
        self._rows = [HeldRows(one, database, load=payloads.load) for one in (_THREADS, _CHECKPOINTS)]

    @property
    def tables(self) -> frozenset[str]:
        return frozenset[str]().union(*(one.tables for one in self._rows))

    async def export(self, of: Subject) -> AsyncIterator[Piece]:
        for rows in self._rows:
            async for piece in rows.export(of):
                yield piece
                if piece.kind != self.kind:
                    continue
                thread_id: str = piece.data["id"]
                if kept := await self._conversations.all(thread_id, tenant=of.tenant):
                    yield Piece("conversation", {"thread_id": thread_id, "values": kept})

    async def erase(self, of: Subject) -> Batch:
        rows = await self._database.read(self._queries["threads_held"], tenant=of.tenant, user_id=of.user, limit=_BATCH)
        erased, idle = 0, [row["id"] for row in rows if not row["busy"]]
        for thread_id in idle:
            await self._payloads.blobs.delete_scope(thread_scope(of.tenant, thread_id))
            await self._conversations.forget(thread_id, tenant=of.tenant)
            try:
                await self._threads.delete(thread_id, tenant=of.tenant)
            except (Conflict, NotFound):  # another's run goes on in it; or somebody was quicker
                continue
            erased += 1
        return Batch(erased, waits=erased < len(rows))
