"""The book of schedules, and the role that starts what is due."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from fairlead.access import Books
from fairlead.agents.jsonable import decode, encode
from fairlead.clock import Clock, from_micros, to_micros
from fairlead.database import Database, Query, Row
from fairlead.errors import Conflict, DatabaseUnavailable, FairleadError, Forbidden, NotFound, QueueFull
from fairlead.runs.assistants import Assistants
from fairlead.runs.control import Control
from fairlead.runs.ids import Ids
from fairlead.runs.rows import asker_in, kept_asker
from fairlead.runs.run import Asker, Discard, Multitask, NewRun, Run
from fairlead.runs.schedule import Missed, Overlap, Rhythm, Schedule, Work, check, due, next_time, spread
from fairlead.runs.threads import Threads
from fairlead.telemetry.emit import Emit

_BATCH = 50
_MICROSECOND = timedelta(microseconds=1)
_MOST = 1000  # of a tenant
_NOW = "now"  # in place of a time: beside them


@dataclass(frozen=True, slots=True)
class ScheduleWanted:
    assistant_id: str | None = None
    thread_id: str | None = None
    enabled: bool | None = None
    metadata: Mapping[str, Any] | None = None


class Schedules:
    """Of one database; a tenant sees its own. Any number of processes may do `once` at the same time."""

    def __init__(
        self, database: Database, queries: Mapping[str, Query], *, control: Control, assistants: Assistants,
        threads: Threads, books: Books, release: str, ids: Ids, clock: Clock, emit: Emit,
    ) -> None:  # fmt: skip
        self._database = database
        self._queries = queries
        self._control = control
        self._assistants = assistants
        self._threads = threads
        self._books = books
        self._release = release
        self._ids = ids
        self._clock = clock
        self._emit = emit

    # -- the role

    async def once(self) -> timedelta | None:
        rows = await self._database.read(self._queries["due_schedules"], limit=_BATCH)
        for row in rows:
            try:
                await self._fire(schedule_of(row), from_micros(row["now"]), busy=bool(row["busy"]))
            except (DatabaseUnavailable, QueueFull):
                return None  # not moved on: tried again, and so are those behind it
            except Exception as failed:  # noqa: BLE001 the edge of a loop: those behind it must not wait for it
                await self._set_aside(row, repr(failed))
        return timedelta(0) if len(rows) == _BATCH else None

    async def _fire(self, schedule: Schedule, now: datetime, *, busy: bool) -> None:
        """Start what is due, then move on. A process that dies in between has started runs under keys that the next
        one will use again: they are not started twice."""
        busy = busy and schedule.rhythm.overlap is not Overlap.ALLOW
        found = due(schedule, now=now, busy=busy)
        if not found.starts and found.next_at == schedule.next_at:
            return
        if busy and found.starts and schedule.rhythm.overlap is Overlap.CANCEL_RUNNING and schedule.last_run_id:
            await self._control.cancel(schedule.last_run_id, tenant=schedule.tenant, by=f"schedule {schedule.id}")
        last: Run | None = None
        error = None
        for at in found.starts:
            try:
                last = await self._start(schedule, at)
            except (DatabaseUnavailable, QueueFull):
                raise
            except FairleadError as failed:
                error = str(failed)
        await self._advance(schedule, found.starts, found.next_at, last, error)

    async def _set_aside(self, row: Row, error: str) -> None:
        """What can't even be read is not looked at again until somebody changes or resumes it."""
        await self._database.write(
            self._queries["advance_schedule"], tenant=row["tenant"], id=row["id"], expected=row["version"],
            next_at=None, last_at=None, last_run_id=None, error=error,
        )  # fmt: skip
        self._emit("schedule_failed", schedule=row["id"], tenant=row["tenant"], next_at=None, error=error)

    async def _advance(
        self, schedule: Schedule, starts: tuple[datetime, ...], next_at: datetime | None, last: Run | None,
        error: str | None,
    ) -> None:  # fmt: skip
        moved = await self._database.write(
            self._queries["advance_schedule"], tenant=schedule.tenant, id=schedule.id, expected=schedule.version,
            next_at=_micros(next_at), last_at=_micros(starts[-1]) if starts else None,
            last_run_id=last.id if last else None, error=error,
        )  # fmt: skip
        if not moved:
            return
        told = {"schedule": schedule.id, "tenant": schedule.tenant, "next_at": next_at}
        if error is not None:
            self._emit("schedule_failed", **told, error=error)
        elif last is not None:
            self._emit("schedule_fired", **told, run_id=last.id, count=len(starts))
        else:
            self._emit("schedule_skipped", **told)

    async def _start(self, schedule: Schedule, at: datetime) -> Run:
        """Raises `Forbidden` when whoever left it to us may not start it themselves any more."""
        asker = schedule.asker
        barred = await self._books.barred(schedule.tenant, key_id=asker.key_id if asker else None, user=schedule.user)
        if barred:
            raise Forbidden(f"Whoever made it may start no run: {barred}.", hint="Make it anew with a valid key.")
        key = _key(schedule.id, at.isoformat())
        return await self._submit(schedule, key, spread(schedule.id, at, schedule.rhythm.jitter), at)

    async def _submit(self, schedule: Schedule, key: str, start_at: datetime | None, at: datetime) -> Run:
        work = schedule.work
        agent, assignment = await self._assistants.assign(
            schedule.assistant_id, tenant=schedule.tenant, config=work.config, context=work.context
        )
        if schedule.thread_id is not None:
            await self._threads.get(schedule.thread_id, tenant=schedule.tenant)
        new = NewRun(
            agent, work.input, assignment=assignment, tenant=schedule.tenant, thread_id=schedule.thread_id,
            release=self._release, priority=work.priority, budget_nano=work.budget_nano, idempotency_key=key,
            metadata={**schedule.metadata, **work.metadata, "cron_id": schedule.id, "due_at": at.isoformat()},
            start_at=start_at, user=schedule.user, asker=schedule.asker, multitask=Multitask(work.multitask),
            discard=Discard.ENDED if work.on_run_completed == "delete" and not schedule.thread_id else None,
            webhook=work.webhook,
        )  # fmt: skip
        return (await self._control.submit(new))[0]

    # -- the book

    async def add(
        self, assistant_id: str, rhythm: Rhythm, work: Work, *, thread_id: str | None = None,
        metadata: Mapping[str, Any] | None = None, enabled: bool = True, user: str | None = None,
        asker: Asker | None = None, tenant: str, by: str,
    ) -> Schedule:  # fmt: skip
        """Raises `InvalidInput`, `NotFound` (assistant or thread), `Conflict` (too many)."""
        check(rhythm)
        await self._assistants.assign(assistant_id, tenant=tenant, config=work.config, context=work.context)
        assistant = await self._assistants.get(assistant_id, tenant=tenant)
        if thread_id is not None:
            await self._threads.get(thread_id, tenant=tenant)
        if (await self.search(ScheduleWanted(), tenant=tenant, limit=1))[1] >= _MOST:
            raise Conflict(f"There are {_MOST} schedules already.", hint="Remove one.")
        rows = await self._database.write(
            self._queries["add_schedule"], tenant=tenant, id=self._ids.new(), assistant_id=assistant.id,
            thread_id=thread_id, user_id=user, asker=kept_asker(asker), actor=by,
            **_columns(rhythm, work, dict(metadata or {}), enabled, next_time(rhythm, self._clock.now())),
        )  # fmt: skip
        made = schedule_of(rows[0])
        self._emit("schedule_added", schedule=made.id, tenant=tenant, by=by, next_at=made.next_at)
        return made

    async def get(self, schedule_id: str, *, tenant: str) -> Schedule:
        """Raises `NotFound`."""
        rows = await self._database.read(self._queries["schedule"], tenant=tenant, id=schedule_id)
        if not rows:
            raise NotFound(f"There is no schedule {schedule_id}.")
        return schedule_of(rows[0])

    async def started(self, schedule_id: str, *, tenant: str, limit: int = 20) -> list[str]:
        """Ids of the latest runs that it started, the newest first."""
        begins = _key(schedule_id, "")
        rows = await self._database.read(
            self._queries["runs_of_schedule"], tenant=tenant, first=begins, beside=begins + _NOW, beyond=begins + "o",
            limit=limit,
        )  # fmt: skip
        return [row["id"] for row in rows]

    async def search(
        self, wanted: ScheduleWanted, *, tenant: str, sort: str = "created_at", descending: bool = True,
        limit: int = 10, offset: int = 0,
    ) -> tuple[list[Schedule], int]:  # fmt: skip
        """A page, and how many there are in all."""
        assistant_id = wanted.assistant_id
        if assistant_id is not None:
            try:
                assistant_id = (await self._assistants.get(assistant_id, tenant=tenant)).id
            except FairleadError:
                return [], 0
        rows = await self._database.read(
            self._queries["search_schedules"], tenant=tenant, assistant_id=assistant_id, thread_id=wanted.thread_id,
            enabled=wanted.enabled, metadata=encode(dict(wanted.metadata)).decode() if wanted.metadata else None,
            sort=sort, descending=descending, limit=limit, offset=offset,
        )  # fmt: skip
        return [schedule_of(row) for row in rows], rows[0]["total"] if rows else 0

    async def change(
        self, schedule_id: str, *, rhythm: Mapping[str, Any], work: Mapping[str, Any],
        metadata: Mapping[str, Any] | None = None, enabled: bool | None = None, tenant: str, by: str,
    ) -> Schedule:  # fmt: skip
        """Only what is given. Times that passed while it was paused were not missed. Raises as `add`."""
        for _ in range(5):
            now = await self.get(schedule_id, tenant=tenant)
            wanted, does = replace(now.rhythm, **rhythm), replace(now.work, **work)
            check(wanted)
            await self._assistants.assign(now.assistant_id, tenant=tenant, config=does.config, context=does.context)
            on = now.enabled if enabled is None else enabled
            same = wanted == now.rhythm and on == now.enabled
            next_at = now.next_at if same else next_time(wanted, self._clock.now())
            kept = {**now.metadata, **(metadata or {})}
            rows = await self._database.write(
                self._queries["change_schedule"], tenant=tenant, id=schedule_id, expected=now.version,
                **_columns(wanted, does, kept, on, next_at),
            )  # fmt: skip
            if rows:
                self._emit("schedule_changed", schedule=schedule_id, tenant=tenant, by=by, enabled=on, next_at=next_at)
                return schedule_of(rows[0])
        raise Conflict(f"Others keep changing schedule {schedule_id}.", hint="Try again.")

    async def remove(self, schedule_id: str, *, tenant: str, by: str) -> None:
        """Runs that it started go on. Raises `NotFound`."""
        if not await self._database.write(self._queries["remove_schedule"], tenant=tenant, id=schedule_id):
            raise NotFound(f"There is no schedule {schedule_id}.")
        self._emit("schedule_removed", schedule=schedule_id, tenant=tenant, by=by)

    async def run_now(self, schedule_id: str, *, tenant: str) -> Run:
        """Beside its times, which stay as they are. Raises `NotFound`, and what starting a run raises."""
        schedule = await self.get(schedule_id, tenant=tenant)
        return await self._submit(schedule, _key(schedule_id, f"{_NOW} {self._ids.new()}"), None, self._clock.now())


def _key(schedule_id: str, at: str) -> str:
    """Under which a run is started, so that no two are for one time."""
    return f"schedule {schedule_id} {at}"


def schedule_of(row: Row) -> Schedule:
    rhythm = Rhythm(
        row["cron"], row["timezone"], _moment(row["start_at"]), _moment(row["end_at"]),
        timedelta(microseconds=row["jitter_us"]), Missed(row["missed"]), Overlap(row["overlap"]),
    )  # fmt: skip
    return Schedule(
        tenant=row["tenant"], id=row["id"], assistant_id=row["assistant_id"], thread_id=row["thread_id"],
        rhythm=rhythm, work=Work(**decode(row["work"])), metadata=decode(row["metadata"]),
        enabled=bool(row["enabled"]), user=row["user_id"], asker=asker_in(row["asker"]), created_by=row["created_by"],
        created_at=from_micros(row["created_at"]), updated_at=from_micros(row["updated_at"]), version=row["version"],
        next_at=_moment(row["next_at"]), last_at=_moment(row["last_at"]), last_run_id=row["last_run_id"],
        last_error=row["last_error"],
    )  # fmt: skip


def _columns(
    rhythm: Rhythm, work: Work, metadata: dict[str, Any], enabled: bool, next_at: datetime | None
) -> dict[str, Any]:
    return {
        "cron": rhythm.cron, "timezone": rhythm.timezone, "missed": rhythm.missed.value,
        "overlap": rhythm.overlap.value, "jitter_us": rhythm.jitter // _MICROSECOND,
        "start_at": _micros(rhythm.start_at), "end_at": _micros(rhythm.end_at), "work": encode(asdict(work)).decode(),
        "metadata": encode(metadata).decode(), "enabled": enabled, "next_at": _micros(next_at),
    }  # fmt: skip


def _micros(moment: datetime | None) -> int | None:
    return None if moment is None else to_micros(moment)


def _moment(micros: int | None) -> datetime | None:
    return None if micros is None else from_micros(micros)
