"""Bugs planted on purpose. A battery that does not catch them proves nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from fairlead.database import Query
from fairlead.errors import BudgetExceededError
from fairlead.gateway.account import Account
from fairlead.gateway.budget import Budget, Hold, Unlimited
from fairlead.gateway.shared import SharedHold, SharedPurse


@dataclass(frozen=True, slots=True)
class Bug:
    what: str
    kills: bool  # what it breaks shows only when processes die


BUGS = {
    "no_hold": Bug("what is spent is looked at before a call, and nothing is held for it", kills=False),
    "freed_on_death": Bug("what a dead process had sent is freed", kills=True),
    "refuse_while_held": Bug("callers are refused while money is only held", kills=False),
    "double_settle": Bug("what a call cost is settled twice", kills=False),
}


def queries_with(bug: str, queries: dict[str, Query]) -> dict[str, Query]:
    if bug != "freed_on_death":
        return queries
    charge = queries["budget_charge"]
    forgetful = replace(charge, statements=tuple(_forget(text) for text in charge.statements))
    if forgetful == charge:
        raise RuntimeError("`budget_charge` has changed; this bug must be planted anew.")
    return {**queries, "budget_charge": forgetful}


def _forget(text: str) -> str:
    return text.replace(" + l.sent_nano", "").replace(" + gone.sent_nano", "")


def purse_with(bug: str, purse: Budget) -> Budget:
    match bug:
        case "no_hold":
            return NoHold(purse)
        case "refuse_while_held":
            return Impatient(purse)
        case "double_settle":
            return SettlesTwice(purse)
        case _:
            return purse


class NoHold:
    """As gateways do that look at a counter first and add to it afterwards."""

    def __init__(self, purse: Budget) -> None:
        self._purse = purse

    @property
    def remaining_nano(self) -> int:
        return self._purse.remaining_nano

    async def hold(self, bound_nano: int) -> Hold:
        if self.remaining_nano < bound_nano:
            raise BudgetExceededError("It is used up.")
        return _Later(self._purse, await Unlimited().hold(bound_nano))


class _Later:
    def __init__(self, purse: Budget, hold: Hold) -> None:
        self._purse = purse
        self._hold = hold

    def settle(self, actual_nano: int) -> None:
        assert isinstance(self._purse, SharedPurse)
        for account in accounts_of(self._purse):
            account.spent += actual_nano

    def release(self) -> None:
        self._hold.release()


class Impatient:
    def __init__(self, purse: Budget) -> None:
        self._purse = purse

    @property
    def remaining_nano(self) -> int:
        return self._purse.remaining_nano

    async def hold(self, bound_nano: int) -> Hold:
        assert isinstance(self._purse, SharedPurse)
        for account in accounts_of(self._purse):
            account.__class__ = ImpatientAccount
        return await self._purse.hold(bound_nano)


class ImpatientAccount(Account):
    """Takes what is held for spent."""

    __slots__ = ()

    def _impossible(self, bound: int) -> bool:
        return self.known is not None and bound > self.known.free + self.leased - self.used


class SettlesTwice:
    def __init__(self, purse: Budget) -> None:
        self._purse = purse

    @property
    def remaining_nano(self) -> int:
        return self._purse.remaining_nano

    async def hold(self, bound_nano: int) -> Hold:
        assert isinstance(self._purse, SharedPurse)
        await self._purse.hold(bound_nano)
        return _Twice(accounts_of(self._purse), bound_nano)


class _Twice:
    def __init__(self, accounts: Sequence[Account], bound: int) -> None:
        self._accounts = accounts
        self._bound = bound

    def settle(self, actual_nano: int) -> None:
        for account in self._accounts:
            account.give_back(self._bound, actual_nano)
            account.give_back(0, actual_nano)

    def release(self) -> None:
        SharedHold(self._accounts, self._bound).release()


def accounts_of(purse: SharedPurse) -> Sequence[Account]:
    return purse._shelf.accounts()  # pyright: ignore[reportPrivateUsage] a planted bug knows the inside
