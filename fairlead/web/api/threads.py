"""Threads: conversations that runs share."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import Field

from fairlead.access import Role
from fairlead.errors import InvalidInput
from fairlead.runs.run import Reason
from fairlead.runs.threads import Thread, ThreadStatus, TimeToLive
from fairlead.web.api.call import Call
from fairlead.web.api.doors import Doors
from fairlead.web.api.extract import Path, extracted
from fairlead.web.api.operation import Operation
from fairlead.web.api.reply import JsonReply, Reply, json_reply
from fairlead.web.api.run_body import Body, SafeId
from fairlead.web.api.shape import Shape
from fairlead.web.api.thread_states import Superstep, write_supersteps
from fairlead.web.api.values import interrupts_of, values_of_state
from fairlead.web.api.views import Chosen, ThreadView, selected, thread_view
from fairlead.web.asking import SAFE_ID

_MOST = 1000
_LONGEST_TTL = 60 * 24 * 3660


class Ttl(Body):
    ttl: Annotated[float, Field(gt=0, le=_LONGEST_TTL)] = Field(description="Minutes without a change.")
    strategy: Literal["delete", "keep_latest"] = "delete"


TtlGiven = Annotated[float, Field(gt=0, le=_LONGEST_TTL)] | Ttl | None


class ThreadCreate(Body):
    thread_id: SafeId | None = None
    metadata: dict[str, Any] | None = None
    if_exists: Literal["raise", "do_nothing"] = "raise"
    supersteps: Annotated[list[Superstep], Field(max_length=1000)] | None = Field(
        None, description="What to write into it, step by step."
    )
    ttl: TtlGiven = Field(None, description="When it goes: minutes without a change.")


class ThreadPatch(Body):
    metadata: dict[str, Any]
    ttl: TtlGiven = None


class StatePatch(Body):
    metadata: dict[str, Any]


class ThreadCount(Body):
    metadata: dict[str, Any] | None = None
    values: dict[str, Any] | None = Field(None, description="Keys its state must have, with these values.")
    ids: Annotated[list[str], Field(max_length=1000)] | None = None
    user: str | None = Field(None, description="On whose behalf it was created.")
    status: Literal["idle", "busy", "interrupted", "error"] | None = None


class ThreadSearch(ThreadCount):
    limit: Annotated[int, Field(ge=1, le=1000)] = 10
    offset: Annotated[int, Field(ge=0, le=1_000_000)] = 0
    sort_by: Literal["thread_id", "status", "created_at", "updated_at", "state_updated_at"] | None = None
    sort_order: Literal["asc", "desc"] | None = None
    select: list[str] | None = None
    extract: Annotated[dict[str, Path], Field(max_length=20)] | None = Field(
        None, description="Names, and paths of what to show under them, such as `values.messages[-1].content`."
    )


class ThreadPrune(Body):
    thread_ids: Annotated[list[str], Field(max_length=1000)]
    strategy: Literal["delete", "keep_latest"] = "delete"


class Pruned(Shape):
    pruned_count: int


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
            Operation("PATCH", f"{one}/state", self.patch_state, "Add to a thread's metadata, by its other address",
                      role=Role.OPERATOR, body=StatePatch, gives=ThreadView, tag="threads", problems=(404,)),
            Operation("DELETE", one, self.delete, "Forget a thread", role=Role.OPERATOR, status=204, tag="threads",
                      audit="thread.delete", problems=(404, 409)),
            Operation("POST", f"{one}/copy", self.copy, "Another thread that begins where this one is",
                      role=Role.OPERATOR, gives=ThreadView, **look),
            Operation("POST", "/threads/count", self.count, "How many threads", body=ThreadCount, body_optional=True,
                      gives=int, tag="threads"),
            Operation("POST", "/threads/prune", self.prune, "Forget threads, or what they kept before",
                      role=Role.OPERATOR, audit="thread.prune", body=ThreadPrune, gives=Pruned, tag="threads"),
        ]  # fmt: skip

    async def create(self, call: Call) -> Reply:
        body = await call.body(ThreadCreate, optional=True)
        if body.thread_id is not None and not SAFE_ID.fullmatch(body.thread_id):
            raise InvalidInput("A thread id has 1 to 128 letters, digits, `.`, `_`, `:` or `-`.")
        thread = await self._doors.threads.create(
            body.thread_id, metadata=body.metadata, tenant=call.tenant, if_exists=body.if_exists == "do_nothing",
            user=call.visit.caller.user, ttl=_ttl(body.ttl),
        )  # fmt: skip
        return await self._shown(await write_supersteps(self._doors, thread, body.supersteps or []))

    async def search(self, call: Call) -> Reply:
        body = await call.body(ThreadSearch, optional=True)
        wanted = self._wanted(call, body)
        order: dict[str, Any] = {"sort_by": body.sort_by, "ascending": body.sort_order == "asc"}
        if body.values:
            found = (await self._with_values({**wanted, **order}, body.values))[body.offset :][: body.limit]
        else:
            found = await self._doors.threads.search(**wanted, **order, limit=body.limit, offset=body.offset)
        views = [thread_view(thread) for thread in found]
        if body.extract:
            views = [{**view, "extracted": extracted(view, body.extract)} for view in views]
        names = [*body.select, "extracted"] if body.select else None
        return json_reply(selected(views, names))

    async def get(self, call: Call) -> Reply:
        return await self._shown(await self._thread(call))

    async def patch(self, call: Call) -> Reply:
        body = await call.body(ThreadPatch)
        return await self._shown(
            await self._doors.threads.describe(
                call.path["thread_id"], body.metadata, tenant=call.tenant, ttl=_ttl(body.ttl)
            )
        )

    async def patch_state(self, call: Call) -> Reply:
        """As clients for JavaScript describe a thread."""
        body = await call.body(StatePatch)
        thread_id = call.path["thread_id"]
        return await self._shown(await self._doors.threads.describe(thread_id, body.metadata, tenant=call.tenant))

    async def delete(self, call: Call) -> Reply:
        """The runs stay as they are."""
        await self._doors.threads.delete(call.path["thread_id"], tenant=call.tenant)
        return JsonReply(b"", status=204)

    async def copy(self, call: Call) -> Reply:
        """Its metadata and its state; its runs and its history stay where they are."""
        thread = await self._thread(call)
        return await self._shown(await self._doors.threads.copy(thread, user=call.visit.caller.user))

    async def count(self, call: Call) -> Reply:
        body = await call.body(ThreadCount, optional=True)
        wanted = self._wanted(call, body)
        if body.values:
            return json_reply(len(await self._with_values(wanted, body.values)))
        return json_reply(await self._doors.threads.count(**wanted))

    async def prune(self, call: Call) -> Reply:
        """`delete` leaves alone what is under way; `keep_latest` keeps each thread as it is now."""
        body = await call.body(ThreadPrune)
        latest = body.strategy == "keep_latest"
        pruned = await self._doors.threads.prune(body.thread_ids, tenant=call.tenant, keep_latest=latest)
        return json_reply({"pruned_count": pruned})

    def _wanted(self, call: Call, body: ThreadCount) -> dict[str, Any]:
        return {"tenant": call.tenant, "metadata": body.metadata, "ids": body.ids, "user": body.user,
                "status": ThreadStatus(body.status) if body.status else None}  # fmt: skip

    async def _with_values(self, wanted: dict[str, Any], values: dict[str, Any]) -> list[Thread]:
        """Those whose state has these values: what a thread keeps is no column that could be asked."""
        found = await self._doors.threads.search(**wanted, limit=_MOST)
        return [one for one in found if _has(values_of_state(one.id, one.state), values)]

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


def _ttl(given: float | Ttl | None) -> TimeToLive | None:
    if given is None:
        return None
    given = given if isinstance(given, Ttl) else Ttl(ttl=given)
    return TimeToLive(timedelta(minutes=given.ttl), keep_latest=given.strategy == "keep_latest")


def _has(values: Any, wanted: dict[str, Any]) -> bool:
    return all(name in values and values[name] == value for name, value in wanted.items())
