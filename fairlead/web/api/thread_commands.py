"""LangGraph's thread protocol: commands to a thread, each with a number that its answer repeats.

    {id, method, params} ──► {type: "success", id, result, meta}
                        └──► {type: "error", id, error: code, message}     200: the command was read, and refused

Who calls, how often, and whether there is such a thread, is answered as everywhere: with 401, 403, 404 and 429.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Literal, TypeVar, cast

from pydantic import BaseModel, Field, ValidationError, model_validator

from fairlead.access import Role
from fairlead.errors import Conflict, FairleadError, InvalidInput, NotFound
from fairlead.runs.history import History
from fairlead.runs.run import Run, Status
from fairlead.runs.threads import Thread
from fairlead.web.api.call import Call, told_of
from fairlead.web.api.doors import Doors
from fairlead.web.api.operation import Operation
from fairlead.web.api.reply import Reply, json_reply
from fairlead.web.api.run_body import Body, RunCreate
from fairlead.web.api.shape import Shape
from fairlead.web.api.start import start_run
from fairlead.web.api.thread_events import Namespace, newest_begun
from fairlead.web.api.thread_place import last_number_of
from fairlead.web.api.values import values_of_state

M = TypeVar("M", bound=BaseModel)
_CODES = {"invalid_input": "invalid_argument", "unknown_agent": "invalid_argument"}
_STARTING = ("run.start", "input.respond", "state.fork")
_PHASES = {Status.SUCCESS: "completed", Status.ERROR: "failed", Status.TIMEOUT: "failed",
           Status.INTERRUPTED: "interrupted", Status.PENDING: "started", Status.RUNNING: "running"}  # fmt: skip
_STREAMED = "Subscribe with POST /threads/THREAD/stream/events."


class ThreadCommand(Body):
    id: Annotated[int, Field(ge=0, lt=2**53)]
    method: Annotated[str, Field(max_length=100)]
    params: dict[str, Any] | None = None


class CommandAnswer(Shape):
    type: Literal["success", "error"]
    id: int
    result: dict[str, Any] | None = None
    error: str | None = None
    message: str | None = None
    meta: dict[str, Any] | None = None


class _RunStart(RunCreate):
    """What any way of starting a run takes. The thread is made if it is not there."""

    if_not_exists: Literal["create", "reject"] = "create"

    @model_validator(mode="before")
    @classmethod
    def _in_our_words(cls, given: Any) -> Any:
        """LangGraph's client for JavaScript says the strategy under two names, older ones under theirs alone."""
        if not isinstance(given, dict) or "multitaskStrategy" not in given:
            return cast("Any", given)
        said = dict(cast("dict[str, Any]", given))
        return {"multitask_strategy": said.pop("multitaskStrategy"), **said}


class _Answer(Body):
    namespace: Namespace = Field(default_factory=list[str])
    interrupt_id: str
    response: Any = None


class _Respond(Body):
    namespace: Namespace = Field(default_factory=list[str])
    interrupt_id: str | None = None
    response: Any = None
    responses: Annotated[list[_Answer], Field(max_length=100)] | None = None
    update: Any = None
    goto: Any = None
    config: dict[str, Any] | None = None
    metadata: dict[str, Any] | None = None
    strict_resume: bool | None = None

    @property
    def answers(self) -> dict[str, Any]:
        """Raises `InvalidInput`."""
        listed = {one.interrupt_id: one.response for one in self.responses or ()}
        if (self.interrupt_id is None) == (self.responses is None) or (self.responses is not None and not listed):
            raise InvalidInput("Say `interrupt_id` and `response`, or `responses`.")
        return listed if self.interrupt_id is None else {self.interrupt_id: self.response}


class _StateGet(Body):
    namespace: Namespace = Field(default_factory=list[str])
    keys: list[str] | None = None


class _StateList(Body):
    namespace: Namespace = Field(default_factory=list[str])
    limit: Annotated[int, Field(ge=1, le=1000)] = 10
    before: str | None = None


class _StateFork(Body):
    checkpoint_id: str
    input: Any = None
    config: dict[str, Any] | None = None


class _Refused(Exception):
    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class ThreadCommands:
    def __init__(self, doors: Doors) -> None:
        self._doors = doors
        self._history = History(doors.control, doors.agents)
        self._methods: dict[str, Callable[[Call, dict[str, Any]], Awaitable[dict[str, Any]]]] = {
            "run.start": self._start,
            "input.respond": self._respond,
            "agent.getTree": self._tree,
            "state.get": self._state,
            "state.listCheckpoints": self._checkpoints,
            "state.fork": self._fork,
        }

    def operations(self) -> list[Operation]:
        return [
            Operation("POST", "/threads/{thread_id}/commands", self.carry_out, "Tell a thread to do something",
                      role=Role.OPERATOR, tag="threads", body=ThreadCommand, gives=CommandAnswer,
                      problems=(404, 409, 429)),
        ]  # fmt: skip

    async def carry_out(self, call: Call) -> Reply:
        command = await call.body(ThreadCommand)
        applied = await self._applied(call) if command.method in _STARTING else None
        try:
            result = await self._method(command.method)(call, command.params or {})
        except _Refused as refused:
            return _refused(call, command.id, refused.code, str(refused))
        except FairleadError as error:
            if error.code not in _CODES:
                raise
            return _refused(call, command.id, _CODES[error.code], f"{error.message} {error.hint}".strip())
        meta = {
            "thread_id": call.path["thread_id"],
            **({"applied_through_seq": applied} if applied is not None else {}),
        }
        return json_reply({"type": "success", "id": command.id, "result": result, "meta": meta})

    def _method(self, name: str) -> Callable[[Call, dict[str, Any]], Awaitable[dict[str, Any]]]:
        if name.startswith("subscription."):
            raise _Refused("not_supported", f"`{name}` is for a connection that carries events. {_STREAMED}")
        if name == "input.inject":
            raise _Refused("not_supported", "Nothing is said to a run under way but the answer to its question.")
        if name not in self._methods:
            raise _Refused("unknown_command", f"There is no command `{name}`. There is {', '.join(self._methods)}.")
        return self._methods[name]

    async def _applied(self, call: Call) -> int:
        """What the thread has told before the command: whoever follows from here hears of all that comes of it."""
        newest = await newest_begun(self._doors.control, call.tenant, call.path["thread_id"])
        return last_number_of(newest) if newest is not None else 0

    async def _start(self, call: Call, params: dict[str, Any]) -> dict[str, Any]:
        body = _read(_RunStart, params)
        configured: Any = (body.config or {}).get("configurable")
        if isinstance(configured, dict) and body.checkpoint is None and body.checkpoint_id is None:
            body = body.model_copy(update={"checkpoint": configured})
        return {"run_id": (await start_run(self._doors, call, body)).run.id}

    async def _respond(self, call: Call, params: dict[str, Any]) -> dict[str, Any]:
        body = _read(_Respond, params)
        answers = body.answers
        run = await self._active(call)
        asked = await self._doors.control.approvals(tenant=call.tenant, run_id=run.id) if run is not None else []
        unknown = set(answers) - {one.id for one in asked if one.kind != "pause"}
        if run is None or unknown:
            raise _Refused("no_such_interrupt", f"The thread has no open question {min(unknown or answers)}.")
        said = {name: value for name, value in (("update", body.update), ("goto", body.goto)) if value is not None}
        create = _read(RunCreate, {"assistant_id": _assistant_of(run), "command": {"resume": answers, **said},
                                   "config": body.config, "metadata": body.metadata})  # fmt: skip
        try:
            await start_run(self._doors, call, create)
        except Conflict as error:
            raise _Refused("no_such_interrupt", error.message) from None
        return {}

    async def _tree(self, call: Call, params: dict[str, Any]) -> dict[str, Any]:
        thread = await self._thread(call)
        newest = await self._doors.control.list(tenant=call.tenant, thread_id=thread.id, limit=1)
        if not newest:
            raise _Refused("no_such_run", "The thread has no run.")
        run = newest[0]
        return {"tree": {"namespace": [], "status": _PHASES[run.status], "graph_name": run.agent}}

    async def _state(self, call: Call, params: dict[str, Any]) -> dict[str, Any]:
        body, thread = _read(_StateGet, params), await self._thread(call)
        _check_root(body.namespace)
        now = await self._history.now(thread)
        values = values_of_state(thread.id, now.state if now is not None else None)
        shown = values if body.keys is None else {name: values[name] for name in body.keys if name in values}
        return {"values": shown, **({"checkpoint": {"id": now.id}} if now is not None else {})}

    async def _checkpoints(self, call: Call, params: dict[str, Any]) -> dict[str, Any]:
        body, thread = _read(_StateList, params), await self._thread(call)
        _check_root(body.namespace)
        try:
            found = await self._history.of(thread, limit=body.limit, before=body.before)
        except NotFound as error:
            raise _Refused("no_such_checkpoint", error.message) from None
        told = [{"id": one.id, "timestamp": one.created_at, "step": one.step,
                 "metadata": {"source": one.source, "parent_id": one.parent_id}} for one in found]  # fmt: skip
        return {"checkpoints": told}

    async def _fork(self, call: Call, params: dict[str, Any]) -> dict[str, Any]:
        body, thread = _read(_StateFork, params), await self._thread(call)
        assistant = thread.metadata.get("assistant_id")
        if not isinstance(assistant, str):
            raise _Refused("no_such_run", "No agent has run in the thread.")
        create = _read(RunCreate, {"assistant_id": assistant, "checkpoint_id": body.checkpoint_id,
                                   "input": body.input, "config": body.config})  # fmt: skip
        try:
            await self._history.at(thread, body.checkpoint_id)
        except NotFound as error:
            raise _Refused("no_such_checkpoint", error.message) from None
        return {"run_id": (await start_run(self._doors, call, create)).run.id, "thread_id": thread.id}

    async def _thread(self, call: Call) -> Thread:
        return await self._doors.threads.get(call.path["thread_id"], tenant=call.tenant)

    async def _active(self, call: Call) -> Run | None:
        thread = await self._thread(call)
        if thread.active_run_id is None:
            return None
        return await self._doors.control.get(thread.active_run_id, tenant=call.tenant)


def _read(model: type[M], params: dict[str, Any]) -> M:
    """Raises `InvalidInput`."""
    try:
        return model.model_validate(params)
    except ValidationError as error:
        raise InvalidInput(f"params: {told_of(error)}") from None


def _refused(call: Call, command_id: int, code: str, message: str) -> Reply:
    told = call.visit.redactor.text(message)
    return json_reply({"type": "error", "id": command_id, "error": code, "message": told})


def _check_root(namespace: list[str]) -> None:
    if namespace:
        raise _Refused("no_such_namespace", "All that happens, happens in the empty namespace.")


def _assistant_of(run: Run) -> str:
    return run.assignment.assistant_id if run.assignment is not None else run.agent
