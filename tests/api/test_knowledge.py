"""Documents over HTTP, and as agents and their tools have them."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import Any

import pytest

from fairlead.access import Role
from fairlead.access.key import NewKey
from fairlead.agents import Agent, Context, ToolContext, knowledge_tool, tool
from fairlead.database.sql import parse
from fairlead.gateway import Fault, parse_models
from fairlead.gateway.providers.simulated import SimulatedProvider
from tests.api.serving import Serving, serving

ROOT = "root-key-of-the-settings"


async def look_up(input: Any, ctx: Context) -> Any:
    found = await ctx.knowledge.search("faq", input, limit=1)
    return [(one["document"], one["start"], one["stop"]) for one in found]


@tool(safe_to_repeat=True)
async def titles(ctx: ToolContext) -> list[str]:
    """Titles of what is known of refunds."""
    assert ctx.knowledge is not None
    return [one["title"] for one in await ctx.knowledge.search("faq", "refund")]


AGENTS = {"look_up": look_up, "desk": Agent("desk", "simulated/m", tools=[knowledge_tool("faq"), titles])}


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
        searched = await api.json("POST", "/knowledge/faq/search", {"query": "free shipping?"})
        assert (searched["mode"], searched["degraded"]) == ("text", "")
        (found,) = searched["found"]
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
        nothing = await api.json("POST", "/knowledge/nowhere/search", {"query": "x"})
        assert nothing == {"mode": "text", "degraded": "", "found": []}
        for method, what, given in (
            ("POST", "/search", {"query": "x"}), ("GET", "/documents", None), ("DELETE", "", None),
            ("POST", "/documents", {"id": "a", "text": "x"}),
        ):  # fmt: skip
            said = await api.json(method, f"/knowledge/a%C2%9Fb{what}", given, status=422)
            assert "collection" in said["detail"]
        for mode, status in (("vector", 409), ("colour", 422)):
            await api.json("POST", "/knowledge/faq/search", {"query": "x", "mode": mode}, status=status)
        said = await api.json("POST", "/knowledge/faq/embed", {}, status=409)
        assert "FAIRLEAD_KNOWLEDGE_EMBEDDING_MODEL" in said["hint"]


# -- vectors


@pytest.fixture(params=["sqlite", "postgres"])
def vectors(request: pytest.FixtureRequest) -> dict[str, Any]:
    """The settings of an engine that has them."""
    url = request.getfixturevalue("vectors_url") if request.param == "postgres" else None
    return {"database_url": url, "knowledge_embedding_model": "words", "models": MODELS, "providers": PROVIDERS,
            "ai_service_retry_count": 0}  # fmt: skip


PROVIDERS = {"embedder": {"kind": "simulated"}}
MODELS = parse_models({"words": {"targets": ["embedder/words"]}}, load=str)
REFUNDS = {"id": "a.md", "text": "# Refunds\n\nRefunds take ten days.\n\n# Shipping\n\nFree above 50 euros."}


def fail(api: Serving, rate: float) -> None:
    """Whether the provider of vectors is out of order."""
    gateway = api.running.engine.models.gateway
    [provider] = [one for one in gateway._providers if one.name == "embedder"]
    assert isinstance(provider, SimulatedProvider)
    provider.faults.rates = {Fault.SERVER_ERROR: rate} if rate else {}


async def test_documents_get_vectors_at_the_cost_of_who_hands_them_in(vectors: dict[str, Any]) -> None:
    async with serving(AGENTS, keys=(ROOT,), table=True, **vectors) as api:
        books = api.running.engine.books
        key = await books.keys.create(NewKey("bot", role=Role.OPERATOR, owner="ada"), by="test")
        bot = {"x-api-key": key.secret}
        kept = await api.json("POST", "/knowledge/faq/documents", REFUNDS, headers=bot)
        assert (kept["vectors"], kept["problem"], kept["chunks"]) == ("ready", "", 2)
        searched = await api.json("POST", "/knowledge/faq/search", {"query": "refunding"}, headers=bot)
        assert (searched["mode"], searched["degraded"]) == ("hybrid", "")
        assert searched["found"][0]["heading"] == "Refunds"
        (collection,) = await api.json("GET", "/knowledge", headers=bot)
        assert collection["waiting"] == 0
        calls = api.said("llm_call")
        assert [(one["model"], one["status"]) for one in calls] == [("embedder/words", "ok")] * 2
        await api.running.engine.models.usage.close()
        database = api.running.engine.database
        rows = await database.read(parse("usage", "SELECT user_id, key, cost_nano FROM usage", database.dialect))
        assert len(rows) == 2 and {row["user_id"] for row in rows} == {"ada"} and all(row["key"] for row in rows)
        assert all(row["cost_nano"] > 0 for row in rows)


async def test_an_outage_is_told_of_and_made_good(vectors: dict[str, Any]) -> None:
    async with serving(AGENTS, workers=0, **vectors) as api:
        await api.json("POST", "/knowledge/faq/documents", {**REFUNDS, "id": "before.md"})
        fail(api, 1.0)
        kept = await api.json("POST", "/knowledge/faq/documents", REFUNDS)
        assert kept["vectors"] == "waiting" and kept["problem"].startswith("model_unavailable")
        searched = await api.json("POST", "/knowledge/faq/search", {"query": "refunds", "mode": "vector"})
        assert searched["mode"] == "text" and searched["degraded"].startswith("model_unavailable")
        assert len(searched["found"]) == 2
        assert len(api.said("document_not_embedded")) == len(api.said("knowledge_degraded")) == 1
        step = await api.json("POST", "/knowledge/faq/embed", {})
        assert (step["embedded"], step["waiting"]) == (0, 1) and step["problem"].startswith("model_unavailable")
        fail(api, 0)
        step = await api.json("POST", "/knowledge/faq/embed", {})
        assert step == {"model": "words", "embedded": 1, "waiting": 0, "problem": ""}


async def test_a_worker_makes_the_vectors_of_what_came_before_they_were_switched_on(vectors: dict[str, Any]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        plain = {**vectors, "knowledge_embedding_model": None, "root": Path(folder)}
        async with serving(AGENTS, workers=0, **plain) as api:
            assert (await api.json("POST", "/knowledge/faq/documents", REFUNDS))["vectors"] == "off"
        async with serving(AGENTS, workers=1, **{**vectors, "root": Path(folder)}) as api:
            async with asyncio.timeout(10):
                while not api.said("document_embedded"):
                    await asyncio.sleep(0.01)
            (document,) = await api.json("GET", "/knowledge/faq/documents")
            assert document["vectors"] == "ready"


async def test_a_budget_that_is_used_up_leaves_the_documents_and_the_words(vectors: dict[str, Any]) -> None:
    async with serving(AGENTS, workers=0, budget_day_usd=0, **vectors) as api:
        kept = await api.json("POST", "/knowledge/faq/documents", REFUNDS)
        assert kept["vectors"] == "waiting" and kept["problem"].startswith("budget")
        assert len((await api.json("POST", "/knowledge/faq/search", {"query": "refunds"}))["found"]) == 1


async def test_what_is_not_installed_is_told_of_and_the_rest_works(postgres_url: str) -> None:
    """On a server without pgvector; where it has it, the vectors are there."""
    settings: dict[str, Any] = {"database_url": postgres_url, "knowledge_embedding_model": "simulated/words"}
    async with serving(AGENTS, workers=0, **settings) as api:
        kept = await api.json("POST", "/knowledge/faq/documents", REFUNDS)
        told = api.said("vectors_unavailable")
        assert kept["vectors"] == ("off" if told else "ready")
        searched = await api.json("POST", "/knowledge/faq/search", {"query": "refunds"})
        assert searched["found"] and ("pgvector" in searched["degraded"]) == bool(told)
        if told:
            said = await api.json("POST", "/knowledge/faq/search", {"query": "x", "mode": "vector"}, status=409)
            assert "pgvector" in said["detail"]


async def test_a_search_in_a_run_is_paid_for_by_the_run_and_once(vectors: dict[str, Any]) -> None:
    gate = asyncio.Event()
    reached = asyncio.Event()

    async def patient(input: Any, ctx: Context) -> Any:
        found = await ctx.knowledge.search("faq", input)
        reached.set()
        await ctx.step("wait", gate.wait)
        again = await ctx.knowledge.search("faq", "shipping", mode="vector")
        return [[one["heading"], one["mode"]] for one in (found[0], again[0])]

    async with serving({**AGENTS, "patient": patient}, workers=0, **vectors) as api:
        await api.json("POST", "/knowledge/faq/documents", REFUNDS)  # a worker that begins might see to it
        paid = len(api.said("llm_call"))
        await api.running.start_worker()
        run = await api.running.submit("patient", "refunds")
        await reached.wait()
        await api.running.crash(api.running.workers[0])
        gate.set()
        await api.running.start_worker()
        done = await api.running.ended(run.id)
        assert (done.error, done.output) == (None, [["Refunds", "hybrid"], ["Shipping", "vector"]])
        assert done.cost_nano > 0 and len(api.said("llm_call")) == paid + 2
        assert {one["run_id"] for one in api.said("llm_call")[paid:]} == {run.id}
        assert not api.said("run_diverged")
        for path in (f"/runs/{run.id}/events", f"/agent/status/{run.id}"):
            await api.json("GET", path)


async def test_a_tool_of_a_native_agent_searches_and_says_nothing_in_the_conversation(vectors: dict[str, Any]) -> None:
    async with serving(AGENTS, **vectors) as api:
        await api.json("POST", "/knowledge/faq/documents", REFUNDS)
        thread = await api.json("POST", "/threads", {})
        body = {"assistant_id": "desk", "input": {"messages": [{"role": "user", "content": "refund?"}]}}
        said = await api.json("POST", f"/threads/{thread['thread_id']}/runs/wait", body)
        assert [one["type"] for one in said["messages"]] == ["human", "ai", "tool", "ai", "tool", "ai"]
        history = await api.json("GET", f"/threads/{thread['thread_id']}/history")
        assert history[0]["values"]["messages"] == said["messages"]
        async with api.client.stream(
            "POST", f"/threads/{thread['thread_id']}/runs/stream", json={**body, "stream_mode": ["values", "events"]}
        ) as answer:
            text = (await answer.aread()).decode()
        assert answer.status_code == 200 and "embedder/words" not in text
