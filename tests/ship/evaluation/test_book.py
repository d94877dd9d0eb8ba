from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from fairlead.database import Database
from fairlead.errors import InvalidInput, NotFound
from fairlead.ship.evaluation.book import Book, Evaluation, MadeCase, OfRun, figures_of
from fairlead.ship.evaluation.gate import Bounds, judge
from fairlead.ship.evaluation.kept import NewCase
from fairlead.ship.verdict import verdict_of
from fairlead.testing import MovableClock
from tests.ship.evaluation.made import FAILED, LOST, outcome


@pytest.fixture
def book(database: Database) -> Book:
    return Book(database, environment="staging")


def made(clock: MovableClock, id: str, release: str = "v1", suite: str = "smoke") -> Evaluation:
    clock.move(timedelta(seconds=1))
    good = outcome(scores={"Exact": True, "grade": 0.5}, output={"a": ["ü"]})
    outcomes = (good, outcome(FAILED, "two", why="no"), outcome(LOST))
    findings = tuple(judge(outcomes, Bounds(0.5), planned=4))
    started = clock.now()
    clock.move(timedelta(seconds=1))
    return Evaluation(
        id, suite, "d1", "desk", release, "ada", started, clock.now(), Bounds(0.5), verdict_of(findings), findings,
        figures_of(outcomes, planned=4), outcomes,
    )  # fmt: skip


async def test_an_evaluation_comes_back_as_it_was(book: Book, clock: MovableClock) -> None:
    one = made(clock, "evl_1")
    await book.keep(one)
    assert await book.get("evl_1") == one
    assert (one.figures.cases, one.figures.asked, one.figures.passed, one.figures.planned) == (2, 2, 1, 4)


async def test_they_are_found_by_id_its_beginning_and_release(book: Book, clock: MovableClock) -> None:
    for id, release, suite in (("evl_a1", "v1", "smoke"), ("evl_a2", "v1", "deep"), ("evl_b1", "v2", "smoke")):
        await book.keep(made(clock, id, release, suite))
    assert (await book.get("evl_b")).id == "evl_b1"
    assert (await book.get("v1")).id == "evl_a2", "the newest"
    assert (await book.of_release("v1", suite="smoke")).id == "evl_a1"
    with pytest.raises(InvalidInput, match="evl_a fits 2"):
        await book.get("evl_a")
    for unknown in ("evl_c", "v3", "%", "' OR 1=1 --"):
        with pytest.raises(NotFound):
            await book.get(unknown)
    with pytest.raises(NotFound):
        await book.of_release("v2", suite="deep")


async def test_the_list_is_newest_first_and_without_outcomes(book: Book, clock: MovableClock) -> None:
    for number in range(4):
        await book.keep(made(clock, f"evl_{number}", f"v{number % 2}", "smoke" if number else "deep"))
    assert [one.id for one in await book.list(limit=3)] == ["evl_3", "evl_2", "evl_1"]
    assert [one.id for one in await book.list(release="v0")] == ["evl_2", "evl_0"]
    assert [one.id for one in await book.list(suite="deep")] == ["evl_0"]
    assert (await book.list())[0].outcomes == ()


async def test_environments_do_not_see_each_other(book: Book, database: Database, clock: MovableClock) -> None:
    await book.keep(made(clock, "evl_1"))
    other = Book(database, environment="production")
    assert await other.list() == []
    with pytest.raises(NotFound):
        await other.get("evl_1")


async def test_a_run_is_found_in_what_was_asked_and_in_what_was_kept_from_it(book: Book, clock: MovableClock) -> None:
    at = clock.now()
    told = (outcome(run_id="run_1"), outcome(FAILED, "two", run_id="run_2"), outcome(run_id="run_1", trial=2))
    await book.keep(replace(made(clock, "evl_1"), outcomes=told))
    await book.keep(made(clock, "evl_2"))
    found = await book.of_run("run_1", at=at, tenant="default")
    assert [(one.evaluation.id, one.outcome.case, one.outcome.trial) for one in found.asked] == [
        ("evl_1", "one", 1), ("evl_1", "one", 2)
    ]  # fmt: skip
    assert found.cases == ()
    for unknown in ("run_", "run_%", "_un_1"):
        assert await book.of_run(unknown, at=at, tenant="default") == OfRun()
    later = at + timedelta(days=1)
    assert await book.of_run("run_1", at=later, tenant="default") == OfRun(), "no evaluation was under way"

    case = NewCase("smoke", "late", "desk", "x", "run_2", "v1", "y")
    kept = await book.cases.keep(case, tenant="default", by="ada")
    one = await book.of_run("run_2", at=at, tenant="default")
    assert ([each.outcome.case for each in one.asked], [each.kept.id for each in one.cases]) == (["two"], [kept.id])
    assert (await book.of_run("run_2", at=at, tenant="acme")).cases == ()


async def test_a_kept_case_tells_how_the_newest_evaluation_found_it(book: Book, clock: MovableClock) -> None:
    case = NewCase("smoke", "late", "desk", "x", "run_9", "v1", "y")
    kept = await book.cases.keep(case, tenant="default", by="ada")
    clock.move(kept.kept_at + timedelta(seconds=1) - clock.now())

    async def fared() -> MadeCase:
        return (await book.of_run("run_9", at=clock.now(), tenant="default")).cases[0]

    assert await fared() == MadeCase(kept)
    told = (outcome(FAILED, "late", kept="run_9"), outcome(case="late", trial=2, kept="run_9"), outcome())
    await book.keep(replace(made(clock, "evl_1"), outcomes=told))
    one = await fared()
    assert one.newest is not None and (one.newest.id, one.outcomes) == ("evl_1", told[:2])
    await book.keep(made(clock, "evl_2"))
    assert await fared() == MadeCase(kept), "the newest asked it no longer"
