"""What counts, what has expired, and whether it may go on. Nothing but values."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from fairlead.config import Environment
from fairlead.ship.checklist.answer import (
    Answer,
    By,
    Found,
    Line,
    Result,
    Void,
    findings_of,
    judge,
    result_of,
    verdict_of,
)
from fairlead.ship.checklist.items import Item, ListName, Question
from fairlead.ship.verdict import Verdict

NOW = datetime(2026, 11, 27, 9, 0, tzinfo=UTC)
DAY = timedelta(days=1)
BOTH = Item("both", ListName.DEPLOY, "Both.", "look", Question("Is it so?", 7 * DAY, bound=False), "mend both")
PERSON = Item("person", ListName.DEPLOY, "Person.", None, Question("Was it read?", 7 * DAY), "have it read")
MACHINE = Item("machine", ListName.DEPLOY, "Machine.", "look", None, "mend it")
ADVICE = Item("advice", ListName.DEPLOY, "Advice.", "look", None, "better so", blocks=False)


def machine(item: Item, result: Result, *, ago: timedelta = timedelta(), about: str = "v2") -> Answer:
    return Answer(item.id, Found(result, f"machine says {result.value}"), By.MACHINE, "host-1", NOW - ago, about)


def person(item: Item, result: Result = Verdict.PASS, *, ago: timedelta = timedelta(), about: str = "v2") -> Answer:
    return Answer(item.id, Found(result, "I have seen it"), By.PERSON, "mina", NOW - ago, about)


def line(item: Item, *answers: Answer, environment: Environment = Environment.PRODUCTION) -> Line:
    return judge([item], answers, environment=environment, about="v2", now=NOW)[0]


def test_without_an_answer_it_is_open_and_nothing_goes_on() -> None:
    for item in (BOTH, PERSON, MACHINE):
        found = line(item)
        assert found.is_open and found.stops and found.why
        assert verdict_of([found]) is Verdict.COULD_NOT_ASK


@pytest.mark.parametrize("result", [Verdict.FAIL, Verdict.PASS, Void.NOT_APPLICABLE])
def test_where_the_machine_could_say_no_person_says_otherwise(result: Result) -> None:
    for said in (Verdict.PASS, Verdict.FAIL):
        found = line(BOTH, machine(BOTH, result, ago=timedelta(minutes=5)), person(BOTH, said))
        assert (found.result, found.answer and found.answer.by) == (result, By.MACHINE)


@pytest.mark.parametrize("result", [Verdict.UNCLEAR, Verdict.COULD_NOT_ASK])
def test_where_it_could_not_a_person_settles_it(result: Result) -> None:
    looked = machine(BOTH, result)
    assert line(BOTH, looked).result is result and line(BOTH, looked).asks
    for said in (Verdict.PASS, Verdict.FAIL):
        assert line(BOTH, looked, person(BOTH, said, ago=2 * DAY)).result is said
    assert line(MACHINE, machine(MACHINE, result), person(MACHINE)).result is result


def test_the_newest_counts() -> None:
    first, last = person(PERSON, Verdict.PASS, ago=timedelta(hours=2)), person(PERSON, Verdict.FAIL)
    for given in ((first, last), (last, first)):
        assert line(PERSON, *given).result is Verdict.FAIL


def test_a_person_s_answer_ends() -> None:
    assert line(PERSON, person(PERSON, ago=7 * DAY - timedelta(seconds=1))).result is Verdict.PASS
    ended = line(PERSON, person(PERSON, ago=7 * DAY))
    assert ended.is_open and ended.why == "The answer of mina has expired, 2026-11-27 09:00 UTC."


def test_a_bound_answer_is_for_its_release_alone() -> None:
    other = line(PERSON, person(PERSON, about="v1"))
    assert other.is_open and "answered for v1, and this is v2" in other.why
    assert line(BOTH, person(BOTH, about="v1")).result is Verdict.PASS


def test_what_a_machine_saw_ends_within_the_hour_and_is_for_its_release() -> None:
    assert line(MACHINE, machine(MACHINE, Verdict.PASS, ago=timedelta(minutes=59))).result is Verdict.PASS
    assert line(MACHINE, machine(MACHINE, Verdict.PASS, ago=timedelta(minutes=60))).is_open
    assert line(MACHINE, machine(MACHINE, Verdict.PASS, about="v1")).is_open


def test_an_old_failure_does_not_hide_behind_its_age() -> None:
    """It is open then: neither passed nor failed."""
    found = line(MACHINE, machine(MACHINE, Verdict.FAIL, ago=2 * DAY))
    assert found.is_open and found.stops


def test_what_an_environment_does_not_need_is_not_asked_there() -> None:
    item = Item("tls", ListName.DEPLOY, "TLS.", "look", None, "mend", since=Environment.STAGING)
    for environment, result in ((Environment.TESTING, Void.NOT_APPLICABLE), (Environment.STAGING, None)):
        assert line(item, environment=environment).result is result
    assert "from staging on" in line(item, environment=Environment.DEVELOPMENT).why


def test_one_failure_fails_all_and_nothing_unknown_passes() -> None:
    def whole(*results: Result) -> Verdict:
        items = [Item(f"i-{n}", ListName.DEPLOY, "I.", "look", None, "mend") for n in range(len(results))]
        answers = [machine(item, result) for item, result in zip(items, results, strict=True)]
        return verdict_of(judge(items, answers, environment=Environment.PRODUCTION, about="v2", now=NOW))

    assert whole(Verdict.PASS, Void.NOT_APPLICABLE) is Verdict.PASS
    assert whole(Verdict.PASS, Verdict.UNCLEAR) is Verdict.UNCLEAR
    assert whole(Verdict.PASS, Verdict.COULD_NOT_ASK) is Verdict.COULD_NOT_ASK
    assert whole(Verdict.COULD_NOT_ASK, Verdict.FAIL, Verdict.UNCLEAR) is Verdict.FAIL


def test_advice_is_told_and_stops_nothing() -> None:
    lines = judge([ADVICE], [machine(ADVICE, Verdict.FAIL)], environment=Environment.PRODUCTION, about="v2", now=NOW)
    assert verdict_of(lines) is Verdict.PASS
    assert "better so" in findings_of(lines)[1].said


def test_the_first_finding_is_of_all_and_says_what_to_mend() -> None:
    answers = [machine(MACHINE, Verdict.FAIL), machine(BOTH, Verdict.PASS)]
    lines = judge([BOTH, MACHINE, PERSON], answers, environment=Environment.PRODUCTION, about="v2", now=NOW)
    whole, *each = findings_of(lines)
    assert (whole.about, whole.verdict) == ("preflight", Verdict.FAIL)
    assert whole.said == "1 of 3 hold; these do not: machine, person"
    assert any(one.about == "machine" and "machine says fail mend it" in one.said for one in each)
    assert [(one.about, one.verdict) for one in each] == [
        ("both", Verdict.PASS), ("machine", Verdict.FAIL), ("person", Verdict.COULD_NOT_ASK)
    ]  # fmt: skip


def test_every_result_can_be_written_and_read_again() -> None:
    for one in (*Verdict, *Void):
        assert result_of(one.value) is one
