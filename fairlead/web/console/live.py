"""From events to fragments: one stream per page, each element at most four times a second, and only when it changed.

Main path: `broadcast` draws; here is what it sends, and how.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from starlette.responses import Response

from fairlead.errors import FairleadError
from fairlead.runs.run import Event
from fairlead.web.console.door import Delta


@dataclass(frozen=True, slots=True)
class Listed:
    """An element with rows, of which each is sent alone; `pieces` are other elements in it. `still` tells what the rest
    is drawn from: when that changes, or rows change places, it is sent as a `whole`. `into`: the element that holds the
    rows, and nothing else."""

    still: Hashable
    pieces: Mapping[str, str]
    rows: Mapping[str, str]
    into: str
    whole: Callable[[], str]


Parts = Mapping[str, str | Listed]  # element id → its HTML, whole
Draw = Callable[["list[Event | Delta]"], Awaitable[tuple[Parts, bool]]]


class Frames:
    """Turns parts into messages, leaving out what the browser already has."""

    def __init__(self) -> None:
        self._sent: dict[str, int] = {}
        self._listed: dict[str, Listed] = {}

    def changed(self, parts: Parts) -> str:
        """Partials for the elements that differ from what was sent last; empty when none does."""
        return "\n".join(one for name, part in parts.items() for one in self._changed(name, part))

    def _changed(self, name: str, part: str | Listed) -> Iterator[str]:
        if isinstance(part, Listed):
            before, self._listed[name] = self._listed.get(name), part
            if before is None or _moved(before, part):
                yield _partial(name, part.whole())
            else:
                yield from _of_list(before, part)
        elif self._sent.get(name) != hash(part):
            self._sent[name] = hash(part)
            yield _partial(name, part)


def partials(parts: Parts) -> str:
    """All of them."""
    return "\n".join(_partial(name, part.whole() if isinstance(part, Listed) else part) for name, part in parts.items())


def _moved(before: Listed, now: Listed) -> bool:
    """Whether more has changed than some rows, and which there are."""
    kept = [name for name in now.rows if name in before.rows]
    return before.still != now.still or not kept or kept != [name for name in before.rows if name in now.rows]


def _of_list(before: Listed, now: Listed) -> Iterator[str]:
    for name in before.rows:
        if name not in now.rows:
            yield _partial(name, "", swap="delete")
    for name, html in now.pieces.items():
        if before.pieces.get(name, html) != html:
            yield _partial(name, html)
    target, swap, fresh = now.into, "afterbegin", list[str]()
    for name, html in now.rows.items():
        if name not in before.rows:
            fresh.append(html)
            continue
        if fresh:
            yield _partial(target, "".join(fresh), swap=swap)
            fresh.clear()
        if before.rows[name] != html:
            yield _partial(name, html)
        target, swap = name, "afterend"
    if fresh:
        yield _partial(now.into, "".join(fresh), swap="beforeend")


def _partial(name: str, html: str, *, swap: str = "outerMorph") -> str:
    return f'<hx-partial hx-target="#{name}" hx-swap="{swap}">{html}</hx-partial>'


def message(data: str, *, event: str = "", number: int | None = None) -> bytes:
    """One server-sent event; a line break in the data becomes another `data:` line."""
    lines = [f"event: {event}"] if event else []
    lines += [f"id: {number}"] if number is not None else []
    lines += [f"data: {line}" for line in data.replace("\r", "\n").split("\n")]
    return ("\n".join(lines) + "\n\n").encode()


class Inbox:
    """Everything that happened since it was last emptied."""

    def __init__(self, happenings: AsyncIterator[Event | Delta]) -> None:
        self._items: list[Event | Delta] = []
        self._ready = asyncio.Event()
        self._over = False
        self._task = asyncio.create_task(self._listen(happenings))

    async def _listen(self, happenings: AsyncIterator[Event | Delta]) -> None:
        with contextlib.suppress(FairleadError):
            async for one in happenings:
                self._items.append(one)
                self._ready.set()

    async def take(self, at_most: timedelta) -> list[Event | Delta]:
        """What has come; nothing after `at_most`."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(at_most.total_seconds()):
                await self._ready.wait()
        taken, self._items = self._items, []
        self._ready.clear()
        return taken

    def wake(self) -> None:
        """Let whoever waits for what comes go on with what there is."""
        self._ready.set()

    async def aclose(self) -> None:
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task


Watch = Callable[[Callable[[], object]], AbstractContextManager[None]]
"""While it is entered, what it is given is called when the reader may come in no more."""


def _unwatched(turn_out: Callable[[], object]) -> AbstractContextManager[None]:
    return contextlib.nullcontext()


class EventStream(Response):
    """Raw ASGI: a framework's streaming response costs three times the memory for each open page."""

    def __init__(self, messages: AsyncIterator[bytes], headers: Mapping[str, str]) -> None:
        super().__init__(headers=dict(headers))
        self._messages = messages
        self.raw_headers = [pair for pair in self.raw_headers if pair[0] not in (b"content-length", b"content-type")]
        self.raw_headers += [(b"content-type", b"text/event-stream; charset=utf-8"), (b"x-accel-buffering", b"no")]

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        gone = asyncio.create_task(_gone(receive))
        sending = asyncio.create_task(self._send_all(send))
        watch: Watch = scope.get("state", {}).get("watch", _unwatched)
        with watch(gone.cancel):
            await asyncio.wait({gone, sending}, return_when=asyncio.FIRST_COMPLETED)
        for task in (gone, sending):
            task.cancel()
        await asyncio.gather(gone, sending, return_exceptions=True)

    async def _send_all(self, send: Any) -> None:
        messages = self._messages
        try:
            async for data in messages:
                await send({"type": "http.response.body", "body": data, "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            close = getattr(messages, "aclose", None)
            if close is not None:
                await close()


async def _gone(receive: Any) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
