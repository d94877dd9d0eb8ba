from __future__ import annotations

import asyncio
from typing import Any

import pytest
from pydantic import BaseModel

from fairlead.agents import Agent, MemoryBuffer, converse, tool
from fairlead.errors import BadOutput, BudgetExceededError, InvalidInput, TooManyIterations
from tests.agents.scripted import ScriptedModel, calls, results, says, use


@tool(safe_to_repeat=True)
def add(a: int, b: int = 1) -> int:
    """Add two numbers."""
    return a + b


@tool
def explode() -> None:
    raise ValueError("no fuse")


def agent(**given: Any) -> Agent:
    return Agent("tester", "simulated/x", **{"instructions": "Be exact.", "tools": [add, explode]} | given)


async def test_a_reply_without_tool_calls_is_the_output() -> None:
    model = ScriptedModel(says("hello"))
    answer = await converse(agent(), "hi", ask=model, use=use)
    assert answer.output == "hello"
    assert answer.messages == [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "hello"}]
    assert model.asked[0]["messages"][0] == {"role": "system", "content": "Be exact."}
    assert [one["function"]["name"] for one in model.asked[0]["tools"]] == ["add", "explode"]


async def test_a_tools_result_goes_back_to_the_model() -> None:
    model = ScriptedModel(calls(("add", {"a": 2, "b": 3})), says("5"))
    answer = await converse(agent(), "2+3?", ask=model, use=use)
    assert model.asked[1]["messages"][-1] == {"role": "tool", "tool_call_id": "id-0", "content": "5"}
    assert answer.output == "5"


async def test_tools_of_one_reply_run_side_by_side_and_answer_in_the_order_asked() -> None:
    both = asyncio.Barrier(2)

    @tool
    async def meet(name: str) -> str:
        async with asyncio.timeout(5):
            await both.wait()
        return name

    model = ScriptedModel(calls(("meet", {"name": "first"}), ("meet", {"name": "second"})), says("met"))
    answer = await converse(agent(tools=[meet]), "go", ask=model, use=use)
    told = [m["content"] for m in answer.messages if m["role"] == "tool"]
    assert told == ["first", "second"]


@pytest.mark.parametrize(
    ("call", "code", "words"),
    [
        (("missing", {}), "unknown_tool", "There are: `add`, `explode`."),
        (("add", {"a": "many"}), "invalid_input", "`a`: Input should be a valid integer"),
        (("add", {}), "invalid_input", "`a`: Field required"),
        (("add", {"a": 1, "c": 2}), "invalid_input", "`c`: Extra inputs are not permitted"),
        (("add", '{"a": 1'), "not_json", "The arguments are not JSON"),
        (("add", "[1]"), "invalid_input", "must be a JSON object"),
        (("explode", {}), "tool_failed", "The tool `explode` raised ValueError: no fuse"),
    ],
)
async def test_what_goes_wrong_with_a_tool_is_told_to_the_model(call: Any, code: str, words: str) -> None:
    answer = await converse(agent(), "go", ask=ScriptedModel(calls(call), says("sorry")), use=use)
    assert answer.output == "sorry"
    (told,) = results(answer.messages)
    assert told["error"] == code
    assert words in told["message"]


async def test_an_error_that_is_not_for_the_model_stops_the_conversation_after_the_siblings_are_done() -> None:
    done: list[int] = []

    async def broke(tool: Any, arguments: Any, *, call_id: str | None = None) -> Any:
        if arguments["a"] == 0:
            raise BudgetExceededError("No money.")
        await asyncio.sleep(0)
        done.append(arguments["a"])
        return 1

    model = ScriptedModel(calls(("add", {"a": 0}), ("add", {"a": 1})))
    with pytest.raises(BudgetExceededError):
        await converse(agent(), "go", ask=model, use=broke)
    assert done == [1]


async def test_cancelling_reaches_the_tools() -> None:
    started, stopped = asyncio.Event(), asyncio.Event()

    async def wait(tool: Any, arguments: Any, *, call_id: str | None = None) -> Any:
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()

    model = ScriptedModel(calls(("add", {"a": 0}), ("add", {"a": 1})))
    task = asyncio.create_task(converse(agent(), "go", ask=model, use=wait))
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert stopped.is_set()


async def test_a_model_that_never_answers_is_stopped() -> None:
    model = ScriptedModel(calls(("add", {"a": 1})))
    with pytest.raises(TooManyIterations, match="within 3 model calls") as caught:
        await converse(agent(max_iterations=3), "go", ask=model, use=use)
    assert caught.value.code == "max_iterations"
    assert len(model.asked) == 3


class Verdict(BaseModel):
    pay: bool
    cents: int


SCHEMA = {"type": "object", "properties": {"pay": {"type": "boolean"}}, "required": ["pay"]}


@pytest.mark.parametrize("shape", [SCHEMA, Verdict])
async def test_an_answer_of_the_asked_shape_is_the_output(shape: Any) -> None:
    model = ScriptedModel(says('{"pay": true, "cents": 5}'))
    answer = await converse(agent(output_schema=shape), "pay?", ask=model, use=use)
    assert answer.output == {"pay": True, "cents": 5}
    assert model.asked[0]["response_format"]["type"] == "json_schema"


async def test_a_wrong_shape_may_be_mended_once() -> None:
    model = ScriptedModel(says("certainly!"), says('```json\n{"pay": false}\n```'))
    answer = await converse(agent(output_schema=SCHEMA), "pay?", ask=model, use=use)
    assert answer.output == {"pay": False}
    assert "not JSON" in model.asked[1]["messages"][-1]["content"]


async def test_a_wrong_shape_twice_is_an_error() -> None:
    model = ScriptedModel(says('{"pay": 1}'))
    with pytest.raises(BadOutput, match=r"`\$\.pay` must be of type boolean"):
        await converse(agent(output_schema=SCHEMA), "pay?", ask=model, use=use)
    assert len(model.asked) == 2


async def test_pieces_of_the_answer_are_heard_as_they_come() -> None:
    heard: list[str] = []
    await converse(agent(), "hi", ask=ScriptedModel(says("one two")), use=use, on_delta=heard.append)
    assert heard == ["one", "two"]


async def test_the_conversation_is_shown_after_every_reply_and_round_of_tools() -> None:
    seen: list[int] = []
    model = ScriptedModel(calls(("add", {"a": 1})), says("2"))
    await converse(agent(), "go", ask=model, use=use, on_messages=lambda messages: seen.append(len(messages)))
    assert seen == [2, 3, 4]


async def test_history_comes_before_the_input_and_stays_in_the_answer() -> None:
    history = [{"role": "user", "content": "before"}, {"role": "assistant", "content": "yes"}]
    model = ScriptedModel(says("again"))
    answer = await converse(agent(), "now", ask=model, use=use, history=history)
    assert [m["content"] for m in model.asked[0]["messages"]] == ["Be exact.", "before", "yes", "now"]
    assert [m["content"] for m in answer.messages] == ["before", "yes", "now", "again"]


async def test_the_model_is_shown_only_what_its_memory_holds() -> None:
    history = [{"role": "user", "content": f"message {i}"} for i in range(30)]
    model = ScriptedModel(says("ok"))
    await converse(agent(memory=MemoryBuffer(messages=5)), "last", ask=model, use=use, history=history)
    shown = [m["content"] for m in model.asked[0]["messages"]]
    assert shown == ["Be exact.", "message 27", "message 28", "message 29", "last"]


async def test_a_call_without_an_id_is_given_one() -> None:
    bare = {"role": "assistant", "content": None, "tool_calls": [{"function": {"name": "add", "arguments": '{"a":1}'}}]}
    answer = await converse(agent(), "go", ask=ScriptedModel(bare, says("2")), use=use)
    assert answer.messages[1]["tool_calls"][0]["id"] == answer.messages[2]["tool_call_id"] == "call_0_0"


async def test_what_the_agent_sets_reaches_the_model() -> None:
    one = agent(temperature=0.5, max_tokens=100, stream=False)
    model = ScriptedModel(says("ok"))
    await converse(one, "go", ask=model, use=use)
    assert model.asked[0]["temperature"] == 0.5
    assert model.asked[0]["max_tokens"] == 100
    assert model.options[0]["model"] == "simulated/x"
    assert model.options[0]["timeout"] == one.model_timeout
    assert model.options[0]["stream"] is False


@pytest.mark.parametrize(
    ("input", "content"),
    [("text", "text"), ({"a": 1}, '{"a":1}'), ([1, None], "[1,null]"), (None, "null"), (7, "7")],
)
async def test_any_json_is_an_input(input: Any, content: str) -> None:
    model = ScriptedModel(says("ok"))
    await converse(agent(instructions=""), input, ask=model, use=use)
    assert model.asked[0]["messages"] == [{"role": "user", "content": content}]


async def test_a_conversation_is_an_input_in_either_dialect() -> None:
    given = {"messages": [{"type": "human", "content": "a", "id": "1"}, {"role": "assistant", "content": "b"}]}
    model = ScriptedModel(says("ok"))
    await converse(agent(instructions=""), given, ask=model, use=use)
    assert [(m["role"], m["content"]) for m in model.asked[0]["messages"]] == [("user", "a"), ("assistant", "b")]


@pytest.mark.parametrize(
    "messages", [[], ["hello"], [{"content": "x"}], [{"role": "wizard", "content": "x"}], [{"role": "user"}]]
)
async def test_a_conversation_that_makes_no_sense_is_refused(messages: Any) -> None:
    with pytest.raises(InvalidInput):
        await converse(agent(), {"messages": messages}, ask=ScriptedModel(says("ok")), use=use)
