"""What people and programs do with runs from outside: submit, look, cancel, resume, answer.

    submit ──► one transaction: run row + event ──► after the commit, wake a worker

Nothing here holds a run. What changes a run that a worker holds is a request that the worker hears at once by signal,
and within a second without.
"""

from __future__ import annotations

# long: the one door to runs; what it does in more than a few lines lies behind it, in files of their own.
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from fairlead.access import Principal
from fairlead.agents.jsonable import encode
from fairlead.agents.spec import AgentSpec
from fairlead.clock import Clock, to_micros
from fairlead.config import EngineSettings
from fairlead.database import Call, Database, Gather, Query, Row
from fairlead.errors import Conflict, InvalidInput, NotFound
from fairlead.runs.admission import Admission
from fairlead.runs.announcer import Announcer
from fairlead.runs.asked import calls_of, check_may_answer
from fairlead.runs.cancelling import Cancelling
from fairlead.runs.checkpoints import Checkpoints
from fairlead.runs.forking import FORK_TERMS, Fork, Forking, check_kept, kept_terms
from fairlead.runs.ids import Ids
from fairlead.runs.payload import Payloads
from fairlead.runs.resuming import answers_of
from fairlead.runs.rows import approval_of, kept_asker, run_of
from fairlead.runs.run import Approval, Discard, Multitask, NewRun, Reason, Run, Status, user_of
from fairlead.runs.submitted import as_submitted, sound
from fairlead.runs.turns import Turns
from fairlead.runs.waiting import EXPIRED
from fairlead.store import Files
from fairlead.telemetry.emit import Emit
from fairlead.telemetry.trace_context import current

_RESUMABLE = (Status.INTERRUPTED,)
_RETRYABLE = (Status.ERROR, Status.TIMEOUT, Status.INTERRUPTED)
_MOST_CHILDREN = 1000
_INPUT = 9  # of a row that is submitted
PAUSES = ("interrupt_before", "interrupt_after")


class Control:
    """The door to runs for the API, the console, the CLI and other runs."""

    def __init__(
        self,
        database: Database,
        queries: Mapping[str, Query],
        payloads: Payloads,
        *,
        agents: Mapping[str, AgentSpec],
        settings: EngineSettings,
        ids: Ids,
        clock: Clock,
        emit: Emit,
        announcer: Announcer,
        files: Files,
    ) -> None:
        self._announcer = announcer
        self._database = database
        self._queries = queries
        self._payloads = payloads
        self._ids = ids
        self._clock = clock
        self._emit = emit
        self._turns = Turns(database, queries)
        self._cancelling = Cancelling(
            database, queries, payloads.blobs, turns=self._turns, announcer=announcer, emit=emit
        )
        self._admission = Admission(database, queries, agents, files, settings=settings, clock=clock, emit=emit)
        self.checkpoints = Checkpoints(database, queries, payloads, ids=ids)
        self._forking = Forking(database, queries, payloads)
        self._submissions: Gather[tuple[Any, ...], bool] = Gather(self._insert)

    async def submit(self, new: NewRun, *, watch: bool = False) -> tuple[Run, bool]:
        """The run, durable, and whether it is new. The same `idempotency_key` (or id) never starts a second run.

        Raises `UnknownAgent`, `InvalidInput`, `NotJson`, `QueueFull`, or `Conflict` when the key was used for
        something else. `watch` tells workers beforehand that somebody follows this run.
        """
        self._admission.check(new)
        await self._admission.make_room(new)
        known = bool(new.id)  # a child that its parent starts again: what is kept for it is in use
        new = replace(
            new, id=new.id or self._ids.new(), user=user_of(new.user, new.metadata), trace=new.trace or current()
        )
        await self._admission.hold_files(new)
        row = await self._row(new)
        if watch:
            self._database.signals.publish("watch", new.id)
        created = await (self._into_thread(new, row) if new.thread_id else self._submissions.put(row))
        if not created:
            if not known:
                await self._payloads.forget(new.id, row[_INPUT])
            return await self._existing(new), False
        self._admission.entered()
        self._emit("run_submitted", run_id=new.id, agent=new.agent, tenant=new.tenant, created=True)
        self._database.signals.publish("work")
        self._announcer.changed(new.id)
        return await self.get(new.id, tenant=new.tenant) if new.thread_id else as_submitted(new, row), True

    async def fork(self, run: Run, new: NewRun, fork: Fork, *, by: str = "") -> tuple[Run, bool]:
        """A new run, `new`, that begins with what `run` had recorded before a step; in a thread, with what the thread
        kept then; and whether it is new, as with `submit`. Raises what that does, `NotFound` (no such step), or
        `Conflict` when retention took its records.
        """
        self._admission.check(new)
        await self._admission.make_room(new)
        origin, taken = await self._forking.prepare(run, fork)
        terms = {**kept_terms(run), **(new.terms or {}), "forked_from": origin, "fork_result": fork.digest}
        if run.thread_id:
            terms["checkpoint"] = (await self.checkpoints.before(run))[0] or ""
        new = replace(
            new, id=self._ids.new(), terms=terms, user=user_of(new.user, new.metadata), trace=new.trace or current()
        )
        if new.idempotency_key is not None and (known := await self._known(new)) is not None:
            return known, False
        check_kept(run, taken)
        await self._admission.hold_files(new)
        row = await self._row(new)
        calls = await self._forking.calls(run, new.id, origin, taken, fork=fork, by=by)
        if new.thread_id:
            created = await self._into_thread(new, row, before=calls)
        else:
            created = bool((await self._database.write_all([Call(self._queries["submit"], rows=[row]), *calls]))[0])
        if not created:
            await self._payloads.blobs.delete_scope(new.id)
            return await self._existing(new), False
        self._admission.entered()
        self._emit("run_forked", run_id=new.id, agent=new.agent, tenant=new.tenant, forked_from=run.id,
                   reused=sum(1 for one in taken if one.type != "alias"), by=by)  # fmt: skip
        self._database.signals.publish("work")
        self._announcer.changed(new.id)
        return await self.get(new.id, tenant=new.tenant), True

    async def ensure_room(self, new: NewRun, count: int) -> None:
        """For a group of runs such as this one, before the first of them. Raises `QueueFull`."""
        await self._admission.make_room(new, count)

    async def get(self, run_id: str, *, tenant: str = "default") -> Run:
        """Raises `NotFound`."""
        rows = await self._database.read(self._queries["run"], tenant=tenant, id=run_id)
        if not rows:
            raise NotFound(f"There is no run {run_id}.", hint="It may have been removed by retention.")
        return await self._run(rows[0])

    async def list(
        self,
        *,
        tenant: str = "default",
        status: Status | None = None,
        reason: Reason | None = None,
        agent: str | None = None,
        release: str | None = None,
        thread_id: str | None = None,
        parent_id: str | None = None,
        user: str | None = None,
        text: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        before: str | None = None,
        after: str | None = None,
        limit: int = 50,
        offset: int = 0,
    ) -> list[Run]:
        """Newest first. Page with `before` or `after`: the id of the last one you have, or of the first."""
        page: dict[str, Any] = {"before": before} if after is None else {"after": after}
        query = "list" if after is None else "list_newer"
        if thread_id is not None or parent_id is not None:
            query, page = "list_within", {"before": None, "after": None} | page
        rows = await self._database.read(
            self._queries[query], tenant=tenant, status=status, reason=reason,
            agent=agent, release=release, thread_id=thread_id, parent_id=parent_id, user_id=user, text=text,
            metadata=encode(metadata).decode() if metadata else None, limit=limit, offset=offset, **page,
        )  # fmt: skip
        return [await self._run(row) for row in (rows if after is None else reversed(rows))]

    async def cancel(self, run_id: str, *, tenant: str = "default", by: str = "") -> Run:
        """Stop the run and everything it started. What a worker holds stops within a second.

        Cancelling a run that has ended changes nothing. Raises `NotFound`.
        """
        await self._cancelling.run(tenant, run_id, by=by)
        run = await self.get(run_id, tenant=tenant)
        if run.parent_id is not None:
            self._database.signals.publish("poke", run.parent_id)
            self._database.signals.publish("work")
        return run

    async def roll_back(self, run_id: str, *, tenant: str = "default", by: str = "") -> None:
        """Stop the run and everything it started, and forget it: its thread stays as it was before. One that has ended
        is forgotten too; what its thread kept of it stays. Raises `NotFound`."""
        run = await self.get(run_id, tenant=tenant)
        await self._cancelling.run(tenant, run_id, by=by, rollback=True)
        if run.finished_at is not None:
            await self._cancelling.remove(tenant, run_id)

    async def delete(self, run_id: str, *, tenant: str = "default") -> None:
        """Forget a run that has ended. Raises `NotFound`, or `Conflict` while it is under way."""
        run = await self.get(run_id, tenant=tenant)
        if not await self._cancelling.remove(tenant, run_id):
            raise Conflict(f"Run {run_id} is {run.status}.", hint="Cancel it first.")

    async def cancel_many(
        self, *, tenant: str = "default", run_ids: Sequence[str] | None = None, thread_id: str | None = None,
        statuses: Sequence[Status] = (), rollback: bool = False, by: str = "",
    ) -> list[str]:  # fmt: skip
        """Stop runs that have not ended: those named, or those of a thread or status; answers their ids."""
        rows = await self._database.read(
            self._queries["open_runs"], tenant=tenant, thread_id=thread_id,
            ids=encode(list(run_ids)).decode() if run_ids is not None else None,
            statuses=encode([str(status) for status in statuses]).decode() if statuses else None,
        )  # fmt: skip
        for row in rows:
            await self._cancelling.run(tenant, row["id"], by=by, rollback=rollback)
        return [row["id"] for row in rows]

    async def resume(self, run_id: str, *, tenant: str = "default", by: str = "",
                     outcomes: Mapping[str, Mapping[str, Any]] | None = None) -> Run:  # fmt: skip
        """Let an interrupted run go on from what it has recorded.

        `outcomes` says what became of effects nobody knew of, by step key: {"result": …}, {"error": {"error": code,
        "message": …}} or {"repeat": true}. Raises `Conflict` when the run is not interrupted or still needs one.
        """
        run = await self.get(run_id, tenant=tenant)
        if run.reason is Reason.APPROVAL:
            raise Conflict(f"Run {run_id} waits for an approval.", hint="Answer it: fairlead runs approve or deny.")
        if outcomes:
            await self._tell_outcomes(run, outcomes)
        elif run.reason is Reason.OUTCOME_UNKNOWN:
            raise Conflict(
                f"Run {run_id} needs to know what became of an effect.",
                hint="Give its outcome: result, error or repeat, by the step's key.",
            )
        said = {"by": by, "diverged": run.reason is Reason.DIVERGED}
        return await self._reopen(run, "resumed", said, _RESUMABLE)

    async def retry(self, run_id: str, *, tenant: str = "default", by: str = "") -> Run:
        """Let a run that failed go on: what succeeded is kept, what failed is done again, its children that failed or
        were cancelled with it included. Raises `Conflict`."""
        run = await self.get(run_id, tenant=tenant)
        if run.reason is Reason.OUTCOME_UNKNOWN:
            raise Conflict(f"Run {run_id} needs to know what became of an effect.", hint="Resume it with the outcome.")
        for child in await self.list(tenant=tenant, parent_id=run_id, limit=_MOST_CHILDREN):
            if child.finished_at is not None and child.status is not Status.SUCCESS:
                await self.retry(child.id, tenant=tenant, by=by)
        return await self._reopen(run, "retried", {"by": by}, _RETRYABLE)

    async def move(self, release: str, *, run_id: str | None = None, from_release: str | None = None,
                   tenant: str = "default", by: str = "") -> list[str]:  # fmt: skip
        """Give runs that nobody holds to another release; answers their ids. Raises `InvalidInput`, `Conflict`."""
        if (run_id is None) == (from_release is None):
            raise InvalidInput("Say which runs to move: one by its id, or all of a release.")
        rows = await self._database.write(
            self._queries["move"], tenant=tenant, id=run_id, from_release=from_release, release=release, actor=by
        )
        if run_id is not None and not rows:
            run = await self.get(run_id, tenant=tenant)
            hint = "It has ended." if run.finished_at else "Runs move while nobody holds them: drain its worker first."
            if run.release == release:
                hint = "It is there already."
            raise Conflict(
                f"Run {run_id} is {run.status} on release {run.release} and can't be moved to {release}.", hint=hint
            )
        for row in rows:
            self._emit("run_moved", run_id=row["id"], tenant=tenant, to_release=release, by=by)
        self._database.signals.publish("work")
        return [row["id"] for row in rows]

    async def approvals(self, *, tenant: str = "default", run_id: str | None = None, approval_id: str | None = None,
                        open_only: bool = True, agent: str | None = None, overdue: bool = False,
                        before: str | None = None, limit: int = 100, names: Sequence[str] | None = None,
                        anybody: bool = False) -> list[Approval]:  # fmt: skip
        """Newest first. Page with `before`: the id of the last one you have. `names`: those asked under one of them
        ("user:ada", "role:admin"); `anybody`: and those that every operator may answer."""
        rows = await self._database.read(
            self._queries["approvals"],
            tenant=tenant,
            run_id=run_id,
            id=approval_id,
            open=open_only,
            limit=limit,
            agent=agent,
            overdue=overdue,
            before=before,
            names=None if names is None else encode(list(names)).decode(),
            anybody=anybody,
        )
        return [approval_of(row) for row in rows]

    async def answer(self, approval_id: str, approved: bool, *, by: str, comment: str | None = None,
                     tenant: str = "default", caller: Principal | None = None) -> Approval:  # fmt: skip
        """Decide an approval, once. Raises `NotFound`, `Forbidden` when others are asked than `caller`, or `Conflict`
        when it was decided or has expired."""
        found = await self.approvals(tenant=tenant, approval_id=approval_id, open_only=False)
        if not found:
            raise NotFound(f"There is no approval {approval_id}.")
        check_may_answer(found[0], caller, self._clock.now())
        if not await self._decide(found[0], approved, by=by, comment=comment):
            now = (await self.approvals(tenant=tenant, approval_id=approval_id, open_only=False))[0]
            raise Conflict(
                f"Approval {approval_id} has already expired." if now.approved is None
                else f"Approval {approval_id} was already answered by {now.decided_by}."
            )  # fmt: skip
        self._emit("approval_answered", run_id=found[0].run_id, approval_id=approval_id, approved=approved, by=by)
        return (await self.approvals(tenant=tenant, approval_id=approval_id, open_only=False))[0]

    async def go_on(
        self, run: Run, said: Any, *, by: str, caller: Principal | None = None, terms: Mapping[str, Any] | None = None,
        only_pauses: bool = False,
    ) -> Run:  # fmt: skip
        """Answer what a parked run asks; it goes on. `terms`: where it is to pause from now on. `only_pauses`: this
        answers no question.

        Raises `InvalidInput`, `Forbidden` when others are asked, or `Conflict` when it asks nothing (any more).
        """
        asked = await self.approvals(tenant=run.tenant, run_id=run.id)
        answers = answers_of(asked, said, only_pauses=only_pauses)
        for one in answers:
            check_may_answer(one.approval, caller, self._clock.now())
        kept = {name: value for name, value in run.terms.items() if name not in PAUSES} | dict(terms or {})
        calls = [Call(self._queries["answer"], {
            "tenant": run.tenant, "run_id": run.id, "id": one.approval.id, "approved": one.approved, "actor": by,
            "comment": one.comment,
            "answer": encode({"value": one.value}).decode() if one.approval.kind == "interrupt" else None,
        }) for one in answers]  # fmt: skip
        change = {"tenant": run.tenant, "id": run.id, "terms": encode(kept).decode() if kept else None}
        answered = await self._database.write_all([Call(self._queries["set_terms"], change), *calls])
        if not any(answered[1:]):
            raise Conflict("The question was answered meanwhile.", hint="Look at the thread's state.")
        for one in answers:
            self._emit("approval_answered", run_id=run.id, approval_id=one.approval.id, approved=one.approved, by=by)
        self._answered(run.id)
        return await self.get(run.id, tenant=run.tenant)

    # -- what runs ask for (`waiting.Others`)

    def budget_of(self, agent: str) -> int:
        return self._admission.spec(agent).budget_nano

    async def start(self, new: NewRun) -> Run:
        return (await self.submit(new))[0]

    async def look(self, tenant: str, run_id: str) -> Run:
        return await self.get(run_id, tenant=tenant)

    async def stop_children(self, tenant: str, run_id: str) -> None:
        await self._cancelling.run(tenant, run_id, by="its parent")

    async def forget(self, tenant: str, run_id: str) -> None:
        await self._cancelling.remove(tenant, run_id, only=Discard.ROLLBACK)

    async def ask(self, approval: Approval) -> None:
        asked = Call(self._queries["ask"], {
            "tenant": approval.tenant, "run_id": approval.run_id, "id": approval.id, "question": approval.question,
            "data": encode(approval.data).decode(), "expires_at": to_micros(approval.expires_at), "kind": approval.kind,
        })  # fmt: skip
        *_, new = await self._database.write_all([*calls_of(approval, self._queries["ask_in_turn"]), asked])
        if new:  # a run that wakes asks again what it asked
            self._emit("approval_requested", run_id=approval.run_id, tenant=approval.tenant, approval_id=approval.id,
                       question=approval.question, expires_at=approval.expires_at)  # fmt: skip

    async def answer_to(self, tenant: str, run_id: str, approval_id: str) -> Approval:
        rows = await self._database.read(self._queries["approval"], tenant=tenant, run_id=run_id, id=approval_id)
        return approval_of(rows[0])

    async def expire(self, approval: Approval) -> None:
        await self._database.write(
            self._queries["expire"], tenant=approval.tenant, run_id=approval.run_id, id=approval.id, actor=EXPIRED
        )
        self._emit("approval_expired", run_id=approval.run_id, tenant=approval.tenant, approval_id=approval.id)

    async def thread_state(self, run: Run) -> Any:
        """What the run's thread keeps as it begins; None for one that has kept nothing."""
        return await self.checkpoints.state_for(run)

    # --

    async def _row(self, new: NewRun) -> tuple[Any, ...]:
        later = new.start_at is not None and new.start_at > self._clock.now()
        return (
            new.tenant, new.id, new.agent, new.release, new.priority, new.thread_id, new.parent_id,
            new.root_id or new.id, new.idempotency_key, await self._payloads.keep(new.id, new.input),
            encode(new.metadata).decode(), Reason.LATER.value if later else None,
            to_micros(new.start_at) if later and new.start_at else None,
            to_micros(new.deadline) if new.deadline else None, new.budget_nano, self._clock.micros(), new.user,
            kept_asker(new.asker), encode(new.terms).decode() if new.terms else None,
            new.discard.value if new.discard else None,
            encode(new.assignment).decode() if new.assignment else None, new.webhook,
            encode(new.trace.stored()).decode() if new.trace else None,
        )  # fmt: skip

    async def _insert(self, rows: list[tuple[Any, ...]]) -> Sequence[bool]:
        answer = await self._database.write(self._queries["submit"], rows)
        fresh = {row["id"] for row in answer}
        return [row[1] in fresh for row in rows]

    async def _into_thread(self, new: NewRun, row: tuple[Any, ...], *, before: Sequence[Call] = ()) -> bool:
        """Raises `Conflict` when the thread is at work and the run must not wait."""
        thread_id = new.thread_id or ""
        by = f"multitask_strategy {new.multitask}"
        displace = None
        if new.multitask in (Multitask.INTERRUPT, Multitask.ROLLBACK):
            rollback = new.multitask is Multitask.ROLLBACK
            displace = self._cancelling.call(new.tenant, by=by, rollback=rollback, thread_id=thread_id, beside=new.id)
        joined = await self._turns.join(
            new.tenant, thread_id, new.id, Call(self._queries["submit"], rows=[row]), user=new.user,
            displace=displace, or_never=row[15] if new.multitask is Multitask.REJECT else None, before=before,
        )  # fmt: skip
        if joined.refused:
            raise Conflict(
                f"Thread {thread_id} is busy.", hint='Wait for its run, or send multitask_strategy="enqueue".'
            )
        await self._cancelling.stopped(new.tenant, joined.displaced, by=by)
        return bool(joined.entered)

    async def _existing(self, new: NewRun) -> Run:
        run = await self._known(new)
        assert run is not None, "what was not created is there"
        return run

    async def _known(self, new: NewRun) -> Run | None:
        """The run that has its id or key. Raises `Conflict` when that is another one."""
        rows = await self._database.read(
            self._queries["existing"], tenant=new.tenant, id=new.id, idempotency_key=new.idempotency_key
        )
        if not rows:
            return None
        run = await self._run(rows[0])
        terms = new.terms or {}
        same_fork = all(run.terms.get(one) == terms.get(one) for one in FORK_TERMS)
        if run.agent != new.agent or encode(run.input) != encode(new.input) or not same_fork:
            raise Conflict(
                f"The idempotency key {new.idempotency_key!r} was used for run {run.id}, which is another one.",
                hint="Use a new key for a request with another agent, input or step.",
            )
        return run

    async def _decide(self, approval: Approval, approved: bool, *, by: str, comment: str | None) -> bool:
        rows = await self._database.write(
            self._queries["answer"], tenant=approval.tenant, run_id=approval.run_id, id=approval.id,
            approved=approved, actor=by, comment=comment, answer=None,
        )  # fmt: skip
        self._answered(approval.run_id)
        return bool(rows)

    def _answered(self, run_id: str) -> None:
        self._database.signals.publish("poke", run_id)
        self._database.signals.publish(f"run:{run_id}")
        self._announcer.changed(run_id)
        self._database.signals.publish("work")

    async def _tell_outcomes(self, run: Run, outcomes: Mapping[str, Mapping[str, Any]]) -> None:
        wanted = (run.error or {}).get("key")
        if run.reason is not Reason.OUTCOME_UNKNOWN or set(outcomes) != {wanted}:
            raise Conflict(f"Run {run.id} asks for the outcome of {wanted or 'nothing'}.")
        for outcome in outcomes.values():
            if len(outcome) != 1 or not set(outcome) <= {"result", "error", "repeat"} or not sound(outcome):
                raise InvalidInput(
                    'An outcome is {"result": …}, {"error": {"error": …, "message": …}} or {"repeat": true}.'
                )
        rows = [(key, "tool", "", await self._payloads.keep(run.id, dict(said))) for key, said in outcomes.items()]
        await self._database.write(self._queries["outcome"], rows, tenant=run.tenant, id=run.id)

    async def _reopen(self, run: Run, type: str, said: Mapping[str, Any], statuses: Sequence[Status]) -> Run:
        reopen = Call(self._queries["reopen"], {
            "tenant": run.tenant, "id": run.id, "type": type, "data": encode(said).decode(),
            "statuses": encode([str(status) for status in statuses]).decode(),
        })  # fmt: skip
        if run.thread_id is not None:  # others may have come since: it waits for its turn
            rows = (await self._turns.join(run.tenant, run.thread_id, run.id, reopen)).entered
        else:
            rows = await self._database.write(reopen.query, **reopen.parameters)
        if not rows:
            raise Conflict(
                f"Run {run.id} is {run.status} and can't be {type}.",
                hint="Resume works on interrupted runs, retry on failed, timed out or cancelled ones.",
            )
        self._emit("run_retried", run_id=run.id, agent=run.agent, tenant=run.tenant, by=said.get("by", ""))
        self._database.signals.publish("work")
        self._database.signals.publish(f"run:{run.id}")
        self._announcer.changed(run.id)
        return await self.get(run.id, tenant=run.tenant)

    async def _run(self, row: Row) -> Run:
        return run_of(
            row, input=await self._payloads.load(row["input"]), output=await self._payloads.load(row["output"])
        )
