"""What the stack notes of a request while it passes: one for each call, made by `Gateway.complete`.

The request itself is a value. These few things change from wrapper to wrapper and from try to try, and to copy the
request for each of them cost as much as a fifth of the stack.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from fairlead.gateway.budget import UNLIMITED, Budget
from fairlead.gateway.meter import Meter

if TYPE_CHECKING:
    from fairlead.gateway.types import Attempt


@dataclass(slots=True)
class Way:
    own: Budget | None = None
    """The caller's own budget."""
    task: asyncio.Task[Any] | None = None
    """That makes the call, where it is known: to ask for it takes half a microsecond."""
    budget: Budget = UNLIMITED
    """All that apply, the own one among them: made anew when a call that could not be asked is made again."""
    meter: Meter = field(default_factory=Meter)
    """Of the try that is under way."""
    tries: list[Attempt] = field(default_factory=list["Attempt"])
    """What has been tried so far, failed and cut tries too."""
    candidates: tuple[str, ...] = ()
    """Models that may still answer when this one can't."""
    gate: Callable[[], None] | None = None
    """Asked in the moment of sending, after all waits; may raise."""
    on_headers: Callable[[Mapping[str, str]], None] | None = None
    """Told the headers of every answer, also of refusals."""
    size: int = 0
    """Bytes of the body's input, once they have been counted; 0 before."""
    most_out: int = 0
    """Tokens that the whole answer may have at most, once that was worked out; 0 before."""
