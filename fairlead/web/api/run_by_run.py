"""A stream that goes from run to run of a thread, until the reader goes.

the next run ──► its frames ──► ended, or asks ──► the next one
                    └─ the same one, when it goes on
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable

from fairlead.errors import NotFound
from fairlead.runs.run import Run, Status
from fairlead.runs.threads import Thread
from fairlead.web.api.doors import Doors
from fairlead.web.api.frame import Frame
from fairlead.web.api.streams import RunStream, Seen

_LOOK_AGAIN = 5.0  # seconds; changes that are told wake us at once


class RunByRun(ABC):
    """A `Source`. A run that is forgotten since is passed by."""

    def __init__(self, doors: Doors, thread: Thread) -> None:
        self._doors = doors
        self._thread = thread
        self._run: Run | None = None
        self._stream: RunStream | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._call: Callable[[], None] = _nothing
        self._unsubscribe: Callable[[], None] = _nothing
        self.waiting = True
        self.ended = False

    @abstractmethod
    async def next(self) -> tuple[Run, Seen] | None:
        """The run to tell of, and what the reader has of it."""

    @abstractmethod
    async def open(self, run: Run, seen: Seen) -> RunStream: ...

    @abstractmethod
    def begun(self, run: Run, seen: Seen) -> list[Frame]:
        """What is said before its frames."""

    @abstractmethod
    def told(self, run: Run, frames: list[Frame]) -> list[Frame]:
        """What is said of its frames."""

    @abstractmethod
    async def over(self, run: Run | None, seq: int) -> list[Frame]:
        """What is said behind its frames. None: it is forgotten. Its last event that was told is `seq`; it may have
        gone on since."""

    async def come(self) -> list[Frame]:
        if self._stream is None:
            return await self._begin()
        run, stream = self._run, self._stream
        assert run is not None
        try:
            frames = self.told(run, await stream.come())
        except NotFound:  # it was rolled back or removed
            self._leave()
            return await self.over(None, 0)
        if stream.ended:
            self._leave()
            return frames + await self.over(await self.find(run.id), stream.seq)
        self.waiting = stream.waiting
        return frames

    def on_news(self, call: Callable[[], None]) -> None:
        self._call = call
        self._unsubscribe = self._doors.feed.on_changes(self._look)

    def close(self) -> None:
        self._unsubscribe()
        if self._timer is not None:
            self._timer.cancel()
        if self._stream is not None:
            self._stream.close()

    async def find(self, run_id: str) -> Run | None:
        """None: there is no such run in this thread any more."""
        try:
            run = await self._doors.control.get(run_id, tenant=self._thread.tenant)
        except NotFound:
            return None
        return run if run.thread_id == self._thread.id else None

    def _look(self) -> None:
        """A run of any thread has changed, or it is time to see for ourselves."""
        if self._stream is None:
            self.waiting = True
        self._call()

    def _hear(self) -> None:
        self.waiting = True
        self._call()

    async def _begin(self) -> list[Frame]:
        found = await self.next()
        if found is None:
            self.waiting = False
            self._rest()
            return []
        self._run, seen = found
        self._stream = await self.open(self._run, seen)
        self._stream.on_news(self._hear)
        self.waiting = True
        return self.begun(self._run, seen)

    def _rest(self) -> None:
        self._doors.feed.keep_watching()
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(_LOOK_AGAIN, self._look)

    def _leave(self) -> None:
        if self._stream is not None:
            self._stream.close()
        self._run = self._stream = None
        self.waiting = True


def is_over(run: Run) -> bool:
    """It has ended, or waits for a person."""
    return run.status.finished or run.status is Status.INTERRUPTED


def _nothing() -> None: ...
