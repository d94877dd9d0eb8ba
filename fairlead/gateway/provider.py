"""The door to a model provider: one method that answers. Everything else is about letting go of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from typing import Protocol

from fairlead.gateway.types import Format, ModelReply, ModelRequest

# The one shape of everything in the stack: a provider's method, and each wrapper around it. A wrapper that has nothing
# to do after the call answers with the inner one's awaitable: a coroutine of its own would only hand it on.
Complete = Callable[[ModelRequest], Awaitable[ModelReply]]


class Provider(Protocol):
    """Answers a request or raises a ModelError.

    It gives up after `request.timeout`, lets go of the wire at once when cancelled, tells `request.meter` what it
    used, never presents half an answer as a whole one, and never puts a key into a message.
    """

    @property
    def name(self) -> str: ...

    @property
    def formats(self) -> Collection[Format]:
        """The formats it answers in. It is asked in no other."""
        ...

    @property
    def cap_name(self) -> str:
        """What it calls the limit on an answer in chat completions."""
        ...

    @property
    def ready(self) -> bool:
        """It has the key that it needs. Says nothing of whether anybody listens."""
        ...

    async def complete(self, request: ModelRequest) -> ModelReply: ...

    async def aclose(self) -> None: ...
