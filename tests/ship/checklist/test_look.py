"""Whatever becomes of a check, there is an answer, in time; and it is a pass only when it passed."""

from __future__ import annotations

import asyncio
import sys
import time
from datetime import timedelta
from pathlib import Path

import psutil

from fairlead.config import Environment
from fairlead.errors import ConfigurationError
from fairlead.ship.checklist.answer import Answer, By, Found, Void
from fairlead.ship.checklist.facts import CouldNotAsk, Facts
from fairlead.ship.checklist.items import Item, ListName
from fairlead.ship.checklist.look import look_at, preflight
from fairlead.ship.verdict import Verdict
from tests.ship.checklist.asking import ask, facts_of, settings_of

SECOND = timedelta(seconds=1)


async def crashes(_: Facts) -> Found:
    raise ZeroDivisionError("of itself")


async def hangs(_: Facts) -> Found:
    await asyncio.sleep(1000)
    raise AssertionError


async def can_not(_: Facts) -> Found:
    raise CouldNotAsk("set this")


async def refuses(_: Facts) -> Found:
    raise ConfigurationError("No.", hint="Do that.")


async def passes(_: Facts) -> Found:
    return Found(Verdict.PASS, "seen")


async def test_a_check_that_crashes_hangs_or_refuses_could_not_be_asked(tmp_path: Path) -> None:
    facts = facts_of(tmp_path, declared={"timeout": timedelta(milliseconds=200)})
    for check, said in (
        (crashes, "The check itself broke: ZeroDivisionError('of itself')"), (hangs, "It took longer than 200ms."),
        (can_not, "set this"), (refuses, "No. Do that."),
    ):  # fmt: skip
        found = await ask("it", facts, {"it": check})
        assert found == Found(Verdict.COULD_NOT_ASK, said)
    assert (await ask("it", facts, {})).result is Verdict.COULD_NOT_ASK


async def test_the_others_are_looked_at_all_the_same_and_each_is_told_as_it_ends(tmp_path: Path) -> None:
    items = [Item(name, ListName.DEPLOY, "I.", name, None, "mend") for name in ("hangs", "passes", "crashes")]
    told: list[str] = []
    answers = await look_at(
        items, facts_of(tmp_path, declared={"timeout": timedelta(milliseconds=300)}), environment=Environment.STAGING,
        checks={"hangs": hangs, "passes": passes, "crashes": crashes}, tell=lambda item, _: told.append(item.id),
    )  # fmt: skip
    assert [one.found.result for one in answers] == [Verdict.COULD_NOT_ASK, Verdict.PASS, Verdict.COULD_NOT_ASK]
    assert sorted(told) == ["crashes", "hangs", "passes"] and told[-1] == "hangs"
    assert {one.by for one in answers} == {By.MACHINE} and {one.about for one in answers} == {"v2"}


async def test_what_the_project_declares_is_left_out_with_its_reason_and_not_looked_at(tmp_path: Path) -> None:
    facts = facts_of(tmp_path, declared={"not_applicable": {"item": "we have none"}})
    found = await ask("it", facts, {"it": crashes})
    assert (found.result, found.said) == (Void.NOT_APPLICABLE, "The project says: we have none")


async def test_a_command_that_hangs_is_stopped_with_all_that_it_started(tmp_path: Path) -> None:
    child = f"{sys.executable} -c 'import time; time.sleep(600)' {tmp_path}"
    facts = facts_of(tmp_path, declared={
        "commands": {"tests": f'sh -c "{child} & wait"'}, "command_timeout": 2 * SECOND,
    })  # fmt: skip
    began = time.monotonic()
    found = await ask("tests", facts)
    assert found.result is Verdict.COULD_NOT_ASK and "did not end within 2s, and was stopped" in found.said
    assert time.monotonic() - began < 15
    assert [one.pid for one in psutil.process_iter(["cmdline"]) if str(tmp_path) in (one.info["cmdline"] or [])] == []


async def test_a_command_says_how_it_ended_and_what_it_wrote_last(tmp_path: Path) -> None:
    good = "sh -c 'echo 12 passed; exit 0'"
    bad = "sh -c 'echo collecting; echo 3 failed >&2; exit 5'"
    for words, result, said in (
        (good, Verdict.PASS, "ended well: 12 passed"), (bad, Verdict.FAIL, "ended with 5: 3 failed"),
        ("no-such-program-here", Verdict.COULD_NOT_ASK, "no-such-program-here can't be started: No such file"),
    ):  # fmt: skip
        found = await ask("tests", facts_of(tmp_path, declared={"commands": {"tests": words}}))
        assert found.result is result and said in found.said
    none = await ask("tests", facts_of(tmp_path))
    assert none.result is Verdict.COULD_NOT_ASK and 'tests = "…" under [checklist.commands]' in none.said


async def test_a_command_is_run_once_however_many_ask_and_never_beside_another(tmp_path: Path) -> None:
    for name in ("tests", "load", "performance"):
        (tmp_path / f"{name}.sh").write_text(
            f"test -e busy && echo {name} beside >> log; touch busy; sleep 0.2; rm busy; echo {name} >> log"
        )
    facts = facts_of(
        tmp_path, declared={"commands": {name: f"sh {name}.sh" for name in ("tests", "load", "performance")}}
    )
    items = [
        Item(f"i-{number}", ListName.DEPLOY, "I.", name, None, "mend")
        for number, name in enumerate(("tests", "all-tests", "tests", "performance"))
    ]
    answers = await look_at(items, facts, environment=Environment.STAGING)
    assert [one.found.result for one in answers] == [Verdict.PASS, Verdict.UNCLEAR, Verdict.PASS, Verdict.PASS]
    assert "Not declared: integration, evaluation" in answers[1].found.said
    assert sorted((tmp_path / "log").read_text().split("\n")) == ["", "load", "performance", "tests"]


async def test_no_secret_gets_into_the_evidence(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, FAIRLEAD_API_KEY="hush-hush-1234")
    facts = facts_of(tmp_path, settings=settings, declared={"commands": {"tests": "sh -c 'echo key hush-hush-1234'"}})
    found = await ask("tests", facts)
    assert found.result is Verdict.PASS and "hush-hush" not in found.said + found.reference


async def test_preflight_is_the_machine_s_part_and_takes_what_persons_have_settled(tmp_path: Path) -> None:
    facts = facts_of(tmp_path, settings=settings_of(tmp_path), database_error="It is away.")
    answers, (whole, *each) = await preflight(facts, environment=Environment.STAGING)
    said = {one.about: one for one in each}
    assert whole.verdict is Verdict.FAIL and said["database"].verdict is Verdict.FAIL
    assert "review" not in said and "people-informed" not in said
    assert said["backup"].verdict is Verdict.COULD_NOT_ASK
    settled = Answer("backup", Found(Verdict.PASS, "at 02:00"), By.PERSON, "mina", facts.clock.now(), "v2")
    _, (_, *each) = await preflight(facts, environment=Environment.STAGING, known=[settled])
    assert {one.about: one.verdict for one in each}["backup"] is Verdict.PASS
    assert {one.item for one in answers} <= set(said)
