"""Assistants through LangGraph's own client, and over bare HTTP what it does not send."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from langgraph_sdk import get_client
from langgraph_sdk.errors import ConflictError, NotFoundError, UnprocessableEntityError

from fairlead.agents import Agent, Context, tool
from fairlead.runs.assistants import Change
from tests.api.serving import listening, serving


@tool
def add(a: int, b: int) -> int:
    """Add."""
    return a + b


async def tell(input: Any, ctx: Context) -> Any:
    return {"config": dict(ctx.config), "context": dict(ctx.context)}


def tell_sync(input: Any, ctx: Any) -> Any:
    return {"config": dict(ctx.config), "context": dict(ctx.context)}


AGENTS = {
    "chat": Agent(
        "chat", "simulated/echo", "Be brief.", tools=[add], description="Talks.",
        configurable=("instructions", "model", "temperature", "max_iterations"),
    ),
    "tell": tell,
    "tell_sync": tell_sync,
}  # fmt: skip
MESSAGES = {"messages": [{"role": "human", "content": "hi"}]}


async def test_an_assistant_is_made_changed_and_put_back(database_url: str | None) -> None:
    async with serving(AGENTS, database_url=database_url) as api, listening(api.app) as url, get_client(url=url) as sdk:
        made = await sdk.assistants.create(
            "tell", {"configurable": {"tone": "kind"}}, context={"org": "acme"}, metadata={"team": "a"},
            name="Kind", description="Kindly.",
        )  # fmt: skip
        assert (made["version"], made["graph_id"], made["name"]) == (1, "tell", "Kind")
        again = await sdk.assistants.update(
            made["assistant_id"], config={"configurable": {"tone": "dry"}}, metadata={"owner": "ada"}
        )
        assert again["version"] == 2 and again["metadata"] == {"team": "a", "owner": "ada"}
        assert again["context"] == {"org": "acme"} and again["created_at"] == made["created_at"]
        versions: Any = await sdk.assistants.get_versions(made["assistant_id"])
        assert [one["version"] for one in versions] == [2, 1]
        assert versions[1]["config"] == {"configurable": {"tone": "kind"}}
        assert len(await sdk.assistants.get_versions(made["assistant_id"], {"owner": "ada"})) == 1
        back = await sdk.assistants.set_latest(made["assistant_id"], 1)
        assert back["version"] == 1 and (await sdk.assistants.get(made["assistant_id"])) == back
        third = await sdk.assistants.update(made["assistant_id"], name="Third")
        assert third["version"] == 3 and third["config"] == {"configurable": {"tone": "kind"}}
        with pytest.raises(NotFoundError):
            await sdk.assistants.set_latest(made["assistant_id"], 9)
        await sdk.assistants.delete(made["assistant_id"])
        with pytest.raises(NotFoundError):
            await sdk.assistants.get(made["assistant_id"])


async def test_a_run_uses_its_assistants_config_and_says_which_it_was(database_url: str | None) -> None:
    async with serving(AGENTS, database_url=database_url) as api, listening(api.app) as url, get_client(url=url) as sdk:
        for agent in ("tell", "tell_sync"):
            made = await sdk.assistants.create(
                agent, {"configurable": {"a": 1, "b": 1}, "tags": ["x"]}, context={"c": 1, "d": 1}
            )
            values: Any = await sdk.runs.wait(
                None, made["assistant_id"], config={"configurable": {"b": 2}}, context={"d": 2}
            )
            assert values == {
                "config": {"configurable": {"a": 1, "b": 2}, "tags": ["x"]}, "context": {"c": 1, "d": 2},
            }  # fmt: skip
            thread = await sdk.threads.create()
            await sdk.assistants.update(made["assistant_id"], name="changed")
            run = await sdk.runs.create(thread["thread_id"], made["assistant_id"])
            await sdk.runs.join(thread["thread_id"], run["run_id"])
            got: Any = await sdk.runs.get(thread["thread_id"], run["run_id"])
            assert (got["assistant_id"], got["assistant_version"]) == (made["assistant_id"], 2)
            assert (await sdk.threads.search(metadata={"assistant_id": made["assistant_id"]})) != []
        plain: Any = await sdk.runs.wait(None, "tell")
        assert plain == {"config": {}, "context": {}}


async def test_a_native_agent_is_set_otherwise_where_it_allows_it() -> None:
    async with serving(AGENTS) as api, listening(api.app) as url, get_client(url=url) as sdk:
        made = await sdk.assistants.create("chat", {"configurable": {"instructions": "Be long.", "temperature": 0.5}})
        run: Any = await sdk.runs.create(None, made["assistant_id"], input=MESSAGES)
        await api.running.ended(run["run_id"])
        step = next(
            event for event in await api.running.engine.feed.events(run["run_id"], messages=True)
            if event.type == "step" and event.kind == "model"
        )  # fmt: skip
        assert "Be long." in str(step.data) and "Be brief." not in str(step.data)
        for wrong in ({"max_tokens": 5}, {"temperature": 9}, {"model": 3}, {"max_iterations": 0}):
            with pytest.raises(UnprocessableEntityError):
                await sdk.assistants.create("chat", {"configurable": wrong})
            with pytest.raises(UnprocessableEntityError):
                await sdk.runs.create(None, "chat", input=MESSAGES, config={"configurable": wrong})
        await sdk.runs.create(None, "chat", input=MESSAGES, config={"configurable": {"thread_ts": "x", "model": None}})


async def test_declared_agents_and_made_assistants_are_searched_together(database_url: str | None) -> None:
    async with serving(AGENTS, database_url=database_url) as api, listening(api.app) as url, get_client(url=url) as sdk:
        for n in range(3):
            await sdk.assistants.create("chat", metadata={"n": n, "deep": {"a": [1]}}, name=f"Zoe {n}")
        assert await sdk.assistants.count() == 6
        assert await sdk.assistants.count(graph_id="chat", name="zOE") == 3
        assert await sdk.assistants.count(metadata={"created_by": "system"}) == 3
        (one,) = await sdk.assistants.search(metadata={"n": 1, "deep": {"a": [1]}})
        assert one["name"] == "Zoe 1"
        assert await sdk.assistants.search(metadata={"n": "1"}) == []
        assert await sdk.assistants.search(metadata={'a"b': 1}) == []
        names = [one["name"] for one in await sdk.assistants.search(sort_by="name", sort_order="desc", limit=3)]
        assert names == ["Zoe 2", "Zoe 1", "Zoe 0"]
        page = await sdk.assistants.search(limit=4, sort_by="created_at", response_format="object")
        assert page["next"] == "4" and len(page["assistants"]) == 4
        rest = await sdk.assistants.search(limit=4, offset=4, response_format="object", select=["assistant_id"])
        assert rest["next"] is None and [set(one) for one in rest["assistants"]] == [{"assistant_id"}] * 2


async def test_the_graph_and_schemas_of_an_agent() -> None:
    async with serving(AGENTS) as api, listening(api.app) as url, get_client(url=url) as sdk:
        drawn: Any = await sdk.assistants.get_graph("chat", xray=True)
        assert [node["id"] for node in drawn["nodes"]] == ["__start__", "model", "tools", "__end__"]
        single: Any = await sdk.assistants.get_graph("tell")
        assert [node["id"] for node in single["nodes"]] == ["__start__", "tell", "__end__"]
        schemas = await sdk.assistants.get_schemas("chat")
        assert "temperature" in schemas["config_schema"]["properties"]
        assert "max_tokens" not in schemas["config_schema"]["properties"]
        assert await sdk.assistants.get_subgraphs("chat", recurse=True) == {}
        assert await sdk.assistants.get_subgraphs("chat", "inner") == {}


async def test_what_the_project_declares_is_nobody_elses_to_change() -> None:
    async with serving(AGENTS) as api, listening(api.app) as url, get_client(url=url) as sdk:
        (declared,) = await sdk.assistants.search(graph_id="chat")
        for given in ("chat", declared["assistant_id"]):
            with pytest.raises(ConflictError, match="declared"):
                await sdk.assistants.update(given, name="mine")
            with pytest.raises(ConflictError):
                await sdk.assistants.delete(given)
            assert (await sdk.assistants.set_latest(given, 1))["version"] == 1
        with pytest.raises(ConflictError):
            await sdk.assistants.create("chat", assistant_id=declared["assistant_id"])
        with pytest.raises(NotFoundError):
            await sdk.assistants.create("nobody")


async def test_creating_one_that_exists(database_url: str | None) -> None:
    async with serving(AGENTS, database_url=database_url) as api, listening(api.app) as url, get_client(url=url) as sdk:
        first = await sdk.assistants.create("tell", assistant_id="mine", name="First")
        with pytest.raises(ConflictError):
            await sdk.assistants.create("tell", assistant_id="mine")
        assert await sdk.assistants.create("tell", assistant_id="mine", if_exists="do_nothing", name="No") == first


async def test_threads_go_with_their_assistant_when_asked(database_url: str | None) -> None:
    async with serving(AGENTS, database_url=database_url) as api, listening(api.app) as url, get_client(url=url) as sdk:
        made = await sdk.assistants.create("tell")
        thread, other = await sdk.threads.create(), await sdk.threads.create()
        await sdk.runs.wait(thread["thread_id"], made["assistant_id"])
        await sdk.assistants.delete(made["assistant_id"], delete_threads=True)
        with pytest.raises(NotFoundError):
            await sdk.threads.get(thread["thread_id"])
        assert await sdk.threads.get(other["thread_id"])


async def test_an_assistant_is_its_tenants_alone(database_url: str | None) -> None:
    async with serving(AGENTS, database_url=database_url) as api:
        book = api.running.engine.assistants
        theirs = await book.create("tell", Change(name="Theirs"), id="x", tenant="other", by="them")
        await api.json("GET", f"/assistants/{theirs.id}", status=404)
        await api.json("PATCH", "/assistants/x", {"name": "Mine"}, status=404)
        await api.json("POST", "/runs", {"assistant_id": "x"}, status=404)
        assert len(await api.json("POST", "/assistants/search", {})) == len(AGENTS)
        await api.json("POST", "/assistants", {"graph_id": "tell", "assistant_id": "x"})
        assert (await book.get("x", tenant="other")).name == "Theirs"


async def test_changes_at_once_each_make_a_version(database_url: str | None) -> None:
    async with serving(AGENTS, database_url=database_url) as api:
        book = api.running.engine.assistants
        made = await book.create("tell", Change(), tenant="default", by="me")
        await asyncio.gather(
            *(book.change(made.id, Change(metadata={f"k{n}": n}), tenant="default", by="me") for n in range(4))
        )
        now = await book.get(made.id, tenant="default")
        assert now.version == 5 and now.metadata == {f"k{n}": n for n in range(4)}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/assistants", {}),
        ("/assistants", {"graph_id": "tell", "configg": {}}),
        ("/assistants", {"graph_id": "tell", "config": {"configurable": []}}),
        ("/assistants", {"graph_id": "tell", "assistant_id": "a b"}),
        ("/assistants", {"graph_id": "tell", "metadata": {"a": "\0"}}),
        ("/assistants", {"graph_id": "tell", "name": ""}),
        ("/assistants/tell/latest", {"version": 0}),
        ("/assistants/tell/versions", {"limit": 0}),
        ("/assistants/search", {"sort_by": "colour"}),
    ],
)
async def test_bad_bodies_are_refused(path: str, body: Any) -> None:
    async with serving(AGENTS, workers=0) as api:
        await api.json("POST", path, body, status=422)
