"""What the console asks for, answered by the engine."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from fairlead.access import Principal, require_for_all
from fairlead.errors import Conflict, NotFound
from fairlead.operate.levels import Report
from fairlead.runs.following import Delta
from fairlead.runs.forking import Fork
from fairlead.runs.run import Approval, Event, NewRun, Reason, Run, Worker
from fairlead.runs.scores import NewScore, Score
from fairlead.runs.scores import Wanted as WantedScores
from fairlead.runs.search import Filter
from fairlead.ship.evaluation.book import OfRun
from fairlead.ship.ledger import Deploy
from fairlead.ship.strategy import Word
from fairlead.web.asking import asker_of
from fairlead.web.console.door import SILENT, Counts, Forking, Outcome, RunPage, Shipped, Standing, Standings, Wanted
from fairlead.web.console.section import of_house
from fairlead.wiring.engine import Engine

_MOST_CHILDREN = 500
_MOST_HELD = 2_000
_WRITTEN = timedelta(seconds=1)  # by then what a call answered is recorded
_MOST_DEPLOYS = 100
_COUNTED = 10_000


class EngineDoor:
    """A `Door`, as it opens to one caller: the runs of their tenant, and moves in their name, written down."""

    def __init__(self, engine: Engine, caller: Principal) -> None:
        self._engine = engine
        self._caller = caller
        self._tenant = caller.tenant
        self._by = caller.name

    async def runs(
        self, wanted: Wanted, *, before: str | None = None, after: str | None = None, limit: int = 50
    ) -> RunPage:
        if wanted.standing is not None:
            return await self._standing(wanted.standing, before=before, after=after, limit=limit)
        if wanted.thread_id is None and wanted.parent_id is None and _narrowed(wanted):
            return await self._found(wanted, before=before, after=after, limit=limit)
        filters: dict[str, Any] = {
            "status": wanted.status, "reason": wanted.reason, "agent": wanted.agent, "release": wanted.release,
            "thread_id": wanted.thread_id, "parent_id": wanted.parent_id, "text": wanted.text or None,
            "user": wanted.user,
        }  # fmt: skip
        if after is not None:
            newer = await self._engine.control.list(tenant=self._tenant, after=after, limit=limit + 1, **filters)
            return RunPage(tuple(newer[-limit:]), older=True, newer=len(newer) > limit)
        found = await self._engine.control.list(tenant=self._tenant, before=before, limit=limit + 1, **filters)
        return RunPage(tuple(found[:limit]), older=len(found) > limit, newer=before is not None)

    async def _found(self, wanted: Wanted, *, before: str | None, after: str | None, limit: int) -> RunPage:
        search = self._engine.search
        narrowed = Filter(
            status=wanted.status, reason=wanted.reason, agent=wanted.agent, release=wanted.release,
            user=wanted.user, since=wanted.since, until=wanted.until, least_cost_nano=wanted.least_cost_nano,
            least_duration=wanted.least_duration, text=wanted.text or None,
            model=wanted.model, tool=wanted.tool,
        )  # fmt: skip
        if after is not None:
            newer = await search.newer(narrowed, tenant=self._tenant, after=after, limit=limit + 1)
            return RunPage(newer[-limit:], older=True, newer=len(newer) > limit)
        found = await search.older(narrowed, tenant=self._tenant, before=before, limit=limit + 1)
        return RunPage(found.runs[:limit], len(found.runs) > limit, before is not None, found.looked_to)

    async def _standing(self, standing: Standing, *, before: str | None, after: str | None, limit: int) -> RunPage:
        known = await self.standings()
        ids = sorted(known.retrying if standing is Standing.RETRYING else known.stuck, reverse=True)
        older = [one for one in ids if before is None or one < before]
        shown = [one for one in older if after is None or one > after]
        page = shown[-limit:] if after is not None else shown[:limit]
        runs = sorted(await self.named(page), key=lambda run: run.id, reverse=True)
        return RunPage(tuple(runs), bool(page) and ids[-1] < page[-1], bool(page) and ids[0] > page[0])

    async def standings(self) -> Standings:
        held = await self._engine.search.held(tenant=self._tenant, most=_MOST_HELD)
        calls = await self._engine.models.usage.of_runs(self._tenant, [one.run_id for one in held])
        now = self._engine.clock.now()
        retrying = {
            one.run_id: told.failed
            for one in held
            if (told := calls.get(one.run_id)) is not None and told.failed and told.last_at > one.last_at + _WRITTEN
        }
        stuck = {one.run_id: one.last_at for one in held if now - one.last_at > SILENT and one.run_id not in retrying}
        return Standings(retrying, stuck)

    async def counts(self, wanted: Wanted) -> Counts:
        by_status = await self._engine.oversight.counts(tenant=self._tenant)
        exact = all(count < _COUNTED for count in by_status.values())
        return Counts(by_status, self._engine.clock.now(), exact=exact)

    async def run(self, run_id: str) -> Run:
        return await self._engine.control.get(run_id, tenant=self._tenant)

    async def named(self, run_ids: Collection[str]) -> Sequence[Run]:
        return await self._engine.search.named(run_ids, tenant=self._tenant)

    async def events(self, run_id: str, *, after: int = 0) -> Sequence[Event]:
        return await self._engine.feed.told(run_id, tenant=self._tenant, after=after)

    async def children(self, run_id: str) -> Sequence[Run]:
        return await self._engine.search.children(run_id, tenant=self._tenant, limit=_MOST_CHILDREN)

    async def approvals(self, *, run_id: str | None = None, waiting: bool = True) -> Sequence[Approval]:
        return (await self._engine.control.approvals(tenant=self._tenant, run_id=run_id, open_only=waiting))[::-1]

    async def workers(self) -> Sequence[Worker]:
        return await self._engine.oversight.workers()

    async def levels(self, length: timedelta) -> Report:
        return await self._engine.levels.report(length)

    async def follow(self, run_id: str | None = None, *, after: int = 0) -> AsyncIterator[Event | Delta]:
        if run_id is not None:
            async for one in self._engine.feed.follow(
                run_id, tenant=self._tenant, after=after, deltas=True, until_end=False
            ):
                yield one
            return
        async for changed in self._engine.feed.changes():
            yield Event(changed, 0, "changed", self._engine.clock.now())

    async def _note(self, action: str, subject: str, **detail: Any) -> None:
        audit = self._engine.books.audit
        await audit.report(action, tenant=self._tenant, by=self._by, subject=subject, detail=detail)

    async def cancel(self, run_id: str) -> None:
        await self._engine.control.cancel(run_id, tenant=self._tenant, by=self._by)
        await self._note("run.cancel", run_id)

    async def retry(self, run_id: str) -> Run:
        await self.run(run_id)  # one that is not there is not counted
        await self._engine.rate.take(self._caller)
        run = await self._engine.control.retry(run_id, tenant=self._tenant, by=self._by)
        await self._note("run.retry", run_id)
        return run

    async def fork(self, run_id: str, forking: Forking) -> Run:
        run = await self._engine.control.get(run_id, tenant=self._tenant)
        given = run.input if forking.input is None else forking.input[0]
        new = NewRun(
            run.agent, given, tenant=run.tenant, thread_id=run.thread_id, release=run.release,
            metadata=run.metadata, budget_nano=run.budget_nano, assignment=run.assignment, user=self._caller.user,
            asker=asker_of(self._caller),
        )  # fmt: skip
        await self._engine.rate.take(self._caller)
        forked, _ = await self._engine.control.fork(
            run, new, Fork(forking.step, forking.result, other_path=forking.input is not None), by=self._by
        )
        await self._note("run.fork", run_id, fork=forked.id)
        return forked

    async def scores(self, run_id: str) -> Sequence[Score]:
        return await self._engine.scores.list(WantedScores(run_id=run_id), tenant=self._tenant)

    async def evaluated(self, run: Run) -> OfRun:
        if not of_house(self._caller):
            return OfRun()
        return await self._engine.evaluations.of_run(run.id, at=run.created_at, tenant=self._tenant)

    async def score(self, run_id: str, new: NewScore) -> None:
        run = await self._engine.control.get(run_id, tenant=self._tenant)
        await self._engine.scores.put(run, replace(new, author=self._by))

    async def resume(self, run_id: str, *, outcome: Outcome | None = None) -> Run:
        outcomes = {await self._in_doubt(run_id): _OUTCOMES[outcome]} if outcome else None
        await self.run(run_id)  # one that is not there is not counted
        await self._engine.rate.take(self._caller)
        run = await self._engine.control.resume(run_id, tenant=self._tenant, by=self._by, outcomes=outcomes)
        await self._note("run.resume", run_id)
        return run

    async def move(self, run_id: str, *, release: str) -> Run:
        await self._engine.control.move(release, tenant=self._tenant, run_id=run_id, by=self._by)
        await self._note("run.move", run_id, release=release)
        return await self._engine.control.get(run_id, tenant=self._tenant)

    async def answer(self, approval_id: str, *, approved: bool, by: str, comment: str) -> None:
        await self._engine.control.answer(
            approval_id, approved, by=by, comment=comment or None, tenant=self._tenant, caller=self._caller
        )
        await self._note("approval.answer", approval_id, approved=approved)

    async def deploys(self) -> Sequence[Deploy]:
        return await self._engine.ledger.history(limit=_MOST_DEPLOYS)

    async def deploy(self, deploy_id: str) -> Shipped:
        ledger = self._engine.ledger
        deploy = await ledger.get(deploy_id)
        return Shipped(deploy, tuple(await ledger.steps(deploy)), tuple(await ledger.seen(deploy)))

    async def say(self, deploy_id: str, word: Word) -> None:
        require_for_all(self._caller)
        deploy = await self._engine.ledger.get(deploy_id)
        await self._engine.ledger.say(deploy, word, by=self._by)
        await self._note(f"deploy.{word}", deploy_id, release=deploy.plan.new)

    async def _in_doubt(self, run_id: str) -> str:
        """The effect that was begun and never recorded. Raises `Conflict` unless there is one, and one only."""
        run = await self.run(run_id)
        if run.reason is not Reason.OUTCOME_UNKNOWN:
            raise Conflict(f"Run {run_id} is in no doubt about an effect.", hint="Reload the page.")
        begun: dict[str, str] = {}
        for event in await self.events(run_id):
            if event.type == "intent" and event.kind == "tool" and event.key:
                begun[event.key] = event.name or ""
            elif event.type in ("step", "failed") and event.key:
                begun.pop(event.key, None)
        if not begun:
            raise NotFound(f"Run {run_id} has no effect in doubt.")
        if len(begun) > 1:
            raise Conflict(
                f"Run {run_id} has several effects in doubt: {', '.join(begun.values())}.",
                hint=f"Say which: fairlead runs resume {run_id} --step KEY, with one of {', '.join(begun)}.",
            )
        return next(iter(begun))


def _narrowed(wanted: Wanted) -> bool:
    """By more than what there is an index for."""
    return any(
        value is not None and value != ""
        for value in (wanted.reason, wanted.agent, wanted.release, wanted.user, wanted.since, wanted.until,
                      wanted.least_cost_nano, wanted.least_duration, wanted.text, wanted.model, wanted.tool)
    )  # fmt: skip


_OUTCOMES: dict[Outcome, dict[str, Any]] = {
    Outcome.DONE: {"result": None},
    Outcome.FAILED: {"error": {"error": "tool_failed", "message": "A person said that it did not happen."}},
    Outcome.REPEAT: {"repeat": True},
}
