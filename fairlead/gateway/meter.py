"""What one try has used, as far as is known at any moment."""

from __future__ import annotations

from datetime import timedelta

from fairlead.gateway.usage import NOTHING, Usage, estimated_tokens


class Meter:
    """What one try has used, whatever becomes of it: answered, cut, timed out or cancelled.

    A provider says `begin` just before it sends, `saw` for what arrives, and in the end `settle` (the true usage)
    or `free` (the provider refused and bills nothing). Said neither, the expectation stands and is charged.
    """

    __slots__ = ("_expected", "_most_out", "_seen", "_settled", "first_token", "sent")

    def __init__(self) -> None:
        self.sent = False
        self.first_token: timedelta | None = None  # after so long the first text of a stream came
        self._expected: Usage | None = None
        self._settled: Usage | None = None
        self._most_out = 0
        self._seen = 0

    def begin(self, expected: Usage, *, most_out: int) -> None:
        """The try is about to be sent. `expected` is charged if we never learn more; `most_out` bounds the estimate."""
        self.sent = True
        self._expected, self._most_out, self._settled = expected, most_out, None

    def saw(self, size: int) -> None:
        """So many more bytes of the answer's text have come."""
        self._seen += size

    def settle(self, usage: Usage) -> None:
        self._settled = usage

    def free(self) -> None:
        self._settled = NOTHING

    @property
    def used(self) -> Usage:
        if self._settled is not None:
            return self._settled
        if self._expected is None:
            return NOTHING
        out = min(self._expected.tokens_out + estimated_tokens(self._seen), self._most_out)
        return Usage(self._expected.tokens_in, out, estimated=True)
