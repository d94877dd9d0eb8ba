"""Cases that were kept from runs, in the environment's database, until somebody pulls them into their suite's file.

They stand behind the cases of the file. What is removed keeps its row, without what it held.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson

from fairlead.clock import from_micros
from fairlead.database import Database, Row
from fairlead.database import sql as named_sql
from fairlead.errors import Conflict, InvalidInput, NotFound
from fairlead.ship.evaluation.suite_name import check_name, check_suite

QUERIES = Path(__file__).parents[1] / "queries"
MOST = 1000  # of a suite
LONGEST = 256_000  # bytes of an input, or of what is expected


@dataclass(frozen=True, slots=True)
class NewCase:
    """`expected_output` None: nobody has said what is right. `evaluators` as a suite's file has them. `user`: whose
    data it holds. Raises `InvalidInput`."""

    suite: str
    name: str
    agent: str
    inputs: Any
    run_id: str
    release: str
    expected_output: Any = None
    evaluators: tuple[Any, ...] = ()
    user: str | None = None

    def __post_init__(self) -> None:
        check_suite(self.suite)
        check_name(self.name)
        if max(map(len, map(orjson.dumps, (self.inputs, self.expected_output)))) > LONGEST:
            raise InvalidInput(
                f"The input and what is expected have at most {LONGEST // 1000} KB each.", hint="Choose a smaller run."
            )


@dataclass(frozen=True, slots=True)
class KeptCase:
    id: str
    case: NewCase
    kept_by: str
    kept_at: datetime

    @property
    def row(self) -> dict[str, Any]:
        """As a suite's file has it."""
        case, row = self.case, dict[str, Any]()
        row |= {"name": case.name, "inputs": case.inputs}
        row |= {} if case.expected_output is None else {"expected_output": case.expected_output}
        row |= {"evaluators": list(case.evaluators)} if case.evaluators else {}
        return row | {"metadata": {"run_id": case.run_id, "release": case.release}}


class CaseBook:
    """Of one environment."""

    def __init__(self, database: Database, *, environment: str) -> None:
        self._database = database
        self._queries = named_sql.load(QUERIES, database.dialect)
        self._environment = environment

    async def keep(self, case: NewCase, *, tenant: str, by: str) -> KeptCase:
        """Raises `Conflict` when the suite has kept one of this name, or is of another agent."""
        agent = (await self.suites(tenant=tenant)).get(case.suite)
        if agent not in (None, case.agent):
            raise Conflict(
                f"Run {case.run_id} is of the agent {case.agent}; the suite {case.suite} is of {agent}.",
                hint="Name a suite of this agent.",
            )
        rows = await self._database.write(
            self._queries["case_keep"], environment=self._environment, tenant=tenant, id=f"cas_{secrets.token_hex(8)}",
            suite=case.suite, name=case.name, agent=case.agent, inputs=_json(case.inputs),
            expected_output=None if case.expected_output is None else _json(case.expected_output),
            evaluators=_json(case.evaluators), run_id=case.run_id, release=case.release, user_id=case.user, kept_by=by,
        )  # fmt: skip
        if not rows:
            raise Conflict(f"{case.suite} has kept a case {case.name} already.", hint="Give it another name.")
        return _case_of(rows[0])

    async def list(self, *, tenant: str, suite: str | None = None) -> Sequence[KeptCase]:
        """The oldest first."""
        return await self._read(tenant=tenant, suite=suite)

    async def of_run(self, run_id: str, *, tenant: str) -> Sequence[KeptCase]:
        """The oldest first."""
        return await self._read(tenant=tenant, run_id=run_id)

    async def get(self, case_id: str, *, tenant: str) -> KeptCase:
        """Raises `NotFound`."""
        found = await self._read(tenant=tenant, id=case_id)
        if not found:
            raise NotFound(f"No case {case_id} is kept.", hint="fairlead evaluations cases list")
        return found[0]

    async def remove(self, case_id: str, *, tenant: str, by: str) -> None:
        """Raises `NotFound`."""
        rows = await self._database.write(
            self._queries["case_remove"], environment=self._environment, tenant=tenant, id=case_id, removed_by=by
        )
        if not rows:
            raise NotFound(f"No case {case_id} is kept.", hint="fairlead evaluations cases list")

    async def suites(self, *, tenant: str) -> Mapping[str, str]:
        """That were evaluated, or have kept cases; with the agent each is of."""
        rows = await self._database.read(self._queries["suites"], environment=self._environment, tenant=tenant)
        return {row["suite"]: row["agent"] for row in rows}

    async def _read(
        self, *, tenant: str, suite: str | None = None, id: str | None = None, run_id: str | None = None
    ) -> list[KeptCase]:
        rows = await self._database.read(
            self._queries["cases"], environment=self._environment, tenant=tenant, suite=suite, id=id, run_id=run_id,
            limit=MOST,
        )  # fmt: skip
        return [_case_of(row) for row in rows]


def _case_of(row: Row) -> KeptCase:
    expected = row["expected_output"]
    case = NewCase(
        row["suite"], row["name"], row["agent"], orjson.loads(row["inputs"]), row["run_id"], row["release"],
        None if expected is None else orjson.loads(expected), tuple(orjson.loads(row["evaluators"])), row["user_id"],
    )  # fmt: skip
    return KeptCase(row["id"], case, row["kept_by"], from_micros(row["kept_at"]))


def _json(value: Any) -> str:
    return orjson.dumps(value).decode()
