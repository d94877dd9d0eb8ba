"""Several budgets that one call must keep to: each holds its part, or none does."""

from __future__ import annotations

from collections.abc import Sequence

from fairlead.gateway.budget import Budget, Hold


class Purse:
    """Budgets in an order that all callers share (by id), so that two calls never wait for each other."""

    __slots__ = ("_budgets",)

    def __init__(self, budgets: Sequence[Budget]) -> None:
        self._budgets = budgets

    @property
    def remaining_nano(self) -> int:
        return min(budget.remaining_nano for budget in self._budgets)

    async def hold(self, bound_nano: int) -> Hold:
        holds: list[Hold] = []
        try:
            for budget in self._budgets:
                holds.append(await budget.hold(bound_nano))
        except BaseException:
            for hold in holds:
                hold.release()
            raise
        return _Holds(holds)


class _Holds:
    __slots__ = ("_holds",)

    def __init__(self, holds: list[Hold]) -> None:
        self._holds = holds

    def settle(self, actual_nano: int) -> None:
        for hold in self._holds:
            hold.settle(actual_nano)

    def release(self) -> None:
        for hold in self._holds:
            hold.release()
