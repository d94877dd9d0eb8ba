"""Agents over A2A 1.0: the HTTP+JSON binding. What is answered is `a2a_agent`'s.

POST /a2a/{assistant_id}/message:send        POST /a2a/{assistant_id}/message:stream
GET  /a2a/{assistant_id}/tasks               GET  /a2a/{assistant_id}/tasks/{task_id}
POST …/tasks/{task_id}:cancel                GET, POST …/tasks/{task_id}:subscribe
GET, POST …/tasks/{task_id}/pushNotificationConfigs       GET, DELETE …/pushNotificationConfigs/{config_id}
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from pydantic import ConfigDict, Field, ValidationError

from fairlead.access import Role
from fairlead.errors import FairleadError, NotFound, NotJson, UnknownAgent
from fairlead.web.api.a2a_agent import (
    NOT_CANCELABLE,
    OTHER_VERSION,
    TASK_NOT_FOUND,
    UNSUPPORTED,
    A2aAgent,
    ListQuery,
    TaskQuery,
    check_version,
)
from fairlead.web.api.a2a_message import Send
from fairlead.web.api.a2a_push import OnePush, PushConfig
from fairlead.web.api.a2a_task import Json
from fairlead.web.api.call import Call, told_of
from fairlead.web.api.doors import Doors
from fairlead.web.api.operation import Operation
from fairlead.web.api.problems import REDACTOR, problem_reply, status_of
from fairlead.web.api.reply import Reply, json_reply
from fairlead.web.api.rpc import INTERNAL, INVALID_PARAMS, INVALID_REQUEST, M, RpcError
from fairlead.web.api.shape import Shape

_HERE = "/a2a/{assistant_id}"
_TASK = f"{_HERE}/tasks/{{task_id}}"
_PUSHES = f"{_TASK}/pushNotificationConfigs"


@dataclass(frozen=True, slots=True)
class _Said:
    """An error in the words of this binding: google.rpc.Status and ErrorInfo (A2A 1.0, 11.6)."""

    http: int
    status: str
    reason: str


_ERRORS = {
    TASK_NOT_FOUND: _Said(404, "NOT_FOUND", "TASK_NOT_FOUND"),
    NOT_CANCELABLE: _Said(400, "FAILED_PRECONDITION", "TASK_NOT_CANCELABLE"),
    UNSUPPORTED: _Said(400, "FAILED_PRECONDITION", "UNSUPPORTED_OPERATION"),
    OTHER_VERSION: _Said(400, "FAILED_PRECONDITION", "VERSION_NOT_SUPPORTED"),
    INVALID_PARAMS: _Said(400, "INVALID_ARGUMENT", "INVALID_PARAMS"),
    INVALID_REQUEST: _Said(400, "INVALID_ARGUMENT", "INVALID_REQUEST"),
    INTERNAL: _Said(500, "INTERNAL", "INTERNAL_ERROR"),
}


_STATUSES = {409: "ABORTED", 413: "INVALID_ARGUMENT", 415: "INVALID_ARGUMENT", 429: "RESOURCE_EXHAUSTED",
             503: "UNAVAILABLE"}  # fmt: skip


class ErrorBody(Shape):
    code: int = Field(description="The HTTP status.")
    status: str
    message: str
    details: list[dict[str, Any]]


class A2aError(Shape):
    error: ErrorBody


class OneQuery(Shape):
    history_length: int | None = Field(None, alias="historyLength", ge=0)


class TasksQuery(ListQuery):
    """From an address, where everything is text."""

    model_config = ConfigDict(strict=False)


class A2aRest:
    def __init__(self, doors: Doors) -> None:
        self._doors = doors

    def operations(self) -> list[Operation]:
        told = dict.fromkeys((400, 404, *_STATUSES), A2aError)
        errors: dict[str, Any] = {"tag": "protocols", "answers": told}
        read: dict[str, Any] = {"gives": dict[str, Any], **errors}
        write: dict[str, Any] = {"role": Role.OPERATOR, **read}
        stream: dict[str, Any] = {"media_type": "text/event-stream", **errors}
        over = "(A2A, HTTP+JSON)"
        return [
            Operation("POST", f"{_HERE}/message:send", self.send, f"Send a message {over}", body=Send,
                      **write),
            Operation("POST", f"{_HERE}/message:stream", self.stream, f"Send a message, and follow its task {over}",
                      body=Send, role=Role.OPERATOR, **stream),
            Operation("GET", f"{_HERE}/tasks", self.list, f"Tasks, newest first {over}", query=TasksQuery, **read),
            Operation("GET", _TASK, self.task, f"One task {over}", query=OneQuery, **read),
            Operation("POST", f"{_TASK}:cancel", self.cancel, f"Cancel a task {over}", **write),
            Operation("GET", f"{_TASK}:subscribe", self.subscribe, f"Follow a task {over}", **stream),
            Operation("POST", f"{_TASK}:subscribe", self.subscribe, f"Follow a task, as the SDK asks {over}", **stream),
            Operation("POST", _PUSHES, self.put_push, f"Have a task pushed {over}", body=PushConfig, **write),
            Operation("GET", _PUSHES, self.pushes, f"Where a task is pushed to {over}", **read),
            Operation("GET", f"{_PUSHES}/{{config_id}}", self.push, f"One push config {over}", **read),
            Operation("DELETE", f"{_PUSHES}/{{config_id}}", self.remove_push, f"Remove a push config {over}", **write),
        ]  # fmt: skip

    async def send(self, call: Call) -> Reply:
        async def do(agent: A2aAgent) -> Json:
            return await agent.send(await _body(call, Send))

        return await self._told(call, do)

    async def stream(self, call: Call) -> Reply:
        async def do(agent: A2aAgent) -> Reply:
            return await agent.stream(await _body(call, Send))

        return await self._answer(call, do)

    async def list(self, call: Call) -> Reply:
        return await self._told(call, lambda agent: agent.list(call.query(TasksQuery)))

    async def task(self, call: Call) -> Reply:
        return await self._told(call, lambda agent: agent.task(self._asked(call)))

    async def cancel(self, call: Call) -> Reply:
        return await self._told(call, lambda agent: agent.cancel(call.path["task_id"]))

    async def subscribe(self, call: Call) -> Reply:
        return await self._answer(call, lambda agent: agent.subscribe(call.path["task_id"]))

    async def put_push(self, call: Call) -> Reply:
        async def do(agent: A2aAgent) -> Json:
            config = await _body(call, PushConfig)
            return await agent.put_push(config.model_copy(update={"task_id": call.path["task_id"]}))

        return await self._told(call, do)

    async def pushes(self, call: Call) -> Reply:
        return await self._told(call, lambda agent: agent.pushes(call.path["task_id"]))

    async def push(self, call: Call) -> Reply:
        return await self._told(call, lambda agent: agent.push(_push(call)))

    async def remove_push(self, call: Call) -> Reply:
        return await self._told(call, lambda agent: agent.remove_push(_push(call)))

    def _asked(self, call: Call) -> TaskQuery:
        history = call.query(OneQuery).history_length
        return TaskQuery.model_validate({"id": call.path["task_id"], "historyLength": history})

    async def _told(self, call: Call, do: Callable[[A2aAgent], Awaitable[Json]]) -> Reply:
        async def answer(agent: A2aAgent) -> Reply:
            return json_reply(await do(agent))

        return await self._answer(call, answer)

    async def _answer(self, call: Call, do: Callable[[A2aAgent], Awaitable[Reply]]) -> Reply:
        """Who asks is settled before, and told as everywhere; all else in the words of A2A."""
        try:
            check_version(call)
            assistant = await self._doors.assistants.get(call.path["assistant_id"], tenant=call.tenant)
            return await do(A2aAgent(self._doors, call, assistant, lambda told: told, _error_of))
        except RpcError as error:
            return _refusal(error.code, error.message)
        except (NotFound, UnknownAgent) as error:
            return _refusal(TASK_NOT_FOUND, error.message)
        except NotJson as error:
            return _refusal(INVALID_REQUEST, str(error))
        except FairleadError as error:
            return _refused(error, call)


async def _body(call: Call, model: type[M]) -> M:
    """Raises `RpcError`, and as `Call.json`."""
    try:
        return model.model_validate(await call.json())
    except ValidationError as error:
        raise RpcError(INVALID_PARAMS, told_of(error)) from None


def _push(call: Call) -> OnePush:
    return OnePush.model_validate({"taskId": call.path["task_id"], "id": call.path["config_id"]})


def _refused(error: FairleadError, call: Call) -> Reply:
    """One of ours that is none of A2A's. Raises what is told as everywhere: who asks, and what failed here."""
    status = status_of(error)
    if status == 422:
        return _refusal(INVALID_PARAMS, str(error))
    if status not in _STATUSES:
        raise error
    plain = problem_reply(error, request_id=call.visit.request_id, redactor=call.visit.redactor)
    message = call.visit.redactor.text(str(error))
    body = {"error": {"code": status, "status": _STATUSES[status], "message": message, "details": list[Any]()}}
    return json_reply(body, status=status, headers=plain.headers)


def _refusal(code: int, message: str) -> Reply:
    body = _error_of(RpcError(code, message))
    return json_reply(body, status=body["error"]["code"])


def _error_of(error: RpcError) -> Json:
    said = _ERRORS.get(error.code, _ERRORS[INTERNAL])
    kind = "type.googleapis.com/google.rpc.ErrorInfo"
    info = {"@type": kind, "reason": said.reason, "domain": "a2a-protocol.org"}
    # It may quote what was sent, and that may be no text.
    told = REDACTOR.text(error.message).encode("utf-8", "replace").decode()
    return {"error": {"code": said.http, "status": said.status, "message": told, "details": [info]}}
