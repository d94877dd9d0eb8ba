"""Budgets shared by all processes: exact whatever crashes, and held in memory while a call is on the wire.

purse(caller) ──► hold: from what this process has leased (`account.py`), else from the database (`leasing.py`)
set · remove  ──► a row; every process goes by it with its next exchange, and hears of it within two seconds
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from fairlead.clock import Clock, from_micros
from fairlead.config import BudgetSettings
from fairlead.database import Call, Database, Query, Row
from fairlead.errors import DatabaseUnavailable, InvalidInput, NotFound
from fairlead.gateway.account import Account
from fairlead.gateway.allowance import ALL, ANY, Allowance, Limit, Period, bounds_of, checked_scope, each_of
from fairlead.gateway.budget import Budget
from fairlead.gateway.leasing import Leasing
from fairlead.gateway.purse import Purse
from fairlead.gateway.rounds import Rounds
from fairlead.gateway.shared import SharedPurse
from fairlead.gateway.types import Caller
from fairlead.telemetry.emit import Emit

LIMITS_CHANGED = "budget_limits"
_LOOK_EVERY = timedelta(milliseconds=250)
_SWEEP_EVERY = timedelta(seconds=1)
_READ_EVERY = timedelta(seconds=2)
_PRUNE_EVERY = timedelta(hours=1)
_KEEP = timedelta(days=62)  # a budget's past periods; what was spent on what stands in the usage rows
_MOST_KNOWN = 10_000  # callers whose budgets we remember
_MOST_NANO = 2**60
_NANO_PER_USD = 1_000_000_000
_MICROSECOND = timedelta(microseconds=1)
_SETTINGS = "settings"
KEY = "key"
"""Who set the limit that an API key brings with it."""


@dataclass(frozen=True, slots=True)
class BudgetState:
    """One budget as it stands. `held` is what processes have leased: for calls under way, and a little ahead."""

    tenant: str
    scope: str
    period: Period
    limit_nano: int | None
    spent_nano: int
    held_nano: int
    set_by: str
    ends_at: datetime | None = None
    own: bool = False
    """Its limit was set for this very scope of this tenant, and so can be removed."""

    @property
    def remaining_nano(self) -> int | None:
        """What nobody has spent or leased; below 0 when a provider billed more than its bound."""
        return None if self.limit_nano is None else self.limit_nano - self.spent_nano - self.held_nano


class SharedBudgets:
    """All budgets that more than one run spends. Made anew it knows nothing; `start` before the first call. `of_keys`
    gives the limits that API keys bring with them."""

    def __init__(
        self,
        database: Database,
        queries: Mapping[str, Query],
        settings: BudgetSettings,
        *,
        of_keys: Callable[[], Awaitable[Sequence[Limit]]] | None = None,
        clock: Clock,
        emit: Emit,
    ) -> None:
        self._database = database
        self._of_keys = of_keys
        self._queries = queries
        self._clock = clock
        self._defaults = _defaults(settings)
        self._allowance: Allowance | None = None
        self._shelves: dict[Any, tuple[Sequence[Account], int]] = {}
        self._leasing = Leasing(database, queries, lease=settings.lease, emit=emit, on_lost=self._shelves.clear)
        self._rounds = Rounds(clock=clock, emit=emit)
        self._lease = settings.lease
        self._changed = False
        self._reading = asyncio.Lock()
        self._unsubscribe = database.signals.subscribe(LIMITS_CHANGED, self._heard_change)

    async def start(self) -> None:
        """Read the limits and begin the rounds. Raises DatabaseUnavailable."""
        await self.read_limits()
        self._rounds.start("budgets", _LOOK_EVERY, self._look)
        self._rounds.start("budget leases", self._lease / 3, self._leasing.renew)
        self._rounds.start("dead leases", _SWEEP_EVERY, self._leasing.sweep)
        self._rounds.start("budget limits", _READ_EVERY, self.read_limits)
        self._rounds.start("old budgets", _PRUNE_EVERY, self._prune)

    async def stop(self) -> None:
        """Give back what was leased. What calls still under way may cost is charged."""
        await self._rounds.stop()
        self._unsubscribe()
        await self._leasing.give_back_all()

    def purse(self, caller: Caller, own: Budget | None = None) -> Budget:
        """Everything that limits what this caller may spend: its own budget first, then the shared ones."""
        shared = SharedPurse(self, caller)
        return shared if own is None else Purse((own, shared))

    # -- what people do

    async def set(self, scope: str, period: Period, nano: int | None, *, by: str, tenant: str = ANY) -> None:
        """Limit a scope from now on, in one tenant or (`*`) in each; None: no limit, whatever the settings say.
        Raises InvalidInput."""
        if nano is not None and not 0 <= nano <= _MOST_NANO:
            raise InvalidInput("A limit is 0 USD or more, and at most a billion.")
        given: dict[str, Any] = {"tenant": tenant, "scope": checked_scope(scope), "period": period.value}
        unwarn = {"tenant": tenant, "pattern": _pattern(scope)}
        await self._database.write_all(
            [
                Call(self._queries["budget_set"], {**given, "limit_nano": nano, "by": by}),
                Call(self._queries["budget_unwarn"], unwarn),
            ]
        )
        await self._tell_change()

    async def remove(self, scope: str, period: Period, *, tenant: str = ANY) -> None:
        """Go by the settings again. Raises NotFound when nothing was set."""
        removed = await self._database.write(
            self._queries["budget_remove"], tenant=tenant, scope=checked_scope(scope), period=period.value
        )
        if not removed:
            raise NotFound(
                f"No limit was set for {scope} per {period}.", hint="See `fairlead budgets list`; settings stay."
            )
        await self._tell_change()

    async def state(self, tenant: str = ANY) -> list[BudgetState]:
        """Every budget that limits something now, and every rule that waits for its first call."""
        allowance = await self._known()
        rows = await self._database.read(self._queries["budget_state"], tenant=tenant, now=self._clock.micros())
        states = [self._state_of(allowance, row) for row in rows]
        seen = {(state.tenant, state.scope, state.period) for state in states}
        for limit in allowance.limits:
            if tenant not in (ANY, limit.tenant) and limit.tenant != ANY:
                continue
            # A rule for each tenant, as the one who asks sees it.
            key = (limit.tenant if tenant == ANY else tenant, limit.scope, limit.period)
            if key not in seen:
                seen.add(key)
                ruling = allowance.limit(*key) or limit
                ends_at, own = self._ends_at(limit.period), _is_own(ruling, *key)
                states.append(BudgetState(*key, ruling.nano, 0, 0, ruling.set_by, ends_at, own))
        return sorted(states, key=lambda state: (state.tenant, state.scope, state.period))

    def _state_of(self, allowance: Allowance, row: Row) -> BudgetState:
        period = Period(row["period"])
        limit = allowance.limit(row["tenant"], row["scope"], period)
        return BudgetState(
            row["tenant"], row["scope"], period, limit.nano if limit else None, row["spent_nano"], row["held_nano"],
            limit.set_by if limit else "", self._ends_at(period), _is_own(limit, row["tenant"], row["scope"], period),
        )  # fmt: skip

    def _ends_at(self, period: Period) -> datetime | None:
        ends_at = bounds_of(period, self._clock.micros())[1]
        return None if ends_at is None else from_micros(ends_at)

    # -- which limits hold

    async def read_limits(self) -> None:
        """Go by what is set now."""
        async with self._reading:  # an answer from before a change must not come in after one from behind it
            self._changed = False
            rows = await self._database.read(self._queries["budget_limits"])
            of_keys = () if self._of_keys is None else await self._of_keys()
            self._go_by((*self._defaults, *of_keys, *(_limit_of(row) for row in rows)))

    def _go_by(self, limits: tuple[Limit, ...]) -> None:
        if self._allowance is not None and limits == self._allowance.limits:
            return
        self._allowance = allowance = Allowance(limits)
        self._shelves.clear()
        for account in tuple(self._leasing.accounts.values()):
            place = account.place
            limit = allowance.limit(place.tenant, place.scope, place.period)
            if limit is None or limit.nano is None:
                account.let_through()
            else:
                account.place = replace(place, limit=limit, nano=limit.nano)

    async def _known(self) -> Allowance:
        if self._allowance is None:
            await self.read_limits()
        assert self._allowance is not None
        return self._allowance

    def accounts(self, caller: Caller) -> Sequence[Account]:
        """What this caller's calls spend now. Empty also while the limits are not known: see `ready`."""
        allowance = self._allowance
        if allowance is None:
            return ()
        now = self._clock.micros()
        key = (caller.tenant, caller.user, caller.agent, caller.key)
        if allowance.metadata_keys:
            key = (*key, *(repr(caller.metadata.get(name)) for name in allowance.metadata_keys))
        found = self._shelves.get(key)
        if found is not None and now < found[1]:
            return found[0]
        if caller.key_limited and not allowance.knows_key(caller):
            return ()  # the key was made a moment ago: `ready` finds out
        places = allowance.places(caller, now)
        accounts = tuple(self._leasing.account(place) for place in places)
        if len(self._shelves) >= _MOST_KNOWN:
            self._shelves.clear()
        self._shelves[key] = accounts, bounds_of(Period.DAY, now)[1] or now
        return accounts

    async def ready(self, caller: Caller) -> None:
        allowance = await self._known()
        if caller.key_limited and not allowance.knows_key(caller):
            await self.read_limits()
            if not (await self._known()).knows_key(caller):
                raise DatabaseUnavailable("The budget of this API key is not known.", hint="Try again in a moment.")

    @property
    def leasing(self) -> Leasing:
        return self._leasing

    def nudge(self, account: Account) -> asyncio.Future[bool]:
        return self._leasing.nudge(account)

    def _heard_change(self, _: str) -> None:
        self._changed = True

    async def _look(self) -> None:
        if self._changed:
            await self.read_limits()
        await self._leasing.look()

    async def _tell_change(self) -> None:
        await self.read_limits()
        self._database.signals.publish(LIMITS_CHANGED)

    async def _prune(self) -> None:
        await self._database.write(self._queries["budget_prune"], keep_us=_KEEP // _MICROSECOND)


def _defaults(settings: BudgetSettings) -> tuple[Limit, ...]:
    given = ((ALL, settings.day_usd), ("user:*", settings.user_day_usd), ("agent:*", settings.agent_day_usd))
    return tuple(Limit(ANY, scope, Period.DAY, _nano(usd)) for scope, usd in given if usd is not None)


def _nano(usd: Decimal) -> int:
    return int(usd * _NANO_PER_USD)


def _limit_of(row: Row) -> Limit:
    return Limit(row["tenant"], row["scope"], Period(row["period"]), row["limit_nano"], row["set_by"])


def _is_own(limit: Limit | None, tenant: str, scope: str, period: Period) -> bool:
    """Whether somebody set it just so: not for each, not in the settings, not with a key."""
    if limit is None or limit.set_by in (_SETTINGS, KEY):
        return False
    return (limit.tenant, limit.scope, limit.period) == (tenant, scope, period)


def _pattern(scope: str) -> str:
    """For LIKE: the scope, or all that `*` stands for."""
    literal = scope.replace("%", "_")
    return literal[:-1] + "%" if scope == each_of(scope) and scope != ALL else literal
