"""One claim of one run, from its journal to what is left of it.

hold ──► call the agent ──► leave
  │           │                └── success, error, timeout · parked, drained · interrupted
  │           └── each model call, tool and step goes through `recorded`
  └── book of what is recorded, budget of what is spent
"""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cache
from typing import Any

from fairlead.agents import guest
from fairlead.agents.guest import HouseRules
from fairlead.agents.jsonable import encode
from fairlead.agents.mcp.declared import ToolServers
from fairlead.agents.spec import AgentSpec
from fairlead.clock import Clock, to_micros
from fairlead.errors import Fenced, NotJson
from fairlead.gateway import Embedder, Gateway, RunBudget
from fairlead.runs.asking import spent_of
from fairlead.runs.book import Book, Record
from fairlead.runs.branch import Branch, enter
from fairlead.runs.deltas import Deltas
from fairlead.runs.ending import CANCELLED, FENCED, Ending, failed, succeeded, timed_out, too_late
from fairlead.runs.holding import Holding
from fairlead.runs.journal import Journal, PutDown, micros
from fairlead.runs.payload import thread_scope
from fairlead.runs.recorded import Recording
from fairlead.runs.rows import NEVER
from fairlead.runs.run import Event, Reason, Run, Status
from fairlead.runs.run_context import RunContext
from fairlead.runs.thread_memory import State, ThreadMemory
from fairlead.runs.waiting import Others, Waiting
from fairlead.store import Stores
from fairlead.telemetry.bound import bind
from fairlead.telemetry.emit import Emit
from fairlead.telemetry.trace_context import enter as enter_trace

END = "__end__"
_SECOND = 2  # attempt
_TRACE = 4000  # characters of a traceback that are kept
LoadState = Callable[[Run], Any]


class Executor:
    """Carries runs for one worker."""

    def __init__(
        self,
        journal: Journal,
        agents: dict[str, AgentSpec],
        *,
        gateway: Gateway,
        stores: Stores,
        embedder: Embedder | None,
        others: Others,
        load_state: LoadState,
        publish: Callable[[str, str], None],
        rules: HouseRules,
        tool_servers: ToolServers,
        clock: Clock,
        emit: Emit,
    ) -> None:
        self._journal = journal
        self._agents = agents
        self._gateway = gateway
        self._stores = stores
        self._embedder = embedder
        self._others = others
        self._load_state = load_state
        self._publish = publish
        self._rules = rules
        self._tool_servers = tool_servers
        self._clock = clock
        self._emit = emit

    def hold(self, run: Run, events: Sequence[Event]) -> Holding:
        """The run as this worker has it, with what its journal knows."""
        spec = self._agents[run.agent]
        book = Book(events)
        limit = spec.budget_nano if run.budget_nano is None else run.budget_nano
        spent = sum(_cost(record) for record in book.all())
        budget = RunBudget(limit, spent, warn=lambda percent: self._warn(run, percent, limit))
        return Holding(run, spec, book, budget, journal=self._journal, clock=self._clock, told=self._tell)

    def _warn(self, run: Run, percent: int, limit: int) -> None:
        self._emit(
            "budget_warning", tenant=run.tenant, scope=f"run:{run.id}", period="total", percent=percent,
            limit_nano=limit, run_id=run.id, agent=run.agent,
        )  # fmt: skip

    async def execute(self, held: Holding) -> Ending:
        """Call the agent and leave its run. Never raises for what the agent did; `FENCED`: the run was taken over."""
        run, trace = held.run, held.run.trace
        enter_trace(trace)
        bind(run_id=run.id)  # what the agent and its libraries log carries it
        if trace.request_id is not None:
            bind(request_id=trace.request_id)
        if run.fence > 1:
            self._tell_resumed(held)
        self._emit(
            "agent_started", run_id=run.id, agent=run.agent, tenant=run.tenant, attempt=run.fence,
            intent=run.metadata.get("intent", "general"), task=run.input, thread_id=run.thread_id,
            since=run.created_at,
        )  # fmt: skip
        root = Branch()
        enter(root)
        memory = self._memory(run)
        ending = await self._call(held, self._context(held, root, memory))
        if ending is FENCED:
            return ending
        return await self._leave(held, ending, memory)

    def _tell_resumed(self, held: Holding) -> None:
        run, said = held.run, {}
        if run.reason is Reason.LOST:  # who held it could not say so: what it had recorded tells when it was at work
            events = [event for record in held.book.all() for event in (record.begun, record.settled)
                      if event is not None and event.fence == run.fence - 1]  # fmt: skip
            began = run.started_at if run.fence == _SECOND else None
            said = {"began": min((event.started_at or event.at for event in events), default=None) or began,
                    "ended": max((event.at for event in events), default=began)}  # fmt: skip
        elif waits := [record.begun.at for record in held.book.all() if record.begun is not None
                       and record.begun.type == "waiting" and record.begun.fence == run.fence - 1]:  # fmt: skip
            said = {"ended": max(waits)}
        self._emit(
            "run_resumed", run_id=run.id, agent=run.agent, tenant=run.tenant, attempt=run.fence, reason=run.reason,
            steps=held.book.left, **said,
        )  # fmt: skip

    async def _call(self, held: Holding, ctx: RunContext) -> Ending:
        timers = self._set_timers(held)
        visitor = self._guest(held, ctx)
        guest.enter(visitor)
        held.left = False
        try:
            if held.ending is None and held.run.terms.get("goto") == END:
                return succeeded((await ctx.memory.state()).get("output"))
            if held.ending is None:
                if held.spec.native is None:
                    await ctx.edge(None, held.run.agent)
                return self._ended(held, succeeded(await held.spec.call(held.run.input, ctx)))
            return held.ending
        except asyncio.CancelledError as error:
            return held.ending or failed(error)
        except (SystemExit, KeyboardInterrupt) as error:
            return self._ended(held, failed(RuntimeError(f"The agent tried to end the process ({error!r}).")))
        except Exception as error:  # noqa: BLE001 whatever an agent raises is how its run ended
            return self._ended(held, failed(visitor.reason(error), trace=traceback.format_exc()[-_TRACE:]))
        finally:
            held.left = True
            visitor.close()
            for timer in timers:
                timer.cancel()
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                await _forget_cancellation(task)

    def _guest(self, held: Holding, ctx: RunContext) -> guest.Guest:
        """Who answers the model calls that the agent's libraries make by themselves."""
        return guest.Guest(
            ctx.ask, self._rules, timeout=held.spec.model_timeout, run_id=held.run.id, agent=held.run.agent,
            emit=self._emit,
        )  # fmt: skip

    def _ended(self, held: Holding, ending: Ending) -> Ending:
        """Who was told to stop has stopped, whatever it said last."""
        return held.ending or ending

    def _set_timers(self, held: Holding) -> list[asyncio.TimerHandle]:
        loop = asyncio.get_running_loop()
        left = held.spec.timeout - held.run.executing
        timers = [loop.call_later(max(0.0, left.total_seconds()), _time_out, held)]
        if held.run.deadline is not None:
            until = (held.run.deadline - self._clock.now()).total_seconds()
            if until <= 0:
                held.halt(too_late(held.run.deadline))
            else:
                timers.append(loop.call_later(until, held.halt, too_late(held.run.deadline)))
        return timers

    def _context(self, held: Holding, root: Branch, memory: ThreadMemory) -> RunContext:
        recording = Recording(held, root, self._emit)
        waiting = Waiting(recording, self._others)
        for child_id, budget in _open_children(held.book):
            waiting.set_aside_again(child_id, min(budget, held.budget.remaining_nano))
        held.deltas = Deltas(
            lambda said: self._publish(f"delta:{held.run.id}", said), watched=lambda: held.watched, attempt=held.fence
        )
        return RunContext(
            recording, waiting, gateway=self._gateway, memory=memory, stores=self._stores, embedder=self._embedder,
            deltas=held.deltas, tool_servers=self._tool_servers, emit=self._emit,
        )  # fmt: skip

    def _memory(self, run: Run) -> ThreadMemory:
        async def load() -> State | None:
            if run.thread_id is None:
                return None
            return await self._journal.until_answered(lambda: self._load_state(run))

        return ThreadMemory(load)

    async def _leave(self, held: Holding, ending: Ending, memory: ThreadMemory) -> Ending:
        """Write down how it ended; durable on return."""
        await held.settle()
        try:
            down = await self._down(held, ending, memory)
        except NotJson as error:
            ending = failed(NotJson(f"The agent `{held.run.agent}` returned something that is no JSON. {error}"))
            down = await self._down(held, ending, memory)
        try:
            await self._journal.put_down(down)
        except Fenced:
            return FENCED
        if ending is CANCELLED:  # a child that was being started while its tree was cancelled
            await self._others.stop_children(held.run.tenant, held.run.id)
            await self._others.forget(held.run.tenant, held.run.id)
        self._say(held, ending)
        if held.watched:  # who begins to watch now is told by the session
            self._tell(held)
        return ending

    async def _down(self, held: Holding, ending: Ending, memory: ThreadMemory) -> PutDown:
        run = held.run
        keep = self._journal.keep
        succeeded_now = ending.status is Status.SUCCESS
        state = await self._left_behind(held, ending, memory) if run.thread_id else None
        kept_state = None if state is None else await keep(thread_scope(run.tenant, run.thread_id or ""), encode(state))
        held.seq += 1
        return PutDown(
            tenant=run.tenant, run_id=run.id, fence=held.fence, status=ending.status, reason=ending.reason,
            output=await keep(run.id, encode(ending.output)) if succeeded_now else None,
            error=encode(ending.error).decode() if ending.error else None,
            seq=held.seq, type=ending.type, data=_told(ending), wake_at=_wake_at(held, ending),
            wakes=run.wakes if ending.wakes is None else ending.wakes,
            finished=int(ending.finished), executing_us=micros(held.executing),
            cost_nano=held.budget.spent_nano, tokens_in=held.tokens_in, tokens_out=held.tokens_out,
            steps=held.steps, progress=100 if succeeded_now else held.progress, at=self._clock.micros(),
            thread_id=run.thread_id, state=kept_state, base=run.terms.get("checkpoint") or None,
        )  # fmt: skip

    async def _left_behind(self, held: Holding, ending: Ending, memory: ThreadMemory) -> State | None:
        """What the run leaves in its thread. A conversation that was stopped keeps what was said; what failed is
        forgotten, for it would make the next run fail too."""
        run, native = held.run, held.spec.native is not None
        if ending.status is Status.SUCCESS:
            if run.terms.get("goto") == END:
                return await memory.state()
            return await memory.after(run, ending.output, await self._journal.said(run) if native else None)
        if ending is CANCELLED and native:
            return await memory.so_far(run, await self._journal.said(run))
        return None

    def _say(self, held: Holding, ending: Ending) -> None:
        run = held.run
        who = {"run_id": run.id, "agent": run.agent, "tenant": run.tenant, "release": run.release}
        if ending.finished:
            self._emit(
                "agent_completed", **who, status=ending.status, reason=ending.reason, took=held.executing,
                intent=run.metadata.get("intent", "general"), steps=held.steps, cost_nano=held.budget.spent_nano,
                tokens_in=held.tokens_in, tokens_out=held.tokens_out, attempt=held.fence, error=ending.error,
                trace=(ending.detail or {}).get("trace"),
            )  # fmt: skip
        elif ending.type == "interrupted":
            message = (ending.error or {}).get("message", "")
            self._emit("run_interrupted", **who, reason=ending.reason, message=message)
        else:
            self._emit("run_parked", **who, reason=ending.reason, wake_at=ending.wake_at)

    def _tell(self, held: Holding) -> None:
        self._publish(f"run:{held.run.id}", "")


async def _forget_cancellation(task: asyncio.Task[Any]) -> None:
    """What follows must not be cut short by a cancellation that was meant for the agent."""
    while task.cancelling():
        task.uncancel()
    with suppress(asyncio.CancelledError):
        await asyncio.sleep(0)  # before Python 3.13, one that is still to be delivered comes here


def _told(ending: Ending) -> str:
    """What the event of this ending says."""
    if ending.error is None and ending.detail is None:
        return _told_plainly(ending.status, ending.reason)
    detail = {"status": ending.status, "reason": ending.reason, "error": ending.error, **(ending.detail or {})}
    return encode(detail).decode()


@cache
def _told_plainly(status: Status, reason: Reason | None) -> str:
    return encode({"status": status, "reason": reason, "error": None}).decode()


def _time_out(held: Holding) -> None:
    held.halt(timed_out(held.spec.timeout.total_seconds()))


def _wake_at(held: Holding, ending: Ending) -> int | None:
    if ending.type != "parked":
        return None
    moments = [moment for moment in (ending.wake_at, held.run.deadline) if moment is not None]
    return min((to_micros(moment) for moment in moments), default=NEVER)


def _cost(record: Record) -> int:
    """What it has cost so far. A model call that was begun and lost with its worker is charged in full."""
    spent = 0
    if record.settled is not None:
        spent += spent_of(record.kind, record.settled.data or {}, settled=True)
    if record.begun is not None:
        bound = spent_of(record.kind, record.begun.data or {}, settled=False)
        spent += bound * (record.lost + (record.settled is None))
    return spent


def _open_children(book: Book) -> list[tuple[str, int]]:
    """Children that were started and have given no result yet, with the money set aside for them."""
    if not book.left:
        return []
    started: dict[str, int] = {}
    ended: set[str] = set()
    for record in book.all():
        settled = record.settled.data if record.settled is not None else None
        if record.kind != "child":
            continue
        if settled and isinstance(settled.get("result"), dict) and "arguments" in settled:
            started[settled["result"]["run_id"]] = settled["arguments"]["budget_nano"]
        elif settled is not None and record.begun is not None and record.begun.data:
            ended.add(record.begun.data["child_id"])
    return [(child, budget) for child, budget in started.items() if child not in ended]
