from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fairlead.access.personal import Subject
from fairlead.clock import Clock
from fairlead.database import Database
from fairlead.errors import Conflict, InvalidInput, NotFound
from fairlead.ship.evaluation.book import Book, Evaluation, figures_of
from fairlead.ship.evaluation.gate import Bounds
from fairlead.ship.evaluation.kept import CaseBook, NewCase
from fairlead.ship.evaluation.suite import Suite, load_suite
from fairlead.ship.held import HeldCases
from fairlead.ship.verdict import Verdict
from tests.ship.evaluation.made import FAILED, outcome

FILE = """\
agent: desk
cases:
  - {name: kind, inputs: hi, expected_output: hello}
evaluators: %s
"""


@pytest.fixture
def book(database: Database) -> CaseBook:
    return CaseBook(database, environment="staging")


def new(name: str = "late", suite: str = "smoke", **more: Any) -> NewCase:
    given: dict[str, Any] = {"agent": "desk", "inputs": {"amount": 5}, "run_id": "run_1", "release": "v1"} | more
    return NewCase(suite, name, **given)


async def test_a_case_comes_back_as_it_was(book: CaseBook) -> None:
    case = new(expected_output={"a": "ü"}, evaluators=({"Exact": {"a": 1}}, "Contains"), user="ada")
    kept = await book.keep(case, tenant="default", by="user:mina")
    assert await book.get(kept.id, tenant="default") == kept
    assert (kept.case, kept.kept_by) == (case, "user:mina")
    assert kept.row == {
        "name": "late", "inputs": {"amount": 5}, "expected_output": {"a": "ü"},
        "evaluators": [{"Exact": {"a": 1}}, "Contains"], "metadata": {"run_id": "run_1", "release": "v1"},
    }  # fmt: skip


async def test_cases_are_a_tenants_and_an_environments(book: CaseBook, database: Database) -> None:
    kept = await book.keep(new(), tenant="default", by="x")
    for other, tenant in ((book, "acme"), (CaseBook(database, environment="production"), "default")):
        assert await other.list(tenant=tenant) == []
        with pytest.raises(NotFound):
            await other.get(kept.id, tenant=tenant)
        with pytest.raises(NotFound):
            await other.remove(kept.id, tenant=tenant, by="x")
        await other.keep(new(), tenant=tenant, by="x")
    assert [one.id for one in await book.list(tenant="default", suite="smoke")] == [kept.id]
    assert await book.list(tenant="default", suite="deep") == []


async def test_a_name_is_free_again_once_its_case_is_removed(book: CaseBook, database: Database) -> None:
    kept = await book.keep(new(inputs="a secret"), tenant="default", by="x")
    with pytest.raises(Conflict, match="late already"):
        await book.keep(new(), tenant="default", by="x")
    await book.remove(kept.id, tenant="default", by="user:mina")
    with pytest.raises(NotFound):
        await book.remove(kept.id, tenant="default", by="user:mina")
    assert (await book.keep(new(), tenant="default", by="x")).id != kept.id


async def test_a_suite_is_of_one_agent(book: CaseBook) -> None:
    await book.keep(new(), tenant="default", by="x")
    assert await book.suites(tenant="default") == {"smoke": "desk"}
    with pytest.raises(Conflict, match="smoke is of desk"):
        await book.keep(new("two", agent="other"), tenant="default", by="x")


@pytest.mark.parametrize(
    "given",
    [
        {"suite": "../etc"},
        {"suite": ""},
        {"name": " "},
        {"name": "x" * 201},
        {"name": "a\nb"},
        {"inputs": "x" * 256_000},
    ],
)
def test_what_can_not_be_a_case_is_told(given: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        new(**given)


async def read(tmp_path: Path, book: CaseBook, evaluators: str) -> Suite:
    path = tmp_path / "smoke.yaml"
    path.write_text(FILE % evaluators)
    return load_suite(path, lambda target: None, kept=await book.list(tenant="default", suite="smoke"))


async def test_kept_cases_stand_behind_those_of_the_file_and_change_its_digest(book: CaseBook, tmp_path: Path) -> None:
    before = await read(tmp_path, book, "[Exact]")
    await book.keep(new(expected_output="yes"), tenant="default", by="x")
    after = await read(tmp_path, book, "[Exact]")
    assert [(one.name, one.kept, one.inputs) for one in after.cases] == [
        ("kind", "", "hi"), ("late", "run_1", {"amount": 5})
    ]  # fmt: skip
    assert after.digest != before.digest and after.cases[0] == before.cases[0]
    assert after.left_out == ()


async def test_what_can_not_be_judged_yet_is_left_out_and_named(book: CaseBook, tmp_path: Path) -> None:
    await book.keep(new("open"), tenant="default", by="x")
    await book.keep(new("kind", expected_output="x"), tenant="default", by="x")
    await book.keep(new("right", expected_output="x"), tenant="default", by="x")
    found = await read(tmp_path, book, "[Exact]")
    assert [one.name for one in found.cases] == ["kind", "right"] and found.cases[0].kept == ""
    assert [(one.name, one.why) for one in found.left_out] == [
        ("kind", "smoke.yaml has a case of this name."), ("open", "Nobody has said what is right.")
    ]  # fmt: skip
    without = await book.list(tenant="default")
    await book.remove(without[0].id, tenant="default", by="x")
    assert (await read(tmp_path, book, "[Exact]")).digest == found.digest, "it is of what is asked"
    await book.keep(new("open"), tenant="default", by="x")
    judged = await read(tmp_path, book, "[{Judge: {rubric: x, model: y}}]")
    assert [one.name for one in judged.cases] == ["kind", "right", "open"]


async def test_a_case_of_another_agent_is_left_out(book: CaseBook, tmp_path: Path) -> None:
    await book.keep(new(agent="other", expected_output="x"), tenant="default", by="x")
    found = await read(tmp_path, book, "[Exact]")
    assert [one.why for one in found.left_out] == ["It is of the agent other."]


async def test_a_case_that_says_itself_what_is_right_is_not_compared(book: CaseBook, tmp_path: Path) -> None:
    judge = {"Judge": {"rubric": "kind", "model": "openai/x"}}
    await book.keep(new(evaluators=(judge,)), tenant="default", by="x")
    found = await read(tmp_path, book, "[Exact, {Contains: sorry}]")
    assert [[type(each).__name__ for each in one.scorers] for one in found.cases] == [
        ["Exact", "Contains"], ["Judge", "Contains"]
    ]  # fmt: skip
    assert found.left_out == ()


@pytest.mark.parametrize("removed", [False, True])
async def test_whose_data_it_is_takes_it_away_and_what_evaluations_tell_of_it(
    database: Database, clock: Clock, removed: bool
) -> None:
    book = Book(database, environment="staging")
    theirs = await book.cases.keep(new("of ada", run_id="run_a", user="ada"), tenant="default", by="user:mina")
    await book.cases.keep(new("of bob", run_id="run_b", user="bob"), tenant="default", by="user:mina")
    told = tuple(
        outcome(FAILED, case, why=f"{case}'s secret", output=f"{case}'s secret", kept=run)
        for case, run in (("of ada", "run_a"), ("of bob", "run_b"))
    )
    done = Evaluation(
        "evl_1", "smoke", "d", "desk", "v1", "mina", clock.now(), clock.now(), Bounds(), Verdict.FAIL, (),
        figures_of(told, planned=2), told,
    )  # fmt: skip
    await book.keep(done)
    if removed:
        await book.cases.remove(theirs.id, tenant="default", by="user:mina")
    held = HeldCases(database)
    exported = [piece.data async for piece in held.export(Subject("default", "ada"))]
    assert [(one["name"], one["inputs"]) for one in exported] == [("of ada", None if removed else {"amount": 5})]
    assert (await held.erase(Subject("default", "ada"))).erased == 1
    assert (await held.erase(Subject("default", "ada"))).erased == 0
    after = await book.get("evl_1")
    assert "ada" not in str(after.outcomes) and after.outcomes[1] == told[1]
    assert after.figures == done.figures and after.outcomes[0].result is FAILED
    assert [one.case.name for one in await book.cases.list(tenant="default")] == ["of bob"]
    assert (await held.erase(Subject("default"))).erased == 1
