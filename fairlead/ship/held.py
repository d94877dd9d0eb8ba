"""What the tables of this part hold of people: names of those who shipped: evidence, as the audit log is; and inputs of
users, in cases that were kept from their runs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

from fairlead.access.personal import Batch, Held, HeldRows, Holding, Piece, Signed, Subject
from fairlead.database import Database, Row
from fairlead.database import sql as named_sql
from fairlead.ship.evaluation.book import outcomes_json, outcomes_of
from fairlead.ship.evaluation.kept import QUERIES
from fairlead.ship.evaluation.outcome import Outcome

_BATCH = 100
_CASES = Held(
    "kept_case", "kept_cases", ("environment", "id"), "user_id = :user",
    json=frozenset(("inputs", "expected_output", "evaluators")),
)  # fmt: skip
SIGNED = (Signed("kept_cases", ("environment", "id"), ("kept_by", "removed_by")),)
EXEMPT = {
    "releases": "what was shipped, by its name",
    "deploys": "who shipped it, and who said what of it meanwhile: evidence, which nobody may take away",
    "deploy_steps": "how it went; of people it has the names of those who said a word",
    "deploy_looks": "counts of requests",
    "checklist_answers": "what was found before a release or a deploy, and who said so: evidence as well",
    "evaluations": "how releases answered the cases of a suite, and who had them asked; answers to cases that were "
                   "kept from runs go with those",
}  # fmt: skip


def holdings(database: Database) -> list[Holding]:
    return [HeldCases(database)]


class HeldCases:
    """What evaluations tell of a case goes with it: the verdict stays, the answer and what was said of it do not."""

    kind = _CASES.kind

    def __init__(self, database: Database) -> None:
        self._database = database
        self._queries = named_sql.load(QUERIES, database.dialect)
        self._rows = HeldRows(_CASES, database)

    @property
    def tables(self) -> frozenset[str]:
        return self._rows.tables

    async def export(self, of: Subject) -> AsyncIterator[Piece]:
        async for piece in self._rows.export(of):
            yield piece

    async def erase(self, of: Subject) -> Batch:
        cases = await self._database.read(
            self._queries["cases_of_user"], tenant=of.tenant, user_id=of.user, batch=_BATCH
        )
        for case in cases:
            # The case last: when we die before, it is found again.
            await self._blank(case)
            await self._database.write(
                self._queries["case_erase"], environment=case["environment"], tenant=of.tenant, id=case["id"]
            )
        return Batch(len(cases))

    async def _blank(self, case: Row) -> None:
        told = await self._database.read(
            self._queries["evaluations_with"], environment=case["environment"], suite=case["suite"],
            run_id=case["run_id"],
        )  # fmt: skip
        for row in told:
            outcomes = [_blanked(one) if one.kept == case["run_id"] else one for one in outcomes_of(row["outcomes"])]
            await self._database.write(
                self._queries["evaluation_blank"], environment=case["environment"], id=row["id"],
                outcomes=outcomes_json(outcomes),
            )  # fmt: skip


def _blanked(one: Outcome) -> Outcome:
    return replace(one, case="(erased)", digest="", output=None, expected=None, why="", scores={}, kept="")
