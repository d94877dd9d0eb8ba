"""LangGraph's own Python client, unchanged, against Fairlead."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from langgraph_sdk import get_client
from langgraph_sdk.errors import NotFoundError

from fairlead.agents import Agent
from tests.api.serving import listening, serving


async def hang(input: Any) -> None:
    await asyncio.Event().wait()


async def fail(input: Any) -> None:
    raise ValueError("no such luck")


AGENTS = {"chat": Agent("chat", "simulated/echo"), "hang": hang, "fail": fail}
HI = {"messages": [{"role": "human", "content": "hi"}]}


async def test_a_conversation_through_the_client(database_url: str | None) -> None:
    async with (
        serving(AGENTS, database_url=database_url) as api,
        listening(api.app) as url,
        get_client(url=url) as client,
    ):
        (assistant,) = await client.assistants.search(graph_id="chat")
        thread = await client.threads.create(metadata={"user": "ada"})
        created: list[Any] = []
        chunks = [
            chunk
            async for chunk in client.runs.stream(
                thread["thread_id"], assistant["assistant_id"], input=HI, on_run_created=created.append,
                stream_mode=["values", "messages-tuple", "updates", "custom", "events", "debug"],
            )
        ]  # fmt: skip
        assert chunks[0].event == "metadata" and chunks[-1].event == "events"
        assert [chunk for chunk in chunks if chunk.event == "values"][-1].data["messages"][-1]["type"] == "ai"
        assert created == [{"run_id": chunks[0].data["run_id"], "thread_id": thread["thread_id"]}]
        values: Any = await client.runs.wait(thread["thread_id"], "chat", input=HI)
        assert len(values["messages"]) == 4
        state = await client.threads.get_state(thread["thread_id"])
        assert state["values"] == values
        history = await client.threads.get_history(thread["thread_id"])
        assert history[0]["values"] == values and len(history) == 4  # each run begins, and answers
        assert len(await client.runs.list(thread["thread_id"])) == 2
        (found,) = await client.threads.search(metadata={"user": "ada", "graph_id": "chat"})
        assert found["status"] == "idle"


async def test_runs_are_created_joined_and_streamed_again() -> None:
    async with serving(AGENTS) as api, listening(api.app) as url, get_client(url=url) as client:
        thread = await client.threads.create()
        run = await client.runs.create(thread["thread_id"], "chat", input=HI, metadata={"n": 1})
        joined: Any = await client.runs.join(thread["thread_id"], run["run_id"])
        assert joined["output"].startswith("Simulated")
        again = [part async for part in client.runs.join_stream(thread["thread_id"], run["run_id"], last_event_id="-1")]
        assert again[-1].data["output"] == joined["output"]
        got = await client.runs.get(thread["thread_id"], run["run_id"])
        assert (got["status"], got["metadata"]["n"]) == ("success", 1)


async def test_stateless_runs_and_cancelling() -> None:
    async with serving(AGENTS) as api, listening(api.app) as url, get_client(url=url) as client:
        values: Any = await client.runs.wait(None, "chat", input=HI)
        assert values["output"].startswith("Simulated")
        parts = [part async for part in client.runs.stream(None, "chat", input=HI)]
        assert next(part.event for part in parts) == "metadata"
        run: Any = await client.runs.create(None, "hang", input=None)
        await api.running.until(run["run_id"], "started")
        await client.runs.cancel(run["thread_id"], run["run_id"], wait=True)
        assert (await client.runs.get(run["thread_id"], run["run_id"]))["status"] == "interrupted"


async def test_errors_reach_the_client_as_its_own() -> None:
    async with serving(AGENTS) as api, listening(api.app) as url, get_client(url=url) as client:
        with pytest.raises(Exception, match="ValueError: no such luck"):
            await client.runs.wait(None, "fail")
        with pytest.raises(NotFoundError):
            await client.threads.get("nowhere")
        with pytest.raises(NotFoundError):
            await client.runs.create(None, "nobody")


async def test_a_key_is_sent_as_the_client_sends_it() -> None:
    async with serving(AGENTS, keys=("secret-key-1",)) as api, listening(api.app) as url:
        async with get_client(url=url, api_key="secret-key-1") as client:
            assert await client.assistants.search()
        async with get_client(url=url, api_key="wrong") as stranger:
            with pytest.raises(Exception, match="API key"):
                await stranger.assistants.search()
