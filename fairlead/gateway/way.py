"""What the stack notes of a request while it passes: one for each call, made by `Gateway.complete`.

The request itself is a value. These few things change from wrapper to wrapper and from try to try, and to copy the
request for each of them cost as much as a fifth of the stack.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from fairlead.gateway.budget import UNLIMITED, Budget
from fairlead.gateway.cut import Cut
from fairlead.gateway.meter import Meter

if TYPE_CHECKING:
    from fairlead.gateway.bounds import Measure
    from fairlead.gateway.types import Attempt


class Way:
    """Written out: of a dataclass that makes some of its own values it takes twice as long to make one."""

    __slots__ = (
        "_cut", "budget", "candidates", "gate", "measure", "meter", "on_headers", "own", "provider", "tries",
    )  # fmt: skip

    def __init__(self, own: Budget | None = None, candidates: tuple[str, ...] = ()) -> None:
        self.own = own
        """The caller's own budget."""
        self._cut: Cut | None = None
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
        self.measure: Measure | None = None
        """Of the body, once it was measured: see `bounds`."""
        self.provider = ""
        """That is being asked, or waited for."""

    @property
    def cut(self) -> Cut:
        """What ends the call, for whatever reason of the stack: it is made once, by the task that makes the call."""
        if self._cut is None:
            self._cut = Cut()
        return self._cut

    @property
    def begun(self) -> bool:
        """Something is noted, of another call or of another time: the body may have changed since."""
        return self._cut is not None or self.measure is not None

    def begin(self, own: Budget | None) -> None:
        self.own, self._cut = own, Cut()
