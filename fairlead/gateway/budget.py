"""The door to money that may be spent: hold an upper bound before a call, settle what it really cost after it.

    free ──hold──► held ──settle(actual)──► spent
     ▲               │
     └───release─────┘

A budget refuses when the money is *spent*; while it is only *held*, callers wait for what comes back.
"""

from __future__ import annotations

from typing import Protocol


class Hold(Protocol):
    """Money set aside for one try. `settle` or `release` ends it; ending it again changes nothing."""

    def settle(self, actual_nano: int) -> None:
        """So much of it was spent: less than was held or, where a provider billed more than its bound, more."""
        ...

    def release(self) -> None:
        """Nothing was sent: all of it is free again."""
        ...


class Budget(Protocol):
    @property
    def remaining_nano(self) -> int:
        """About what may still be spent, in nano-dollars: what a decision goes by, not a promise."""
        ...

    async def hold(self, bound_nano: int) -> Hold:
        """Hold so much, waiting while money that others hold may come back; BudgetExceededError when it can't."""
        ...


class Unlimited:
    """For calls that belong to no budget. They are counted and told all the same."""

    remaining_nano = 2**63 - 1

    async def hold(self, bound_nano: int) -> Hold:
        return _NOT_HELD


class _NotHeld:
    def settle(self, actual_nano: int) -> None:
        pass

    def release(self) -> None:
        pass


_NOT_HELD = _NotHeld()
UNLIMITED = Unlimited()
