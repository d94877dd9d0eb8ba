"""Runs: LangGraph's addresses, under a thread and without one, and ours beside them.

POST   …/runs  …/runs/wait  …/runs/stream                              start
GET    …/runs  …/runs/{run_id}  …/join  …/stream                       look
POST   …/runs/{run_id}/cancel                                          stop
GET    /runs/{run_id}/wait /events    POST /runs/{run_id}/retry /resume /move     ours
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, cast

from pydantic import ConfigDict, Field, RootModel, model_validator

from fairlead.access import Role
from fairlead.errors import InvalidInput, NotFound
from fairlead.runs.run import Reason, Run, Status
from fairlead.runs.scores import Wanted
from fairlead.web.api.call import Call
from fairlead.web.api.doors import Doors
from fairlead.web.api.operation import Operation
from fairlead.web.api.reply import JsonReply, Reply, json_reply
from fairlead.web.api.run_body import Body, ReleaseName, RunCreate, RunInThread, RunWithoutThread, wants_one_of
from fairlead.web.api.scores import ScoreView, score_view
from fairlead.web.api.shape import Shape
from fairlead.web.api.start import find_run, path_of, start_run, start_runs
from fairlead.web.api.views import EventView, RunView, event_view, run_view
from fairlead.web.api.wait import WaitReply

_FARTHEST = 10_000
_MOST = 1000
_MOST_AT_ONCE = 100
_CAPITAL = re.compile("[A-Z]")


class ScoredRun(RunView):
    scores: list[ScoreView] = Field(description="The newest 100.")


class RunQuery(Shape):
    model_config = ConfigDict(extra="ignore")

    status: Status | None = None
    reason: Reason | None = None
    agent: str | None = None
    release: str | None = None
    thread_id: str | None = None
    parent_id: str | None = None
    user: str | None = Field(None, description="On whose behalf it was started.")
    text: Annotated[str, Field(max_length=200)] | None = Field(None, description="Part of an id or of the input.")
    before: str | None = Field(None, description="Runs older than this id: the last one of the page before.")
    after: str | None = Field(None, description="Runs newer than this id.")
    limit: Annotated[int, Field(ge=1, le=_MOST)] = 50
    offset: Annotated[int, Field(ge=0, le=_FARTHEST)] = Field(0, description="Better page with `before`.")


class EventQuery(Shape):
    after: Annotated[int, Field(ge=0, lt=2**31)] = 0
    limit: Annotated[int, Field(ge=1, le=_MOST)] = 500
    messages: bool = Field(False, description="Show the messages that model calls were asked with.")


class CancelQuery(Shape):
    wait: bool = Field(False, description="Answer when the run has stopped.")
    action: Literal["interrupt", "rollback"] = "interrupt"


class CancelMany(Body):
    model_config = wants_one_of("run_ids", "thread_id", "status")

    run_ids: Annotated[list[str], Field(max_length=_MOST)] | None = None
    thread_id: str | None = None
    status: Literal["pending", "running", "all"] | None = None


_STATUSES: dict[str | None, tuple[Status, ...]] = {
    "pending": (Status.PENDING,), "running": (Status.RUNNING,), "all": (), None: (),
}  # fmt: skip


class Outcome(Body):
    """One of the three."""

    result: Any = None
    error: dict[str, Any] | None = None
    repeat: bool | None = None


class Resume(Body):
    outcomes: dict[str, Outcome] = Field(
        default_factory=dict[str, Outcome], description="What became of effects nobody knew of, by step key."
    )


class BatchRun(RunWithoutThread):
    @model_validator(mode="before")
    @classmethod
    def _in_our_words(cls, given: Any) -> Any:
        """LangGraph's client for JavaScript sends the options of a batch as its callers wrote them: `assistantId`."""
        if not isinstance(given, dict):
            return given
        said = cast("dict[str, Any]", given)
        renamed = {_CAPITAL.sub(lambda found: f"_{found[0].lower()}", name): value for name, value in said.items()}
        return {**renamed, **{name: said[name] for name in said if name in renamed}}


class Batch(RootModel[Annotated[list[BatchRun], Field(min_length=1, max_length=_MOST_AT_ONCE)]]):
    """Each without a thread."""


class Move(Body):
    release: ReleaseName


class Runs:
    def __init__(self, doors: Doors) -> None:
        self._doors = doors

    def operations(self) -> list[Operation]:
        return [*self._of("/runs"), *self._of("/threads/{thread_id}/runs"), *self._ours()]

    def _of(self, path: str) -> list[Operation]:
        one, tag = f"{path}/{{run_id}}", "runs in a thread" if "thread" in path else "runs"
        body = RunInThread if "thread" in path else RunWithoutThread
        start: dict[str, Any] = {"role": Role.OPERATOR, "body": body, "tag": tag, "problems": (404, 409, 429)}
        look: dict[str, Any] = {"tag": tag, "problems": (404,)}
        return [
            Operation("POST", path, self.create, "Start a run", gives=RunView, **start),
            Operation("POST", f"{path}/wait", self.create_and_wait, "Start a run, await values", gives=Any, **start),
            Operation("GET", path, self.list, "List runs, newest first", query=RunQuery, gives=list[RunView], **look),
            Operation("GET", one, self.get, "One run", gives=ScoredRun, **look),
            Operation("GET", f"{one}/join", self.join, "Wait for a run's values", gives=Any, **look),
            Operation("POST", f"{one}/cancel", self.cancel, "Cancel a run", role=Role.OPERATOR, query=CancelQuery,
                      audit="run.cancel", gives=RunView, status=202, **look),
            Operation("DELETE", one, self.delete, "Forget a run that has ended", role=Role.OPERATOR, status=204,
                      audit="run.delete", tag=tag, problems=(404, 409)),
        ]  # fmt: skip

    def _ours(self) -> list[Operation]:
        one = "/runs/{run_id}"
        change: dict[str, Any] = {"tag": "runs", "problems": (404, 409), "gives": RunView}
        go_on: dict[str, Any] = {"tag": "runs", "problems": (404, 409, 429), "gives": RunView}
        look: dict[str, Any] = {"tag": "runs", "problems": (404,)}
        return [
            Operation("POST", "/runs/batch", self.create_many, "Start runs", role=Role.OPERATOR, body=Batch,
                      gives=list[RunView], tag="runs", problems=(404, 409, 429)),
            Operation("GET", f"{one}/wait", self.join, "Wait for a run's values", gives=Any, **look),
            Operation("GET", f"{one}/events", self.events, "What happened to a run", query=EventQuery,
                      gives=list[EventView], **look),
            Operation("POST", f"{one}/retry", self.retry, "Let a failed run go on", role=Role.OPERATOR,
                      audit="run.retry", **go_on),
            Operation("POST", f"{one}/resume", self.resume, "Let an interrupted run go on", role=Role.OPERATOR,
                      audit="run.resume", body=Resume, body_optional=True, **go_on),
            Operation("POST", "/runs/cancel", self.cancel_many, "Cancel runs", role=Role.OPERATOR, query=CancelQuery,
                      audit="run.cancel", body=CancelMany, status=204, **look),
            Operation("POST", f"{one}/move", self.move, "Give a run to another release", role=Role.ADMIN, body=Move,
                      audit="run.move", **change),
        ]  # fmt: skip

    async def create(self, call: Call) -> Reply:
        started = await start_run(self._doors, call, await call.body(RunCreate))
        return json_reply(run_view(started.run), headers=started.headers())

    async def create_many(self, call: Call) -> Reply:
        """All of them, or none."""
        runs = await start_runs(self._doors, call, await call.list_of(BatchRun, most=_MOST_AT_ONCE))
        return json_reply([run_view(run) for run in runs])

    async def create_and_wait(self, call: Call) -> Reply:
        body = await call.body(RunCreate)
        started = await start_run(self._doors, call, body)
        cancel = body.on_disconnect == "cancel"
        return WaitReply(self._doors, call, started.run, headers=started.headers("join"), cancel_on_disconnect=cancel)

    async def list(self, call: Call) -> Reply:
        query = call.query(RunQuery)
        wanted: dict[str, Any] = query.model_dump(exclude={"offset", "limit"})
        if "thread_id" in call.path:
            await self._doors.threads.get(call.path["thread_id"], tenant=call.tenant)
            wanted["thread_id"] = call.path["thread_id"]
        found = await self._doors.control.list(tenant=call.tenant, limit=query.limit, offset=query.offset, **wanted)
        return json_reply([run_view(run) for run in found])

    async def get(self, call: Call) -> Reply:
        run = await find_run(self._doors, call)
        scores = await self._doors.scores.list(Wanted(run_id=run.id), tenant=run.tenant)
        headers = [(b"content-location", path_of(run).encode())]
        return json_reply({**run_view(run), "scores": [score_view(one) for one in scores]}, headers=headers)

    async def join(self, call: Call) -> Reply:
        return WaitReply(self._doors, call, await find_run(self._doors, call))

    async def cancel(self, call: Call) -> Reply:
        query = call.query(CancelQuery)
        run = await find_run(self._doors, call)
        if query.action == "rollback":
            await self._doors.control.roll_back(run.id, tenant=call.tenant, by=call.by)
            if query.wait:
                await self._doors.feed.gone(run.id, tenant=call.tenant)
            return _shown(run, status=202)
        run = await self._doors.control.cancel(run.id, tenant=call.tenant, by=call.by)
        if query.wait:
            await self._doors.feed.ended(run.id, tenant=call.tenant)
            run = await self._doors.control.get(run.id, tenant=call.tenant)
        return _shown(run, status=202)

    async def cancel_many(self, call: Call) -> Reply:
        """Those named, or those of a thread or a status. 404 when none of them is under way."""
        query, body = call.query(CancelQuery), await call.body(CancelMany)
        if body.run_ids is None and body.thread_id is None and body.status is None:
            raise InvalidInput("Say which runs: `run_ids`, `thread_id` or `status`.")
        found = await self._doors.control.cancel_many(
            tenant=call.tenant, run_ids=body.run_ids, thread_id=body.thread_id, statuses=_STATUSES[body.status],
            rollback=query.action == "rollback", by=call.by,
        )  # fmt: skip
        if not found:
            raise NotFound("None of these runs is under way.")
        if query.wait:
            for run_id in found:
                await (self._doors.feed.gone if query.action == "rollback" else self._doors.feed.ended)(
                    run_id, tenant=call.tenant
                )
        return JsonReply(b"", status=204)

    async def delete(self, call: Call) -> Reply:
        """What its thread keeps of it stays."""
        run = await find_run(self._doors, call)
        await self._doors.control.delete(run.id, tenant=call.tenant)
        return JsonReply(b"", status=204)

    async def events(self, call: Call) -> Reply:
        query = call.query(EventQuery)
        run = await find_run(self._doors, call)
        found = await self._doors.feed.events(
            run.id, tenant=call.tenant, after=query.after, limit=query.limit, messages=query.messages
        )
        return json_reply([event_view(event) for event in found])

    async def retry(self, call: Call) -> Reply:
        run = await find_run(self._doors, call)
        call.visit.room = await self._doors.rate.take(call.visit.caller)
        return _shown(await self._doors.control.retry(run.id, tenant=call.tenant, by=call.by))

    async def resume(self, call: Call) -> Reply:
        body = await call.body(Resume, optional=True)
        outcomes = {key: one.model_dump(exclude_unset=True) for key, one in body.outcomes.items()}
        run = await find_run(self._doors, call)
        call.visit.room = await self._doors.rate.take(call.visit.caller)
        return _shown(
            await self._doors.control.resume(run.id, tenant=call.tenant, by=call.by, outcomes=outcomes or None)
        )

    async def move(self, call: Call) -> Reply:
        body = await call.body(Move)
        call.noted["release"] = body.release
        run_id = call.path["run_id"]
        await self._doors.control.move(body.release, run_id=run_id, tenant=call.tenant, by=call.by)
        return _shown(await self._doors.control.get(run_id, tenant=call.tenant))


def _shown(run: Run, *, status: int = 200) -> Reply:
    return json_reply(run_view(run), status=status, headers=[(b"content-location", path_of(run).encode())])
