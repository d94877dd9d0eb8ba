"""The stream of a thread: the run under way, those that come, and what becomes of them, until the reader goes.

    the run that holds the thread, or the one behind what was seen ──► its frames ──► ended, or asks ──► the next one
                                       └─ the same one, when it goes on

Each `id:` is RUN:SEQ or RUN:SEQ-N: the run, and the place in its own stream. A run that is
forgotten since is passed by.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Literal

from pydantic import BaseModel, Field, field_validator

from fairlead.access import Role
from fairlead.errors import InvalidInput, NotFound
from fairlead.runs.run import Run, Status
from fairlead.runs.threads import Thread
from fairlead.web.api.call import Call
from fairlead.web.api.doors import Doors
from fairlead.web.api.frame import Frame
from fairlead.web.api.operation import Operation
from fairlead.web.api.reply import Reply
from fairlead.web.api.run_body import Mode
from fairlead.web.api.sse import EventStream
from fairlead.web.api.streams import RunStream, Seen, Streams, seen_of

ThreadMode = Literal["run_modes", "lifecycle", "state_update"]
_RUN_MODES: tuple[Mode, ...] = ("values", "updates", "messages-tuple", "custom")
_RUN_ID = re.compile("[0-9a-f-]{36}")
_LOOK_AGAIN = 5.0  # seconds; changes that are told wake us at once


class ThreadStreamQuery(BaseModel):
    stream_mode: list[ThreadMode] = Field(["run_modes"], description="What is told of each run.")

    @field_validator("stream_mode", mode="before")
    @classmethod
    def _listed(cls, value: Any) -> Any:
        return [value] if isinstance(value, str) else value


class ThreadStreams:
    def __init__(self, doors: Doors) -> None:
        self._doors = doors

    def operations(self) -> list[Operation]:
        return [
            Operation("GET", "/threads/{thread_id}/stream", self.follow, "Follow a thread's runs", role=Role.VIEWER,
                      tag="threads", query=ThreadStreamQuery, problems=(404,), media_type="text/event-stream"),
        ]  # fmt: skip

    async def follow(self, call: Call) -> Reply:
        modes = call.query(ThreadStreamQuery).stream_mode
        place = place_of(call.header("last-event-id"))
        thread = await self._doors.threads.get(call.path["thread_id"], tenant=call.tenant)
        place = await self._settled(thread, place)
        return EventStream(ThreadStream(self._doors, thread, modes, place), self._doors)

    async def _settled(self, thread: Thread, place: tuple[str, Seen] | None) -> tuple[str, Seen]:
        """Who comes without a place hears of the run under way, and of what comes after. A place beyond the newest run
        (it was rolled back, or nobody gave it out) is behind the newest: what comes must not be missed."""
        newest = await self._doors.control.list(tenant=thread.tenant, thread_id=thread.id, limit=1)
        if place is not None and place[0] <= (newest[0].id if newest else ""):
            return place
        if place is None and thread.active_run_id is not None:
            return thread.active_run_id, (0, 0)
        return (newest[0].id, (newest[0].seq, 0)) if newest else ("", (0, 0))


def place_of(last_event_id: str | None) -> tuple[str, Seen] | None:
    """The run and the place in it. Raises `InvalidInput` for an id that is none of ours; "-1": all the thread has."""
    if last_event_id in (None, ""):
        return None
    if last_event_id == "-1":
        return "", (0, 0)
    run_id, colon, seen = (last_event_id or "").rpartition(":")
    if not colon or not _RUN_ID.fullmatch(run_id):
        raise InvalidInput("Last-Event-ID is none of ours.", hint="Send back the `id:` of the last event you have.")
    return run_id, seen_of(seen)


class ThreadStream:
    """A `Source` that goes from run to run."""

    def __init__(self, doors: Doors, thread: Thread, modes: Sequence[ThreadMode], place: tuple[str, Seen]) -> None:
        self._doors = doors
        self._thread = thread
        self._modes = frozenset(modes)
        self._place = place
        self._run: Run | None = None
        self._stream: RunStream | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._call: Callable[[], None] = _nothing
        self._unsubscribe: Callable[[], None] = _nothing
        self.waiting = True
        self.ended = False

    async def come(self) -> list[Frame]:
        if self._stream is None:
            return await self._begin()
        run, stream = self._run, self._stream
        assert run is not None
        try:
            frames = [self._named(run, frame) for frame in await stream.come()]
        except NotFound:  # it was rolled back or removed
            self._leave()
            return []
        told = [frame for frame in frames if "run_modes" in self._modes]
        if stream.ended:
            return told + await self._over(run)
        self.waiting = stream.waiting
        return told

    def on_news(self, call: Callable[[], None]) -> None:
        self._call = call
        self._unsubscribe = self._doors.feed.on_changes(self._look)

    def close(self) -> None:
        self._unsubscribe()
        if self._timer is not None:
            self._timer.cancel()
        if self._stream is not None:
            self._stream.close()

    def _look(self) -> None:
        """A run of any thread has changed, or it is time to see for ourselves."""
        if self._stream is None:
            self.waiting = True
        self._call()

    def _hear(self) -> None:
        self.waiting = True
        self._call()

    async def _begin(self) -> list[Frame]:
        found = await self._next()
        if found is None:
            self.waiting = False
            self._rest()
            return []
        self._run, seen = found
        self._stream = await Streams(self._doors).source(self._run, _RUN_MODES, seen)
        self._stream.on_news(self._hear)
        self.waiting = True
        fresh = seen == (0, 0) and "lifecycle" in self._modes
        return [Frame("lifecycle", {"run_id": self._run.id, "status": "started"})] if fresh else []

    def _rest(self) -> None:
        self._doors.feed.keep_watching()
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(_LOOK_AGAIN, self._look)

    async def _next(self) -> tuple[Run, Seen] | None:
        """The run to tell of, and what the reader has of it."""
        run_id, seen = self._place
        if run_id and (run := await self._find(run_id)) is not None:
            over = run.status.finished or run.status is Status.INTERRUPTED
            if not over or run.seq > seen[0]:
                return run, seen
        newer = await self._doors.control.list(
            tenant=self._thread.tenant, thread_id=self._thread.id, after=run_id, limit=1
        )
        return (newer[0], (0, 0)) if newer else None

    async def _find(self, run_id: str) -> Run | None:
        try:
            run = await self._doors.control.get(run_id, tenant=self._thread.tenant)
        except NotFound:
            return None
        return run if run.thread_id == self._thread.id else None

    async def _over(self, run: Run) -> list[Frame]:
        now = await self._find(run.id)
        self._leave(seq=now.seq if now is not None else 0)
        if now is None:
            return []
        mark = f"{now.id}:{now.seq}"
        told = [Frame("lifecycle", {"run_id": now.id, "status": now.status.value}, mark)]
        frames = told if "lifecycle" in self._modes else []
        if "state_update" in self._modes and now.finished_at is not None:
            thread = await self._doors.threads.get(self._thread.id, tenant=self._thread.tenant)
            frames = [*frames, Frame("state_update", {"run_id": now.id, "state": thread.state}, mark)]
        return frames

    def _leave(self, *, seq: int = 0) -> None:
        if self._stream is not None:
            self._stream.close()
        self._place = (self._run.id if self._run is not None else "", (seq, 0))
        self._run = self._stream = None
        self.waiting = True

    @staticmethod
    def _named(run: Run, frame: Frame) -> Frame:
        return replace(frame, id=f"{run.id}:{frame.id}") if frame.id else frame


def _nothing() -> None: ...
