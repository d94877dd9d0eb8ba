"""A new run from a step of another: POST /runs/{run_id}/fork."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from fairlead.access import Role
from fairlead.runs.forking import Fork
from fairlead.runs.run import NewRun, Run
from fairlead.web.api.call import Call
from fairlead.web.api.doors import Doors
from fairlead.web.api.operation import Operation
from fairlead.web.api.reply import Reply, json_reply
from fairlead.web.api.run_body import Additions, ReleaseName
from fairlead.web.api.start import Started, find_run
from fairlead.web.api.views import RunView, run_view
from fairlead.web.asking import asker_of, nano_of

StepNumber = Annotated[int, Field(ge=1, lt=2**31)]
StepKey = Annotated[str, Field(min_length=1, max_length=200)]


class ForkCreate(Additions):
    from_step: StepNumber | StepKey = Field(
        description="The step that is done again: its key, or the `seq` of its event. What was recorded before it is "
        "reused and not paid again."
    )
    result: Any = Field(None, description="Take this for what came of the step, a tool's or a plain one, and go on.")
    input: Any = Field(None, description="Another input. Steps that are asked for with other arguments are done again.")
    assistant_id: Annotated[str, Field(min_length=1, max_length=200)] | None = Field(
        None, description="Another agent or assistant. Default: the run's."
    )
    release: ReleaseName | None = Field(None, description="The release to run on. Default: the run's.")


class Forks:
    def __init__(self, doors: Doors) -> None:
        self._doors = doors

    def operations(self) -> list[Operation]:
        return [
            Operation("POST", "/runs/{run_id}/fork", self.fork, "Start a run from a step of another",
                      role=Role.OPERATOR, body=ForkCreate, audit="run.fork", gives=RunView, tag="runs",
                      problems=(404, 409, 429)),
        ]  # fmt: skip

    async def fork(self, call: Call) -> Reply:
        body, run = await call.body(ForkCreate), await find_run(self._doors, call)
        new = await self._new(call, body, run)
        other_path = "input" in body.model_fields_set or (new.agent, new.release) != (run.agent, run.release)
        result = (body.result,) if "result" in body.model_fields_set else None
        call.visit.room = await self._doors.rate.take(call.visit.caller)
        wanted = Fork(body.from_step, result, other_path)
        forked, fresh = await self._doors.control.fork(run, new, wanted, by=call.by)
        call.noted["fork"] = forked.id
        return json_reply(run_view(forked), headers=Started(forked, fresh).headers())

    async def _new(self, call: Call, body: ForkCreate, run: Run) -> NewRun:
        agent, assignment = run.agent, run.assignment
        if body.assistant_id is not None:
            agent, assignment = await self._doors.assistants.assign(
                body.assistant_id, tenant=call.tenant, config=None, context=None
            )
        caller = call.visit.caller
        return NewRun(
            agent, body.input if "input" in body.model_fields_set else run.input, assignment=assignment,
            tenant=run.tenant, thread_id=run.thread_id, release=body.release or run.release, priority=body.priority,
            metadata=run.metadata if body.metadata is None else body.metadata,
            budget_nano=run.budget_nano if body.budget_usd is None else nano_of(body.budget_usd), user=caller.user,
            asker=asker_of(caller), idempotency_key=call.header("idempotency-key"),
        )  # fmt: skip
