"""What a process leases of shared budgets: one exchange with the database for all that has something to say.

    register ──► exchange* ──► give back all
       ▲             └── no answer: somebody declared us lost ──┐
       └────────────────────────────────────────────────────────┘   what we had sent is charged

One exchange is under way at a time; what comes up meanwhile goes with the next. Whoever finds another process dead, by
its lock or its lease, charges what that one may have sent calls for, and frees the rest.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from uuid import uuid4

from fairlead.database import Call, Database, Gather, Query, Row
from fairlead.errors import DatabaseUnavailable
from fairlead.gateway.account import Account, Answer, Ask
from fairlead.gateway.allowance import Place
from fairlead.telemetry.emit import Emit

WAITS, FREED = "budget_waits", "budget_freed"  # signals, each with the account's id
_MICROSECOND = timedelta(microseconds=1)


class Leasing:
    """The accounts of this process. `on_lost` is told when all of them must be looked up anew."""

    def __init__(
        self,
        database: Database,
        queries: Mapping[str, Query],
        *,
        lease: timedelta,
        emit: Emit,
        on_lost: Callable[[], None],
    ) -> None:
        self.accounts: dict[str, Account] = {}
        self._owner = ""
        self._former: list[str] = []  # what we were called before we were lost
        self._database = database
        self._queries = queries
        self._lease_us = lease // _MICROSECOND
        self._emit = emit
        self._on_lost = on_lost
        self._turn = 0
        self._gather: Gather[Account, bool] = Gather(self._flush)
        self._queued: dict[Account, asyncio.Future[bool]] = {}
        self._warning: set[asyncio.Task[None]] = set()
        self._unsubscribe = [
            database.signals.subscribe(WAITS, self._heard_waits),
            database.signals.subscribe(FREED, self._heard_freed),
        ]

    def account(self, place: Place) -> Account:
        account = self.accounts.get(place.id)
        if account is None:
            account = self.accounts[place.id] = Account(place, self.nudge)
        return account

    def nudge(self, account: Account) -> asyncio.Future[bool]:
        """Exchange soon; false when we were declared lost. The future is shared: shield it."""
        future = self._queued.get(account)
        if future is None:
            future = self._queued[account] = self._gather.put(account)
        return future

    # -- the exchange

    async def _flush(self, accounts: list[Account]) -> Sequence[bool]:
        for account in accounts:
            self._queued.pop(account, None)
        closing = [account for account in accounts if account.idle]
        asking = [account for account in accounts if not account.lost and account not in closing]
        try:
            owner = await self._registered()
            await self._close(owner, closing)
            standing = await self._exchange(owner, asking)
        except Exception as error:
            if isinstance(error, DatabaseUnavailable) or len(accounts) == 1:
                for account in asking:
                    account.failed(error)
            raise
        if not standing:
            self._lose_all()
        return [standing] * len(accounts)

    async def _registered(self) -> str:
        if not self._owner:
            while self._former:
                await self._database.presence.release(self._former.pop())
            owner = f"b-{uuid4().hex[:12]}"
            await self._database.presence.hold(owner)  # first: an owner without its lock is taken for dead
            await self._database.write(
                self._queries["budget_register"], id=owner, host=socket.gethostname(), pid=os.getpid(),
                lease_us=self._lease_us,
            )  # fmt: skip
            self._owner = owner
        return self._owner

    async def _exchange(self, owner: str, accounts: list[Account]) -> bool:
        """Whether our lease stands."""
        if not accounts:
            return True
        accounts.sort(key=lambda account: account.place.id)
        self._turn += 1
        asks = [account.ask(self._turn) for account in accounts]
        rows = (await self._database.write_all(self._calls(owner, accounts, asks)))[-1]
        if len(rows) < len(asks):
            return False
        for account, row in zip(accounts, rows, strict=True):
            account.opened = True
            self._hear(account, row)
        return True

    def _calls(self, owner: str, accounts: list[Account], asks: list[Ask]) -> list[Call]:
        parameters = {"owner": owner}
        names = ("budget_lock", "budget_exchange", "budget_answer")
        calls = [Call(self._queries[name], parameters, asks) for name in names]
        places = [account.place for account in accounts if not account.opened]
        if places:
            rows = [(p.id, p.tenant, p.scope, p.period, p.starts_at, p.ends_at, self._turn) for p in places]
            calls.insert(0, Call(self._queries["budget_open"], parameters, rows))
        return calls

    def _hear(self, account: Account, row: Row) -> None:
        answer = Answer(
            granted=row["granted_nano"], sent=row["sent_nano"], limit=row["limit_nano"], spent=row["spent_nano"],
            leased=row["leased_nano"], others=row["others"], warned=row["warned"],
        )  # fmt: skip
        if due := account.answered(answer):
            task = asyncio.get_running_loop().create_task(
                self._warn(account.place, due, answer.limit, account.spent_by_all)
            )
            self._warning.add(task)
            task.add_done_callback(self._warning.discard)
        if account.hungry:
            self.nudge(account)
        elif account.waiters:
            self._database.signals.publish(WAITS, account.place.id)
        elif account.wanted:
            self._database.signals.publish(FREED, account.place.id)

    async def _warn(self, place: Place, due: list[int], limit: int, spent: int) -> None:
        """Once for all processes: whoever changes the row tells."""
        for percent in due:
            try:
                row = await self._database.write(self._queries["budget_warn"], account=place.id, percent=percent)
            except DatabaseUnavailable:
                return  # the next answer says again that it is due
            if row:
                self._emit(
                    "budget_warning", tenant=place.tenant, scope=place.scope, period=place.period.value,
                    percent=percent, limit_nano=limit, spent_nano=spent,
                )  # fmt: skip

    async def _close(self, owner: str, accounts: list[Account]) -> None:
        """Forget accounts that nobody has used for long; their rows keep what was spent."""
        if not accounts:
            return
        rows = [(account.place.id,) for account in accounts]
        lock, close = self._queries["budget_lock_of"], self._queries["budget_close"]
        await self._database.write_all([Call(lock, {"owner": owner}), Call(close, {"owner": owner}, rows)])
        for account in accounts:
            self.accounts.pop(account.place.id, None)
            account.lose()
        self._on_lost()

    def _lose_all(self) -> None:
        self._former.append(self._owner)
        accounts, self.accounts, self._owner = self.accounts, {}, ""
        self._on_lost()
        for account in accounts.values():
            account.lose()

    # -- rounds

    async def look(self) -> None:
        """What waits asks again; what lies idle goes back."""
        for account in tuple(self.accounts.values()):
            if account.look() or account.idle:
                self.nudge(account)

    async def renew(self) -> None:
        if not self._owner:
            return
        owner = self._owner
        rows = await self._database.write(self._queries["budget_renew"], id=owner, lease_us=self._lease_us)
        if rows:
            await self._database.presence.holding(owner)  # takes the lock again when its connection fell
        elif owner == self._owner:
            self._lose_all()

    async def sweep(self) -> None:
        """Charge what dead processes may have sent calls for, and free what they only held."""
        rows = await self._database.read(self._queries["budget_owners"], id=self._owner)
        names = [row["id"] for row in rows]
        fallen = set(await self._database.presence.fallen(names)) if names else set[str]()
        for row in rows:
            if row["expired"] or row["id"] in fallen:
                await self._charge(row["id"], fallen=row["id"] in fallen)

    async def _charge(self, lost: str, *, fallen: bool) -> None:
        calls = [
            Call(self._queries["budget_lose"], {"lost": lost, "fallen": int(fallen)}),
            Call(self._queries["budget_lock_of"], {"owner": lost}),
            Call(self._queries["budget_charge"], {"owner": lost}),
        ]
        charged = (await self._database.write_all(calls))[-1]
        sent, freed = sum(row["sent_nano"] for row in charged), sum(row["freed_nano"] for row in charged)
        if sent or freed:
            self._emit("budget_charged", owner=lost, accounts=len(charged), sent_nano=sent, freed_nano=freed)
        for row in charged:
            self._database.signals.publish(FREED, row["account"])

    async def give_back_all(self) -> None:
        """Before the process ends: nothing of ours is left behind but what calls under way may cost. When the database
        is away, others find us gone."""
        for stop in self._unsubscribe:
            stop()
        with suppress(DatabaseUnavailable):
            await self._leave()

    async def _leave(self) -> None:
        for account in self.accounts.values():
            account.returning = True
            self.nudge(account)
        await self._gather.caught_up()
        await asyncio.gather(*self._warning)
        if self._owner:
            owner, self._owner = self._owner, ""
            await self._charge(owner, fallen=True)
            await self._database.presence.release(owner)

    # -- signals

    def _heard_waits(self, account_id: str) -> None:
        account = self.accounts.get(account_id)
        if account is None or account.waiters:
            return
        account.wanted = True
        if account.leased > account.used or account.spent > account.reported:
            account.returning = True
            self.nudge(account)

    def _heard_freed(self, account_id: str) -> None:
        account = self.accounts.get(account_id)
        if account is not None and account.waiters:
            self.nudge(account)
