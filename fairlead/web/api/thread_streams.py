"""The stream of a thread: the run under way, those that come, and what becomes of them, until the reader goes.

Each `id:` is RUN:SEQ or RUN:SEQ-N: the run, and the place in its own stream.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

from pydantic import Field, field_validator

from fairlead.access import Role
from fairlead.errors import InvalidInput
from fairlead.runs.run import Run
from fairlead.runs.threads import Thread
from fairlead.web.api.call import Call
from fairlead.web.api.doors import Doors
from fairlead.web.api.frame import Frame
from fairlead.web.api.operation import Operation
from fairlead.web.api.reply import Reply
from fairlead.web.api.run_body import Mode
from fairlead.web.api.run_by_run import RunByRun, is_over
from fairlead.web.api.shape import Shape
from fairlead.web.api.sse import EventStream
from fairlead.web.api.streams import RunStream, Seen, Streams, seen_of

ThreadMode = Literal["run_modes", "lifecycle", "state_update"]
_RUN_MODES: tuple[Mode, ...] = ("values", "updates", "messages-tuple", "custom")
_RUN_ID = re.compile("[0-9a-f-]{36}")


class ThreadStreamQuery(Shape):
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


class ThreadStream(RunByRun):
    def __init__(self, doors: Doors, thread: Thread, modes: Sequence[ThreadMode], place: tuple[str, Seen]) -> None:
        super().__init__(doors, thread)
        self._modes = frozenset(modes)
        self._place = place

    async def next(self) -> tuple[Run, Seen] | None:
        run_id, seen = self._place
        run = await self.find(run_id) if run_id else None
        if run is not None and (not is_over(run) or run.seq > seen[0]):
            return self._at(run, seen)
        newer = await self._doors.control.list(
            tenant=self._thread.tenant, thread_id=self._thread.id, after=run_id, limit=1
        )
        return self._at(newer[0], (0, 0)) if newer else None

    async def open(self, run: Run, seen: Seen) -> RunStream:
        return await Streams(self._doors).source(run, _RUN_MODES, seen)

    def begun(self, run: Run, seen: Seen) -> list[Frame]:
        fresh = seen == (0, 0) and "lifecycle" in self._modes
        return [Frame("lifecycle", {"run_id": run.id, "status": "started"})] if fresh else []

    def told(self, run: Run, frames: list[Frame]) -> list[Frame]:
        if "run_modes" not in self._modes:
            return []
        return [replace(frame, id=f"{run.id}:{frame.id}") if frame.id else frame for frame in frames]

    async def over(self, run: Run | None, seq: int) -> list[Frame]:
        self._place = self._place[0], (seq, 0)
        if run is None or not is_over(run):
            return []
        mark = f"{run.id}:{seq}"
        told = [Frame("lifecycle", {"run_id": run.id, "status": run.status.value}, mark)]
        frames = told if "lifecycle" in self._modes else []
        if "state_update" in self._modes and run.finished_at is not None:
            thread = await self._doors.threads.get(self._thread.id, tenant=self._thread.tenant)
            frames = [*frames, Frame("state_update", {"run_id": run.id, "state": thread.state}, mark)]
        return frames

    def _at(self, run: Run, seen: Seen) -> tuple[Run, Seen]:
        self._place = run.id, seen
        return run, seen
