"""Agents over A2A 1.0: the JSON-RPC binding, and the card that says where it is.

    GET  /.well-known/agent-card.json?assistant_id=…     GET /a2a/{assistant_id}/.well-known/agent-card.json
    POST /a2a/{assistant_id}    SendMessage · SendStreamingMessage · GetTask · ListTasks · CancelTask · SubscribeToTask
                                {Create,Get,List,Delete}TaskPushNotificationConfig(s)

A task is a run, and its contextId the thread. A run that waits for an approval wants input: the next message to the
task is the answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from pydantic import AwareDatetime, BaseModel, Field

from fairlead.access import Role, require
from fairlead.errors import Conflict, FairleadError, Forbidden, NotFound, NotJson
from fairlead.runs.assistants import Assistant
from fairlead.runs.run import Approval, Event, Reason, Run, Status
from fairlead.runs.task_pushes import Push
from fairlead.runs.tasks import WantedTasks
from fairlead.runs.webhooks import callable_url
from fairlead.web.api import rpc
from fairlead.web.api.a2a_card import card_of
from fairlead.web.api.a2a_message import Send, decision_of, input_of, kept
from fairlead.web.api.a2a_push import OnePush, PushConfig, PushesOf, push_view
from fairlead.web.api.a2a_task import (
    Json,
    State,
    artifact_update,
    context_of,
    state_of,
    status_of_task,
    status_update,
    task_of,
    working,
)
from fairlead.web.api.call import Call
from fairlead.web.api.doors import Doors
from fairlead.web.api.offered import RunFrames, start
from fairlead.web.api.operation import Operation
from fairlead.web.api.reply import Reply, json_reply
from fairlead.web.api.rpc import INVALID_PARAMS, METHOD_NOT_FOUND, PARSE_ERROR, Params, RpcError, RpcRequest
from fairlead.web.api.run_body import SAFE_ID
from fairlead.web.api.sse import EventStream

_TASK_NOT_FOUND, _NOT_CANCELABLE, _UNSUPPORTED, _OTHER_VERSION = -32001, -32002, -32004, -32009
_NO_EXTENDED_CARD = -32007
_ANY_STATE = ("", "TASK_STATE_UNSPECIFIED")
_VERSION = "1.0"
_STOPS_WITHIN = 5.0  # seconds
_WRITES = (
    "SendMessage", "SendStreamingMessage", "CancelTask", "CreateTaskPushNotificationConfig",
    "DeleteTaskPushNotificationConfig",
)  # fmt: skip


class CardQuery(BaseModel):
    assistant_id: str | None = None


class TaskQuery(Params):
    id: str
    history_length: int | None = Field(None, alias="historyLength", ge=0)


class ListQuery(Params):
    context_id: str = Field("", alias="contextId")
    status: str = ""
    page_size: int = Field(50, alias="pageSize", ge=1, le=100)
    page_token: str = Field("", alias="pageToken")
    history_length: int | None = Field(None, alias="historyLength", ge=0)
    since: AwareDatetime | None = Field(None, alias="statusTimestampAfter", strict=False)
    include_artifacts: bool = Field(False, alias="includeArtifacts")


class A2a:
    def __init__(self, doors: Doors) -> None:
        self._doors = doors

    def operations(self) -> list[Operation]:
        about = "An agent's card (A2A)"
        return [
            Operation("GET", "/.well-known/agent-card.json", self.card, about, query=CardQuery, gives=dict[str, Any],
                      tag="protocols", problems=(404,)),
            Operation("GET", "/a2a/{assistant_id}/.well-known/agent-card.json", self.card_here, about,
                      gives=dict[str, Any], tag="protocols", problems=(404,)),
            Operation("POST", "/a2a/{assistant_id}", self.answer, "An agent over A2A 1.0 (JSON-RPC)", body=rpc.RpcBody,
                      gives=rpc.RpcAnswer, tag="protocols", problems=(404,), answers={400: rpc.RpcAnswer}),
        ]  # fmt: skip

    async def card(self, call: Call) -> Reply:
        """Without an `assistant_id`, the card of the only agent there is."""
        asked = call.query(CardQuery).assistant_id
        if asked is None and len(self._doors.agents) != 1:
            raise NotFound("Say whose card: ?assistant_id=…", hint=f"There are {', '.join(self._doors.agents)}.")
        return await self._card(call, asked or next(iter(self._doors.agents)))

    async def card_here(self, call: Call) -> Reply:
        return await self._card(call, call.path["assistant_id"])

    async def _card(self, call: Call, asked: str) -> Reply:
        assistant = await self._doors.assistants.get(asked, tenant=call.tenant)
        return json_reply(card_of(assistant, self._doors, call.origin))

    async def answer(self, call: Call) -> Reply:
        """One JSON-RPC request. Sending and cancelling need an operator's key."""
        try:
            sent = await call.json()
        except NotJson as error:
            return rpc.refusal(None, RpcError(PARSE_ERROR, str(error)))
        assistant = await self._doors.assistants.get(call.path["assistant_id"], tenant=call.tenant)
        try:
            request = rpc.read_request(sent)
            _check_version(call, request)
            if request.method in _WRITES:
                require(call.visit.caller, Role.OPERATOR)
            return await _Asked(self._doors, call, assistant, request).answer()
        except Forbidden:
            raise
        except FairleadError as error:
            return json_reply(rpc.failure(rpc.id_of(sent), rpc.rpc_error(error)))
        except RpcError as error:
            return rpc.refusal(rpc.id_of(sent), error)


class _Asked:
    """One request, with what is needed to answer it."""

    def __init__(self, doors: Doors, call: Call, assistant: Assistant, request: RpcRequest) -> None:
        self._doors = doors
        self._call = call
        self._assistant = assistant
        self._request = request

    async def answer(self) -> Reply:
        match self._request.method:
            case "SendMessage":
                return self._told(await self._send())
            case "SendStreamingMessage":
                run, _ = await self._sent(self._request.read(Send))
                return await self._follow(run)
            case "GetTask":
                asked = self._request.read(TaskQuery)
                return self._told(await self._task(await self._run(asked.id), asked.history_length))
            case "ListTasks":
                return self._told(await self._list(self._request.read(ListQuery)))
            case "CancelTask":
                return self._told(await self._cancel(await self._run(self._request.read(TaskQuery).id)))
            case "SubscribeToTask":
                run = await self._run(self._request.read(TaskQuery).id)
                if state_of(run).terminal:
                    raise RpcError(_UNSUPPORTED, f"The task has ended: {state_of(run).value}.")
                return await self._follow(run)
            case "CreateTaskPushNotificationConfig":
                config = self._request.read(PushConfig)
                return self._told(await self._push(await self._run(config.task_id), config))
            case "GetTaskPushNotificationConfig":
                return self._told(push_view(await self._pushed(self._request.read(OnePush))))
            case "ListTaskPushNotificationConfigs":
                run = await self._run(self._request.read(PushesOf).task_id)
                found = await self._doors.pushes.list(run.id, tenant=run.tenant)
                return self._told({"configs": [push_view(one) for one in found], "nextPageToken": ""})
            case "DeleteTaskPushNotificationConfig":
                asked = self._request.read(OnePush)
                run = await self._run(asked.task_id)
                await self._doors.pushes.remove(run.id, asked.id, tenant=run.tenant)
                return self._told({})
            case "GetExtendedAgentCard":
                raise RpcError(_NO_EXTENDED_CARD, "The public card has everything.")
            case method:
                raise RpcError(METHOD_NOT_FOUND, f"There is no method {method[:100]} here.")

    def _told(self, value: Any) -> Reply:
        return json_reply(rpc.result(self._request.id, value))

    async def _send(self) -> Json:
        asked = self._request.read(Send)
        run, configuration = await self._sent(asked)
        if not configuration.return_immediately:
            await self._doors.feed.ended(run.id, tenant=run.tenant)
            run = await self._doors.control.get(run.id, tenant=run.tenant)
        return {"task": await self._task(run, configuration.history_length)}

    async def _sent(self, asked: Send) -> tuple[Run, Any]:
        config = asked.configuration.push
        if config is not None:
            callable_url(config.url)  # before anything is started
        if asked.message.task_id:
            run = await self._run(asked.message.task_id)
            if config is not None:
                await self._push(run, config)
            return await self._decide(run, asked), asked.configuration
        run = await self._start(asked)
        if config is not None:
            await self._push(run, config)
        return run, asked.configuration

    async def _push(self, run: Run, config: PushConfig) -> Json:
        return push_view(await self._doors.pushes.put(config.push(run.id), tenant=run.tenant))

    async def _pushed(self, asked: OnePush) -> Push:
        run = await self._run(asked.task_id)
        try:
            return await self._doors.pushes.get(run.id, asked.id, tenant=run.tenant)
        except NotFound as error:
            raise RpcError(_TASK_NOT_FOUND, error.message) from None

    async def _start(self, asked: Send) -> Run:
        message, assistant = asked.message, self._assistant
        spec = self._doors.agents.get(assistant.agent)
        input = input_of(message, native=spec is not None and spec.native is not None)
        key = f"a2a:{assistant.id}:{message.message_id}"
        thread = await self._thread(message.context_id)
        run, _ = await start(
            self._doors, self._call, assistant.id, input, thread_id=thread, key=key,
            metadata={**(asked.metadata or {}), "protocol": "a2a", "a2a": kept(message, context_id=thread)},
        )  # fmt: skip
        return run

    async def _thread(self, context_id: str) -> str:
        if context_id and not SAFE_ID.fullmatch(context_id):
            raise RpcError(INVALID_PARAMS, "contextId must be letters, digits and . _ : - of at most 128 characters.")
        threads, tenant = self._doors.threads, self._call.tenant
        if context_id:
            with suppress(NotFound):
                return (await threads.get(context_id, tenant=tenant)).id
        graph = {"graph_id": self._assistant.agent, "assistant_id": self._assistant.id}
        user = self._call.visit.caller.user
        return (await threads.create(context_id or None, metadata=graph, tenant=tenant, if_exists=True, user=user)).id

    async def _decide(self, run: Run, asked: Send) -> Run:
        """A message to a task is the answer to what it asks."""
        if asked.message.context_id not in ("", context_of(run)):
            raise RpcError(INVALID_PARAMS, "The task belongs to another contextId.")
        if run.reason is not Reason.APPROVAL or run.status is not Status.INTERRUPTED:
            raise RpcError(_UNSUPPORTED, f"The task wants no input: it is {state_of(run).value}. Start another one.")
        approved, comment = decision_of(asked.message)
        for approval in await self._approvals(run):
            with suppress(Conflict):  # somebody was faster, or it has expired
                await self._doors.control.answer(
                    approval.id, approved, by=self._call.by, comment=comment, tenant=run.tenant
                )
        return await self._doors.control.get(run.id, tenant=run.tenant)

    async def _list(self, asked: ListQuery) -> Json:
        if any(one and not SAFE_ID.fullmatch(one) for one in (asked.context_id, asked.page_token)):
            raise RpcError(INVALID_PARAMS, "contextId and pageToken are as this server gave them.")
        if asked.status not in (*_ANY_STATE, *State):  # one that no run is ever in
            return {
                "tasks": [],
                "nextPageToken": "",
                "pageSize": asked.page_size,
                "totalSize": 0,
            }  # one that no run is ever in
        wanted = WantedTasks(
            self._assistant.agent, asked.context_id or None, None if asked.status in _ANY_STATE else asked.status,
            asked.since,
        )  # fmt: skip
        tasks_of, tenant = self._doors.tasks, self._call.tenant
        found = await tasks_of.list(wanted, tenant=tenant, before=asked.page_token or None, limit=asked.page_size + 1)
        page = found[: asked.page_size]
        more = page[-1].id if len(found) > len(page) else ""
        history = asked.history_length
        tasks = [await self._task(run, history, artifacts=asked.include_artifacts) for run in page]
        first_and_last = not asked.page_token and not more
        total = len(page) if first_and_last else await tasks_of.count(wanted, tenant=tenant)
        return {"tasks": tasks, "nextPageToken": more, "pageSize": asked.page_size, "totalSize": total}

    async def _cancel(self, run: Run) -> Json:
        if state_of(run).terminal:
            raise RpcError(_NOT_CANCELABLE, f"The task has ended: {state_of(run).value}.")
        await self._doors.control.cancel(run.id, tenant=run.tenant, by=self._call.by)
        with suppress(TimeoutError):
            async with asyncio.timeout(_STOPS_WITHIN):
                await self._doors.feed.ended(run.id, tenant=run.tenant)
        return await self._task(await self._doors.control.get(run.id, tenant=run.tenant), None)

    async def _follow(self, run: Run) -> Reply:
        run = await self._doors.control.get(run.id, tenant=run.tenant)
        first = rpc.result(self._request.id, {"task": await self._task(run, None)})
        telling = _Telling(self, run, self._request)
        return EventStream(RunFrames(self._doors, run, telling, [first], after=run.seq), self._doors)

    async def _run(self, run_id: str) -> Run:
        """A run of this agent. Raises `RpcError`."""
        with suppress(NotFound):
            if not SAFE_ID.fullmatch(run_id):
                raise NotFound(run_id)
            run = await self._doors.control.get(run_id, tenant=self._call.tenant)
            if run.agent == self._assistant.agent:
                return run
        raise RpcError(_TASK_NOT_FOUND, f"There is no task {run_id[:100]}.")

    async def _task(self, run: Run, history: int | None, *, artifacts: bool = True) -> Json:
        return task_of(run, await self._approvals(run), history=history, artifacts=artifacts)

    async def _approvals(self, run: Run) -> Sequence[Approval]:
        if run.reason is not Reason.APPROVAL or run.status is not Status.INTERRUPTED:
            return ()
        return await self._doors.control.approvals(tenant=run.tenant, run_id=run.id)

    async def last(self, run: Run) -> list[Any]:
        update = status_update(run, status_of_task(run, await self._approvals(run)))
        told = [artifact_update(run), update] if run.status is Status.SUCCESS else [update]
        return [rpc.result(self._request.id, one) for one in told]


class _Telling:
    """A run as updates of a task."""

    def __init__(self, asked: _Asked, run: Run, request: RpcRequest) -> None:
        self._asked = asked
        self._run = run
        self._request = request

    def of_event(self, event: Event) -> Sequence[Any]:
        match event.type:
            case "started":
                text = ""
            case "progress":
                text = event.data.get("text") or f"{event.data['percent']} %"
            case _:
                return ()
        return (rpc.result(self._request.id, status_update(self._run, working(self._run, event, text))),)

    async def ended(self, run: Run) -> Sequence[Any]:
        return await self._asked.last(run)


def _check_version(call: Call, request: RpcRequest) -> None:
    """Raises `RpcError`. Without a version the words of a request say which it is: 0.3 wrote message/send."""
    given = call.header("a2a-version") or ("0.3" if "/" in request.method else _VERSION)
    if ".".join(given.split(".")[:2]) != _VERSION:
        raise RpcError(_OTHER_VERSION, f"A2A {given[:20]} is not spoken here. Send A2A-Version: {_VERSION}.")
