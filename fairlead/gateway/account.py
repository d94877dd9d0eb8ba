"""One budget's money as this process has it: holds are taken from what is leased, without asking anybody.

    the budget   ├── spent ──┬── leased by others ──┬── leased by us ─────────────────────┬── free ──┤
    leased by us                                    ├── used: held + not yet reported ─┬── ours to hold ──┤
                                                    ├── sent: charged if we die ───────────┬── only held ─┤

`ask` says what we have and want; `answered` hears what came of it. Between the two, money that `ask` gave back is
nobody's here. A call may be sent when all that is used lies within what is sent: see `covered`.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from fairlead.errors import BudgetExceededError
from fairlead.gateway.allowance import Period, Place

_NEVER = 2**62
_SHARE = 100  # of what is free, leased ahead; with what is left of the last one never above a fiftieth
_QUIET = 4  # looks without a hold, a quarter of a second apart, until what is left goes back
_LONG_QUIET = 240  # looks until a process forgets the account
_NANO_PER_USD = 1_000_000_000
_USED_UP = 0.9  # a refusal at this share of the limit says that the budget is used up
WARNINGS = (50, 80, 100)


class Ask(NamedTuple):
    """A row of `budget_exchange.sql`."""

    account: str
    turn: int
    spent: int  # by this lease, from its beginning
    have: int  # leased and kept
    sent: int  # of that, charged if we die
    send: int  # 1: what is granted is sent at once
    head: int  # the least that helps the first waiting call
    need: int  # what all waiting calls need
    ahead: int  # lease ahead where that is at least so much; 0: don't
    waiting: int
    rule_tenant: str
    rule_scope: str
    cap: int


@dataclass(frozen=True, slots=True)
class Answer:
    """A row of `budget_answer.sql`: the whole budget as it stood then."""

    granted: int
    sent: int
    limit: int
    spent: int
    leased: int
    others: int  # processes in which calls wait
    warned: int

    @property
    def free(self) -> int:
        return self.limit - self.spent - self.leased


class _Waiter:
    __slots__ = ("asked", "bound", "future", "sure")

    def __init__(self, bound: int, *, sure: bool) -> None:
        self.bound = bound
        self.sure = sure
        self.future: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        """True: held. False: the lease was lost, begin anew."""
        self.asked = False  # for it: an answer from before it came says nothing about it


class Account:
    """`nudge` asks for an exchange soon. Everything here happens on one event loop, without a wait in between."""

    __slots__ = (
        "_covering", "_hoped", "_nudge", "_nudge_at", "_quiet", "_seen", "_slice", "_sure", "bound", "held", "known",
        "leased", "lost", "opened", "place", "reported", "returning", "sent", "spent", "taken", "unsure", "waiters",
        "wanted",
    )  # fmt: skip

    def __init__(self, place: Place, nudge: Callable[[Account], object]) -> None:
        self.place = place
        self.leased = self.sent = self.held = self.spent = self.reported = 0
        self.bound = 1  # the largest so far
        self.taken = 0  # holds so far
        self.opened = self.lost = self.returning = False
        self.unsure = False  # the database may or may not have heard what we said last
        self.wanted = False  # calls of other processes wait
        self.waiters: deque[_Waiter] = deque()
        self.known: Answer | None = None
        self._nudge = nudge
        self._nudge_at = _NEVER
        self._slice = 0
        self._covering = 0  # held by calls that want to be sent
        self._hoped = 0
        self._sure = True  # of what is hoped for
        self._seen = self._quiet = 0

    @property
    def used(self) -> int:
        return self.held + self.spent - self.reported

    @property
    def covered(self) -> bool:
        """What is used would be charged if we died now: so a call may be sent."""
        return self.held + self.spent - self.reported <= self.sent

    @property
    def spent_by_all(self) -> int:
        """What all processes had spent when we asked last, and what we have since."""
        return (0 if self.known is None else self.known.spent) + self.spent - self.reported

    @property
    def remaining(self) -> int:
        """About what may still be spent: what is free here, and what is free for all as far as we know."""
        known = self.place.nano if self.known is None else max(self.known.free, 0)
        return known + max(self.leased - self.used, 0)

    # -- holding

    def take(self, bound: int, *, sent: bool = False) -> bool:
        """Hold so much if it is here; `sent`: if a call that holds it may be sent at once, see `covered`."""
        used = self.held + self.spent - self.reported + bound
        if used > self.leased or (sent and used > self.sent) or self.waiters:
            return False
        self.held += bound
        self.taken += 1
        if bound > self.bound:
            self.bound = bound
        if used > self._nudge_at:
            self._nudge_at = _NEVER
            self._nudge(self)
        return True

    async def wait(self, bound: int, *, sure: bool) -> bool:
        """Hold so much when it comes, first come, first served. `sure`: the call will then be sent at once.

        False when the lease was lost meanwhile. Raises BudgetExceededError when it can never come.
        """
        waiter = _Waiter(bound, sure=sure)
        self.waiters.append(waiter)
        self.bound = max(self.bound, bound)
        self._nudge(self)
        try:
            return await waiter.future
        except asyncio.CancelledError:
            self._leave(waiter)
            raise

    def _leave(self, waiter: _Waiter) -> None:
        if waiter in self.waiters:
            self.waiters.remove(waiter)
            self._serve()  # whoever stood behind it may ask for less
        elif _was_served(waiter.future):
            self.give_back(waiter.bound, 0)

    def give_back(self, bound: int, actual: int) -> None:
        """End of a hold: so much of it is spent."""
        self.held -= bound
        self.spent += actual
        if self.waiters:
            self._serve()
        elif self.wanted:
            self.returning = True
            self._nudge(self)

    def hope(self, bound: int, *, sure: bool) -> None:
        """A call that needs this budget and others will come for so much: have it here when it does. `sure`: then
        nothing will keep it from being sent, as far as we know."""
        if not self.waiters:
            self._hoped += bound
            self._sure = self._sure and sure

    def has_plenty(self, bound: int) -> bool:
        """So many calls like this one were free when we asked last that one lost to a crash is nothing."""
        return self.known is not None and self.known.free >= bound * _SHARE

    def cover(self, bound: int) -> None:
        """With the next exchange, so much more of what is held counts as sent."""
        self._covering += bound

    def _serve(self) -> None:
        while self.waiters and (self.waiters[0].future.done() or self._fits(self.waiters[0].bound)):
            waiter = self.waiters.popleft()
            if not waiter.future.done():
                self.held += waiter.bound
                self.taken += 1
                waiter.future.set_result(True)
        if self.waiters and self._impossible(self.waiters[0].bound):
            self._nudge(self)  # by what we knew last: ask before anybody is refused

    def _fits(self, bound: int) -> bool:
        return self.used + bound <= self.leased

    def _impossible(self, bound: int) -> bool:
        """More than can ever come back, even if all that is held here and elsewhere did."""
        return self.known is not None and bound > self.known.limit - self.spent_by_all

    # -- exchanging

    def ask(self, turn: int) -> Ask:
        """What to tell the database, and from now on what we have."""
        self.waiters = deque(waiter for waiter in self.waiters if not waiter.future.done())
        for waiter in self.waiters:
            waiter.asked = True
        fresh = self.spent - self.reported
        keep = max(self.leased - fresh, self.held)
        have = self.held if self.waiters or self.returning else keep
        certain = min(max(self.sent - fresh, 0), have)
        # Below what is held only when a provider billed more than its bound: then all that is left has been sent.
        all_of_it = self.leased - fresh < self.held or self._runs_low()
        sent = have if all_of_it else min(certain + self._covering, have)
        ahead = not (self.wanted or self.returning) and have - self.held < max(self._slice // 2, self.bound)
        hoped = 0 if self.wanted else self._hoped
        send = bool(self.waiters or hoped) and self._sure and all(waiter.sure for waiter in self.waiters)
        self.leased, self.reported, self.sent = have, self.spent, certain
        self._covering = self._hoped = 0
        self._sure, self.returning = True, False
        rule = self.place.limit
        bounds = [waiter.bound for waiter in self.waiters]
        return Ask(
            self.place.id, turn, self.spent, have, sent, int(send), bounds[0] if bounds else hoped,
            sum(bounds) + hoped,
            self.bound if ahead else 0, int(bool(bounds)), rule.tenant, rule.scope, self.place.nano,
        )  # fmt: skip

    def answered(self, answer: Answer) -> list[int]:
        """Take what was granted, serve who waits, refuse who can't be served; answers the warnings that are due."""
        self.known, self.unsure = answer, False
        self.leased += answer.granted
        self.sent = answer.sent
        self.wanted = answer.others > 0
        self._slice = max(answer.free, 0) // _SHARE
        self._serve()
        refused = self._refuse()
        worth = self._slice >= self.bound and not self.wanted  # else each call asks for itself
        least = min(self.leased - self._slice // 2, self.sent - self._slice // 4)
        self._nudge_at = least if worth else _NEVER
        return self._due_warnings(answer, refused=refused)

    def _runs_low(self) -> bool:
        """Soon a call would have to wait until what is leased ahead counts as sent."""
        return self._slice >= self.bound and self.sent - self.used < self._slice // 4

    def failed(self, error: Exception) -> None:
        """The database could not be asked: nor can those who wait."""
        waiters, self.waiters = self.waiters, deque()
        for waiter in waiters:
            if not waiter.future.done():
                waiter.future.set_exception(error)
        self._nudge_at = _NEVER
        self.unsure = True

    def lose(self) -> None:
        """Our lease is not ours any more: what it had sent is charged. Who waits begins anew elsewhere."""
        self.lost = True
        self.leased = self.sent = 0
        self.let_through()

    def let_through(self) -> None:
        """Nothing limits this any more: who waits looks anew."""
        waiters, self.waiters = self.waiters, deque()
        for waiter in waiters:
            if not waiter.future.done():
                waiter.future.set_result(False)

    def look(self) -> bool:
        """Called four times a second: whether there is something to exchange."""
        self._quiet = 0 if self.taken != self._seen else self._quiet + 1
        self._seen = self.taken
        if self.waiters:
            return True
        if self._quiet >= _QUIET or self.wanted:
            self.returning = self.leased > self.used
        return self.returning or self.unsure or self.spent > self.reported

    @property
    def hungry(self) -> bool:
        """Calls wait, and there is money for the first of them: others were to have some of it too."""
        return bool(self.waiters) and self.known is not None and self.known.free >= self.waiters[0].bound

    @property
    def idle(self) -> bool:
        """Nothing is held, leased or waited for, and has not been for a minute."""
        return self._quiet > _LONG_QUIET and not (self.used or self.leased or self.waiters or self.unsure)

    def _refuse(self) -> bool:
        refused = False
        waiters, self.waiters = self.waiters, deque()
        for waiter in waiters:
            if waiter.future.done():
                continue
            if waiter.asked and self._impossible(waiter.bound):
                waiter.future.set_exception(self._refusal(waiter.bound))
                refused = True
            else:
                self.waiters.append(waiter)
        if refused:
            self._serve()
        return refused

    def _due_warnings(self, answer: Answer, *, refused: bool) -> list[int]:
        share = self.spent_by_all / answer.limit if answer.limit else 1.0
        passed = 100 if refused and share >= _USED_UP else int(share * 100)
        return [percent for percent in WARNINGS if answer.warned < percent <= passed]

    def _refusal(self, bound: int) -> BudgetExceededError:
        known, place = self.known, self.place
        assert known is not None
        until = "" if place.period is Period.TOTAL else f" A new {place.period} begins at 00:00 UTC."
        return BudgetExceededError(
            f"The budget of {name_of(place)} is used up: of {_usd(known.limit)} {_usd(known.spent)} are spent and "
            f"{_usd(known.leased)} held, and the next call may cost up to {_usd(bound)}.",
            hint=f"Raise it with `fairlead budgets set {place.scope} USD --per {place.period}`, or lower max_tokens."
            + until,
        )


def _was_served(future: asyncio.Future[bool]) -> bool:
    return future.done() and not future.cancelled() and future.exception() is None and future.result()


def name_of(place: Place) -> str:
    whose = f"tenant {place.tenant}" if place.scope == "all" else place.scope
    return f"{whose} (in all)" if place.period is Period.TOTAL else f"{whose} for this {place.period}"


def _usd(nano: int) -> str:
    return f"{nano / _NANO_PER_USD:.6f} USD"
