"""The states a thread has been in, newest first: what it kept after each run, and the moments within each run."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from fairlead.agents.memory import Message
from fairlead.agents.spec import AgentSpec
from fairlead.errors import NotFound
from fairlead.runs.checkpoints import Checkpoint, Checkpoints
from fairlead.runs.control import Control
from fairlead.runs.moments import ACCEPTED, Moment, Moments
from fairlead.runs.run import Run
from fairlead.runs.threads import Thread
from fairlead.runs.transcript import open_calls

_WITHIN = re.compile(r"(.+):([0-9]{1,9})")
_AT_ONCE = 20


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
        if not with_input and int(within.group(2)) == ACCEPTED:
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
        telling = Moments(run, base_id, base, native=native)
        moments = [telling.last]
        if native:
            events = await self._checkpoints.events(run)
            moments += [moment for event in events if (moment := telling.after(event)) is not None]
        if kept is not None:
            if not moments[-1].next:
                moments.pop()  # what the thread kept is that state
            moments.append(telling.kept(kept.id, kept.state or {}, kept.created_at))
        elif run.finished_at is None:
            # A reply that ended nothing is answered by another one.
            moments[-1] = replace(moments[-1], current=True, next=moments[-1].next or ("model",))
        return moments[::-1]

    async def _run(self, thread: Thread, run_id: str) -> Run:
        run = await self._control.get(run_id, tenant=thread.tenant)
        if run.thread_id != thread.id:
            raise _unknown(thread.id, run_id)
        return run


def _unknown(thread_id: str, checkpoint_id: str) -> NotFound:
    return NotFound(f"Thread {thread_id} has no checkpoint {checkpoint_id}.", hint="Ask for its history.")
