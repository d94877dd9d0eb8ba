"""The run engine behind the console's door."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import Any

from fairlead.clock import Clock
from fairlead.runs.control import Control
from fairlead.runs.feed import Delta, Feed
from fairlead.runs.oversight import Oversight
from fairlead.runs.run import Approval, Event, Run, Worker
from fairlead.web.console.door import Counts, Outcome, RunPage, Wanted

_PAGE = 5000  # events of a run in one reading
_MANY = 10_000  # `Oversight.counts` counts no further
_CHILDREN = 200


class EngineDoor:
    """Implements `console.door.Door` for one tenant."""

    def __init__(
        self, control: Control, feed: Feed, oversight: Oversight, *, clock: Clock, viewer: str, tenant: str = "default"
    ) -> None:
        self._control = control
        self._feed = feed
        self._oversight = oversight
        self._clock = clock
        self._viewer = viewer
        self._tenant = tenant

    async def runs(
        self, wanted: Wanted, *, before: str | None = None, after: str | None = None, limit: int = 50
    ) -> RunPage:
        found = await self._control.list(
            tenant=self._tenant, status=wanted.status, reason=wanted.reason, agent=wanted.agent,
            release=wanted.release, thread_id=wanted.thread_id, parent_id=wanted.parent_id, text=wanted.text or None,
            before=before, after=after, limit=limit + 1,
        )  # fmt: skip
        if after is not None:
            return RunPage(tuple(found[-limit:]), older=True, newer=len(found) > limit)
        return RunPage(tuple(found[:limit]), older=len(found) > limit, newer=before is not None)

    async def counts(self, wanted: Wanted) -> Counts:
        by_status = await self._oversight.counts(tenant=self._tenant)
        return Counts(by_status, self._clock.now(), exact=max(by_status.values()) < _MANY)

    async def run(self, run_id: str) -> Run:
        return await self._control.get(run_id, tenant=self._tenant)

    async def events(self, run_id: str, *, after: int = 0) -> Sequence[Event]:
        events: list[Event] = []
        while page := await self._feed.events(run_id, tenant=self._tenant, after=after, limit=_PAGE, messages=True):
            events.extend(_shown(event) for event in page)
            after = page[-1].seq
            if len(page) < _PAGE:
                break
        return events

    async def children(self, run_id: str) -> Sequence[Run]:
        return await self._control.list(tenant=self._tenant, parent_id=run_id, limit=_CHILDREN)

    async def approvals(self, *, run_id: str | None = None, waiting: bool = True) -> Sequence[Approval]:
        found = await self._control.approvals(tenant=self._tenant, run_id=run_id, open_only=waiting)
        now = self._clock.now()
        return [one for one in reversed(found) if not waiting or one.expires_at > now]

    async def workers(self) -> Sequence[Worker]:
        return await self._oversight.workers()

    async def follow(self, run_id: str | None = None, *, after: int = 0) -> AsyncIterator[Event | Delta]:
        if run_id is None:
            async for changed in self._feed.changes():
                yield Event(changed, 0, "changed", self._clock.now())
            return
        async for said in self._feed.follow(run_id, tenant=self._tenant, after=after, deltas=True, until_end=False):
            yield said

    async def cancel(self, run_id: str) -> None:
        await self._control.cancel(run_id, tenant=self._tenant, by=self._viewer)

    async def retry(self, run_id: str) -> Run:
        return await self._control.retry(run_id, tenant=self._tenant, by=self._viewer)

    async def resume(self, run_id: str, *, outcome: Outcome | None = None) -> Run:
        if outcome is None:
            return await self._control.resume(run_id, tenant=self._tenant, by=self._viewer)
        run = await self.run(run_id)
        key = str((run.error or {}).get("key", ""))
        said = {key: _outcome(outcome, self._viewer)}
        return await self._control.resume(run_id, tenant=self._tenant, by=self._viewer, outcomes=said)

    async def move(self, run_id: str, *, release: str) -> Run:
        await self._control.move(release, run_id=run_id, tenant=self._tenant, by=self._viewer)
        return await self.run(run_id)

    async def answer(self, approval_id: str, *, approved: bool, by: str, comment: str) -> None:
        await self._control.answer(approval_id, approved, by=by, comment=comment or None, tenant=self._tenant)


def _outcome(said: Outcome, by: str) -> dict[str, Any]:
    match said:
        case Outcome.DONE:
            return {"result": None}
        case Outcome.FAILED:
            return {"error": {"error": "tool_failed", "message": f"{by} says that it failed."}}
        case Outcome.REPEAT:
            return {"repeat": True}


def _shown(event: Event) -> Event:
    """A model call as people look at it: the reply's message, its usage and its attempts side by side."""
    data: dict[str, Any] = event.data or {}
    if event.kind != "model" or "result" not in data:
        return event
    reply: dict[str, Any] = data["result"]
    first = reply.get("first_token_us")
    shown = {
        "request": data.get("request"),
        "reply": reply["body"]["choices"][0]["message"],
        "usage": reply["usage"],
        "cost_nano": reply["cost_nano"],
        "provider": reply["provider"],
        "model": reply["model"],
        "attempts": [{**attempt, "took_ms": attempt["took_us"] / 1000} for attempt in reply["attempts"]],
        "first_token_ms": None if first is None else first / 1000,
    }
    return replace(event, data=shown)
