"""What the stack notes of a request while it passes: one for each call, made by `Gateway.complete`.

The request itself is a value. These few things change from wrapper to wrapper and from try to try, and to copy the
request for each of them cost as much as a fifth of the stack.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from fairlead.gateway.budget import UNLIMITED, Budget
from fairlead.gateway.meter import Meter

if TYPE_CHECKING:
    from fairlead.gateway.types import Attempt


class Way:
    """Written out: of a dataclass that makes some of its own values it takes twice as long to make one."""

    __slots__ = (
        "budget", "candidates", "gate", "meter", "most_out", "on_headers", "own", "size", "task", "tries",
    )  # fmt: skip

    def __init__(
        self, own: Budget | None = None, task: asyncio.Task[Any] | None = None, candidates: tuple[str, ...] = ()
    ) -> None:
        self.own = own
        """The caller's own budget."""
        self.task = task
        """That makes the call, where it is known: to ask for it takes half a microsecond."""
        self.budget: Budget = UNLIMITED
        """All that apply, the own one among them: made anew when a call that could not be asked is made again."""
        self.meter = Meter()
        """Of the try that is under way."""
        self.tries: list[Attempt] = []
        """What has been tried so far, failed and cut tries too."""
        self.candidates = candidates
        """Models that may still answer when this one can't."""
        self.gate: Callable[[], None] | None = None
        """Asked in the moment of sending, after all waits; may raise."""
        self.on_headers: Callable[[Mapping[str, str]], None] | None = None
        """Told the headers of every answer, also of refusals."""
        self.size = 0
        """Bytes of the body's input, once they have been counted; 0 before."""
        self.most_out = 0
        """Tokens that the whole answer may have at most, once that was worked out; 0 before."""

    @property
    def begun(self) -> bool:
        """Something is noted, of another call or of another time: the body may have changed since."""
        return self.task is not None or self.size > 0 or self.most_out > 0
