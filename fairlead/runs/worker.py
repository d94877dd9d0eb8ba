"""A worker: claims runs of its release, holds them, and lets go of them.

    start ──► session ──────────────► drained, stopped
                 │  ▲
            lost └──┘ a new session with a new name: the old one's runs belong to others

Roles of a session: claim · renew · look after peers · wake what is due · show figures · hear of cancellations.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections import OrderedDict
from collections.abc import Callable, Sequence
from contextlib import suppress
from contextvars import Context
from datetime import datetime, timedelta

from fairlead.agents.jsonable import encode
from fairlead.clock import to_micros
from fairlead.errors import DatabaseUnavailable
from fairlead.runs import branch
from fairlead.runs.ending import CANCELLED, DRAINED, FENCED
from fairlead.runs.figure_folding import EVERY
from fairlead.runs.holding import Holding
from fairlead.runs.ids import Ids
from fairlead.runs.journal import micros
from fairlead.runs.role import Role, Roles
from fairlead.runs.rows import NEVER
from fairlead.runs.run import Event, Reason, Run
from fairlead.runs.showing import Showing
from fairlead.runs.takeover import Takeover
from fairlead.runs.turns import Turns
from fairlead.runs.worker_parts import Parts

_SHOW_EVERY = timedelta(seconds=1)
_OVERSEE_EVERY = timedelta(seconds=10)
_WATCH_FOR = 15.0  # seconds that a watcher's word is good for
_REMEMBERED = 5_000  # runs that left: what a busy worker lets go of in a second
_FIRST_TRY = timedelta(milliseconds=200)


class Session:
    """A worker under one name, from its registration until it is lost or has let go of everything."""

    def __init__(self, name: str, parts: Parts) -> None:
        self.name = name
        self.holdings: dict[str, Holding] = {}
        self.lost = asyncio.Event()
        self.handed_back = 0
        self._parts = parts
        self._settings = parts.settings
        self._journal = parts.journal(name)
        self._executor = parts.executor(self._journal)
        self._roles = Roles(parts.emit)
        self._draining = False
        self._doubtful = False  # a claim's answer was lost: some runs may carry our name unknown to us
        self._showing = Showing(self.holdings, self._journal, parts.announcer)
        self._reconciled_at = parts.clock.monotonic()
        self._slot_free = asyncio.Event()
        self._watchers: dict[str, float] = {}
        self._watchers_pruned_at = 0.0
        self._lately_left: OrderedDict[str, None] = OrderedDict()
        self._unsubscribe: list[Callable[[], None]] = []

    async def begin(self) -> None:
        """Hold our name, register, and start the roles."""
        parts, every = self._parts, self._settings
        await parts.database.presence.hold(self.name)
        await self._register()
        takeover = Takeover(
            parts.database, parts.queries, worker=self.name, max_deaths=every.max_attempts, emit=parts.emit
        )
        for topic, heard in (("work", self._heard_work), ("cancel", self._heard_cancel), ("poke", self._heard_poke),
                             ("watch", self._heard_watch)):  # fmt: skip
            self._unsubscribe.append(parts.database.signals.subscribe(topic, heard))
        for role in (
            Role("takeover", every.peer_check_every, takeover.once),
            Role("renew", every.renew_every, self._renew),
            Role("presence", _SHOW_EVERY, self._check_presence),
            Role("due", every.poll_every, self._wake_due),
            Role("show", _SHOW_EVERY, self._show),
            Role("show_soon", _SHOW_EVERY, self._showing.soon),
            Role("claim", every.poll_every, self._claim),
            Role("retention", every.retention_every, parts.retention.once),
            *(Role(name, every.retention_every, once) for name, once in parts.sweeps.items()),
            Role("oversight", _OVERSEE_EVERY, parts.oversight.once),
            Role("turns", self._settings.renew_every, Turns(parts.database, parts.queries).once),
        ):
            self._roles.start(role)
        if parts.schedules is not None:
            self._roles.start(Role("schedules", every.poll_every, parts.schedules.once))
        if parts.escalating is not None:
            self._roles.start(Role("escalation", every.renew_every, parts.escalating.once))
        if parts.erasing is not None:
            self._roles.start(Role("erasing", every.poll_every, parts.erasing.once))
        if parts.folding is not None:
            self._roles.start(Role("figures", EVERY, parts.folding.once))
            self._roles.start(Role("figures_sweep", every.retention_every, parts.folding.sweep))
        if parts.delivering is not None:
            self._roles.start(Role("webhooks", every.poll_every, parts.delivering.once))
            self._roles.start(Role("webhooks_sweep", every.retention_every, parts.delivering.sweep))

    async def let_go(self, *, hand_back: bool) -> int:
        """Claim no more. Runs go back to the queue at their next step boundary (`hand_back`), or end here.

        Answers how many were handed back. After `drain_timeout` whatever is still held is handed back as it is.
        """
        self._draining = True
        self._parts.emit("worker_draining", worker=self.name, running=len(self.holdings))
        await self._roles.stop("claim")
        await self._roles.stop("schedules")  # what it starts would be of a release that is leaving
        with suppress(DatabaseUnavailable):
            await self._renew()
            await self._reconcile()  # the claim may have been cut off
        tasks = [held.task for held in self.holdings.values() if held.task is not None]
        if hand_back:
            for held in tuple(self.holdings.values()):
                held.drain()
        if tasks:
            timeout = self._settings.drain_timeout.total_seconds() if hand_back else None
            await asyncio.wait(tasks, timeout=timeout)
        for held in tuple(self.holdings.values()):
            held.halt(DRAINED)
        await self._all_left()
        return self.handed_back

    async def stop(self) -> None:
        """Do nothing more and write nothing more. Alone, this is how a killed process ends."""
        for unsubscribe in self._unsubscribe:
            unsubscribe()
        await self._roles.stop()
        if self._parts.delivering is not None:
            await self._parts.delivering.stop()
        for held in tuple(self.holdings.values()):
            held.halt(FENCED)
        await self._all_left()

    async def end(self) -> None:
        """Stop, and give up the name."""
        await self.stop()
        parts = self._parts
        with suppress(DatabaseUnavailable):
            await parts.database.write(parts.queries["retire"], id=self.name)
        await parts.database.presence.release(self.name)

    async def _all_left(self) -> None:
        tasks = [held.task for held in self.holdings.values() if held.task is not None]
        if tasks:
            await asyncio.wait(tasks, timeout=5)

    async def _register(self) -> None:
        parts, settings = self._parts, self._settings
        rows = await parts.database.write(
            parts.queries["register"], id=self.name, release=settings.release, host=socket.gethostname(),
            agents=encode(sorted(parts.agents)).decode(), pid=os.getpid(), slots=settings.worker_concurrency,
            lease_us=micros(settings.lease),
        )  # fmt: skip
        if rows:
            parts.clock.steer(rows[0]["now"])

    async def _claim(self) -> timedelta | None:
        """As many as there are free slots; again at once when there may be more."""
        free = self._settings.worker_concurrency - len(self.holdings)
        if free <= 0:
            self._slot_free.clear()
            await self._slot_free.wait()
            return timedelta(0)
        await self._reconcile()
        try:
            claimed = await self._journal.claim(
                release=self._settings.release, agents=sorted(self._parts.agents), slots=free,
                total=self._settings.max_concurrent_agents,
            )  # fmt: skip
        except BaseException:
            self._doubtful = True
            raise
        now = self._parts.clock.now()
        for run, events in claimed:
            try:
                self._take(run, events, now)
            except Exception as error:  # noqa: BLE001 the other runs of the claim must not suffer for this one
                self._doubtful = True
                self._parts.emit("error", code="hold_failed", message=repr(error), where="claim", run_id=run.id)
        return timedelta(0) if len(claimed) == free else None

    async def _reconcile(self) -> None:
        """Hand back what carries our name and is not in our hands: when there is reason to doubt, and now and then
        without, since a claim that was repeated on a new connection may have been carried out twice."""
        now = self._parts.clock.monotonic()
        if not self._doubtful and now - self._reconciled_at < self._settings.lease.total_seconds():
            return
        self._doubtful = False
        try:
            await self._journal.reconcile([(held.run.id, held.fence) for held in self.holdings.values()])
        except BaseException:
            self._doubtful = True
            raise
        self._reconciled_at = now

    def _take(self, run: Run, events: Sequence[Event], now: datetime) -> None:
        held = self._executor.hold(run, events)
        self.holdings[run.id] = held
        held.watched = self._is_watched(run.id)
        # An empty context: a run's branches begin with the run, not with the worker.
        held.task = asyncio.get_running_loop().create_task(self._carry(held), context=Context())
        self._parts.emit("run_claimed", run_id=run.id, agent=run.agent, worker=self.name, fence=run.fence,
                         waited=now - run.created_at)  # fmt: skip
        self._parts.announcer.changed(run.id)
        if held.watched:
            self._parts.database.signals.publish(f"run:{run.id}")
        if run.cancel_requested:
            held.halt(CANCELLED)

    async def _carry(self, held: Holding) -> None:
        run = held.run
        ending = FENCED
        try:
            ending = await self._executor.execute(held)
        except Exception as error:  # noqa: BLE001 trouble of our own (a folder that is full): the run goes back
            self._parts.emit("error", code="run_dropped", message=repr(error), where="execute", run_id=run.id)
        finally:
            if self.holdings.get(run.id) is held:  # it may have been handed back, and claimed again
                del self.holdings[run.id]
            held.let_loose()
            self._remember(run.id)
            # A run that was not put down may still carry our name.
            self._doubtful = self._doubtful or ending is FENCED
            self._slot_free.set()
            self._roles.nudge("claim")
        if ending is FENCED:
            self._parts.emit("worker_fenced", worker=self.name, run_id=run.id, fence=held.fence)
            return
        self.handed_back += ending.type == "drained"
        self._parts.announcer.changed(run.id)
        if run.parent_id is not None and ending.finished:
            self._parts.database.signals.publish("poke", run.parent_id)
        if run.parent_id is not None or run.thread_id is not None or ending.type == "drained":
            self._parts.database.signals.publish("work")
        if ending.type == "parked":
            self._roles.nudge("due")

    async def _renew(self) -> timedelta | None:
        parts = self._parts
        lease = micros(self._settings.lease)
        rows = await parts.database.write(parts.queries["renew"], id=self.name, lease_us=lease, draining=self._draining)
        if not rows:
            self._declare_lost()
        else:
            parts.clock.steer(rows[0]["now"])
        return None

    async def _check_presence(self) -> timedelta | None:
        """Our lock falls with its connection. Take it again before a peer sees it gone, or find out that one did."""
        if not await self._parts.database.presence.holding(self.name):
            await self._renew()
        return None

    def _declare_lost(self) -> None:
        for held in tuple(self.holdings.values()):
            held.halt(FENCED)
        self.lost.set()

    async def _wake_due(self) -> timedelta | None:
        """Wake what is due; come again when the next is, or after `poll_every`."""
        parts = self._parts
        rows = await parts.database.write(parts.queries["due"], never=NEVER)
        if rows:
            turns = Turns(parts.database, parts.queries)
            for row in rows:
                if row["reason"] == Reason.THREAD:  # its time has come: is it its turn?
                    await turns.free(row["tenant"], row["thread_id"], None)
            parts.database.signals.publish("work")
            return timedelta(0)
        found = await parts.database.read(parts.queries["next_due"])
        wake_at = found[0]["wake_at"]
        if wake_at is None or wake_at >= NEVER:
            return None
        return min(self._settings.poll_every, timedelta(microseconds=max(0, wake_at - to_micros(parts.clock.now()))))

    async def _show(self) -> timedelta | None:
        """Let people see cost and progress of runs under way, and hear of cancellations whose signal was lost."""
        await self._parts.oversight.show_tool_servers(self.name)
        await self._showing.write()
        if self.holdings:
            for run_id in await self._journal.cancelled():
                self._heard_cancel(run_id)
        return None

    def _heard_work(self, _: str) -> None:
        self._roles.nudge("claim")

    def _heard_cancel(self, run_id: str) -> None:
        if held := self.holdings.get(run_id):
            held.halt(CANCELLED)

    def _heard_poke(self, run_id: str) -> None:
        if held := self.holdings.get(run_id):
            held.poke()

    def _heard_watch(self, run_id: str) -> None:
        now = self._parts.clock.monotonic()
        if now - self._watchers_pruned_at > _WATCH_FOR:
            self._watchers = {one: until for one, until in self._watchers.items() if until > now}
            self._watchers_pruned_at = now
        self._watchers[run_id] = now + _WATCH_FOR
        if held := self.holdings.get(run_id):
            held.watched = True
            if held.deltas is not None:
                held.deltas.snapshot()
        elif run_id in self._lately_left:  # it left while the watcher's word was on its way
            self._parts.database.signals.publish(f"run:{run_id}")

    def _remember(self, run_id: str) -> None:
        if len(self._lately_left) >= _REMEMBERED:
            self._lately_left.popitem(last=False)
        self._lately_left[run_id] = None

    def _is_watched(self, run_id: str) -> bool:
        return self._watchers.get(run_id, 0.0) > self._parts.clock.monotonic()


class Worker:
    """Sessions, one after another, until stopped."""

    def __init__(self, parts: Parts, *, ids: Ids) -> None:
        self._parts = parts
        self._ids = ids
        self._stopping = asyncio.Event()
        self._hand_back = True
        self.session: Session | None = None
        self.ready = asyncio.Event()

    async def run(self) -> None:
        """Until `stop`. A session that was lost is followed by a new one."""
        branch.install(asyncio.get_running_loop())
        stopping = asyncio.ensure_future(self._stopping.wait())
        while not self._stopping.is_set():
            session = self.session = Session(self._name(), self._parts)
            await self._begin(session)
            lost = asyncio.ensure_future(session.lost.wait())
            await asyncio.wait([lost, stopping], return_when=asyncio.FIRST_COMPLETED)
            lost.cancel()
            if not session.lost.is_set():
                await self._drain(session)
            await session.end()
        stopping.cancel()

    def stop(self, *, hand_back: bool = True) -> None:
        """Claim no more and let go: hand runs back at their next step boundary, or let them end here."""
        self._hand_back = hand_back
        self._stopping.set()

    async def _begin(self, session: Session) -> None:
        settings = self._parts.settings
        while not self._stopping.is_set():
            try:
                await session.begin()
            except DatabaseUnavailable as error:
                self._parts.emit("database_unreachable", database=self._parts.database.dialect, error=str(error))
                await self._parts.clock.sleep(_FIRST_TRY)
                continue
            self.ready.set()
            self._parts.emit(
                "worker_started", worker=session.name, release=settings.release, agents=sorted(self._parts.agents),
                slots=settings.worker_concurrency, host=socket.gethostname(), pid=os.getpid(),
            )  # fmt: skip
            return

    async def _drain(self, session: Session) -> None:
        started = self._parts.clock.monotonic()
        handed_back = await session.let_go(hand_back=self._hand_back)
        took = timedelta(seconds=self._parts.clock.monotonic() - started)
        release = self._parts.settings.release
        self._parts.emit("worker_stopped", worker=session.name, release=release, handed_back=handed_back, took=took)

    def _name(self) -> str:
        return f"w-{self._ids.new()[-12:]}"
