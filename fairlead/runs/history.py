"""The states a thread has been in, newest first: what it kept after each run, and within a run what its journal tells.

    a native agent    its input ──► after each reply, after each round of tools ──► what the thread kept
    any other         its input ──► what the thread kept

A state within a run is named by the run and the event it follows: `RUN:SEQ`.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from fairlead.agents.conversation import as_messages
from fairlead.agents.memory import Message
from fairlead.agents.spec import AgentSpec
from fairlead.errors import InvalidInput, NotFound
from fairlead.runs.checkpoints import Checkpoint, Checkpoints, State
from fairlead.runs.control import Control
from fairlead.runs.run import Event, Run, Status
from fairlead.runs.threads import Thread
from fairlead.runs.transcript import open_calls, said_by_caller, said_in_run

_WITHIN = re.compile(r"(.+):([0-9]{1,9})")
_ACCEPTED = 1  # the event of a run's input
_AT_ONCE = 20


@dataclass(frozen=True, slots=True)
class Moment:
    """One state. `next`: what comes after it; nothing when the work was done."""

    id: str
    parent_id: str | None
    source: str  # input, loop, update, fork
    step: int
    state: State
    next: tuple[str, ...]
    created_at: datetime
    run: Run | None = None  # it happened in
    current: bool = False  # that run is under way, and this is where it is


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a run that forks begins: a checkpoint ("": an empty thread), and the input that had been given there."""

    checkpoint: str
    input: Any = None


class History:
    def __init__(self, control: Control, agents: Mapping[str, AgentSpec]) -> None:
        self._control = control
        self._agents = agents

    @property
    def _checkpoints(self) -> Checkpoints:
        return self._control.checkpoints

    async def now(self, thread: Thread) -> Moment | None:
        """None: nothing has happened in it."""
        found = await self.of(thread, limit=1)
        return found[0] if found else None

    async def of(self, thread: Thread, *, limit: int, before: str | None = None) -> list[Moment]:
        """Newest first; those behind `before`, when it is given. Raises `NotFound` when there is no such state."""
        moments: list[Moment] = []
        skipping = before is not None
        async for group in self._groups(thread):
            for moment in group:
                if not skipping:
                    moments.append(moment)
                elif moment.id == before:
                    skipping = False
                if len(moments) == limit:
                    return moments
        if skipping:
            raise _unknown(thread.id, before or "")
        return moments

    async def at(self, thread: Thread, checkpoint_id: str) -> Moment:
        """Raises `NotFound`."""
        if (within := _WITHIN.fullmatch(checkpoint_id)) is not None:
            run = await self._run(thread, within.group(1))
            for moment in await self._of_run(run, await self._checkpoints.find(thread.tenant, thread.id, run.id)):
                if moment.id == checkpoint_id:
                    return moment
            raise _unknown(thread.id, checkpoint_id)
        found = await self._checkpoints.find(thread.tenant, thread.id, checkpoint_id)
        if found is not None:
            return (await self._of_checkpoint(thread, found))[0]
        now = await self.now(thread)
        if now is not None and now.id == checkpoint_id:
            return now
        raise _unknown(thread.id, checkpoint_id)

    async def origin(self, thread: Thread, checkpoint_id: str, *, with_input: bool) -> Origin:
        """For a run that begins at this state. Without an input of its own it goes on from what had been said; an
        agent that is no conversation is given again what it was given there. Raises `NotFound`."""
        if checkpoint_id == thread.id:
            return Origin("")
        within = _WITHIN.fullmatch(checkpoint_id)
        if within is None:
            moment = await self.at(thread, checkpoint_id)
            return Origin(moment.id)
        run = await self._run(thread, within.group(1))
        base_id, _ = await self._checkpoints.before(run)
        if not with_input and int(within.group(2)) == _ACCEPTED:
            return Origin(base_id or "", run.input)
        moment = await self.at(thread, checkpoint_id)
        forked = await self._checkpoints.fork(
            thread.tenant, thread.id, moment.state, node=moment.next[0] if moment.next else None, parent_id=moment.id
        )
        return Origin(forked)

    async def _groups(self, thread: Thread) -> AsyncIterator[list[Moment]]:
        if thread.active_run_id is not None:
            yield await self._of_run(await self._control.get(thread.active_run_id, tenant=thread.tenant), None)
        last: Checkpoint | None = None
        while True:
            page = await self._checkpoints.list(thread.tenant, thread.id, before=last, limit=_AT_ONCE)
            for checkpoint in page:
                yield await self._of_checkpoint(thread, checkpoint)
            if len(page) < _AT_ONCE:
                break
            last = page[-1]
        if last is None and not page and thread.state is not None:  # from before checkpoints were kept
            yield [Moment(thread.state_run_id or thread.id, None, "loop", 0, thread.state, (), thread.updated_at)]

    async def _of_checkpoint(self, thread: Thread, checkpoint: Checkpoint) -> list[Moment]:
        if checkpoint.run_id is not None:
            try:
                return await self._of_run(await self._run(thread, checkpoint.run_id), checkpoint)
            except NotFound:  # removed by retention; what the thread kept of it is there
                pass
        coming = self._coming(thread, checkpoint)
        state = checkpoint.state or {}
        return [Moment(checkpoint.id, checkpoint.parent_id, checkpoint.source, 0, state, coming, checkpoint.created_at)]

    def _coming(self, thread: Thread, checkpoint: Checkpoint) -> tuple[str, ...]:
        """After a write: what its node would have led to."""
        spec = self._agents.get(str(thread.metadata.get("graph_id")))
        if spec is None or spec.native is None or checkpoint.run_id is not None:
            return ()
        messages: Sequence[Message] = (checkpoint.state or {}).get("messages", ())
        if open_calls(messages):
            return ("tools",)
        return ("model",) if checkpoint.node in ("tools", "__start__") else ()

    async def _of_run(self, run: Run, kept: Checkpoint | None) -> list[Moment]:
        """Newest first: what the thread kept of it, the steps before, and its input."""
        base_id, base = await self._checkpoints.before(run)
        spec = self._agents.get(run.agent)
        native = spec is not None and spec.native is not None
        first = "model" if native else run.agent
        moments = [
            Moment(f"{run.id}:{_ACCEPTED}", base_id, "input", -1, _given(base, run), (first,), run.created_at, run)
        ]
        if native:
            moments += self._steps(run, moments[0], await self._checkpoints.events(run))
        if kept is not None:
            if len(moments) > 1 and not moments[-1].next:
                moments.pop()  # what the thread kept is that state
            parent = moments[-1].id
            moments.append(
                Moment(kept.id, parent, "loop", len(moments) - 1, kept.state or {}, (), kept.created_at, run)
            )
        elif run.finished_at is None:
            moments[-1] = replace(moments[-1], current=True)
        return moments[::-1]

    def _steps(self, run: Run, begin: Moment, events: Sequence[Event]) -> list[Moment]:
        moments: list[Moment] = []
        before: list[Message] = list(begin.state["messages"])
        for place, event in enumerate(events, 1):
            messages = [*before, *said_in_run(events[:place], before=before)]
            waits = open_calls(messages)
            if event.kind == "tool" and waits:
                continue  # one of several side by side
            coming = ("tools",) if waits else ("model",) if event.kind == "tool" else ()
            state = {**begin.state, "messages": messages}
            parent = moments[-1].id if moments else begin.id
            moments.append(Moment(f"{run.id}:{event.seq}", parent, "loop", len(moments), state, coming, event.at, run))
        if moments and not moments[-1].next and run.status is not Status.SUCCESS and run.finished_at is None:
            moments[-1] = replace(moments[-1], next=("model",))
        return moments

    async def _run(self, thread: Thread, run_id: str) -> Run:
        run = await self._control.get(run_id, tenant=thread.tenant)
        if run.thread_id != thread.id:
            raise _unknown(thread.id, run_id)
        return run


def _given(base: State | None, run: Run) -> State:
    """The thread as it was, with what the run was given."""
    state = {name: value for name, value in (base or {}).items() if name != "output"}
    messages = [*state.get("messages", ()), *said_by_caller(run.input, run.id)]
    if _is_said(run.input):
        return {**state, "messages": messages}
    given: Any = run.input
    shown = {**_shown(base), **(given if isinstance(given, dict) else {"input": given})}
    return {**state, "messages": messages, "shown": shown}


def _shown(base: State | None) -> dict[str, Any]:
    output: Any = (base or {}).get("output")
    return {**(output if isinstance(output, dict) else {}), **(base or {}).get("shown", {})}


def _is_said(given: Any) -> bool:
    if given is None or isinstance(given, str):
        return True
    try:
        as_messages(given)
    except InvalidInput:
        return False
    return isinstance(given, dict) and "messages" in given


def _unknown(thread_id: str, checkpoint_id: str) -> NotFound:
    return NotFound(f"Thread {thread_id} has no checkpoint {checkpoint_id}.", hint="Ask for its history.")
