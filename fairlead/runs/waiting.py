"""Steps that wait: timers, children, people. What is awaited is written down before the wait, so that a run may be
parked in between and find its wait again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, Protocol

from fairlead.agents.context import ChildRun, Decision, Escalation
from fairlead.agents.jsonable import encode
from fairlead.clock import from_micros, to_micros
from fairlead.errors import BudgetExceededError, Unanswered
from fairlead.gateway.run_budget import RunHold
from fairlead.runs.asked import turns_of
from fairlead.runs.book import Record
from fairlead.runs.ending import CANCELLED
from fairlead.runs.failure import child_failed
from fairlead.runs.holding import Wait
from fairlead.runs.ids import derived_id
from fairlead.runs.recorded import Recording, digest_of
from fairlead.runs.run import Approval, NewRun, Reason, Run, Status
from fairlead.runs.step import Step

_SHORT = timedelta(seconds=1)
_LONG = timedelta(days=30)


class Others(Protocol):
    """What a run may do beyond itself: start children, and ask people."""

    def budget_of(self, agent: str) -> int:
        """The budget an agent declares, in nano-dollars. Raises `UnknownAgent`."""
        ...

    async def start(self, new: NewRun) -> Run:
        """Start a run, or find the one with this id."""
        ...

    async def look(self, tenant: str, run_id: str) -> Run: ...

    async def stop_children(self, tenant: str, run_id: str) -> None:
        """Cancel whatever a cancelled run has started and is still under way."""
        ...

    async def forget(self, tenant: str, run_id: str) -> None:
        """Remove a run that has stopped, if it was rolled back."""
        ...

    async def ask(self, approval: Approval) -> None: ...

    async def answer_to(self, tenant: str, run_id: str, approval_id: str) -> Approval: ...

    async def expire(self, approval: Approval) -> None: ...


class Waiting:
    """The waits of one held run."""

    def __init__(self, recording: Recording, others: Others) -> None:
        self._recording = recording
        self._others = others
        self.envelopes: dict[str, RunHold] = {}  # money set aside for children, by their run ids

    async def sleep(self, duration: timedelta) -> None:
        recording = self._recording
        held = recording.held
        step, record = await recording.enter("timer", "sleep", digest_of(str(duration).encode()))
        if record is not None and record.settled is not None:
            recording.replay(record)
            return
        if record is not None and record.begun is not None:
            due = from_micros(record.begun.data["due_at"])
        else:
            due = held.clock.now() + duration
            if duration > _SHORT:
                await held.record("waiting", step, encode({"due_at": to_micros(due)}))

        async def rung() -> bool | None:
            return True if held.clock.now() >= due else None

        await held.until(step.key, Wait(Reason.TIMER, due), rung)
        await recording.done(step, b"{}")

    async def approve(
        self, question: str, *, data: Any, expires: timedelta, who: Sequence[str], escalate: Sequence[Escalation]
    ) -> Decision:
        recording = self._recording
        step, record = await recording.enter("approval", "approve", digest_of(encode([question, data])))
        if record is not None and record.settled is not None:
            return Decision(**recording.replay(record))
        approval = self._approval(step, question, data, expires, record)
        approval = replace(approval, turns=turns_of(who, escalate, approval.expires_at - expires))
        answered = await self._put(step, record, approval)
        expired = answered.decided_by == EXPIRED
        decision = Decision(
            bool(answered.approved), None if expired else answered.decided_by, answered.comment, expired
        )
        await recording.done(step, b'{"result":' + encode(decision) + b"}")
        return decision

    async def interrupt(self, value: Any, *, expires: timedelta) -> Any:
        recording = self._recording
        step, record = await recording.enter("approval", "interrupt", digest_of(encode(value)))
        if record is not None and record.settled is not None:
            return recording.replay(record)
        question = value if isinstance(value, str) else "The agent asks for a value."
        approval = self._approval(step, question, value, expires, record, kind="interrupt")
        answered = await self._put(step, record, approval)
        if answered.decided_by == EXPIRED:
            error = Unanswered(
                f"Nobody answered by {approval.expires_at.isoformat()}.", hint="Ask again, or elsewhere."
            )
            await recording.fail(step, error)
            raise error
        said = {"approved": answered.approved, "comment": answered.comment}
        answer = said if answered.answer is None else answered.answer["value"]
        await recording.done(step, b'{"result":' + encode(answer) + b"}")
        return answer

    async def pause(self, number: int, done: str | None, coming: str) -> None:
        """Somebody asked beforehand to look at the run here. A no ends it."""
        recording = self._recording
        step, record = await recording.enter("approval", "pause", _edge(number, done, coming))
        if record is None or record.settled is None:
            data = {"after": done, "next": coming}
            approval = self._approval(step, f"Go on with `{coming}`?", data, _LONG, record, kind="pause")
            answered = await self._put(step, record, approval)
            if not answered.approved:
                recording.halt(CANCELLED)
            await recording.done(step, b'{"result":null}')
        else:
            recording.replay(record)

    def has_paused(self, number: int, done: str | None, coming: str) -> bool:
        """It did so when it came here before."""
        return self._recording.held.book.like("approval", "pause", _edge(number, done, coming)) is not None

    async def _put(self, step: Step, record: Record | None, approval: Approval) -> Approval:
        """Put a question to people, and wait for the answer."""
        held = self._recording.held
        if record is None or record.begun is None:
            begun = {"approval_id": approval.id, "question": approval.question, "kind": approval.kind,
                     "data": approval.data, "expires_at": to_micros(approval.expires_at)}  # fmt: skip
            await held.record("waiting", step, encode(begun))
        await held.journal.until_answered(lambda: self._others.ask(approval))
        return await held.until(step.key, Wait(Reason.APPROVAL, approval.expires_at), self._answered(approval))

    def _approval(
        self, step: Step, question: str, data: Any, expires: timedelta, record: Record | None, *, kind: str = "approval"
    ) -> Approval:
        held = self._recording.held
        now = held.clock.now()
        begun = record.begun.data if record is not None and record.begun is not None else None
        expires_at = from_micros(begun["expires_at"]) if begun else now + expires
        approval_id = derived_id(held.run.id, step.key)
        nobody = (None, None, None, None)
        return Approval(approval_id, held.run.id, held.run.tenant, question, data, now, expires_at, *nobody, kind)

    def _answered(self, asked: Approval) -> Callable[[], Awaitable[Approval | None]]:
        async def look() -> Approval | None:
            now = self._recording.held.clock.now()
            approval = await self._others.answer_to(asked.tenant, asked.run_id, asked.id)
            if approval.approved is None and now >= asked.expires_at:
                await self._others.expire(asked)
                approval = await self._others.answer_to(asked.tenant, asked.run_id, asked.id)
            return None if approval.approved is None else approval

        return lambda: self._recording.held.journal.until_answered(look)

    async def spawn(self, agent: str, input: Any, *, budget_nano: int | None, name: str | None) -> ChildRun:
        recording = self._recording
        step, record = await recording.enter("child", name or agent, digest_of(encode([agent, input])))
        if record is not None and record.settled is not None:
            return Child(self, recording.replay(record)["run_id"], agent)
        child_id = derived_id(recording.held.run.id, step.key)
        budget = self._set_aside(child_id, agent, budget_nano)

        async def start() -> dict[str, str]:
            new = self._new(child_id, agent, input, budget)
            await recording.held.journal.until_answered(lambda: self._others.start(new))
            return {"run_id": child_id}

        try:
            await recording.perform(step, start, given=encode({"agent": agent, "budget_nano": budget}))
        except Exception:
            self.envelopes.pop(child_id).release()
            raise
        return Child(self, child_id, agent)

    def set_aside_again(self, child_id: str, budget_nano: int) -> None:
        """A child known from the journal holds its part of the budget still."""
        self.envelopes[child_id] = self._recording.held.budget.hold_now(budget_nano)

    async def result_of(self, child_id: str, agent: str) -> Any:
        recording = self._recording
        held = recording.held
        step, record = await recording.enter("child", f"{agent} result", digest_of(child_id.encode()))
        if record is not None and record.settled is not None:
            return recording.replay(record)
        if record is None:
            await held.record("waiting", step, encode({"child_id": child_id}))

        async def ended() -> Run | None:
            child = await held.journal.until_answered(lambda: self._others.look(held.run.tenant, child_id))
            return child if child.finished_at is not None else None

        child = await held.until(step.key, Wait(Reason.CHILD, None), ended)
        if child_id in self.envelopes:
            self.envelopes.pop(child_id).settle(child.cost_nano)
        if child.status is not Status.SUCCESS:
            error = child_failed(child_id, agent, child.error)
            await recording.fail(step, error, charged=child.cost_nano)
            raise error
        cost = str(child.cost_nano).encode()
        await recording.done(step, b'{"cost_nano":' + cost + b',"result":' + encode(child.output) + b"}")
        return child.output

    def _new(self, child_id: str, agent: str, input: Any, budget_nano: int) -> NewRun:
        run = self._recording.held.run
        return NewRun(
            agent, input, id=child_id, tenant=run.tenant, release=run.release, priority=run.priority,
            metadata={key: run.metadata[key] for key in ("user", "intent") if key in run.metadata},
            budget_nano=budget_nano, deadline=run.deadline, parent_id=run.id, root_id=run.root_id,
            user=run.user, asker=run.asker,
        )  # fmt: skip

    def _set_aside(self, child_id: str, agent: str, asked: int | None) -> int:
        """A child gets what it is given, and else what its agent declares, but at most half of what is left: its
        parent must still be able to think. What it does not spend comes back when it ends."""
        budget = self._recording.held.budget
        declared = self._others.budget_of(agent)
        amount = asked if asked is not None else min(declared, budget.remaining_nano // 2)
        if amount <= 0:
            raise BudgetExceededError(
                f"Nothing is left of the budget for a child run of `{agent}`.", hint="Raise the run's budget."
            )
        self.envelopes[child_id] = budget.hold_now(amount)
        return amount


def _edge(number: int, done: str | None, coming: str) -> str:
    return digest_of(f"{number}:{done or ''}:{coming}".encode())


EXPIRED = "expired"


class Child:
    """A run that this one started."""

    __slots__ = ("_agent", "_run_id", "_waiting")

    def __init__(self, waiting: Waiting, run_id: str, agent: str) -> None:
        self._waiting = waiting
        self._run_id = run_id
        self._agent = agent

    @property
    def run_id(self) -> str:
        return self._run_id

    async def result(self) -> Any:
        return await self._waiting.result_of(self._run_id, self._agent)
