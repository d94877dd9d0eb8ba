"""The budget of one run: in memory, because one worker holds the run and its journal knows what was spent."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from fairlead.errors import BudgetExceededError

_NANO_PER_USD = 1_000_000_000
WARNINGS = (100, 80, 50)  # percent


class RunBudget:
    """A budget in memory, exact among all tasks of one event loop. It is not shared between processes. `warn` is told
    once for each of 50, 80 and 100 percent, but for what was spent before."""

    def __init__(self, limit_nano: int, spent_nano: int = 0, *, warn: Callable[[int], None] | None = None) -> None:
        self._warn = warn
        self._told = _passed(spent_nano, limit_nano)
        self.limit_nano = limit_nano
        self.spent_nano = spent_nano
        self.held_nano = 0
        self._changed: asyncio.Future[None] | None = None

    @property
    def remaining_nano(self) -> int:
        """What is neither spent nor held; below 0 when a provider billed more than its bound."""
        return self.limit_nano - self.spent_nano - self.held_nano

    async def hold(self, bound_nano: int) -> RunHold:
        while bound_nano > self.remaining_nano:
            if bound_nano > self.limit_nano - self.spent_nano:
                raise self._refusal(bound_nano)
            await self._change()
        return self.hold_now(bound_nano)

    def hold_now(self, bound_nano: int) -> RunHold:
        """Hold so much at once, or raise BudgetExceededError."""
        if bound_nano > self.remaining_nano:
            raise self._refusal(bound_nano)
        self.held_nano += bound_nano
        return RunHold(self, bound_nano)

    async def _change(self) -> None:
        if self._changed is None:
            self._changed = asyncio.get_running_loop().create_future()
        # Shielded: the future is shared, and one cancelled waiter must not cancel the others.
        await asyncio.shield(self._changed)

    def give_back(self, held_nano: int, spent_nano: int) -> None:
        """End of a hold: so much is no longer held, so much of it is spent."""
        self.held_nano -= held_nano
        self.spent_nano += spent_nano
        self._look_for_warning()
        waiting, self._changed = self._changed, None
        if waiting is not None and not waiting.done():
            waiting.set_result(None)

    def _look_for_warning(self) -> None:
        passed = _passed(self.spent_nano, self.limit_nano)
        if passed > self._told and self._warn is not None:
            self._warn(passed)
        self._told = max(self._told, passed)

    def _refusal(self, bound_nano: int) -> BudgetExceededError:
        return BudgetExceededError(
            f"The budget of {_usd(self.limit_nano)} is used up: {_usd(self.spent_nano)} spent, "
            f"{_usd(self.held_nano)} held, and the next call may cost up to {_usd(bound_nano)}.",
            hint="Raise budget_usd, lower max_tokens, or shorten the conversation.",
        )


def _passed(spent: int, limit: int) -> int:
    """The highest of the warnings that so much spent has earned, in percent; 0 for none."""
    return next((percent for percent in WARNINGS if limit and spent * 100 >= percent * limit), 0)


class RunHold:
    __slots__ = ("_budget", "_nano", "_open")

    def __init__(self, budget: RunBudget, nano: int) -> None:
        self._budget = budget
        self._nano = nano
        self._open = True

    def settle(self, actual_nano: int) -> None:
        if self._open:
            self._open = False
            self._budget.give_back(self._nano, actual_nano)

    def release(self) -> None:
        self.settle(0)


def _usd(nano: int) -> str:
    return f"{nano / _NANO_PER_USD:.6f} USD"
