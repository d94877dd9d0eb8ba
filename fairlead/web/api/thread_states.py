"""The states of threads: what each has come to, what it was before, and writing into it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, cast

from pydantic import Field

from fairlead.access import Role
from fairlead.agents.spec import AgentSpec
from fairlead.errors import InvalidInput
from fairlead.runs.execute import END
from fairlead.runs.history import History
from fairlead.runs.moments import Moment
from fairlead.runs.run import Reason, Run
from fairlead.runs.threads import Thread
from fairlead.runs.writing import written
from fairlead.web.api.call import Call
from fairlead.web.api.command import nodes_of
from fairlead.web.api.doors import Doors
from fairlead.web.api.moments import address_of, moment_view
from fairlead.web.api.operation import Operation
from fairlead.web.api.reply import Reply, json_reply
from fairlead.web.api.run_body import Body
from fairlead.web.api.shape import Shape
from fairlead.web.api.values import interrupts_of
from fairlead.web.api.views import Chosen, selected

_ANYWHERE = ("__start__", "__input__", "__copy__", END)


# LangGraph's other way to say an object: pairs, in order.
Pair = Annotated[list[Any], Field(json_schema_extra={
    "prefixItems": [{"type": "string"}, {}], "items": False, "minItems": 2, "maxItems": 2,
})]  # fmt: skip
Values = dict[str, Any] | list[Pair] | None


class Update(Body):
    values: Values = None
    command: dict[str, Any] | None = None
    as_node: str | None = None


class Superstep(Body):
    updates: Annotated[list[Update], Field(max_length=100)]


class StateWrite(Body):
    values: Values = Field(None, description="Messages are added, other keys are set.")
    as_node: str | None = Field(None, description="The part of the agent that might have written it.")
    checkpoint: dict[str, Any] | None = None
    checkpoint_id: str | None = None


class StateQuery(Shape):
    subgraphs: bool = False
    select: list[str] | str | None = None


class StateAt(Body):
    checkpoint: dict[str, Any]
    subgraphs: bool = False
    select: list[str] | None = None


class HistoryQuery(Body):
    limit: Annotated[int, Field(ge=1, le=1000)] = 10
    before: str | dict[str, Any] | None = None
    metadata: dict[str, Any] | None = None
    checkpoint: dict[str, Any] | None = None
    select: list[str] | None = None


class HistoryAsked(Shape):
    limit: Annotated[int, Field(ge=1, le=1000)] = 10
    before: str | None = None


class ThreadState(Shape):
    values: dict[str, Any]
    next: list[str]
    tasks: list[dict[str, Any]]
    checkpoint: dict[str, Any]
    parent_checkpoint: dict[str, Any] | None
    metadata: dict[str, Any]
    created_at: datetime
    interrupts: list[dict[str, Any]]


class StateWritten(Shape):
    checkpoint: dict[str, Any]
    checkpoint_id: str
    configurable: dict[str, Any]


class ThreadStates:
    def __init__(self, doors: Doors) -> None:
        self._doors = doors
        self._history = History(doors.control, doors.agents)

    def operations(self) -> list[Operation]:
        one = "/threads/{thread_id}"
        look: dict[str, Any] = {"tag": "threads", "problems": (404,)}
        state = ThreadState | Chosen
        return [
            Operation("GET", f"{one}/state", self.state, "What a thread has come to", query=StateQuery, gives=state,
                      **look),
            Operation("POST", f"{one}/state", self.write, "Write into a thread's state", role=Role.OPERATOR,
                      body=StateWrite, gives=StateWritten, tag="threads", problems=(404, 409)),
            Operation("POST", f"{one}/state/checkpoint", self.state_at_body, "One of its states", body=StateAt,
                      gives=state, **look),
            Operation("GET", f"{one}/state/{{checkpoint_id}}", self.state_at, "One of its states", query=StateQuery,
                      gives=state, **look),
            Operation("GET", f"{one}/history", self.history, "Its states", query=HistoryAsked,
                      gives=list[ThreadState], **look),
            Operation("POST", f"{one}/history", self.history_by_body, "Its states", body=HistoryQuery,
                      body_optional=True, gives=list[ThreadState | Chosen], **look),
        ]  # fmt: skip

    async def state(self, call: Call) -> Reply:
        thread, query = await self._thread(call), call.query(StateQuery)
        return self._chosen(await self._view(thread, await self._history.now(thread)), query.select)

    async def state_at(self, call: Call) -> Reply:
        thread, query = await self._thread(call), call.query(StateQuery)
        moment = await self._history.at(thread, call.path["checkpoint_id"])
        return self._chosen(await self._view(thread, moment), query.select)

    async def state_at_body(self, call: Call) -> Reply:
        body, thread = await call.body(StateAt), await self._thread(call)
        wanted = checkpoint_id_of(body.checkpoint, None)
        moment = await self._history.at(thread, wanted) if wanted else await self._history.now(thread)
        return self._chosen(await self._view(thread, moment), body.select)

    async def write(self, call: Call) -> Reply:
        """While no run is under way: a run keeps the state it began with."""
        body, thread = await call.body(StateWrite), await self._thread(call)
        wanted = checkpoint_id_of(body.checkpoint, body.checkpoint_id)
        at = await self._history.at(thread, wanted) if wanted and wanted != thread.id else None
        state = at.state if at is not None else None if wanted else thread.state
        parent_id = at.id if at is not None else None
        written_id = await write_state(self._doors, thread, state, body.values, body.as_node, parent_id=parent_id)
        checkpoint = address_of(thread.id, written_id)
        return json_reply({"checkpoint": checkpoint, "checkpoint_id": written_id, "configurable": checkpoint})

    async def history(self, call: Call) -> Reply:
        thread, query = await self._thread(call), call.query(HistoryAsked)
        found = await self._history.of(thread, limit=query.limit, before=query.before)
        return json_reply([await self._view(thread, one) for one in found])

    async def history_by_body(self, call: Call) -> Reply:
        body, thread = await call.body(HistoryQuery, optional=True), await self._thread(call)
        before = body.before if isinstance(body.before, str) else checkpoint_id_of(body.before, None)
        found = await self._history.of(thread, limit=body.limit, before=before)
        views = [await self._view(thread, one) for one in found]
        if body.metadata:
            wanted = body.metadata.items()
            views = [one for one in views if all(one["metadata"].get(name) == value for name, value in wanted)]
        return json_reply(selected(views, body.select))

    async def _thread(self, call: Call) -> Thread:
        return await self._doors.threads.get(call.path["thread_id"], tenant=call.tenant)

    def _chosen(self, view: dict[str, Any], select: Sequence[str] | str | None) -> Reply:
        names = [select] if isinstance(select, str) else select
        return json_reply(selected([view], names)[0])

    async def _view(self, thread: Thread, moment: Moment | None) -> dict[str, Any]:
        if moment is None:
            moment = Moment(thread.id, None, "input", -2, {}, (), thread.updated_at)
        run = moment.run
        interrupts = await interrupts_now(self._doors, run) if run is not None and moment.current else []
        return moment_view(thread.id, thread.metadata, moment, interrupts)


async def write_state(
    doors: Doors, thread: Thread, state: Any, values: Any, as_node: str | None, *, parent_id: str | None = None
) -> str:
    """Raises `InvalidInput`, or `Conflict` while a run is under way."""
    _check_node(doors, thread, as_node)
    changed = state
    given: list[Any] = cast("list[Any]", values) if isinstance(values, list) else []
    # LangGraph takes a list of updates where it takes one.
    for place, update in enumerate(given if given and isinstance(given[0], dict) else [values]):
        if update is not None:
            scope = f"{thread.id}:{thread.updated_at.isoformat()}:{place}"
            changed = written(changed, update, scope=scope)
    return await doors.control.checkpoints.write(thread.tenant, thread.id, changed, node=as_node, parent_id=parent_id)


async def write_supersteps(doors: Doors, thread: Thread, steps: Sequence[Superstep]) -> Thread:
    """The thread as it is when all of them are written."""
    for step in steps:
        for update in step.updates:
            thread = await doors.threads.get(thread.id, tenant=thread.tenant)
            values = update.values if update.values is not None else (update.command or {}).get("update")
            await write_state(doors, thread, thread.state, values, update.as_node)
    return await doors.threads.get(thread.id, tenant=thread.tenant) if steps else thread


async def interrupts_now(doors: Doors, run: Run) -> list[dict[str, Any]]:
    """What a run that waits wants a person to say."""
    if run.status != "interrupted" or run.finished_at is not None:
        return []
    asked = run.reason is Reason.APPROVAL
    return interrupts_of(run, await doors.control.approvals(tenant=run.tenant, run_id=run.id) if asked else [])


def checkpoint_id_of(checkpoint: dict[str, Any] | None, checkpoint_id: str | None) -> str | None:
    """As either of the ways in which LangGraph's clients say it. Raises `InvalidInput`."""
    named: Any = (checkpoint or {}).get("checkpoint_id", checkpoint_id)
    if not isinstance(named, str | None):
        raise InvalidInput("`checkpoint.checkpoint_id` is a text.")
    return named or None


def _check_node(doors: Doors, thread: Thread, as_node: str | None) -> None:
    if as_node is None or as_node in _ANYWHERE:
        return
    spec: AgentSpec | None = doors.agents.get(str(thread.metadata.get("graph_id")))
    known = [node for one in ([spec] if spec is not None else doors.agents.values()) for node in nodes_of(one)]
    if as_node not in known:
        listed = ", ".join(f"`{name}`" for name in dict.fromkeys(known))
        raise InvalidInput(f"`as_node`: there is no node `{as_node}`.", hint=f"There is {listed}.")
