"""Streams of runs: start one and follow it, or follow one that is there.

    metadata ──► each durable event as the frames of the wanted modes, the last of them with `id: seq` ──► the end

A frame in the middle of an event's group has `id: seq-n`: whoever lost the connection there gets exactly the rest.
Pieces of text carry no id; what they were pieces of is told whole when it is stored.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Protocol
from urllib.parse import urlencode

from pydantic import Field, field_validator

from fairlead.access import Role
from fairlead.errors import InvalidInput
from fairlead.runs.checkpoints import Checkpoint
from fairlead.runs.following import Delta
from fairlead.runs.moments import Moments
from fairlead.runs.run import Event, Reason, Run, Status
from fairlead.web.api.call import Call
from fairlead.web.api.doors import Doors
from fairlead.web.api.frame import Frame
from fairlead.web.api.message import Message, as_client_messages
from fairlead.web.api.modes import Modes
from fairlead.web.api.operation import Operation
from fairlead.web.api.reply import Headers, Reply
from fairlead.web.api.run_body import Mode, RunCreate, RunInThread, RunWithoutThread
from fairlead.web.api.shape import Shape
from fairlead.web.api.sse import EventStream
from fairlead.web.api.start import find_run, start_run
from fairlead.web.api.step_modes import StepModes
from fairlead.web.api.values import interrupts_of

_SEEN = re.compile(r"([0-9]{1,9})(?:-([0-9]{1,3}))?")
_OURS: tuple[Mode, ...] = ("debug", "messages-tuple")
Seen = tuple[int, int]  # a durable event told whole, and frames of the next


class StreamQuery(Shape):
    stream_mode: list[Mode] | None = Field(None, description="Default: values; without a thread debug, messages-tuple.")
    cancel_on_disconnect: bool = False

    @field_validator("stream_mode", mode="before")
    @classmethod
    def _listed(cls, value: Any) -> Any:
        listed = [value] if isinstance(value, str) else value
        return None if listed == [""] else listed  # how LangGraph's client says that it has no wish


class Streams:
    def __init__(self, doors: Doors) -> None:
        self._doors = doors

    def operations(self) -> list[Operation]:
        start: dict[str, Any] = {"role": Role.OPERATOR, "problems": (404, 409, 429)}
        told: dict[str, Any] = {"media_type": "text/event-stream"}
        summary = "Start a run and follow it"
        return [
            operation
            for path, tag, body in (
                ("/runs", "runs", RunWithoutThread), ("/threads/{thread_id}/runs", "runs in a thread", RunInThread)
            )
            for operation in (
                Operation("POST", f"{path}/stream", self.start, summary, tag=tag, body=body, **start, **told),
                Operation("GET", f"{path}/{{run_id}}/stream", self.follow, "Follow a run", tag=tag, query=StreamQuery,
                          problems=(404,), **told),
            )
        ]  # fmt: skip

    async def start(self, call: Call) -> Reply:
        body = await call.body(RunCreate)
        started = await start_run(self._doors, call, body, watch=True)
        again = urlencode([("stream_mode", mode) for mode in body.modes])
        headers = started.headers(f"stream?{again}")
        cancel = body.on_disconnect == "cancel"
        keys = body.feedback_keys or ()
        seen = (started.after, 0)
        return await self._stream(call, started.run, body.modes, seen, headers, cancel, feedback=keys)

    async def follow(self, call: Call) -> Reply:
        query = call.query(StreamQuery)
        run = await find_run(self._doors, call)
        modes = tuple(query.stream_mode or (("values",) if "thread_id" in call.path else _OURS))
        seen = seen_of(call.header("last-event-id"))
        return await self._stream(call, run, modes, seen, (), query.cancel_on_disconnect)

    async def _stream(
        self, call: Call, run: Run, modes: Sequence[Mode], seen: Seen, headers: Headers, cancel: bool,
        feedback: Sequence[str] = (),
    ) -> Reply:  # fmt: skip
        source = await self.source(run, modes, seen, first=await self._links(call, run, feedback))
        cancelling = partial(self._doors.control.cancel, run.id, tenant=run.tenant, by=f"{call.by} went away")
        return EventStream(source, self._doors, headers=headers, left=cancelling if cancel else None)

    async def source(self, run: Run, modes: Sequence[Mode], seen: Seen, *, first: Sequence[Frame] = ()) -> RunStream:
        """The run's frames in these modes, behind what was seen."""
        stepwise = "tasks" in modes or "checkpoints" in modes
        moments = await self.moments(run) if stepwise else None
        return RunStream(self._doors, run, await self.modes(run, modes, moments), seen, first=first)

    async def modes(self, run: Run, modes: Sequence[Mode], moments: Moments | None) -> Modes:
        native = self.is_native(run)
        before = await self._before(run) if native and "values" in modes else []
        steps = await self._steps(run, modes, moments) if moments is not None else None
        return Modes(run, modes, native=native, before=before, steps=steps)

    async def moments(self, run: Run) -> Moments:
        """Before the first of its events."""
        base_id, base = await self._doors.control.checkpoints.before(run) if run.thread_id else (None, None)
        return Moments(run, base_id, base, native=self.is_native(run))

    def is_native(self, run: Run) -> bool:
        spec = self._doors.agents.get(run.agent)
        return spec is not None and spec.native is not None

    async def _steps(self, run: Run, modes: Sequence[Mode], moments: Moments) -> StepModes:
        thread = await self._doors.threads.get(run.thread_id, tenant=run.tenant) if run.thread_id else None
        return StepModes(
            run, moments, native=self.is_native(run), tasks="tasks" in modes, checkpoints="checkpoints" in modes,
            metadata=thread.metadata if thread is not None else None,
        )  # fmt: skip

    async def _links(self, call: Call, run: Run, names: Sequence[str]) -> list[Frame]:
        """Where whoever reads the stream may leave a score of each name: LangGraph's `feedback_keys`."""
        if not names:
            return []
        made = await self._doors.scores.open_links(run, names)
        return [Frame("feedback", {name: f"{call.origin}/feedback/{secret}" for name, secret in made.items()})]

    async def _before(self, run: Run) -> list[Message]:
        """What was said in the thread before this run."""
        if run.thread_id is None:
            return []
        control = self._doors.control
        ended = run.finished_at is not None
        state = (await control.checkpoints.before(run))[1] if ended else await control.thread_state(run)
        return as_client_messages((state or {}).get("messages") or (), run.thread_id)


class Telling(Protocol):
    """One run's events as frames, from its first one on."""

    @property
    def remembers(self) -> bool:
        """Whether what is told depends on events told before."""
        ...

    @property
    def by_pieces(self) -> bool:
        """Whether pieces of text are told as they come."""
        ...

    @property
    def wants_kept(self) -> bool:
        """Whether the end of the run is told with what its thread keeps of it."""
        ...

    def of_delta(self, delta: Delta) -> list[Frame]: ...

    def of_event(self, event: Event) -> list[Frame]:
        """All that one durable event says."""
        ...

    def ended(
        self, run: Run, interrupts: Sequence[dict[str, Any]] | None, kept: Checkpoint | None = None
    ) -> list[Frame]:
        """What is said when nothing more will come for now. No interrupts, not even none: it waits for nobody."""
        ...


class RunStream:
    """A run's events as frames, behind what the reader has seen."""

    __slots__ = ("_doors", "_first", "_follower", "_seen", "_telling")

    def __init__(self, doors: Doors, run: Run, telling: Telling, seen: Seen, *, first: Sequence[Frame] = ()) -> None:
        self._doors = doors
        self._telling = telling
        self._seen = seen
        begun = Frame("metadata", {"run_id": run.id, "attempt": max(1, run.fence)})
        self._first: Sequence[Frame] = (begun, *first)
        after = 0 if telling.remembers else seen[0]
        self._follower = doors.feed.follower(run.id, tenant=run.tenant, after=after, deltas=telling.by_pieces)

    async def come(self) -> list[Frame]:
        frames, self._first = [*self._first], ()
        for one in await self._follower.come():
            if isinstance(one, Delta):
                frames += self._telling.of_delta(one)
            else:
                frames += left_of(await self._of_event(one), one.seq, self._seen)
        return frames

    @property
    def ended(self) -> bool:
        return self._follower.ended

    @property
    def seq(self) -> int:
        """Of the last event that was told."""
        return self._follower.after

    @property
    def waiting(self) -> bool:
        return self._follower.waiting

    def on_news(self, call: Callable[[], None]) -> None:
        self._follower.on_news = call

    def close(self) -> None:
        self._follower.close()

    async def _of_event(self, event: Event) -> list[Frame]:
        frames = self._telling.of_event(event)
        if event.type not in ("finished", "parked", "interrupted"):
            return frames
        now = await self._doors.control.get(event.run_id, tenant=self._follower.tenant)
        if event.seq != now.seq or not (now.status.finished or now.status is Status.INTERRUPTED):
            return frames  # it has gone on since
        return frames + self._telling.ended(now, await self._interrupts(now), await self._kept(now))

    async def _kept(self, run: Run) -> Checkpoint | None:
        if run.finished_at is None or run.thread_id is None or not self._telling.wants_kept:
            return None
        return await self._doors.control.checkpoints.find(run.tenant, run.thread_id, run.id)

    async def _interrupts(self, run: Run) -> list[dict[str, Any]] | None:
        if run.status is not Status.INTERRUPTED or run.reason is Reason.CANCELLED:
            return None
        asked = run.reason is Reason.APPROVAL
        return interrupts_of(
            run, await self._doors.control.approvals(tenant=run.tenant, run_id=run.id) if asked else []
        )


def seen_of(last_event_id: str | None) -> Seen:
    """Raises `InvalidInput` for an id that is none of ours. LangGraph's clients say -1 for "from the beginning"."""
    if last_event_id in (None, "", "-1"):
        return 0, 0
    match = _SEEN.fullmatch(last_event_id or "")
    if match is None:
        raise InvalidInput("Last-Event-ID is none of ours.", hint="Send back the `id:` of the last event you have.")
    seq, told = int(match.group(1)), match.group(2)
    return (seq, 0) if told is None else (seq - 1, int(told))


def left_of(frames: Sequence[Frame], seq: int, seen: Seen) -> list[Frame]:
    """The frames of event `seq` that a reader who has `seen` so much has not got yet, with their ids."""
    if seq <= seen[0]:
        return []
    told, last = 0, sum(not one.passing for one in frames)
    gone = seen[1] if seq == seen[0] + 1 else 0
    left: list[Frame] = []
    for one in frames:
        if told >= gone and one.passing:
            left.append(one)
        elif not one.passing:
            told += 1
            if told > gone:
                left.append(replace(one, id=str(seq) if told == last else f"{seq}-{told}"))
    return left
