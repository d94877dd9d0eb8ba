from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from fairlead.web.console.conversation import MOST, arguments_line, conversation
from fairlead.web.console.steps import fold
from tests.console.gallery import Tape, hostile, make_run, refund

AT = datetime(2026, 11, 22, 9, 2, 11, tzinfo=UTC)


def test_everything_is_said_once_and_in_order() -> None:
    run, events, approvals = refund(1, AT)
    said = conversation(run, fold(events), approvals)
    assert [one.who for one in said] == ["system", "user", "agent", "agent", "person", "agent"]
    assert said[0].name == ""
    assert said[1].name == "u_5521"
    assert said[-1].text.startswith("I am sorry")


def test_a_tool_call_leads_to_the_step_it_became() -> None:
    run, events, approvals = refund(1, AT)
    calls = conversation(run, fold(events), approvals)[2].tools
    assert [(use.name, use.step.key if use.step else "") for use in calls] == [
        ("get_order", "order:call_1"),
        ("carrier_trace", "order:call_2"),
        ("search_policy", "policy:call_3"),
    ]


def test_equal_tools_are_told_apart_by_what_they_were_given() -> None:
    run = make_run(1, AT)
    tape = Tape(run)
    call = {"id": "", "type": "function", "function": {"name": "read", "arguments": '{"n":2}'}}
    tape.tool("read", 1, 2, {"n": 1}, None, key="one")
    tape.tool("read", 1, 2, {"n": 2}, None, key="two")
    tape.model("ask", 0, 1, [], {"role": "assistant", "content": "", "tool_calls": [call]})
    (said,) = conversation(run, fold(tape.events))
    assert said.tools[0].step is not None
    assert said.tools[0].step.key == "two"


def test_the_end_of_a_long_conversation_is_told_as_if_all_of_it_were() -> None:
    run, many = make_run(1, AT), 3 * MOST
    tape = Tape(run)
    asked: list[dict[str, Any]] = [{"role": "system", "content": "Read."}, {"role": "user", "content": "Go on."}]
    for number in range(many):
        call = {"id": f"c{number}", "function": {"name": "read", "arguments": "{}"}}
        reply = {"role": "assistant", "content": f"line {number}" if number % 2 else "", "tool_calls": [call]}
        tape.model("ask", 3 * number, 3 * number + 1, list(asked), reply, key=f"ask:{number}")
        tape.tool("read", 3 * number + 1, 3 * number + 2, {}, None, key=f"read:c{number}")
        asked += [reply, {"role": "tool", "tool_call_id": f"c{number}", "content": "nothing"}]
    said = conversation(run, fold(tape.events))
    last = range(many - MOST, many)
    assert [one.text for one in said] == [f"line {number}" if number % 2 else "" for number in last]
    assert [use.step.key for one in said for use in one.tools if use.step] == [f"read:c{number}" for number in last]


def test_calls_that_say_nothing_do_not_hide_what_was_said_before() -> None:
    run = make_run(1, AT)
    tape = Tape(run)
    asked = [{"role": "user", "content": "Watch it."}]
    for number in range(2 * MOST):
        reply = {"role": "assistant", "content": "It began." if number == 0 else ""}
        tape.model("ask", number, number + 1, asked, reply, key=f"ask:{number}")
    assert [one.text for one in conversation(run, fold(tape.events))] == ["Watch it.", "It began."]


def test_a_run_without_model_calls_is_a_question_and_an_answer() -> None:
    run = make_run(1, AT, input="How many?", output="Seven.", finished_at=AT)
    assert [one.text for one in conversation(run, fold([]))] == ["How many?", "Seven."]


def test_an_answer_under_way_is_shown_as_far_as_it_came() -> None:
    run = make_run(1, AT)
    tape = Tape(run)
    tape.started(0, "w-1")
    tape.add("intent", 1, kind="model", name="ask", key="k")
    said = conversation(run, fold(tape.events, {"k": "The carrier"}))
    assert (said[-1].text, said[-1].streaming) == ("The carrier", True)


def test_arguments_are_one_readable_line() -> None:
    assert arguments_line('{"id":48213,"deep":{"a":1}}') == 'id=48213, deep={"a":1}'
    assert arguments_line("not json") == "not json"


def test_messages_of_no_known_shape_hurt_nobody() -> None:
    run, events, approvals = hostile(6, AT)
    assert conversation(run, fold(events), approvals)
