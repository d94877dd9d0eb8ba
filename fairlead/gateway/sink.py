"""Where a streamed answer goes as it comes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable


class Sink:
    """Where a streamed answer goes as it comes.

    `on_delta` gets each piece of text for a reader; `on_events` gets events of the request's format, ready for the
    wire, and may make the provider wait for a slow reader.
    """

    __slots__ = ("_on_delta", "_on_events", "told")

    def __init__(
        self,
        on_delta: Callable[[str], None] | None = None,
        on_events: Callable[[bytes], Awaitable[None]] | None = None,
    ) -> None:
        self._on_delta = on_delta
        self._on_events = on_events
        self.told = False
        """A piece of the answer has gone to the caller: from here on no other try can answer unseen."""

    @property
    def wants_events(self) -> bool:
        return self._on_events is not None

    def delta(self, text: str) -> None:
        self.told = True
        if self._on_delta is not None:
            self._on_delta(text)

    async def events(self, data: bytes) -> None:
        self.told = True
        if self._on_events is not None:
            await self._on_events(data)
