"""What was found while something was shipped is said in the reader's words, whatever it says."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from fairlead.config import Environment
from fairlead.ship.checklist.answer import findings_of
from fairlead.ship.checklist.answer import judge as judge_list
from fairlead.ship.checklist.items import ListName, item_of, items_of
from fairlead.ship.verdict import Figures, Finding, Limits, Look, Verdict, judge
from fairlead.ship.watching import said_of
from fairlead.web.console import found
from fairlead.web.console.format import Format
from fairlead.web.console.language import words

AT = datetime(2026, 11, 27, 9, 0, tzinfo=UTC)
ENGLISH = Format(AT)
JAPANESE = Format(AT, words=words("ja"))


def figures(requests: int = 100, errors: int = 2) -> Figures:
    return Figures(requests, errors, {0.5: 100} if requests else {}, {0.01: 100})


def judged() -> list[Finding]:
    limits = Limits()
    seen = judge([Look(figures(), figures(errors=50))], limits)
    idle = judge([Look(figures(0, 0), figures())], limits)
    return [*seen, *idle, *judge([Look(None, None)], limits)]


def listed() -> list[Finding]:
    lines = [judge_list(items_of(name), (), environment=environment, about="v1", now=AT)
             for name in (ListName.DEPLOY, ListName.DAILY) for environment in Environment]  # fmt: skip
    return [one for each in lines for one in findings_of(each)]


@pytest.mark.parametrize("finding", [*judged(), *listed()], ids=lambda one: f"{one.about}: {one.said}"[:60])
def test_a_finding_is_said_in_the_readers_words_and_in_english_as_it_was(finding: Finding) -> None:
    assert found.of_finding(finding, ENGLISH) == finding.said
    assert found.of_finding(finding, JAPANESE) != finding.said


def test_what_a_command_said_stays() -> None:
    assert found.in_words("3 errors in migrate.py", JAPANESE) == "3 errors in migrate.py"
    assert found.in_words("FAILED: <b>%(x)s", JAPANESE) == "失敗：<b>%(x)s"


def test_an_answer_without_evidence_is_its_question_and_a_word() -> None:
    item = item_of("review")
    assert item.question is not None
    told = found.of_item(item, f"{item.question.text} No.", JAPANESE)
    assert told.endswith(" いいえ。") and item.question.text not in told
    assert found.of_item(item, "See https://x.example/1", JAPANESE) == "See https://x.example/1"


def test_several_are_joined_as_they_were_kept() -> None:
    some = [Finding("errors", Verdict.FAIL, "50.0% of 100, stable 2.0% of 100"), Finding("x", Verdict.PASS, "fine")]
    assert found.of_findings(some, ENGLISH, {}) == said_of(some)
    label = {"errors": "エラー"}
    assert found.of_findings(some, JAPANESE, label) == "エラー：100 件中 50.0%、安定版は 100 件中 2.0%"


def test_names_are_joined_as_the_language_joins_them() -> None:
    assert (ENGLISH.listed(("a", "b")), JAPANESE.listed(("a", "b"))) == ("a, b", "a、b")
    assert (ENGLISH.told("a", "b"), JAPANESE.told("a", "b")) == ("a: b", "a：b")
