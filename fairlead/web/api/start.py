"""Starting a run for a caller, whichever address was used: the thread is looked at, then the run is durable."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from fairlead.errors import Conflict, InvalidInput, NotFound
from fairlead.runs.control import PAUSES
from fairlead.runs.history import History
from fairlead.runs.run import Multitask, NewRun, Run
from fairlead.runs.threads import Thread, ThreadStatus
from fairlead.web.api.call import Call
from fairlead.web.api.doors import Doors
from fairlead.web.api.reply import Headers
from fairlead.web.api.run_body import RunCreate, new_run_of
from fairlead.web.api.thread_states import checkpoint_id_of
from fairlead.web.asking import prepare_thread


@dataclass(frozen=True, slots=True)
class Started:
    run: Run
    fresh: bool  # False: the idempotency key had started it before
    after: int = 0  # what happened to it up to here, its caller has not asked for

    @property
    def path(self) -> str:
        return path_of(self.run)

    def headers(self, follow: str = "") -> Headers:
        """Where the run is, and where to go on listening to it (`follow`: stream?…, join)."""
        told = [(b"content-location", self.path.encode())]
        if follow:
            told.append((b"location", f"{self.path}/{follow}".encode()))
        if not self.fresh:
            told.append((b"idempotency-replayed", b"true"))
        return told


def path_of(run: Run) -> str:
    return f"/threads/{run.thread_id}/runs/{run.id}" if run.thread_id else f"/runs/{run.id}"


async def start_runs(doors: Doors, call: Call, bodies: Sequence[RunCreate]) -> list[Run]:
    """All of them, or none: what had begun when one was refused is cancelled. Raises as `start_run`."""
    wanted = [await _wanted(doors, call, body) for body in bodies]
    await doors.control.ensure_room(wanted[0], len(wanted))
    call.visit.room = await doors.rate.take(call.visit.caller, len(wanted))
    key = call.header("idempotency-key")
    named = [replace(new, idempotency_key=f"{key} {place}") if key else new for place, new in enumerate(wanted)]
    asked = await asyncio.gather(*map(doors.control.submit, named), return_exceptions=True)
    refused = [one for one in asked if isinstance(one, BaseException)]
    started = [one for one in asked if not isinstance(one, BaseException)]
    if refused:
        for run, fresh in started:
            if fresh:
                await doors.control.cancel(run.id, tenant=run.tenant, by=f"{call.by}: one of a group was refused")
        raise refused[0]
    return [run for run, _ in started]


async def _wanted(doors: Doors, call: Call, body: RunCreate) -> NewRun:
    agent, assignment = await doors.assistants.assign(
        body.assistant_id, tenant=call.tenant, config=body.config, context=body.context
    )
    return new_run_of(
        body, doors.agents[agent], assignment, now=doors.clock.now(), release=doors.release, caller=call.visit.caller,
        thread_id=call.path.get("thread_id"), idempotency_key=call.header("idempotency-key"),
    )  # fmt: skip


async def start_run(doors: Doors, call: Call, body: RunCreate, *, watch: bool = False) -> Started:
    """Raises `UnknownAgent`, `InvalidInput`, `NotFound` (no such thread), `Conflict`, `QueueFull`, `RateLimitError`."""
    thread_id = call.path.get("thread_id")
    new = await _wanted(doors, call, body)
    if thread_id is not None:
        thread = await prepare_thread(doors.threads, new, thread_id, create=body.if_not_exists == "create")
        if thread.status is ThreadStatus.INTERRUPTED or (body.command is not None and body.command.resumes):
            parked = await _parked(doors, thread)
            if (said := _answer_to(body)) is not None:
                only_pauses = body.command is None or not body.command.resumes
                terms = {name: value for name, value in (new.terms or {}).items() if name in PAUSES}
                resumed = await doors.control.go_on(
                    parked, said[0], by=call.by, caller=call.visit.caller, terms=terms, only_pauses=only_pauses
                )
                return Started(resumed, True, after=parked.seq)
        new = await _forked(doors, _placed(new, thread), body, thread)
    elif checkpoint_id_of(body.checkpoint, body.checkpoint_id) is not None:
        raise InvalidInput("`checkpoint` is for a thread.", hint="Send it to /threads/THREAD/runs.")
    call.visit.room = await doors.rate.take(call.visit.caller)
    run, fresh = await doors.control.submit(new, watch=watch)
    return Started(run, fresh)


async def _parked(doors: Doors, thread: Thread) -> Run:
    """Raises `Conflict` when the thread waits for nobody."""
    if thread.active_run_id is None:
        raise Conflict(f"Thread {thread.id} has no open question.", hint="Somebody answered it, or it has expired.")
    return await doors.control.get(thread.active_run_id, tenant=thread.tenant)


def _answer_to(body: RunCreate) -> tuple[Any] | None:
    """What the caller says to the run that waits in the thread; None when they want another run. As LangGraph has it,
    no input means: go on. Who says what is to become of the run that waits wants another one."""
    command = body.command if body.command is not None and body.command.asks else None
    if command is None:
        return (True,) if body.input is None and "multitask_strategy" not in body.model_fields_set else None
    if not command.resumes:
        return None
    if command.update is not None or command.goto:
        raise InvalidInput("`command.resume` goes alone: a run under way keeps the state it began with.")
    return (command.resume,)


async def _forked(doors: Doors, new: NewRun, body: RunCreate, thread: Thread) -> NewRun:
    """A run that begins at an earlier state of its thread. Raises `NotFound`."""
    checkpoint_id = checkpoint_id_of(body.checkpoint, body.checkpoint_id)
    if checkpoint_id is None:
        return new
    with_input = new.input is not None
    origin = await History(doors.control, doors.agents).origin(thread, checkpoint_id, with_input=with_input)
    terms = {**(new.terms or {}), "checkpoint": origin.checkpoint}
    return replace(new, terms=terms, input=new.input if with_input else origin.input)


def _placed(new: NewRun, thread: Thread) -> NewRun:
    """A command takes the place of the run that waits for an answer: who goes elsewhere does not give one."""
    if new.terms and ("goto" in new.terms or "update" in new.terms) and thread.status is ThreadStatus.INTERRUPTED:
        return replace(new, multitask=Multitask.INTERRUPT)
    return new


async def find_run(doors: Doors, call: Call) -> Run:
    """The run of the address. A run without a thread is found under its own id. Raises `NotFound`."""
    run = await doors.control.get(call.path["run_id"], tenant=call.tenant)
    thread_id = call.path.get("thread_id")
    if thread_id is not None and thread_id != (run.thread_id or run.id):
        raise NotFound(f"There is no run {run.id} in thread {thread_id}.")
    return run
