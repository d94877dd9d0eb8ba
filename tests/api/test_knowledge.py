"""Documents over HTTP, and as agents and their tools have them."""

from __future__ import annotations

from typing import Any

import pytest

from fairlead.agents import Agent, Context, ToolContext, knowledge_tool, tool
from tests.api.serving import serving


async def look_up(input: Any, ctx: Context) -> Any:
    found = await ctx.knowledge.search("faq", input, limit=1)
    return [(one["document"], one["start"], one["stop"]) for one in found]


@tool(safe_to_repeat=True)
async def titles(ctx: ToolContext) -> list[str]:
    """Titles of what is known of refunds."""
    assert ctx.knowledge is not None
    return [one["title"] for one in await ctx.knowledge.search("faq", "refund")]


AGENTS = {"look_up": look_up, "desk": Agent("desk", "simulated/m", tools=[knowledge_tool("faq"), titles])}


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest) -> str | None:
    return request.getfixturevalue("postgres_url") if request.param == "postgres" else None


async def test_documents_are_kept_found_and_removed(database_url: str | None) -> None:
    async with serving(AGENTS, database_url=database_url) as api:
        path = "/knowledge/faq/documents"
        body = {"id": "a/b.md", "text": "# Refunds\n\nTen days.", "title": "Refunds"}
        assert (await api.json("POST", path, body))["put"] == "added"
        assert (await api.json("POST", path, body))["put"] == "unchanged"
        sent = await api.client.post("/files", params={"name": "s.html"}, content=b"<p>Shipping is free</p>",
                                     headers={"content-type": "text/html"})  # fmt: skip
        kept = await api.json("POST", path, {"id": "s.html", "file_id": sent.json()["id"]})
        assert (kept["media_type"], kept["chunks"]) == ("text/html", 1)
        (found,) = await api.json("POST", "/knowledge/faq/search", {"query": "free shipping?"})
        assert (found["document"], found["text"]) == ("s.html", "Shipping is free")
        assert (await api.running.run("look_up", "refunds")).output == [["a/b.md", 0, 20]]
        assert [one["name"] for one in await api.json("GET", "/knowledge")] == ["faq"]
        assert [one["id"] for one in await api.json("GET", f"{path}?limit=1")] == ["a/b.md"]
        await api.json("DELETE", f"{path}?id=s.html", status=204)
        await api.json("DELETE", f"{path}?id=s.html", status=404)
        assert await api.json("DELETE", "/knowledge/faq") == {"documents": 1}
        await api.json("DELETE", "/knowledge/faq", status=404)


async def test_tools_look_things_up_within_their_step() -> None:
    async with serving(AGENTS) as api:
        await api.json("POST", "/knowledge/faq/documents", {"id": "a.md", "text": "A refund takes ten days."})
        run = await api.running.run("desk", "refund?")
        assert run.status == "success", run.error
        steps = {event.name: event for event in await api.running.events(run.id, "step") if event.kind == "tool"}
        assert set(steps) == {"search_faq", "titles"}
        assert steps["titles"].data["result"] == ["a.md"]
        assert not await api.running.events(run.id, "intent") or all(
            event.kind == "model" for event in await api.running.events(run.id, "intent")
        )


async def test_bad_documents_and_searches_are_refused() -> None:
    async with serving(AGENTS, workers=0) as api:
        path = "/knowledge/faq/documents"
        for body in (
            {"id": "a"}, {"id": "", "text": "x"}, {"id": "a", "text": "x", "file_id": "y"}, {"id": "a\nb", "text": "x"},
            {"id": "a", "text": "x", "media_type": "image/png"},
            {"id": "a", "text": "{", "media_type": "application/json"},
            {"id": "a", "text": "x", "media_type": "application/pdf"}, {"id": "a", "text": "x", "colour": 1},
        ):  # fmt: skip
            await api.json("POST", path, body, status=422)
        await api.json("POST", path, {"id": "a", "file_id": "nowhere"}, status=404)
        await api.json("POST", "/knowledge/faq/search", {"query": ""}, status=422)
        await api.json("DELETE", path, status=422)
        assert await api.json("POST", "/knowledge/nowhere/search", {"query": "x"}) == []
