"""Agents as other protocols offer them: start a run for a caller, follow it in the protocol's own words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from fairlead.errors import FairleadError
from fairlead.runs.following import Delta
from fairlead.runs.run import Event, NewRun, Run
from fairlead.web.api.call import Call
from fairlead.web.api.doors import Doors
from fairlead.web.api.frame import Frame
from fairlead.web.asking import asker_of


class Telling(Protocol):
    """A run in the words of a protocol."""

    def of_event(self, event: Event) -> Sequence[Any]: ...

    async def ended(self, run: Run) -> Sequence[Any]: ...

    def failed(self, error: FairleadError) -> Any:
        """The last that is told when the run can't be followed any further."""
        ...


async def start(
    doors: Doors, call: Call, assistant: str, input: Any, *, thread_id: str | None = None,
    metadata: dict[str, Any] | None = None, key: str | None = None,
) -> tuple[Run, bool]:  # fmt: skip
    """Raises `UnknownAgent`, `InvalidInput`, `Conflict`, `QueueFull`, `RateLimitError`."""
    agent, assignment = await doors.assistants.assign(assistant, tenant=call.tenant)
    caller = call.visit.caller
    new = NewRun(
        agent, input, assignment=assignment, tenant=call.tenant, release=doors.release, metadata=metadata or {},
        idempotency_key=key, user=caller.user, asker=asker_of(caller), thread_id=thread_id,
    )  # fmt: skip
    call.visit.room = await doors.rate.take(caller)
    return await doors.control.submit(new, watch=True)


class RunFrames:
    """A source of an event stream: what a run does, told by `telling`, and how it ended."""

    def __init__(self, doors: Doors, run: Run, telling: Telling, first: Sequence[Any] = (), *, after: int = 0) -> None:
        self._doors = doors
        self._run = run
        self._telling = telling
        self._first = list(first)
        self._follower = doors.feed.follower(run.id, tenant=run.tenant, after=after)
        self.ended = False

    async def come(self) -> list[Frame]:
        told, self._first = self._first, []
        try:
            for one in await self._follower.come():
                if not isinstance(one, Delta):
                    told += self._telling.of_event(one)
            if self._follower.ended:
                run = await self._doors.control.get(self._run.id, tenant=self._run.tenant)
                told += await self._telling.ended(run)
                self.ended = True
        except FairleadError as error:
            told.append(self._telling.failed(error))
            self.ended = True
        return [Frame("message", one) for one in told]

    @property
    def waiting(self) -> bool:
        return bool(self._first) or self._follower.waiting

    def on_news(self, call: Callable[[], None]) -> None:
        self._follower.on_news = call

    def close(self) -> None:
        self._follower.close()
