"""Threads: conversations that runs share."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from fairlead.access import Role
from fairlead.errors import InvalidInput
from fairlead.runs.run import Reason
from fairlead.runs.threads import Thread, ThreadStatus
from fairlead.web.api.call import Call
from fairlead.web.api.doors import Doors
from fairlead.web.api.operation import Operation
from fairlead.web.api.reply import JsonReply, Reply, json_reply
from fairlead.web.api.run_body import SAFE_ID, Body, SafeId
from fairlead.web.api.values import interrupts_of, values_of_state
from fairlead.web.api.views import Chosen, ThreadView, selected, thread_view


class ThreadCreate(Body):
    thread_id: SafeId | None = None
    metadata: dict[str, Any] | None = None
    if_exists: Literal["raise", "do_nothing"] = "raise"


class ThreadPatch(Body):
    metadata: dict[str, Any]


class ThreadSearch(Body):
    metadata: dict[str, Any] | None = None
    ids: Annotated[list[str], Field(max_length=1000)] | None = None
    user: str | None = Field(None, description="On whose behalf it was created.")
    status: Literal["idle", "busy", "interrupted", "error"] | None = None
    limit: Annotated[int, Field(ge=1, le=1000)] = 10
    offset: Annotated[int, Field(ge=0, le=1_000_000)] = 0
    sort_by: Literal["updated_at", "state_updated_at"] | None = None
    sort_order: Literal["desc"] | None = None
    select: list[str] | None = None


class HistoryQuery(Body):
    limit: Annotated[int, Field(ge=1, le=1000)] = 10
    before: Any = None
    metadata: dict[str, Any] | None = None
    checkpoint: dict[str, Any] | None = None


class ThreadState(BaseModel):
    values: dict[str, Any]
    next: list[str]
    tasks: list[dict[str, Any]]
    checkpoint: dict[str, Any]
    parent_checkpoint: dict[str, Any] | None
    metadata: dict[str, Any]
    created_at: datetime
    interrupts: list[dict[str, Any]]


class Threads:
    def __init__(self, doors: Doors) -> None:
        self._doors = doors

    def operations(self) -> list[Operation]:
        one = "/threads/{thread_id}"
        look: dict[str, Any] = {"tag": "threads", "problems": (404,)}
        return [
            Operation("POST", "/threads", self.create, "Create a thread", role=Role.OPERATOR, body=ThreadCreate,
                      body_optional=True, gives=ThreadView, tag="threads", problems=(409,)),
            Operation("POST", "/threads/search", self.search, "Threads, those that changed last first",
                      body=ThreadSearch, body_optional=True, gives=list[ThreadView | Chosen], tag="threads"),
            Operation("GET", one, self.get, "One thread", gives=ThreadView, **look),
            Operation("PATCH", one, self.patch, "Add to a thread's metadata", role=Role.OPERATOR, body=ThreadPatch,
                      gives=ThreadView, **look),
            Operation("DELETE", one, self.delete, "Forget a thread", role=Role.OPERATOR, status=204, tag="threads",
                      audit="thread.delete", problems=(404, 409)),
            Operation("GET", f"{one}/state", self.state, "What a thread has come to", gives=ThreadState, **look),
            Operation("GET", f"{one}/history", self.history, "Its states", gives=list[ThreadState], **look),
            Operation("POST", f"{one}/history", self.history_by_body, "Its states", body=HistoryQuery,
                      body_optional=True, gives=list[ThreadState], **look),
        ]  # fmt: skip

    async def create(self, call: Call) -> Reply:
        body = await call.body(ThreadCreate, optional=True)
        if body.thread_id is not None and not SAFE_ID.fullmatch(body.thread_id):
            raise InvalidInput("A thread id has 1 to 128 letters, digits, `.`, `_`, `:` or `-`.")
        thread = await self._doors.threads.create(
            body.thread_id, metadata=body.metadata, tenant=call.tenant, if_exists=body.if_exists == "do_nothing",
            user=call.visit.caller.user,
        )  # fmt: skip
        return await self._shown(thread)

    async def search(self, call: Call) -> Reply:
        body = await call.body(ThreadSearch, optional=True)
        found = await self._doors.threads.search(
            tenant=call.tenant, metadata=body.metadata, ids=body.ids, user=body.user, limit=body.limit,
            offset=body.offset, status=ThreadStatus(body.status) if body.status else None,
        )  # fmt: skip
        return json_reply(selected([thread_view(thread) for thread in found], body.select))

    async def get(self, call: Call) -> Reply:
        return await self._shown(await self._thread(call))

    async def patch(self, call: Call) -> Reply:
        body = await call.body(ThreadPatch)
        return await self._shown(
            await self._doors.threads.describe(call.path["thread_id"], body.metadata, tenant=call.tenant)
        )

    async def delete(self, call: Call) -> Reply:
        """The runs stay as they are."""
        await self._doors.threads.delete(call.path["thread_id"], tenant=call.tenant)
        return JsonReply(b"", status=204)

    async def state(self, call: Call) -> Reply:
        return json_reply(await self._state(await self._thread(call)))

    async def history(self, call: Call) -> Reply:
        """One state for now: the one the thread is in."""
        thread = await self._thread(call)
        empty = thread.state is None and thread.active_run_id is None
        return json_reply([] if empty else [await self._state(thread)])

    async def history_by_body(self, call: Call) -> Reply:
        await call.body(HistoryQuery, optional=True)
        return await self.history(call)

    async def _thread(self, call: Call) -> Thread:
        return await self._doors.threads.get(call.path["thread_id"], tenant=call.tenant)

    async def _shown(self, thread: Thread) -> Reply:
        return json_reply(thread_view(thread, await self._interrupts(thread)))

    async def _interrupts(self, thread: Thread) -> list[dict[str, Any]]:
        if thread.status is not ThreadStatus.INTERRUPTED or thread.active_run_id is None:
            return []
        run = await self._doors.control.get(thread.active_run_id, tenant=thread.tenant)
        asked = run.reason is Reason.APPROVAL
        approvals = await self._doors.control.approvals(tenant=thread.tenant, run_id=run.id) if asked else []
        return interrupts_of(run, approvals)

    async def _state(self, thread: Thread) -> dict[str, Any]:
        interrupts = await self._interrupts(thread)
        graph = str(thread.metadata.get("graph_id", "agent"))
        checkpoint = {"thread_id": thread.id, "checkpoint_ns": "", "checkpoint_id": thread.state_run_id or thread.id}
        task = {"id": thread.active_run_id, "name": graph, "interrupts": interrupts, "error": None, "checkpoint": None}
        return {
            "values": values_of_state(thread.id, thread.state),
            "next": [graph] if thread.active_run_id is not None else [],
            "tasks": [task] if interrupts else [],
            "checkpoint": checkpoint,
            "parent_checkpoint": None,
            "metadata": {**thread.metadata, "run_id": thread.state_run_id},
            "created_at": thread.updated_at,
            "interrupts": interrupts,
        }
