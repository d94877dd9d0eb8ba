"""The console's door with hand-made runs behind it. Its moves are real moves, seen by everyone who follows."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from fairlead.errors import Conflict, DatabaseUnavailable, NotFound
from fairlead.operate.levels import Report, Window, judge
from fairlead.operate.levels.level import Events
from fairlead.runs.run import Approval, Event, Reason, Run, Status, Worker
from fairlead.runs.scores import NewScore, Score
from fairlead.ship.evaluation.book import OfRun
from fairlead.ship.ledger import Deploy, Ledger
from fairlead.ship.strategy import Word
from fairlead.web.console.door import Counts, Delta, Forking, Outcome, RunPage, Shipped, Standing, Standings, Wanted
from fairlead.web.console.pages.runs import matches


class GalleryDoor:
    """Runs kept in memory behind the console's door. `broken` names the questions it fails to answer."""

    def __init__(self, now: datetime) -> None:
        self.now = now
        self.all: dict[str, Run] = {}
        self.tapes: dict[str, list[Event]] = {}
        self.asked: dict[str, Approval] = {}
        self.people: list[Worker] = []
        self.moves: list[tuple[str, ...]] = []
        self.broken: set[str] = set()
        self.ledger: Ledger | None = None
        self.scored: list[Score] = []
        self.of_runs: dict[str, OfRun] = {}
        self.forkings: list[Forking] = []
        self.standing = Standings({}, {})
        self.failed_requests = 61
        self.said: dict[tuple[str, str], str] = {}
        self._followers: list[tuple[str | None, asyncio.Queue[Event | Delta]]] = []

    def put(self, run: Run, events: Sequence[Event] = (), approvals: Sequence[Approval] = ()) -> Run:
        self.all[run.id] = run
        self.tapes[run.id] = list(events)
        self.asked |= {one.id: one for one in approvals}
        return run

    def happen(self, run: Run, event: Event) -> None:
        """The run has changed, and this is what happened to it."""
        self.all[run.id] = run
        self.tapes.setdefault(run.id, []).append(event)
        self._tell(event)

    def talk(self, run_id: str, step: str, text: str) -> None:
        """More text of an open model call."""
        said = self.said.get((run_id, step), "")
        self.said[run_id, step] = said + text
        self._tell(Delta(run_id, step, 1, len(said), text))

    @property
    def followers(self) -> int:
        return len(self._followers)

    def _tell(self, one: Event | Delta) -> None:
        for wanted, queue in self._followers:
            if wanted in (None, one.run_id):
                queue.put_nowait(one)

    def _ask(self, name: str) -> None:
        if name in self.broken:
            raise DatabaseUnavailable("The database does not answer.", hint="It is asked again when you reload.")

    async def runs(
        self, wanted: Wanted, *, before: str | None = None, after: str | None = None, limit: int = 50
    ) -> RunPage:
        self._ask("runs")
        named = self.standing.retrying if wanted.standing is Standing.RETRYING else self.standing.stuck
        plain = replace(wanted, standing=None)
        known = [run for run in self.all.values() if wanted.standing is None or run.id in named]
        found = sorted((run for run in known if matches(plain, run)), key=lambda run: run.id, reverse=True)
        older = [run for run in found if before is None or run.id < before]
        shown = [run for run in older if after is None or run.id > after]
        page = shown[-limit:] if after else shown[:limit]
        return RunPage(
            tuple(page),
            older=bool(page) and any(run.id < page[-1].id for run in found),
            newer=bool(page) and any(run.id > page[0].id for run in found),
        )

    async def counts(self, wanted: Wanted) -> Counts:
        self._ask("counts")
        found = [run for run in self.all.values() if matches(replace(wanted, status=None), run)]
        return Counts({status: sum(run.status is status for run in found) for status in Status}, self.now)

    async def standings(self) -> Standings:
        self._ask("standings")
        return self.standing

    async def run(self, run_id: str) -> Run:
        self._ask("run")
        if run_id not in self.all:
            raise NotFound(f"There is no run {run_id}.", hint="It may have been removed after its retention period.")
        return self.all[run_id]

    async def named(self, run_ids: Collection[str]) -> Sequence[Run]:
        self._ask("named")
        return [self.all[run_id] for run_id in run_ids if run_id in self.all]

    async def events(self, run_id: str, *, after: int = 0) -> Sequence[Event]:
        self._ask("events")
        return [event for event in self.tapes[run_id] if event.seq > after]

    async def children(self, run_id: str) -> Sequence[Run]:
        self._ask("children")
        return [run for run in self.all.values() if run.parent_id == run_id]

    async def approvals(self, *, run_id: str | None = None, waiting: bool = True) -> Sequence[Approval]:
        self._ask("approvals")
        found = [one for one in self.asked.values() if run_id in (None, one.run_id)]
        return [one for one in found if not waiting or (one.approved is None and one.expires_at > self.now)]

    async def workers(self) -> Sequence[Worker]:
        return self.people

    async def levels(self, length: timedelta) -> Report:
        self._ask("levels")
        window = Window(self.now - length, self.now, self.now - length / 2, 1)
        hour = {"requests": Events(100, 3), "api": Events(3600, 0)}
        seen = {
            "requests": Events(50_000, self.failed_requests), "query": Events(1000, 90, 0.31), "api": Events(86400, 0),
        }  # fmt: skip
        return judge(window, seen, {"1h": hour, "6h": {}})

    async def follow(self, run_id: str | None = None, *, after: int = 0) -> AsyncIterator[Event | Delta]:
        queue: asyncio.Queue[Event | Delta] = asyncio.Queue()
        self._followers.append((run_id, queue))
        for (one, step), text in self.said.items():
            if one == run_id:
                queue.put_nowait(Delta(one, step, 1, 0, text))
        try:
            while True:
                yield await queue.get()
        finally:
            self._followers.remove((run_id, queue))

    def _move(self, run_id: str, name: str, event: str, **changes: Any) -> Run:
        run = self.all[run_id]
        if run.status is Status.SUCCESS:
            raise Conflict("The run has succeeded; there is nothing to do.")
        self.moves.append((name, run_id))
        moved = replace(run, **changes)
        self.happen(moved, Event(run_id, len(self.tapes[run_id]) + 1, event, self.now))
        return moved

    async def cancel(self, run_id: str) -> None:
        self._move(
            run_id, "cancel", "finished", status=Status.INTERRUPTED, reason=Reason.CANCELLED, finished_at=self.now
        )

    async def retry(self, run_id: str) -> Run:
        return self._move(run_id, "retry", "retried", status=Status.PENDING, reason=None, finished_at=None, error=None)

    async def fork(self, run_id: str, forking: Forking) -> Run:
        self.forkings.append(forking)
        return self._move(run_id, f"fork {forking.step}", "forked")

    async def scores(self, run_id: str) -> Sequence[Score]:
        self._ask("scores")
        return [one for one in self.scored if one.run_id == run_id]

    async def evaluated(self, run: Run) -> OfRun:
        self._ask("evaluated")
        return self.of_runs.get(run.id, OfRun())

    async def score(self, run_id: str, new: NewScore) -> None:
        run = self.all[run_id]
        self.scored.append(
            Score("s", run_id, new.name, new.value, "bool", new.comment, new.source, "local", new.step, run.agent,
                  run.release, "", 1, self.now, self.now)
        )  # fmt: skip

    async def resume(self, run_id: str, *, outcome: Outcome | None = None) -> Run:
        if outcome is not None:
            self.moves.append(("resume", run_id, outcome.value))
            return self.all[run_id]
        return self._move(run_id, "resume", "resumed", status=Status.PENDING, reason=None, finished_at=None, error=None)

    async def move(self, run_id: str, *, release: str) -> Run:
        return self._move(run_id, "move", "moved", release=release)

    async def answer(self, approval_id: str, *, approved: bool, by: str, comment: str) -> None:
        one = self.asked[approval_id]
        self.moves.append(("answer", approval_id, str(approved), comment))
        self.asked[approval_id] = replace(one, approved=approved, decided_at=self.now, decided_by=by, comment=comment)
        run = replace(self.all[one.run_id], status=Status.PENDING, reason=None)
        self.happen(
            run, Event(run.id, len(self.tapes[run.id]) + 1, "approval", self.now, data={"approved": approved, "by": by})
        )

    async def deploys(self) -> Sequence[Deploy]:
        return [] if self.ledger is None else await self.ledger.history()

    async def deploy(self, deploy_id: str) -> Shipped:
        if self.ledger is None:
            raise NotFound(f"There is no deploy {deploy_id}.")
        deploy = await self.ledger.get(deploy_id)
        return Shipped(deploy, tuple(await self.ledger.steps(deploy)), tuple(await self.ledger.seen(deploy)))

    async def say(self, deploy_id: str, word: Word) -> None:
        assert self.ledger is not None
        await self.ledger.say(await self.ledger.get(deploy_id), word, by="local")
