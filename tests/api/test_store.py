"""The store through LangGraph's own client, and as agents have it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from langgraph_sdk import get_client
from langgraph_sdk.errors import NotFoundError

from fairlead.agents import Context
from tests.api.serving import listening, serving


async def remember(input: Any, ctx: Context) -> Any:
    before = await ctx.store.get("users.ada", "likes", {"n": 0})
    await ctx.store.put(("users", "ada"), "likes", {"n": before["n"] + 1, "text": "green tea"}, ttl=timedelta(days=1))
    found = await ctx.store.search("users", query="tea", filter={"n": {"$gte": 1}})
    await ctx.store.put("users.ada", "draft", {})
    await ctx.store.delete("users.ada", "draft")
    return {"n": before["n"], "found": [(one["key"], one["value"]["n"]) for one in found],
            "draft": await ctx.store.get("users.ada", "draft")}  # fmt: skip


def remember_sync(input: Any, ctx: Any) -> Any:
    ctx.store.put("users.bob", "k", {"sync": True})
    return ctx.store.get("users.bob", "k")


async def put_wrong(input: Any, ctx: Context) -> Any:
    await ctx.store.put("users", "k", {"n": float("nan")})


AGENTS = {"remember": remember, "remember_sync": remember_sync, "put_wrong": put_wrong}


async def test_every_method_of_the_client(database_url: str | None) -> None:
    async with serving(AGENTS, database_url=database_url) as api, listening(api.app) as url, get_client(url=url) as sdk:
        await sdk.store.put_item(["docs", "a"], "one", {"title": "Tea", "n": 1}, ttl=5)
        await sdk.store.put_item(["docs", "b"], "two", {"title": "Coffee", "n": 2}, index=["title"])
        await sdk.store.put_item(["docs", "b"], "three", {"title": "Tea"}, index=False)
        item = await sdk.store.get_item(["docs", "a"], "one", refresh_ttl=True)
        assert (item["value"], item["namespace"]) == ({"title": "Tea", "n": 1}, ["docs", "a"])
        found = await sdk.store.search_items(["docs"], query="tea", refresh_ttl=False)
        assert [(one["key"], one["score"] > 0) for one in found["items"]] == [("one", True)]
        found = await sdk.store.search_items(["docs"], filter={"n": {"$gt": 1}}, limit=5)
        assert [one["key"] for one in found["items"]] == ["two"]
        told = await sdk.store.list_namespaces(prefix=["docs"], max_depth=2)
        assert told["namespaces"] == [["docs", "a"], ["docs", "b"]]
        assert (await sdk.store.list_namespaces(suffix=["b"]))["namespaces"] == [["docs", "b"]]
        await sdk.store.delete_item(["docs", "a"], "one")
        with pytest.raises(NotFoundError):
            await sdk.store.get_item(["docs", "a"], "one")


async def test_agents_remember_beyond_their_threads(database_url: str | None) -> None:
    async with serving(AGENTS, database_url=database_url) as api:
        first = await api.running.run("remember")
        assert first.output == {"n": 0, "found": [["likes", 1]], "draft": None}
        assert (await api.running.run("remember")).output["n"] == 1
        assert (await api.running.run("remember_sync")).output == {"sync": True}
        assert (await api.running.run("put_wrong")).error == {
            "error": "not_json", "message": "$.n is nan, which JSON does not know.",
        }  # fmt: skip
        item = await api.json("GET", "/store/items?namespace=users.ada&key=likes")
        assert item["value"]["n"] == 2
        names = [event.name for event in await api.running.events(first.id, "step")]
        assert names[:3] == ["store.get", "store.put", "store.search"]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PUT", "/store/items", {"namespace": [], "key": "k", "value": {}}),
        ("PUT", "/store/items", {"namespace": ["a.b"], "key": "k", "value": {}}),
        ("PUT", "/store/items", {"namespace": ["a"], "key": "k", "value": []}),
        ("PUT", "/store/items", {"namespace": ["a"], "key": "k", "value": {"x": "\0"}}),
        ("PUT", "/store/items", {"namespace": ["a"], "key": "k", "value": {}, "ttl": -1}),
        ("PUT", "/store/items", {"namespace": ["a"], "key": "k", "value": {}, "index": True}),
        ("PUT", "/store/items", {"namespace": ["a"], "key": "k", "value": {}, "colour": 1}),
        ("POST", "/store/items/search", {"namespace_prefix": [], "filter": {"a": {"$near": 1}}}),
        ("POST", "/store/items/search", {"namespace_prefix": [""]}),
        ("POST", "/store/namespaces", {"max_depth": 0}),
        ("GET", "/store/items", None),
        ("GET", "/store/items?namespace=&key=k", None),
        ("GET", "/store/items?namespace=a..b&key=k", None),
        ("DELETE", "/store/items", {"namespace": ["a"]}),
    ],
)
async def test_what_makes_no_sense_is_refused(method: str, path: str, body: Any) -> None:
    async with serving(AGENTS, workers=0) as api:
        await api.json(method, path, body, status=422)
