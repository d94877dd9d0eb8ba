"""LangGraph's thread protocol: the events of a thread's runs by channel, until the reader goes.

    with `since` or a Last-Event-ID     what comes behind it
    without                             the run under way from its beginning, or the last one; then those that come

Events of `messages` that are no more than pieces have no number: whoever comes back gets them again, under their ids.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from pydantic import Field

from fairlead.access import Role
from fairlead.runs.control import Control
from fairlead.runs.run import Run
from fairlead.runs.threads import Thread
from fairlead.web.api.call import Call
from fairlead.web.api.channels import MODES, Channels
from fairlead.web.api.doors import Doors
from fairlead.web.api.frame import Frame
from fairlead.web.api.operation import Operation
from fairlead.web.api.reply import Reply
from fairlead.web.api.run_body import Body
from fairlead.web.api.run_by_run import RunByRun, is_over
from fairlead.web.api.sse import EventStream
from fairlead.web.api.streams import RunStream, Seen, Streams
from fairlead.web.api.thread_place import LAST, begun_at, is_behind, number_of, seen_of_number
from fairlead.web.api.thread_streams import place_of

Segment = Annotated[str, Field(max_length=500)]
Namespace = Annotated[list[Segment], Field(max_length=100)]
_A_FEW, _MANY = 5, 50  # runs read at once
_JUST_ENDED = timedelta(seconds=5)
_REMEMBERED = 10_000  # runs
_CONTROL = frozenset(("lifecycle", "input"))
_START = datetime(1, 1, 1, tzinfo=UTC), ""


class Subscription(Body):
    channels: Annotated[list[Annotated[str, Field(min_length=1, max_length=200)]], Field(min_length=1, max_length=100)]
    namespaces: Annotated[list[Namespace], Field(max_length=100)] | None = Field(
        None, description="All that happens, happens in the empty one."
    )
    depth: Annotated[int, Field(ge=0)] | None = None
    since: Annotated[int, Field(ge=0, le=LAST)] | None = Field(
        None, description="The `seq` of the last event you have."
    )

    @property
    def at_root(self) -> bool:
        return not self.namespaces or [] in self.namespaces


class ThreadEvents:
    def __init__(self, doors: Doors) -> None:
        self._doors = doors
        self._ended: OrderedDict[str, None] = OrderedDict()  # runs whose end was told to such a client

    def operations(self) -> list[Operation]:
        return [
            Operation("POST", "/threads/{thread_id}/stream/events", self.follow, "Follow a thread by channel",
                      role=Role.VIEWER, tag="threads", body=Subscription, problems=(404,),
                      media_type="text/event-stream"),
        ]  # fmt: skip

    async def follow(self, call: Call) -> Reply:
        wanted, last = await call.body(Subscription), place_of(call.header("last-event-id"))
        thread = await self._doors.threads.get(call.path["thread_id"], tenant=call.tenant)
        stream = ThreadEventStream(self._doors, thread, wanted, self._tell_end)
        await self._settle(stream, thread, wanted, last)
        return EventStream(stream, self._doors)

    async def _settle(
        self, stream: ThreadEventStream, thread: Thread, wanted: Subscription, last: tuple[str, Seen] | None
    ) -> None:
        if wanted.since is not None:
            await stream.go_behind(wanted.since)
        elif last is not None:
            await stream.go_to(*last)
        elif thread.active_run_id is not None:
            await stream.go_to(thread.active_run_id, (0, 0))
        elif (newest := await stream.newest()) is not None:
            await stream.go_to(newest.id, (0, 0) if self._is_news(newest, wanted) else (newest.seq, 0))

    def _is_news(self, ended: Run, wanted: Subscription) -> bool:
        """Clients that only watch for the end take the next one they hear of for that of the run they start: they are
        told of one that is over only when it may be that run, so short that it ended before they came or came back."""
        if not set(wanted.channels) <= _CONTROL:
            return True
        just_now = self._doors.clock.now() - _JUST_ENDED
        return ended.id not in self._ended and ended.finished_at is not None and ended.finished_at >= just_now

    def _tell_end(self, run: Run) -> None:
        self._ended[run.id] = None
        if len(self._ended) > _REMEMBERED:
            self._ended.popitem(last=False)


class ThreadEventStream(RunByRun):
    """Runs in the order in which they began: one that was asked for long ago may have had to wait."""

    def __init__(self, doors: Doors, thread: Thread, wanted: Subscription, tell_end: Callable[[Run], None]) -> None:
        super().__init__(doors, thread)
        self._channels = frozenset(wanted.channels)
        self._at_root = wanted.at_root
        self._tell_end = tell_end
        self._at = _START  # the run the reader is at: when it began, and its id
        self._seen: Seen = (0, 0)
        self._ahead: deque[Run] = deque()

    async def newest(self) -> Run | None:
        """Of the runs that have begun."""
        return await newest_begun(self._doors.control, self._thread.tenant, self._thread.id)

    async def go_to(self, run_id: str, seen: Seen) -> None:
        """A run that is not there any more, or has not begun, is still to come: the reader is behind all others."""
        if not run_id:
            return
        run = await self.find(run_id)
        if run is not None and begun_at(run) is not None:
            self._at, self._seen = _key(run), seen
        elif (newest := await self.newest()) is not None:
            self._at, self._seen = _key(newest), (newest.seq, 0)

    async def go_behind(self, number: int) -> None:
        async for run in self._begun():
            if is_behind(run, number):
                self._at, self._seen = _key(run), seen_of_number(run, number)
                return

    async def next(self) -> tuple[Run, Seen] | None:
        run = await self.find(self._at[1]) if self._at[1] else None
        if run is not None and (not is_over(run) or run.seq > self._seen[0]):
            return run, self._seen
        if not self._ahead:
            self._ahead.extend(await self._runs_ahead())
        if not self._ahead:
            return None
        run = self._ahead.popleft()
        self._at, self._seen = _key(run), (0, 0)
        return run, self._seen

    async def open(self, run: Run, seen: Seen) -> RunStream:
        streams = Streams(self._doors)
        moments = await streams.moments(run)
        modes = await streams.modes(run, MODES, moments)
        by_pieces = "messages" in self._channels
        telling = Channels(run, modes, moments, native=streams.is_native(run), by_pieces=by_pieces)
        return RunStream(self._doors, run, telling, seen)

    def begun(self, run: Run, seen: Seen) -> list[Frame]:
        return []

    def told(self, run: Run, frames: list[Frame]) -> list[Frame]:
        return [_event(run, one) for one in frames if self._at_root and self._is_wanted(one)]

    async def over(self, run: Run | None, seq: int) -> list[Frame]:
        self._seen = seq, 0
        watches = self._channels <= _CONTROL and "lifecycle" in self._channels
        if watches and run is not None and run.finished_at is not None:
            self._tell_end(run)
        return []

    def _is_wanted(self, frame: Frame) -> bool:
        channel = _CHANNELS.get(frame.event)
        if channel == "custom":
            return "custom" in self._channels or f"custom:{frame.data['data']['name']}" in self._channels
        return channel in self._channels

    async def _runs_ahead(self) -> list[Run]:
        return sorted([run async for run in self._begun(behind=self._at)], key=_key)

    def _begun(self, *, behind: tuple[datetime, str] = _START) -> AsyncIterator[Run]:
        return begun_runs(self._doors.control, self._thread.tenant, self._thread.id, behind=behind)


async def begun_runs(
    control: Control, tenant: str, thread_id: str, *, behind: tuple[datetime, str] = _START
) -> AsyncIterator[Run]:
    """Newest first, until a page has none of them: runs begin in the order in which they were asked for, or almost."""
    before: str | None = None
    limit = _A_FEW
    while True:
        page = await control.list(tenant=tenant, thread_id=thread_id, before=before, limit=limit)
        begun = [run for run in page if begun_at(run) is not None]
        found = sorted((run for run in begun if _key(run) > behind), key=_key, reverse=True)
        for run in found:
            yield run
        if len(page) < limit or (begun and not found):
            return
        before, limit = page[-1].id, _MANY


async def newest_begun(control: Control, tenant: str, thread_id: str) -> Run | None:
    async for run in begun_runs(control, tenant, thread_id):
        return run
    return None


def _key(run: Run) -> tuple[datetime, str]:
    return begun_at(run) or _START[0], run.id


def _event(run: Run, frame: Frame) -> Frame:
    told: dict[str, Any] = {"type": "event", "method": frame.event, "params": frame.data}
    if frame.passing:
        return Frame(frame.event, {**told, "event_id": frame.id})
    event_id = f"{run.id}:{frame.id}"
    return Frame(frame.event, {**told, "event_id": event_id, "seq": number_of(run, frame.id)}, event_id)


_CHANNELS: Mapping[str, str] = {
    name: name for name in ("values", "updates", "messages", "tools", "lifecycle", "checkpoints", "tasks", "custom")
} | {"input.requested": "input", "input.answered": "input"}
