"""What one call may spend of the shared budgets: all of them hold their part, or none does.

all are here      ──► held, in microseconds
one is not        ──► wait for each in the order of their ids ──► all count as sent ──► held
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Protocol

from fairlead.gateway.account import Account
from fairlead.gateway.budget import Hold
from fairlead.gateway.types import Caller


class Shelf(Protocol):
    """Where a purse finds its accounts."""

    def accounts(self, caller: Caller) -> Sequence[Account]:
        """Those of now, in the order of their ids: they change with the day, with a limit that somebody sets, and when
        a lease is lost."""
        ...

    async def ready(self, caller: Caller) -> None:
        """The caller's limits are known from here on; raises DatabaseUnavailable."""
        ...

    def nudge(self, account: Account) -> asyncio.Future[bool]: ...


class SharedPurse:
    """A `Budget` of all shared budgets that apply to one caller."""

    __slots__ = ("_caller", "_shelf")

    def __init__(self, shelf: Shelf, caller: Caller) -> None:
        self._shelf = shelf
        self._caller = caller

    @property
    def remaining_nano(self) -> int:
        return min((account.remaining for account in self._shelf.accounts(self._caller)), default=2**63 - 1)

    async def hold(self, bound_nano: int) -> Hold:
        accounts = self._shelf.accounts(self._caller)
        if _take_all(accounts, bound_nano):
            return SharedHold(accounts, bound_nano)
        await self._shelf.ready(self._caller)
        while not await self._take_each(accounts := self._shelf.accounts(self._caller), bound_nano):
            pass
        return SharedHold(accounts, bound_nano)

    async def _take_each(self, accounts: Sequence[Account], bound: int) -> bool:
        """False when a lease was lost meanwhile: nothing is held then."""
        taken: list[Account] = []
        held = False
        await self._fetch([account for account in accounts if bound > account.leased - account.used], bound)
        try:
            for account in accounts:
                if not account.take(bound) and not await account.wait(bound, sure=account is accounts[-1]):
                    return False
                taken.append(account)
            held = await self._cover(accounts, bound)
        finally:
            if not held:
                for account in taken:
                    account.give_back(bound, 0)
        return held

    async def _fetch(self, lacking: Sequence[Account], bound: int) -> None:
        """Ask for several at once rather than for one after the other. Nothing is held by that."""
        if len(lacking) > 1:
            sure = all(account.has_plenty(bound) for account in lacking)
            for account in lacking:
                account.hope(bound, sure=sure)
            await asyncio.gather(*(asyncio.shield(self._shelf.nudge(account)) for account in lacking))

    async def _cover(self, accounts: Sequence[Account], bound: int) -> bool:
        """A call is sent only when its money is spent should we die now."""
        bare = [account for account in accounts if not account.covered and not account.lost]
        for account in bare:
            account.cover(bound)
        if bare:  # shielded: others wait for the same exchange
            await asyncio.gather(*(asyncio.shield(self._shelf.nudge(account)) for account in bare))
        return not any(account.lost for account in accounts)


def _take_all(accounts: Sequence[Account], bound: int) -> bool:
    taken = 0
    for account in accounts:
        if not account.take(bound, sent=True):
            break
        taken += 1
    else:
        return bool(accounts)
    for account in accounts[:taken]:
        account.give_back(bound, 0)
    return False


class SharedHold:
    """Ended once; ending it again changes nothing."""

    __slots__ = ("_accounts", "_bound")

    def __init__(self, accounts: Sequence[Account], bound: int) -> None:
        self._accounts = accounts
        self._bound = bound

    def settle(self, actual_nano: int) -> None:
        accounts, self._accounts = self._accounts, ()
        for account in accounts:
            account.give_back(self._bound, actual_nano)

    def release(self) -> None:
        self.settle(0)
