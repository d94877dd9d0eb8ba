"""Evaluations that were, in the environment's database: written once, when they are over."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson

from fairlead.clock import from_micros, to_micros
from fairlead.database import Database, Row
from fairlead.database import sql as named_sql
from fairlead.errors import InvalidInput, NotFound
from fairlead.ship.evaluation.gate import Bounds
from fairlead.ship.evaluation.kept import QUERIES, CaseBook, KeptCase
from fairlead.ship.evaluation.outcome import Outcome, Result, by_case, cost_nano, p95, passed
from fairlead.ship.verdict import Finding, Verdict

_LONGEST = timedelta(days=7)  # that an evaluation takes
_SKEW = timedelta(hours=1)  # between the clock of whoever evaluates and that of the runs


@dataclass(frozen=True, slots=True)
class Figures:
    """`latency`: p95 in seconds, None where nothing was answered."""

    cases: int
    planned: int
    asked: int
    passed: int
    cost_nano: int
    latency: float | None


@dataclass(frozen=True, slots=True)
class Evaluation:
    """`release`: what it was called, or what the answers said it is. `outcomes` are empty in a list."""

    id: str
    suite: str
    digest: str
    agent: str
    release: str
    started_by: str
    started_at: datetime
    finished_at: datetime
    bounds: Bounds
    verdict: Verdict
    findings: tuple[Finding, ...]
    figures: Figures
    outcomes: tuple[Outcome, ...] = ()


@dataclass(frozen=True, slots=True)
class Asked:
    """One trial, and the evaluation it was of."""

    evaluation: Evaluation
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class MadeCase:
    """A case kept from a run. `newest`: of its suite, where that asked it; `outcomes`: how that found it."""

    kept: KeptCase
    newest: Evaluation | None = None
    outcomes: tuple[Outcome, ...] = ()


@dataclass(frozen=True, slots=True)
class OfRun:
    """What evaluations have to do with a run: the trials it is the answer to, and the cases that were kept from it."""

    asked: tuple[Asked, ...] = ()
    cases: tuple[MadeCase, ...] = ()


def new_id() -> str:
    return f"evl_{secrets.token_hex(8)}"


def figures_of(outcomes: Sequence[Outcome], *, planned: int) -> Figures:
    asked = sum(one.asked for one in outcomes)
    return Figures(len(by_case(outcomes)), planned, asked, passed(outcomes), cost_nano(outcomes), p95(outcomes))


class Book:
    """Of one environment. `cases`: those kept from runs."""

    def __init__(self, database: Database, *, environment: str) -> None:
        self._database = database
        self._queries = named_sql.load(QUERIES, database.dialect)
        self._environment = environment
        self.cases = CaseBook(database, environment=environment)

    async def keep(self, one: Evaluation) -> None:
        await self._database.write(
            self._queries["evaluation_put"], environment=self._environment, id=one.id, suite=one.suite,
            digest=one.digest, agent=one.agent, release=one.release, started_by=one.started_by,
            started_at=to_micros(one.started_at), finished_at=to_micros(one.finished_at), verdict=one.verdict.value,
            bounds=_json(asdict(one.bounds)), findings=_json([asdict(found) for found in one.findings]),
            figures=_json(asdict(one.figures)), outcomes=outcomes_json(one.outcomes),
        )  # fmt: skip

    async def get(self, given: str) -> Evaluation:
        """By id, by the beginning of one, or the newest of a release. Raises `NotFound`, `InvalidInput`."""
        rows = await self._read("evaluation", given=given)
        if not rows:
            raise NotFound(
                f"There is no evaluation {given}, nor one of such a release.", hint="fairlead evaluations list"
            )
        by_id = [row for row in rows if row["id"].startswith(given)]
        if len(by_id) > 1:
            raise InvalidInput(f"{given} fits {len(by_id)} evaluations or more.", hint="Give more of the id.")
        return _evaluation_of((by_id or rows)[0])

    async def of_release(self, release: str, *, suite: str) -> Evaluation:
        """The newest. Raises `NotFound`."""
        found = await self.list(suite=suite, release=release, limit=1)
        if not found:
            raise NotFound(f"{release} was not evaluated with {suite}.", hint="fairlead evaluations list")
        return await self.get(found[0].id)

    async def list(
        self, *, suite: str | None = None, release: str | None = None, before: tuple[datetime, str] | None = None,
        limit: int = 20,
    ) -> Sequence[Evaluation]:  # fmt: skip
        """Newest first, without their outcomes; those that began `before` that time, and id."""
        at, id = (None, None) if before is None else (to_micros(before[0]), before[1])
        rows = await self._read(
            "evaluations", suite=suite, release=release, before_at=at, before_id=id, limit=limit
        )  # fmt: skip
        return [_evaluation_of(row) for row in rows]

    async def of_run(self, run_id: str, *, at: datetime, tenant: str) -> OfRun:
        """`at`: when it was accepted. Only evaluations that were under way then are looked through."""
        rows = await self._read(
            "evaluations_of_run", run_id=run_id, begun=to_micros(at - _LONGEST), until=to_micros(at + _SKEW),
            over=to_micros(at - _SKEW),
        )  # fmt: skip
        found = [_evaluation_of(row) for row in rows]
        asked = [Asked(one, each) for one in found for each in one.outcomes if each.run_id == run_id]
        kept = await self.cases.of_run(run_id, tenant=tenant)
        return OfRun(tuple(asked), tuple([await self._fared(one) for one in kept]))

    async def _fared(self, kept: KeptCase) -> MadeCase:
        newest = await self.list(suite=kept.case.suite, limit=1)
        if not newest or newest[0].finished_at < kept.kept_at:
            return MadeCase(kept)
        one = await self.get(newest[0].id)
        told = tuple(each for each in one.outcomes if each.kept == kept.case.run_id and each.case == kept.case.name)
        return MadeCase(kept, one, told) if told else MadeCase(kept)

    async def _read(self, name: str, **given: Any) -> Sequence[Row]:
        return await self._database.read(self._queries[name], environment=self._environment, **given)


def _evaluation_of(row: Row) -> Evaluation:
    return Evaluation(
        row["id"], row["suite"], row["digest"], row["agent"], row["release"], row["started_by"],
        from_micros(row["started_at"]), from_micros(row["finished_at"]), Bounds(**orjson.loads(row["bounds"])),
        Verdict(row["verdict"]),
        tuple(map(_finding_of, orjson.loads(row["findings"]))),
        Figures(**orjson.loads(row["figures"])),
        tuple(outcomes_of(row["outcomes"])),
    )  # fmt: skip


def _finding_of(value: dict[str, Any]) -> Finding:
    return Finding(value["about"], Verdict(value["verdict"]), value["said"], value["evidence"])


def outcomes_of(text: str) -> list[Outcome]:
    return [_outcome_of(one) for one in orjson.loads(text)]


def outcomes_json(outcomes: Sequence[Outcome]) -> str:
    return _json([_row(one) for one in outcomes])


def _outcome_of(value: dict[str, Any]) -> Outcome:
    result: dict[str, Any] = {"result": Result(value["result"])}
    return Outcome(**{**value, **result})


def _row(outcome: Outcome) -> dict[str, Any]:
    return {name: getattr(outcome, name) for name in Outcome.__dataclass_fields__}


def _json(value: Any) -> str:
    return orjson.dumps(value).decode()
