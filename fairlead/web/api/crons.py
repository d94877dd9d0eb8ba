"""Schedules, as LangGraph's clients know crons; `missed`, `overlap`, `start_time`, `jitter_seconds` are ours."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import islice
from typing import Annotated, Any, Literal

from pydantic import Field, WithJsonSchema

from fairlead.access import Role
from fairlead.errors import InvalidInput
from fairlead.runs.schedule import Missed, Overlap, Rhythm, Schedule, Work, times
from fairlead.runs.schedules import ScheduleWanted
from fairlead.runs.webhooks import callable_url
from fairlead.web.api.call import Call
from fairlead.web.api.doors import Doors
from fairlead.web.api.operation import Operation
from fairlead.web.api.reply import JsonReply, Reply, json_reply
from fairlead.web.api.run_body import Additions, Body, Mode, Moment
from fairlead.web.api.shape import Shape
from fairlead.web.api.views import NANO, Chosen, RunView, run_view, selected
from fairlead.web.asking import asker_of, nano_of

Cron = Annotated[str, Field(min_length=1, max_length=200, description="Minute, hour, day, month, weekday.")]
Zone = Annotated[str, Field(min_length=1, max_length=100)]
Jitter = Annotated[float, Field(ge=0, le=86400)]
_SHOWN = 5
_RHYTHM = {"schedule": "cron", "timezone": "timezone", "missed": "missed", "overlap": "overlap",
           "start_time": "start_at", "end_time": "end_at"}  # fmt: skip
_WORK = ("input", "config", "context", "on_run_completed", "priority")
Sort = Literal["cron_id", "assistant_id", "thread_id", "created_at", "updated_at", "next_run_date", "end_time"]


# What a run takes and a schedule does not: refused in words of our own, and described as what can't be given.
Nothing = Annotated[str | None, WithJsonSchema({"type": "null"})]
Nodes = Annotated[Literal["*"] | list[str] | None, WithJsonSchema({"type": ["array", "null"], "maxItems": 0})]


class CronFields(Additions):
    """What a run is given, and when. Nothing here is set unless it is sent."""

    input: Any = None
    config: dict[str, Any] | None = None
    context: dict[str, Any] | None = None
    webhook: str | None = None
    release: Nothing = Field(None, description="Not here: the worker that starts the run has one.")
    interrupt_before: Nodes = None
    interrupt_after: Nodes = None
    multitask_strategy: Literal["reject", "interrupt", "rollback", "enqueue"] | None = None
    on_run_completed: Literal["delete", "keep"] | None = None
    checkpoint_during: bool | None = None
    stream_mode: Mode | Annotated[list[Mode], Field(min_length=1)] | None = None
    stream_subgraphs: bool | None = None
    stream_resumable: bool | None = None
    durability: Literal["sync", "async", "exit"] | None = None
    timezone: Zone | None = Field(None, description="Such as Europe/Vienna. Default: UTC.")
    start_time: Moment | None = None
    end_time: Moment | None = None
    enabled: bool | None = None
    missed: Literal["skip", "run_once", "run_all"] | None = Field(None, description="Default: run_once.")
    overlap: Literal["allow", "skip", "queue", "cancel_running"] | None = Field(None, description="Default: allow.")
    jitter_seconds: Jitter | None = Field(None, description="Each run starts up to this much later.")


class CronCreate(CronFields):
    assistant_id: Annotated[str, Field(min_length=1, max_length=200)]
    schedule: Cron


class CronPatch(CronFields):
    schedule: Cron | None = None


class CronWanted(Body):
    assistant_id: str | None = None
    thread_id: str | None = None
    enabled: bool | None = None
    metadata: dict[str, Any] | None = None


class CronSearch(CronWanted):
    limit: Annotated[int, Field(ge=1, le=1000)] = 10
    offset: Annotated[int, Field(ge=0, le=1_000_000)] = 0
    sort_by: Sort | None = None
    sort_order: Literal["asc", "desc"] | None = None
    select: list[str] | None = None


class CronView(Shape):
    cron_id: str
    assistant_id: str
    thread_id: str | None
    schedule: str
    timezone: str | None
    end_time: datetime | None
    created_at: datetime
    updated_at: datetime
    user_id: str | None
    payload: dict[str, Any]
    next_run_date: datetime | None
    metadata: dict[str, Any]
    enabled: bool
    on_run_completed: str | None
    start_time: datetime | None
    missed: str
    overlap: str
    jitter_seconds: float
    upcoming: list[datetime]
    last_run_date: datetime | None
    last_run_id: str | None
    last_error: str | None
    created_by: str


class Crons:
    def __init__(self, doors: Doors) -> None:
        self._doors = doors
        self._book = doors.schedules

    def operations(self) -> list[Operation]:
        one = "/runs/crons/{cron_id}"
        make: dict[str, Any] = {"role": Role.OPERATOR, "body": CronCreate, "gives": CronView, "tag": "crons",
                                "problems": (404, 409), "audit": "schedule.create"}  # fmt: skip
        change: dict[str, Any] = {"role": Role.OPERATOR, "tag": "crons", "problems": (404, 409)}
        start: dict[str, Any] = {"role": Role.OPERATOR, "tag": "crons", "problems": (404, 409, 429)}
        return [
            Operation("POST", "/runs/crons", self.create, "Start runs by a schedule", **make),
            Operation("POST", "/threads/{thread_id}/runs/crons", self.create, "Start runs in a thread by a schedule",
                      **make),
            Operation("POST", "/runs/crons/search", self.search, "Schedules", body=CronSearch, body_optional=True,
                      gives=list[CronView | Chosen], tag="crons"),
            Operation("POST", "/runs/crons/count", self.count, "How many schedules", body=CronWanted,
                      body_optional=True, gives=int, tag="crons"),
            Operation("GET", one, self.get, "One schedule", gives=CronView, tag="crons", problems=(404,)),
            Operation("PATCH", one, self.patch, "Change a schedule", body=CronPatch, gives=CronView,
                      audit="schedule.change", **change),
            Operation("DELETE", one, self.remove, "Remove a schedule", gives=dict[str, Any],
                      audit="schedule.remove", **change),
            Operation("POST", f"{one}/run", self.run_now, "Start a schedule's run now", gives=RunView,
                      audit="schedule.run", **start),
        ]  # fmt: skip

    async def create(self, call: Call) -> Reply:
        body, caller = await call.body(CronCreate), call.visit.caller
        _refuse_unsupported(body)
        made = await self._book.add(
            body.assistant_id, Rhythm(**_rhythm(body)), Work(**_work(body)), thread_id=call.path.get("thread_id"),
            metadata=body.metadata, enabled=body.enabled is not False, user=caller.user, asker=asker_of(caller),
            tenant=call.tenant, by=call.by,
        )  # fmt: skip
        call.noted["subject"] = made.id
        return json_reply(self._view(made))

    async def search(self, call: Call) -> Reply:
        body = await call.body(CronSearch, optional=True)
        found, total = await self._book.search(
            _wanted(body), tenant=call.tenant, sort=body.sort_by or "created_at",
            descending=body.sort_order != "asc", limit=body.limit, offset=body.offset,
        )  # fmt: skip
        after = body.offset + len(found)
        headers = [(b"x-pagination-next", str(after).encode())] if after < total else []
        return json_reply(selected([self._view(one) for one in found], body.select), headers=headers)

    async def count(self, call: Call) -> Reply:
        body = await call.body(CronWanted, optional=True)
        return json_reply((await self._book.search(_wanted(body), tenant=call.tenant, limit=1))[1])

    async def get(self, call: Call) -> Reply:
        return json_reply(self._view(await self._book.get(call.path["cron_id"], tenant=call.tenant)))

    async def patch(self, call: Call) -> Reply:
        """What is sent; `end_time: null` clears it."""
        body = await call.body(CronPatch)
        _refuse_unsupported(body)
        changed = await self._book.change(
            call.path["cron_id"], rhythm=_rhythm(body), work=_work(body), metadata=body.metadata,
            enabled=body.enabled, tenant=call.tenant, by=call.by,
        )  # fmt: skip
        return json_reply(self._view(changed))

    async def remove(self, call: Call) -> Reply:
        await self._book.remove(call.path["cron_id"], tenant=call.tenant, by=call.by)
        return JsonReply(b"{}")

    async def run_now(self, call: Call) -> Reply:
        one = await self._book.get(call.path["cron_id"], tenant=call.tenant)
        call.visit.room = await self._doors.rate.take(call.visit.caller)
        return json_reply(run_view(await self._book.run_now(one.id, tenant=call.tenant)))

    def _view(self, one: Schedule) -> dict[str, Any]:
        rhythm, work = one.rhythm, one.work
        payload = {
            "assistant_id": one.assistant_id, "schedule": rhythm.cron, "input": work.input, "config": work.config,
            "context": work.context, "metadata": work.metadata, "webhook": work.webhook,
            "multitask_strategy": work.multitask, "priority": work.priority,
            "budget_usd": None if work.budget_nano is None else work.budget_nano / NANO,
        }  # fmt: skip
        upcoming = list(islice(times(rhythm, self._doors.clock.now()), _SHOWN)) if one.enabled else []
        return {
            "cron_id": one.id, "assistant_id": one.assistant_id, "thread_id": one.thread_id, "schedule": rhythm.cron,
            "timezone": rhythm.timezone, "end_time": rhythm.end_at, "created_at": one.created_at,
            "updated_at": one.updated_at, "user_id": one.user, "payload": payload,
            "next_run_date": one.next_at if one.enabled else None, "metadata": one.metadata, "enabled": one.enabled,
            "on_run_completed": work.on_run_completed, "start_time": rhythm.start_at, "missed": rhythm.missed.value,
            "overlap": rhythm.overlap.value, "jitter_seconds": rhythm.jitter.total_seconds(), "upcoming": upcoming,
            "last_run_date": one.last_at, "last_run_id": one.last_run_id, "last_error": one.last_error,
            "created_by": one.created_by,
        }  # fmt: skip


def _rhythm(body: CronFields) -> dict[str, Any]:
    sent = body.model_fields_set
    may_clear = {"end_time", "start_time"}
    given = {
        ours: getattr(body, theirs)
        for theirs, ours in _RHYTHM.items()
        if theirs in sent and (theirs in may_clear or getattr(body, theirs) is not None)
    }
    if "missed" in given:
        given["missed"] = Missed(given["missed"])
    if "overlap" in given:
        given["overlap"] = Overlap(given["overlap"])
    if body.jitter_seconds is not None:
        given["jitter"] = timedelta(seconds=body.jitter_seconds)
    return given


def _work(body: CronFields) -> dict[str, Any]:
    given: dict[str, Any] = {name: getattr(body, name) for name in _WORK if name in body.model_fields_set}
    if body.multitask_strategy is not None:
        given["multitask"] = body.multitask_strategy
    if body.budget_usd is not None:
        given["budget_nano"] = nano_of(body.budget_usd)
    if "webhook" in body.model_fields_set:
        given["webhook"] = None if body.webhook is None else callable_url(body.webhook)
    return given


def _refuse_unsupported(body: CronFields) -> None:
    asked = {"interrupt_before": body.interrupt_before, "interrupt_after": body.interrupt_after,
             "release": body.release}  # fmt: skip
    refused = [f"`{name}`" for name, given in asked.items() if given]
    if refused:
        raise InvalidInput(f"{', '.join(refused)}: not supported in a schedule.", hint="Leave it out.")


def _wanted(body: CronWanted) -> ScheduleWanted:
    return ScheduleWanted(body.assistant_id, body.thread_id, body.enabled, body.metadata)
