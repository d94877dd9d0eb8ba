"""What an agent answers to each method of A2A, whichever binding brought it.

A task is a run, and its contextId the thread. A run that waits for an approval wants input: the next message to the
task is the answer. What can't be done is an `RpcError` with the code that A2A gives it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from hashlib import sha256
from typing import Any

from pydantic import Field

from fairlead.errors import Conflict, FairleadError, NotFound
from fairlead.runs.assistants import Assistant
from fairlead.runs.run import Approval, Event, Reason, Run, Status
from fairlead.runs.task_pushes import Push
from fairlead.runs.tasks import WantedTasks
from fairlead.runs.webhooks import callable_url
from fairlead.web.api.a2a_message import Send, decision_of, input_of, kept
from fairlead.web.api.a2a_push import OnePush, PushConfig, push_view
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
from fairlead.web.api.reply import Reply
from fairlead.web.api.rpc import INVALID_PARAMS, Params, RpcError, rpc_error
from fairlead.web.api.run_body import Moment
from fairlead.web.api.sse import EventStream
from fairlead.web.asking import SAFE_ID

TASK_NOT_FOUND, NOT_CANCELABLE, UNSUPPORTED, OTHER_VERSION = -32001, -32002, -32004, -32009
VERSION = "1.0"
_ANY_STATE = ("", "TASK_STATE_UNSPECIFIED")
_STOPS_WITHIN = 5.0  # seconds


class TaskQuery(Params):
    id: str
    history_length: int | None = Field(None, alias="historyLength", ge=0)


class ListQuery(Params):
    context_id: str = Field("", alias="contextId")
    status: str = ""
    page_size: int = Field(50, alias="pageSize", ge=1, le=100)
    page_token: str = Field("", alias="pageToken")
    history_length: int | None = Field(None, alias="historyLength", ge=0)
    since: Moment | None = Field(None, alias="statusTimestampAfter")
    include_artifacts: bool = Field(False, alias="includeArtifacts")


class A2aAgent:
    """An assistant, for one caller. `told`: how the binding writes what a stream tells; `failed`: and why it ends
    before its task does."""

    def __init__(
        self, doors: Doors, call: Call, assistant: Assistant, told: Callable[[Json], Json],
        failed: Callable[[RpcError], Json],
    ) -> None:  # fmt: skip
        self._doors = doors
        self._call = call
        self._assistant = assistant
        self._told = told
        self._failed = failed

    async def send(self, asked: Send) -> Json:
        run, configuration = await self._sent(asked)
        if not configuration.return_immediately:
            await self._doors.feed.ended(run.id, tenant=run.tenant)
            run = await self._doors.control.get(run.id, tenant=run.tenant)
        return {"task": await self._task(run, configuration.history_length)}

    async def stream(self, asked: Send) -> Reply:
        run, _ = await self._sent(asked)
        return await self._follow(run)

    async def task(self, asked: TaskQuery) -> Json:
        return await self._task(await self._run(asked.id), asked.history_length)

    async def subscribe(self, task_id: str) -> Reply:
        run = await self._run(task_id)
        if state_of(run).terminal:
            raise RpcError(UNSUPPORTED, f"The task has ended: {state_of(run).value}.")
        return await self._follow(run)

    async def put_push(self, config: PushConfig) -> Json:
        return await self._push(await self._run(config.task_id), config)

    async def push(self, asked: OnePush) -> Json:
        return push_view(await self._pushed(asked))

    async def pushes(self, task_id: str) -> Json:
        run = await self._run(task_id)
        found = await self._doors.pushes.list(run.id, tenant=run.tenant)
        return {"configs": [push_view(one) for one in found], "nextPageToken": ""}

    async def remove_push(self, asked: OnePush) -> Json:
        run = await self._run(asked.task_id)
        await self._doors.pushes.remove(run.id, asked.id, tenant=run.tenant)
        return {}

    async def extended_card(self) -> Json:
        raise RpcError(UNSUPPORTED, "There is no other card: the public one has everything.")

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
            raise RpcError(TASK_NOT_FOUND, error.message) from None

    async def _start(self, asked: Send) -> Run:
        message, assistant = asked.message, self._assistant
        spec = self._doors.agents.get(assistant.agent)
        input = input_of(message, native=spec is not None and spec.native is not None)
        # Any text is an id there, and not every one is a key here.
        key = f"a2a:{assistant.id}:{sha256(message.message_id.encode('utf-8', 'surrogatepass')).hexdigest()}"
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
            raise RpcError(UNSUPPORTED, f"The task wants no input: it is {state_of(run).value}. Start another one.")
        approved, comment = decision_of(asked.message)
        for approval in await self._approvals(run):
            with suppress(Conflict):  # somebody was faster, or it has expired
                await self._doors.control.answer(
                    approval.id, approved, by=self._call.by, comment=comment, tenant=run.tenant
                )
        return await self._doors.control.get(run.id, tenant=run.tenant)

    async def list(self, asked: ListQuery) -> Json:
        if any(one and not SAFE_ID.fullmatch(one) for one in (asked.context_id, asked.page_token)):
            raise RpcError(INVALID_PARAMS, "contextId and pageToken are as this server gave them.")
        if asked.status not in (*_ANY_STATE, *State):  # one that no run is ever in
            return {"tasks": [], "nextPageToken": "", "pageSize": asked.page_size, "totalSize": 0}
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

    async def cancel(self, task_id: str) -> Json:
        run = await self._run(task_id)
        if state_of(run).terminal:
            raise RpcError(NOT_CANCELABLE, f"The task has ended: {state_of(run).value}.")
        await self._doors.control.cancel(run.id, tenant=run.tenant, by=self._call.by)
        with suppress(TimeoutError):
            async with asyncio.timeout(_STOPS_WITHIN):
                await self._doors.feed.ended(run.id, tenant=run.tenant)
        return await self._task(await self._doors.control.get(run.id, tenant=run.tenant), None)

    async def _follow(self, run: Run) -> Reply:
        run = await self._doors.control.get(run.id, tenant=run.tenant)
        first = self._told({"task": await self._task(run, None)})
        telling = _Telling(self, run, self._told, self._failed)
        return EventStream(RunFrames(self._doors, run, telling, [first], after=run.seq), self._doors)

    async def _run(self, run_id: str) -> Run:
        """A run of this agent. Raises `RpcError`."""
        with suppress(NotFound):
            if not SAFE_ID.fullmatch(run_id):
                raise NotFound(run_id)
            run = await self._doors.control.get(run_id, tenant=self._call.tenant)
            if run.agent == self._assistant.agent:
                return run
        raise RpcError(TASK_NOT_FOUND, f"There is no task {run_id[:100]}.")

    async def _task(self, run: Run, history: int | None, *, artifacts: bool = True) -> Json:
        return task_of(run, await self._approvals(run), history=history, artifacts=artifacts)

    async def _approvals(self, run: Run) -> Sequence[Approval]:
        if run.reason is not Reason.APPROVAL or run.status is not Status.INTERRUPTED:
            return ()
        return await self._doors.control.approvals(tenant=run.tenant, run_id=run.id)

    async def last(self, run: Run) -> list[Any]:
        update = status_update(run, status_of_task(run, await self._approvals(run)))
        told = [artifact_update(run), update] if run.status is Status.SUCCESS else [update]
        return [self._told(one) for one in told]


class _Telling:
    """A run as updates of a task."""

    def __init__(
        self, agent: A2aAgent, run: Run, told: Callable[[Json], Json], failed: Callable[[RpcError], Json]
    ) -> None:  # fmt: skip
        self._agent = agent
        self._run = run
        self._told = told
        self._failed = failed

    def of_event(self, event: Event) -> Sequence[Any]:
        match event.type:
            case "started":
                text = ""
            case "progress":
                text = event.data.get("text") or f"{event.data['percent']} %"
            case _:
                return ()
        return (self._told(status_update(self._run, working(self._run, event, text))),)

    async def ended(self, run: Run) -> Sequence[Any]:
        return await self._agent.last(run)

    def failed(self, error: FairleadError) -> Any:
        gone = isinstance(error, NotFound)
        return self._failed(RpcError(TASK_NOT_FOUND, error.message) if gone else rpc_error(error))


def check_version(call: Call, otherwise: str = VERSION) -> None:
    """Raises `RpcError`. `otherwise`: what a request without a version speaks."""
    given = call.header("a2a-version") or otherwise
    if ".".join(given.split(".")[:2]) != VERSION:
        raise RpcError(OTHER_VERSION, f"A2A {given[:20]} is not spoken here. Send A2A-Version: {VERSION}.")
