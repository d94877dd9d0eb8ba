"""What was shipped and how far it is, step by step, in the environment's database.

One deploy at a time is open in an environment. Who carries it out holds it under a lease; when they die, whoever comes
next takes it and goes on after the last step that is over. What they do not hold any more, they can't write.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import orjson

from fairlead.clock import from_micros
from fairlead.database import Database, Migrations, Row
from fairlead.database import sql as named_sql
from fairlead.errors import Conflict, NotFound
from fairlead.ship.release import Release, release_of
from fairlead.ship.strategy import Done, Kind, Outcome, Plan, Step, Word
from fairlead.ship.terms import Fill, Strategy, Terms, Unclear
from fairlead.ship.verdict import Figures, Finding, Limits, Look, Verdict

_HERE = Path(__file__).parent
MIGRATIONS = Migrations("ship", _HERE / "migrations")
LEASE = timedelta(seconds=30)
_LEASE_US = LEASE // timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Deploy:
    """`held`: somebody carries it out, or has died within the lease."""

    id: str
    plan: Plan
    started_by: str
    started_at: datetime
    finished_at: datetime | None
    outcome: Outcome | None
    fence: int
    word: Word | None = None
    word_by: str = ""
    held: bool = False


@dataclass(frozen=True, slots=True)
class StepRecord:
    """`began_at` is in microseconds."""

    seq: int
    step: Step
    back: bool
    began_at: int
    ended_at: int | None
    verdict: Verdict | None
    said: str
    findings: tuple[Finding, ...]

    @property
    def done(self) -> Done | None:
        return None if self.verdict is None else Done(self.step, self.verdict, self.back)


@dataclass(frozen=True, slots=True)
class LookRecord:
    seq: int
    at: datetime
    look: Look
    verdict: Verdict


class Ledger:
    """Of one environment."""

    def __init__(self, database: Database, *, environment: str) -> None:
        self._database = database
        self._queries = named_sql.load(_HERE / "queries", database.dialect)
        self._environment = environment

    async def keep(self, release: Release) -> None:
        """Raises `Conflict` when there is another release of this build."""
        given = {"build": release.build, "digest": release.digest, "release": _json(release.as_json)}
        await self._write("release_put", **given)
        if (await self._read("release", build=release.build))[0]["digest"] != release.digest:
            raise Conflict(
                f"The release {release.build} was made before, with other code or settings.",
                hint="A release never changes: give this one another name.",
            )

    async def release(self, build: str) -> Release:
        """Raises `NotFound`."""
        rows = await self._read("release", build=build)
        if not rows:
            raise NotFound(f"There is no release {build}.", hint="See `fairlead ship history`.")
        return release_of(orjson.loads(rows[0]["release"]))

    async def open(self, plan: Plan, *, by: str) -> Deploy:
        """Raises `Conflict` while another deploy is open."""
        rows = await self._write(
            "deploy_open", id=f"dpl_{secrets.token_hex(8)}", build=plan.new, old_build=plan.old,
            terms=_json(asdict(plan.terms)), started_by=by,
        )  # fmt: skip
        if not rows:
            other = await self.under_way()
            raise Conflict(
                f"Another deploy is under way{f': {other.plan.new}' if other else ''}.",
                hint="Wait for it, or go on with it: fairlead ship resume.",
            )
        return _deploy_of(rows[0])

    async def take(self, deploy_id: str) -> Deploy:
        """Hold it. Raises `Conflict` while somebody else does, or when it is over."""
        rows = await self._write("deploy_take", id=deploy_id, lease_us=_LEASE_US)
        if not rows:
            deploy = await self.get(deploy_id)
            why = f"it is over: {deploy.outcome}" if deploy.outcome else "somebody is at it"
            raise Conflict(f"The deploy {deploy_id} can't be carried on: {why}.", hint="See `fairlead ship status`.")
        return _deploy_of(rows[0])

    async def hold(self, deploy: Deploy) -> None:
        """For a while longer. Raises `Conflict` when it is lost."""
        _ensure_held(await self._write("deploy_keep", id=deploy.id, fence=deploy.fence, lease_us=_LEASE_US))

    async def leave(self, deploy: Deploy) -> None:
        """So that the next may take it at once."""
        await self._write("deploy_leave", id=deploy.id, fence=deploy.fence)

    async def begin(self, deploy: Deploy, seq: int, step: Step, *, back: bool) -> timedelta:
        """How long ago it was begun first, by the database's clock. Raises `Conflict` when the deploy is lost."""
        rows = await self._write(
            "step_begin", id=deploy.id, fence=deploy.fence, seq=seq, kind=step.kind.value, given=_json(step.given),
            back=int(back),
        )  # fmt: skip
        _ensure_held(rows)
        return timedelta(microseconds=max(0, rows[0]["elapsed"]))

    async def end(
        self, deploy: Deploy, seq: int, verdict: Verdict, said: str, findings: Sequence[Finding] = ()
    ) -> None:
        """Raises `Conflict` when the deploy is lost."""
        told = _json([asdict(one) for one in findings])
        _ensure_held(await self._write(
            "step_end", id=deploy.id, fence=deploy.fence, seq=seq, verdict=verdict.value, said=said, findings=told
        ))  # fmt: skip

    async def finish(self, deploy: Deploy, outcome: Outcome) -> Deploy:
        """Raises `Conflict` when the deploy is lost."""
        rows = await self._write("deploy_finish", id=deploy.id, fence=deploy.fence, outcome=outcome.value)
        _ensure_held(rows)
        return _deploy_of(rows[0])

    async def say(self, deploy: Deploy, word: Word, *, by: str) -> None:
        """Whoever carries it out hears it at their next look. Raises `Conflict` when it is over."""
        if not await self._write("deploy_say", id=deploy.id, word=word.value, by=by):
            raise Conflict("The deploy is over.", hint="See `fairlead ship history`.")

    async def get(self, deploy_id: str) -> Deploy:
        """Raises `NotFound`."""
        rows = await self._read("deploy", id=deploy_id)
        if not rows:
            raise NotFound(f"There is no deploy {deploy_id}.", hint="See `fairlead ship history`.")
        return _deploy_of(rows[0])

    async def under_way(self) -> Deploy | None:
        rows = await self._read("deploy_under_way")
        return _deploy_of(rows[0]) if rows else None

    async def history(self, *, limit: int = 20) -> list[Deploy]:
        """Newest first."""
        return [_deploy_of(row) for row in await self._read("deploys", limit=limit)]

    async def stable(self) -> str | None:
        """The release that is served: that of the last deploy that succeeded."""
        good = await self._read("deploys_good")
        return good[0]["build"] if good else None

    async def before(self, build: str) -> str | None:
        """The last other release that was served before this one."""
        good = [row["build"] for row in await self._read("deploys_good")]
        return next((one for one in good if one != build), None)

    async def way_back(self) -> tuple[str, str] | None:
        """To which release, and from which; None when there is none to go back to. What stands still in the middle,
        frozen or failed, goes back to what is served; else that goes back to what was served before."""
        ended = [one for one in await self.history(limit=100) if one.outcome is not None]
        stable = await self.stable()
        if stable is None:
            return None
        if ended[0].outcome in (Outcome.FROZEN, Outcome.FAILED) and ended[0].plan.new != stable:
            return stable, ended[0].plan.new
        before = await self.before(stable)
        return None if before is None else (before, stable)

    async def steps(self, deploy: Deploy) -> list[StepRecord]:
        return [_record_of(row) for row in await self._read("steps", id=deploy.id)]

    async def look(self, deploy: Deploy, seq: int, number: int, look: Look, verdict: Verdict) -> None:
        """One of a watch, and what all of them said then. Raises `Conflict` when the deploy is lost."""
        _ensure_held(await self._write(
            "look_put", id=deploy.id, fence=deploy.fence, seq=seq, number=number, verdict=verdict.value,
            figures=_json({"stable": _figures_json(look.stable), "canary": _figures_json(look.canary)}),
        ))  # fmt: skip

    async def looks(self, deploy: Deploy, seq: int) -> list[Look]:
        """Of this step."""
        return [one.look for one in await self.seen(deploy) if one.seq == seq]

    async def seen(self, deploy: Deploy) -> list[LookRecord]:
        """All looks of a deploy, in their order."""
        return [_look_of(row) for row in await self._read("looks", id=deploy.id)]

    async def _read(self, name: str, **given: Any) -> Sequence[Row]:
        return await self._database.read(self._queries[name], environment=self._environment, **given)

    async def _write(self, name: str, **given: Any) -> Sequence[Row]:
        return await self._database.write(self._queries[name], environment=self._environment, **given)


def _ensure_held(rows: Sequence[Row]) -> None:
    if not rows:
        raise Conflict("Somebody else carries this deploy on.", hint="See `fairlead ship status`.")


def _deploy_of(row: Row) -> Deploy:
    finished, outcome = row["finished_at"], row["outcome"]
    return Deploy(
        row["id"], Plan(row["build"], row["old_build"], terms_of(orjson.loads(row["terms"]))), row["started_by"],
        from_micros(row["started_at"]), None if finished is None else from_micros(finished),
        None if outcome is None else Outcome(outcome), row["fence"],
        None if row["word"] is None else Word(row["word"]), row["word_by"] or "", bool(row["held"]),
    )  # fmt: skip


def terms_of(value: dict[str, Any]) -> Terms:
    more: dict[str, Any] = {
        "strategy": Strategy(value["strategy"]), "steps": tuple(value["steps"]), "unclear": Unclear(value["unclear"]),
        "limits": Limits(**value["limits"]), "fill": Fill(value.get("fill", Fill.NOTHING)),
    }  # fmt: skip
    return Terms(**{**value, **more})


def _record_of(row: Row) -> StepRecord:
    verdict = row["verdict"]
    findings: list[dict[str, Any]] = orjson.loads(row["findings"] or "[]")
    return StepRecord(
        row["seq"], Step(Kind(row["kind"]), orjson.loads(row["given"])), bool(row["back"]), row["began_at"],
        row["ended_at"], None if verdict is None else Verdict(verdict), row["said"] or "",
        tuple(_finding_of(one) for one in findings),
    )  # fmt: skip


def _finding_of(value: dict[str, Any]) -> Finding:
    return Finding(value["about"], Verdict(value["verdict"]), value["said"], value["evidence"])


def _json(value: Any) -> str:
    return orjson.dumps(value).decode()


def _look_of(row: Row) -> LookRecord:
    figures = orjson.loads(row["figures"])
    look = Look(_figures_of(figures["stable"]), _figures_of(figures["canary"]))
    return LookRecord(row["seq"], from_micros(row["at"]), look, Verdict(row["verdict"]))


def _figures_json(figures: Figures | None) -> dict[str, Any] | None:
    """JSON has no key that is a number, and no infinity."""
    if figures is None:
        return None
    keyed = {name: {str(end): n for end, n in getattr(figures, name).items()} for name in ("latency", "cost")}
    return {"requests": figures.requests, "errors": figures.errors, **keyed}


def _figures_of(value: dict[str, Any] | None) -> Figures | None:
    if value is None:
        return None
    latency, cost = ({float(end): n for end, n in value[name].items()} for name in ("latency", "cost"))
    return Figures(value["requests"], value["errors"], latency, cost)
