"""Where a streamed answer goes as it comes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

OnData = Callable[[Sequence[bytes]], Awaitable[None]]


class Sink:
    """`on_delta` gets each piece of text for a reader. `on_data` gets the data of events in the request's format, as
    they are, several at a time; it may make the provider wait for a slow reader."""

    __slots__ = ("_on_data", "_on_delta", "told")

    def __init__(self, on_delta: Callable[[str], None] | None = None, on_data: OnData | None = None) -> None:
        self._on_delta = on_delta
        self._on_data = on_data
        self.told = False
        """A piece of the answer has gone to the caller: from here on no other try can answer unseen."""

    @property
    def wants_data(self) -> bool:
        return self._on_data is not None

    def delta(self, text: str) -> None:
        self.told = True
        if self._on_delta is not None:
            self._on_delta(text)

    async def data(self, events: Sequence[bytes]) -> None:
        if self._on_data is not None:
            self.told = True
            await self._on_data(events)
