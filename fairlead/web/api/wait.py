"""An answer that comes when the run has ended: its values. Spaces keep the connection alive until then."""

from __future__ import annotations

import asyncio
from typing import Any

import orjson
from starlette.types import Receive, Scope, Send

from fairlead.runs.run import Reason, Run, Status
from fairlead.runs.transcript import said_by_caller
from fairlead.web.api.call import Call
from fairlead.web.api.doors import Doors
from fairlead.web.api.message import as_client_messages
from fairlead.web.api.open_streams import until_gone
from fairlead.web.api.reply import Headers
from fairlead.web.api.values import Values, values_of_run
from fairlead.web.barred import UntilBarred

KEEP_ALIVE = 15.0  # seconds


class WaitReply:
    """Always 200 once it has begun: a failed run answers {"__error__": …}."""

    def __init__(
        self, doors: Doors, call: Call, run: Run, *, headers: Headers = (), cancel_on_disconnect: bool = False
    ) -> None:
        self._doors = doors
        self._run = run
        self._headers = headers
        self._by, self._caller = call.by, call.visit.caller
        self._cancel_on_disconnect = cancel_on_disconnect

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        ended = asyncio.ensure_future(self._doors.feed.ended(self._run.id, tenant=self._run.tenant))
        gone = asyncio.ensure_future(until_gone(receive))
        stopping = asyncio.ensure_future(self._doors.stopping.wait())
        try:
            with UntilBarred(self._doors.keys, self._caller):
                await self._answer(send, ended, gone, stopping)
        finally:
            for task in (ended, gone, stopping):
                task.cancel()

    async def _answer(
        self, send: Send, ended: asyncio.Future[None], gone: asyncio.Future[None], stopping: asyncio.Future[Any]
    ) -> None:
        begun = False
        while not ended.done():
            await asyncio.wait((ended, gone, stopping), timeout=KEEP_ALIVE, return_when=asyncio.FIRST_COMPLETED)
            if ended.done():
                break
            if gone.done():
                await self._left_alone()
                return
            begun = await self._keep_alive(send, begun)
            if stopping.done():  # the response stays open-ended: the caller sees that it is not the answer
                raise ConnectionAbortedError("the server is stopping")
        ended.result()
        body = orjson.dumps(await values_now(self._doors, self._run.id, self._run.tenant))
        if not begun:
            await send(self._start(len(body)))
        await send({"type": "http.response.body", "body": body})

    async def _keep_alive(self, send: Send, begun: bool) -> bool:
        if not begun:
            await send(self._start(None))
        await send({"type": "http.response.body", "body": b"\n", "more_body": True})
        return True

    def _start(self, length: int | None) -> dict[str, object]:
        headers = [(b"content-type", b"application/json"), *self._headers]
        if length is not None:
            headers.append((b"content-length", str(length).encode()))
        return {"type": "http.response.start", "status": 200, "headers": headers}

    async def _left_alone(self) -> None:
        if self._cancel_on_disconnect:
            await self._doors.control.cancel(self._run.id, tenant=self._run.tenant, by=f"{self._by} went away")


async def values_now(doors: Doors, run_id: str, tenant: str) -> Values:
    """The values of a run as it is now, with what its thread keeps of it, or what it asks."""
    run = await doors.control.get(run_id, tenant=tenant)
    if run.status is Status.SUCCESS and run.thread_id is not None:
        thread = await doors.threads.get(run.thread_id, tenant=tenant)
        return values_of_run(run, state=thread.state if thread.state_run_id == run.id else None)
    if run.reason is Reason.APPROVAL:
        waits = values_of_run(run, approvals=await doors.control.approvals(tenant=tenant, run_id=run_id))
        return {**await _so_far(doors, run), **waits}
    return values_of_run(run)


async def _so_far(doors: Doors, run: Run) -> Values:
    """What was said until a conversation came to its question."""
    spec = doors.agents.get(run.agent)
    if spec is None or spec.native is None:
        return {}
    checkpoints = doors.control.checkpoints
    base = (await checkpoints.before(run))[1] if run.thread_id else None
    said = [*(base or {}).get("messages", ()), *said_by_caller(run.input, run.id), *await checkpoints.said(run)]
    return {"messages": as_client_messages(said, run.thread_id or run.id)}
