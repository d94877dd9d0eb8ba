"""LangGraph's thread protocol through its own client for Python, unchanged: `client.threads.stream`."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from langgraph_sdk import get_client

from fairlead import Context
from fairlead.agents import Agent, tool
from tests.api.serving import Serving, listening, serving

HI: dict[str, Any] = {"messages": [{"role": "human", "content": "hi"}]}


@tool(safe_to_repeat=True)
async def look_up(word: str) -> str:
    """What a word means."""
    return f"{word}: a thing"


async def ask(input: Any, ctx: Context) -> Any:
    ctx.log("asking", n=1)
    return {"said": await ctx.interrupt({"question": "Which colour?"})}


async def ask_two(input: Any, ctx: Context) -> Any:
    return {"said": await asyncio.gather(ctx.interrupt("first?"), ctx.interrupt("second?"))}


async def fail(input: Any) -> None:
    raise ValueError("no such luck")


async def answer(input: Any) -> str:
    return "forty-two"


async def hang(input: Any) -> None:
    await asyncio.Event().wait()


AGENTS = {
    "chat": Agent("chat", "simulated/echo", tools=[look_up]), "ask": ask, "ask_two": ask_two, "fail": fail,
    "answer": answer, "hang": hang,
}  # fmt: skip


async def test_a_conversation_by_projection(database_url: str) -> None:
    async with (
        serving(AGENTS, database_url=database_url) as api, listening(api.app) as url, get_client(url=url) as client,
        asyncio.timeout(60),
    ):  # fmt: skip
        async with client.threads.stream(assistant_id="chat") as thread:
            started = await thread.run.start(input=HI, metadata={"n": 1})
            told = [(name, item) async for name, item in thread.interleave_projections(
                ["values", "messages", "tool_calls", "updates", "tasks", "checkpoints"]
            )]  # fmt: skip
            output: Any = await thread.output
        run = await client.runs.get(thread.thread_id, started["run_id"])
        assert (run["status"], run["metadata"]["n"]) == ("success", 1)
        by: dict[str, list[Any]] = {}
        for name, item in told:
            by.setdefault(name, []).append(item)
        assert output == (await client.threads.get_state(thread.thread_id))["values"]
        assert _without_usage(by["values"][-1]) == output
        replies: list[Any] = [await message.output for message in by["messages"]]
        assert [one.id for one in replies] == [one["id"] for one in output["messages"] if one["type"] == "ai"]
        assert replies[-1].text == output["output"] and replies[0].tool_calls[0]["name"] == "look_up"
        assert (replies[-1].usage_metadata or {})["total_tokens"] > 0
        (call,) = by["tool_calls"]
        assert (call.name, call.input, await call.output) == ("look_up", {"word": "hi"}, "hi: a thing")
        assert [one["node"] for one in by["updates"]] == ["model", "tools", "model"]
        assert len(by["tasks"]) == 6
        history = await client.threads.get_history(thread.thread_id)
        assert [one["id"] for one in by["checkpoints"]] == [
            one["checkpoint"]["checkpoint_id"] for one in reversed(history)
        ]


def _without_usage(values: dict[str, Any]) -> dict[str, Any]:
    messages = [{name: one[name] for name in one if name != "usage_metadata"} for one in values["messages"]]
    return {**values, "messages": messages}


async def test_a_question_is_told_and_answered_and_the_run_goes_on() -> None:
    heard = asyncio.Event()

    async def ask_when_heard(input: Any, ctx: Context) -> Any:
        ctx.log("asking", n=1)
        await (
            heard.wait()
        )  # this client ends what it follows when another of its streams is first to tell of a question
        return {"said": await ctx.interrupt({"question": "Which colour?"})}

    async with (
        serving({"ask": ask_when_heard}) as api, listening(api.app) as url, get_client(url=url) as client,
        asyncio.timeout(60), client.threads.stream(assistant_id="ask") as thread,
    ):  # fmt: skip
        await thread.run.start(input={})
        logged = list[Any]()
        async for one in thread.extensions["asking"]:
            logged.append(one["payload"]["n"])
            heard.set()
        assert logged == [1]
        while not thread.interrupted:
            await asyncio.sleep(0.01)
        assert [one["value"] for one in thread.interrupts] == [{"question": "Which colour?"}]
        answered = thread.interrupts[0]["interrupt_id"]
        assert await _respond(api, thread.thread_id, interrupt_id="made-up", response=1) == "no_such_interrupt"
        await thread.run.respond("blue")
        assert await thread.output == {"said": "blue"}
        assert await _respond(api, thread.thread_id, interrupt_id=answered, response=1) == "no_such_interrupt"


async def _respond(api: Serving, thread_id: str, **params: Any) -> str | None:
    """None: it was taken."""
    body = {"id": 1, "method": "input.respond", "params": params}
    return (await api.json("POST", f"/threads/{thread_id}/commands", body)).get("error")


async def test_two_questions_are_answered_in_one_command() -> None:
    async with (
        serving(AGENTS) as api, listening(api.app) as url, get_client(url=url) as client, asyncio.timeout(60),
        client.threads.stream(assistant_id="ask_two") as thread,
    ):  # fmt: skip
        await thread.run.start(input={})
        while len(thread.interrupts) < 2:
            await asyncio.sleep(0.01)
        first, second = sorted(thread.interrupts, key=lambda one: one["value"])
        said = ((first, "a"), (second, "b"))
        answers = [{"interrupt_id": one["interrupt_id"], "response": answer} for one, answer in said]
        assert await _respond(api, thread.thread_id, responses=answers) is None
        assert await thread.output == {"said": ["a", "b"]}


async def test_what_fails_fails_for_whoever_waits_and_what_answers_in_words_is_a_message() -> None:
    async with (
        serving(AGENTS) as api, listening(api.app) as url, get_client(url=url) as client, asyncio.timeout(60),
    ):  # fmt: skip
        async with client.threads.stream(assistant_id="fail") as thread:
            await thread.run.start(input={})
            with pytest.raises(RuntimeError, match="no such luck"):
                await thread.output
        async with client.threads.stream(assistant_id="answer") as thread:
            await thread.run.start(input={})
            messages = [message async for message in thread.messages]
            assert [(await message.output).text for message in messages] == ["forty-two"]


async def test_a_thread_is_taken_up_again_and_each_turn_hears_of_its_own_run() -> None:
    gate = asyncio.Event()

    async def gated(input: Any) -> Any:
        await gate.wait()
        return input

    async with (
        serving({"gated": gated}) as api, listening(api.app) as url, get_client(url=url) as client,
        asyncio.timeout(60),
    ):  # fmt: skip
        thread_id = (await client.threads.create())["thread_id"]
        for turn in (1, 2, 3):
            gate.clear()
            async with client.threads.stream(thread_id=thread_id, assistant_id="gated") as thread:
                await _watching(thread)  # and hears nothing of the turn before
                run = await thread.run.start(input={"turn": turn})
                output = asyncio.ensure_future(_output(thread))
                await api.running.until(run["run_id"], "started")
                await client.threads.get_state(thread_id)  # as whoever took the last turn's end for its own would do
                gate.set()
                assert await output == {"turn": turn}


async def test_a_client_that_is_cut_off_comes_back_and_misses_nothing() -> None:
    gate = asyncio.Event()

    async def gated(input: Any, ctx: Context) -> str:
        await ctx.step("a", lambda: 1)
        await gate.wait()
        await ctx.step("b", lambda: 2)
        return "done"

    async with (
        serving({"gated": gated}) as api, listening(api.app) as url, get_client(url=url) as client,
        asyncio.timeout(60), client.threads.stream(assistant_id="gated") as thread,
    ):  # fmt: skip
        await thread.run.start(input={})
        told: list[Any] = []
        opened = 0
        async for event in thread.subscribe(["tasks", "messages"]):
            told.append(event)
            if event["params"]["data"].get("name") == "a" and "result" in event["params"]["data"]:
                opened = len(api.said("connection_opened"))
                api.stopping.set()  # cuts all that are open
                while len(api.said("connection_closed")) < opened:
                    await asyncio.sleep(0.01)
                api.stopping.clear()
                gate.set()
        assert len(api.said("connection_opened")) > opened
        ids = [event["event_id"] for event in told]
        assert len(set(ids)) == len(ids)
        tasks = [event["params"]["data"] for event in told if event["method"] == "tasks"]
        assert [one["name"] for one in tasks] == ["gated", "a", "a", "b", "b", "gated"]
        text = [event["params"]["data"]["delta"]["text"] for event in told if "delta" in event["params"]["data"]]
        assert text == ["done"] and (await thread.output)["output"] == "done"


async def _output(thread: Any) -> Any:
    return await thread.output


async def _watching(thread: Any) -> None:
    while thread._lifecycle_watcher_handle is None:
        await asyncio.sleep(0)
    await thread._lifecycle_watcher_handle.ready
