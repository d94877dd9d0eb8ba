"""Money that may be spent: hold an upper bound before a call, settle what it really cost after it.

    free ──hold──► held ──settle(actual)──► spent
     ▲               │
     └───release─────┘

A budget refuses when the money is *spent*; while it is only *held*, callers wait for what comes back.
"""

from __future__ import annotations

import asyncio
from typing import Protocol

from fairlead.errors import BudgetExceededError

_NANO_PER_USD = 1_000_000_000


class Hold(Protocol):
    """Money set aside for one call. `settle` or `release` ends it; ending it again changes nothing."""

    def raise_to(self, nano: int) -> None:
        """Hold at least so much from now on, or raise BudgetExceededError."""
        ...

    def settle(self, actual_nano: int) -> None: ...

    def release(self) -> None: ...


class Budget(Protocol):
    def hold(self, bound_nano: int) -> Hold:
        """Hold so much at once, or raise BudgetExceededError."""
        ...

    async def hold_when_free(self, bound_nano: int) -> Hold:
        """Hold so much, waiting while money that others hold may come back; BudgetExceededError when it can't."""
        ...


class RunBudget:
    """A budget in memory, exact among all tasks of one event loop. It is not shared between processes."""

    def __init__(self, limit_nano: int, spent_nano: int = 0) -> None:
        self.limit_nano = limit_nano
        self.spent_nano = spent_nano
        self.held_nano = 0
        self._changed: asyncio.Future[None] | None = None

    @property
    def remaining_nano(self) -> int:
        """What is neither spent nor held; below 0 when a provider billed more than its bound."""
        return self.limit_nano - self.spent_nano - self.held_nano

    def hold(self, bound_nano: int) -> RunHold:
        if bound_nano > self.remaining_nano:
            raise self._refusal(bound_nano)
        self.held_nano += bound_nano
        return RunHold(self, bound_nano)

    async def hold_when_free(self, bound_nano: int) -> RunHold:
        while bound_nano > self.remaining_nano:
            if bound_nano > self.limit_nano - self.spent_nano:
                raise self._refusal(bound_nano)
            await self._change()
        return self.hold(bound_nano)

    async def _change(self) -> None:
        if self._changed is None:
            self._changed = asyncio.get_running_loop().create_future()
        # Shielded: the future is shared, and one cancelled waiter must not cancel the others.
        await asyncio.shield(self._changed)

    def give_back(self, held_nano: int, spent_nano: int) -> None:
        """End of a hold: so much is no longer held, so much of it is spent."""
        self.held_nano -= held_nano
        self.spent_nano += spent_nano
        waiting, self._changed = self._changed, None
        if waiting is not None and not waiting.done():
            waiting.set_result(None)

    def _refusal(self, bound_nano: int) -> BudgetExceededError:
        return BudgetExceededError(
            f"The budget of {_usd(self.limit_nano)} is used up: {_usd(self.spent_nano)} spent, "
            f"{_usd(self.held_nano)} held, and the next call may cost up to {_usd(bound_nano)}.",
            hint="Raise budget_usd, lower max_tokens, or shorten the conversation.",
        )


class RunHold:
    __slots__ = ("_budget", "_nano", "_open")

    def __init__(self, budget: RunBudget, nano: int) -> None:
        self._budget = budget
        self._nano = nano
        self._open = True

    def raise_to(self, nano: int) -> None:
        if self._open and nano > self._nano:
            self._budget.hold(nano - self._nano)
            self._nano = nano

    def settle(self, actual_nano: int) -> None:
        if self._open:
            self._open = False
            self._budget.give_back(self._nano, actual_nano)

    def release(self) -> None:
        self.settle(0)


def _usd(nano: int) -> str:
    return f"{nano / _NANO_PER_USD:.6f} USD"


class Unlimited:
    """For calls that belong to no budget. They are counted and told all the same."""

    def hold(self, bound_nano: int) -> Hold:
        return _NOT_HELD

    async def hold_when_free(self, bound_nano: int) -> Hold:
        return _NOT_HELD


class _NotHeld:
    def raise_to(self, nano: int) -> None:
        pass

    def settle(self, actual_nano: int) -> None:
        pass

    def release(self) -> None:
        pass


_NOT_HELD = _NotHeld()
