"""The form that makes a case of a run, and the cases that are kept."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from fairlead.access import Role
from fairlead.access.audit import Wanted
from fairlead.access.key import NewKey
from fairlead.errors import InvalidInput
from fairlead.runs.run import Run
from fairlead.ship.evaluation.kept import NewCase
from fairlead.web.console.format import Format
from fairlead.web.console.pages import case
from fairlead.web.console.pages.case import Given
from tests.api.serving import serving
from tests.console.desktop import house
from tests.console.evaluating import Desk
from tests.console.gallery import make_run

AT = datetime(2026, 11, 27, 9, 0, tzinfo=UTC)

HOSTILE = "<script>alert('\"1\"')</script>"
FORM = {"suite": "smoke", "name": "late", "right": "expected", "expected": "sorry", "scorer": ""}


def given(**more: Any) -> Given:
    return Given(**({"suite": "smoke", "name": "late", "expected": "sorry"} | more))


def run(**more: Any) -> Run:
    return make_run(1, AT, **({"input": {"text": "Where is it?"}, "metadata": {}} | more))


def test_the_form_begins_with_what_the_run_said() -> None:
    suites = {"deep": "other", "smoke": "desk", "tone": "desk"}
    begun = case.first(run(agent="desk", output={"a": [1]}), suites, ("openai/x",))
    assert begun == Given("tone", "where-is-it", "expected", '{\n  "a": [\n    1\n  ]\n}', True, "", "", "openai/x")
    text = case.first(run(agent="desk", output="yes"), {}, ())
    assert (text.suite, text.expected, text.as_json) == ("smoke", "yes", False)
    assert case.first(run(agent="desk", output=None), {"deep": "other"}, ()).suite == ""


@pytest.mark.parametrize(
    ("asked", "name"),
    [("Refund 5 USD!", "refund-5-usd"), ("返金してください", "返金してください"), ("…", None), ("x" * 50, None),
     ("one two three four five six seven eight nine ten", "one-two-three-four-five-six-seven-eight")],
)  # fmt: skip
def test_a_name_is_made_of_the_first_words(asked: str, name: str | None) -> None:
    one = run(input=asked)
    assert case.suggested(one) == (name or one.id)


def test_what_is_right_is_said_in_one_of_three_ways() -> None:
    made = case.made(run(output="x"), given(scorer="Contains"), user="ada")
    assert (made.expected_output, made.evaluators, made.user) == ("sorry", ("Contains",), "ada")
    assert case.made(run(), given(expected='{"a": 1}', as_json=True), user=None).expected_output == {"a": 1}
    judged = case.made(run(), given(right="rubric", rubric="kind", model="openai/x"), user=None)
    assert judged.evaluators == ({"Judge": {"rubric": "kind", "model": "openai/x"}},)
    assert judged.expected_output is None, "what stands in the hidden field is not meant"
    later = case.made(run(), given(right="later"), user=None)
    assert (later.expected_output, later.evaluators) == (None, ())
    long = {"text": "x" * 30_000}
    assert case.made(run(output=long), given(expected=""), user=None).expected_output == long
    assert case.shape(run(output=long), case.first(run(output=long), {}, ()), {}, (), Format(AT)).long


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"expected": " "}, "Nothing is expected"), ({"expected": "{", "as_json": True}, "no JSON"),
        ({"expected": "null", "as_json": True}, "Null"), ({"right": "rubric"}, "rubric and a model"),
        ({"right": "rubric", "rubric": "x" * 4001, "model": "m"}, "4000"), ({"suite": "../x"}, "no name of a suite"),
        ({"name": ""}, "needs a name"),
    ],
)  # fmt: skip
def test_what_is_missing_is_told(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        case.made(run(), given(**wrong), user=None)


def test_a_form_of_others_is_refused() -> None:
    for form in ({}, FORM | {"right": "x"}, FORM | {"scorer": "Evil"}):
        with pytest.raises(InvalidInput, match="not ours"):
            case.parse(form)


async def test_a_run_becomes_a_case_and_is_written_down() -> None:
    async with house({"desk": Desk()}) as at:
        failed = await at.running.run("desk", {"text": HOSTILE}, user="ada")
        page = await at.visitor.get(f"/console/runs/{failed.id}")
        assert "Make it a case…" in page.page.said
        path = f"/console/runs/{failed.id}/case"
        form = await at.visitor.get(path)
        assert form.status == 200 and "The run has no output" in form.page.said
        assert "<script>alert" not in form.text and HOSTILE in form.page.said
        kept = await at.visitor.submit(path, FORM | {"expected": HOSTILE, "name": HOSTILE})
        assert (kept.status, kept.headers["location"]) == (303, "/console/evaluations/cases?suite=smoke")
        one = (await at.engine.evaluations.cases.list(tenant="default"))[0]
        assert one.case == NewCase(
            "smoke", HOSTILE, "desk", {"text": HOSTILE}, failed.id, "dev", HOSTILE, (), "ada"
        )  # fmt: skip
        listed = await at.visitor.get("/console/evaluations/cases")
        assert "<script>alert" not in listed.text and f"expects {HOSTILE}" in listed.page.said
        audit = await at.engine.books.audit.list("default", Wanted())
        assert [(each.action, each.subject, each.detail["run"]) for each in audit if each.action == "case.keep"] == [
            ("case.keep", one.id, failed.id)
        ]  # fmt: skip


async def test_what_is_wrong_is_said_in_the_form_and_what_was_written_stays() -> None:
    async with house({"desk": Desk(), "other": Desk()}) as at:
        good = await at.running.run("desk", {"amount": 5})
        path = f"/console/runs/{good.id}/case"
        assert "refund 5" in (await at.visitor.get(path)).page.said
        empty = await at.visitor.submit(path, FORM | {"expected": "", "name": "my name"})
        assert empty.status == 422 and "Nothing is expected" in empty.page.said
        assert "my name" in [one.get("value") for one in empty.page.all("input")]
        assert (await at.visitor.submit(path, FORM)).status == 303
        again = await at.visitor.submit(path, FORM)
        assert again.status == 409 and "late already" in again.page.said
        other = await at.running.run("other", {"amount": 5})
        wrong = await at.visitor.submit(f"/console/runs/{other.id}/case", FORM)
        assert wrong.status == 409 and "smoke is of desk" in wrong.page.said
        assert (await at.visitor.submit(path, FORM | {"right": "nonsense"})).status == 422
        assert (await at.visitor.post(path, FORM)).status == 403, "another site's"
        assert (await at.visitor.get("/console/runs/nothing/case")).status == 404


async def test_whose_thread_it_is_is_whose_data_it_is() -> None:
    async with house({"desk": Desk()}) as at:
        thread = await at.engine.threads.create(tenant="default", user="ada")
        run = await at.running.run("desk", {"amount": 5}, thread_id=thread.id)
        assert run.user is None
        assert (await at.visitor.submit(f"/console/runs/{run.id}/case", FORM)).status == 303
        assert (await at.engine.evaluations.cases.list(tenant="default"))[0].case.user == "ada"


async def test_removing_asks_first() -> None:
    async with house({"desk": Desk()}) as at:
        book = at.engine.evaluations.cases
        kept = await book.keep(
            NewCase("smoke", "late", "desk", "x", "run_1", "v1", "y"), tenant="default", by="user:mina"
        )
        path = f"/console/evaluations/cases/{kept.id}/remove"
        asked = await at.visitor.get(path)
        assert "Remove the case late?" in asked.page.said and "smoke ask it no longer" in asked.page.said
        assert len(await book.list(tenant="default")) == 1
        assert (await at.visitor.submit(path, {})).headers["location"] == "/console/evaluations/cases"
        assert await book.list(tenant="default") == []
        for answer in (await at.visitor.get(path), await at.visitor.submit(path, {})):
            assert answer.status == 404
        assert "case.remove" in {each.action for each in await at.engine.books.audit.list("default", Wanted())}
        assert "No case is kept." in (await at.visitor.get("/console/evaluations/cases")).page.said


async def test_evaluations_are_of_who_runs_the_installation() -> None:
    async with serving({"desk": Desk()}, keys=("root-key",), table=True, console=True) as api:

        async def key(name: str, **more: Any) -> dict[str, str]:
            issued = await api.running.engine.books.keys.create(NewKey(name, **more), by="test")
            return {"x-api-key": issued.secret}

        theirs = await key("acme", tenant="acme", role=Role.ADMIN)
        looks = await key("looks", role=Role.VIEWER)
        body = {"assistant_id": "desk", "input": {"amount": 1}}
        await api.json("POST", "/runs/wait", body, headers=theirs)
        mine = await api.json("POST", "/runs", body, headers=await key("op"))
        other = (await api.json("GET", "/runs", headers=theirs))[0]["run_id"]
        for path in ("/console/evaluations", "/console/evaluations/cases", f"/console/runs/{other}/case"):
            answer = await api.client.get(path, headers=theirs)
            assert (answer.status_code, "for the tenant default" in answer.text) == (403, True), path
        page = await api.client.get(f"/console/runs/{other}", headers=theirs)
        assert page.status_code == 200 and "Make it a case" not in page.text
        await api.running.engine.feed.ended(mine["run_id"], tenant="default")
        page = await api.client.get(f"/console/runs/{mine['run_id']}", headers=looks)
        assert page.status_code == 200 and "Make it a case" not in page.text
        assert (await api.client.get(f"/console/runs/{mine['run_id']}/case", headers=looks)).status_code == 403
        assert (await api.client.get("/console/evaluations", headers=looks)).status_code == 200
