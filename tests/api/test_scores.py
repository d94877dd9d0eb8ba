from __future__ import annotations

from typing import Any

import pytest
from langgraph_sdk import get_client

from fairlead.agents import Context
from fairlead.clock import to_micros
from fairlead.runs.scores import NewScore
from tests.api.serving import Serving, listening, serving


async def greet(input: Any, ctx: Context) -> Any:
    return await ctx.step("think", lambda: f"hello {input}")


AGENTS = {"greet": greet, "other": greet}


async def scored(api: Serving, run_id: str, status: int = 200, **body: Any) -> Any:
    return await api.json("POST", f"/runs/{run_id}/scores", body, status=status)


async def test_each_author_has_one_score_of_a_name(database_url: str | None) -> None:
    async with serving(AGENTS, database_url=database_url) as api:
        run = await api.running.run("greet", "ada")
        first = await scored(api, run.id, name="helpful", value=True, comment="so-so")
        again = await scored(api, run.id, name="helpful", value=False)
        other = await scored(api, run.id, name="helpful", value=0.5, author="bob", source="rule")
        tone = await scored(api, run.id, name="tone", value="dry", source="model", author="judge")
        assert (first["id"], again["value"], again["comment"]) == (again["id"], False, None)
        assert (other["kind"], other["value"], tone["kind"]) == ("number", 0.5, "category")
        shown = await api.json("GET", f"/runs/{run.id}")
        assert {one["id"] for one in shown["scores"]} == {again["id"], other["id"], tone["id"]}
        assert (tone["agent"], tone["assistant_version"]) == ("greet", 1)
        one = f"/runs/{run.id}/scores/{tone['id']}"
        assert (await api.json("PATCH", one, {"comment": "or kind"}))["value"] == "dry"
        changed = await api.json("PATCH", one, {"value": 3})
        assert (changed["value"], changed["kind"], changed["comment"]) == (3.0, "number", "or kind")
        assert await api.json("GET", one) == changed
        await api.json("DELETE", one, status=204)
        await api.json("DELETE", one, status=404)
        await api.json("PATCH", one, {"value": 1}, status=404)
        await api.json("PATCH", f"/runs/{run.id}/scores/{again['id']}", {}, status=422)
        assert len(await api.json("GET", f"/runs/{run.id}/scores")) == 2


async def test_a_step_may_be_scored(database_url: str | None) -> None:
    async with serving(AGENTS, database_url=database_url) as api:
        run = await api.running.run("greet", "ada")
        (step,) = await api.running.events(run.id, "step")
        of_step = await scored(api, run.id, name="good", value=1, step=step.key)
        assert of_step["step"] == step.key
        assert (await scored(api, run.id, name="good", value=1))["id"] != of_step["id"]
        await scored(api, run.id, 404, name="good", value=1, step="nowhere")


async def test_scores_are_listed_and_summed(database_url: str | None) -> None:
    async with serving(AGENTS, database_url=database_url) as api:
        made = await api.json("POST", "/assistants", {"graph_id": "greet"})
        runs = [await api.running.run("greet", n) for n in range(3)]
        mine = await api.json("POST", "/runs", {"assistant_id": made["assistant_id"]})
        for n, run in enumerate(runs):
            await scored(api, run.id, name="stars", value=n)
            await scored(api, run.id, name="ok", value=n > 0)
            await scored(api, run.id, name="tone", value="dry" if n else "kind")
        await scored(api, mine["run_id"], name="stars", value=10)
        sums = {one["name"]: one for one in await api.json("GET", "/scores/sums?agent=greet")}
        assert (sums["stars"]["count"], sums["stars"]["mean"], sums["stars"]["most"]) == (4, 3.25, 10)
        assert sums["ok"]["mean"] == pytest.approx(2 / 3)
        assert sums["tone"]["categories"] == {"dry": 2, "kind": 1} and sums["tone"]["count"] == 3
        by = await api.json("GET", "/scores/sums?by=version&name=stars")
        assert {one["part"]: one["mean"] for one in by}[f"{made['assistant_id']}@1"] == 10
        for part in ("agent", "release", "assistant", "source", "author", "day", "hour"):
            assert len(await api.json("GET", f"/scores/sums?by={part}&name=stars")) == (2 if part == "assistant" else 1)
        (day,) = await api.json("GET", "/scores/sums?by=day&name=stars&from=24h")
        assert day["part"] == api.running.engine.clock.now().date().isoformat()
        assert await api.json("GET", "/scores?from=2001-01-01&to=2001-02-01") == []
        assert len(await api.json("GET", "/scores?name=stars&limit=2&offset=1")) == 2
        assert len(await api.json("GET", f"/scores?assistant_id={made['assistant_id']}")) == 1


async def test_a_reader_of_a_stream_leaves_a_score_by_its_link(database_url: str | None) -> None:
    async with serving(AGENTS, keys=("secret-key-1",), database_url=database_url) as api, listening(api.app) as url:
        async with get_client(url=url, api_key="secret-key-1") as sdk:
            parts = [part async for part in sdk.runs.stream(None, "greet", feedback_keys=["thumb"])]
        assert [part.event for part in parts[:2]] == ["metadata", "feedback"]
        link = parts[1].data["thumb"].removeprefix(url)
        left = await api.json("POST", link, {"score": 1, "comment": "nice"})
        assert (left["name"], left["value"], left["run_id"]) == ("thumb", 1.0, parts[0].data["run_id"])
        await api.json("POST", f"{link}x", {"score": 1}, status=404)
        await api.json("POST", link, {}, status=422)
        await api.running.engine.scores.sweep()
        assert (await api.json("POST", link, {"score": 0}))["id"] == left["id"]


async def test_scores_are_a_tenants_own_and_go_with_their_run(database_url: str | None) -> None:
    async with serving(AGENTS, database_url=database_url) as api:
        theirs = await api.running.submit("greet", tenant="other")
        scores = api.running.engine.scores
        made = await scores.put(theirs, NewScore("good", 1.0, author="them"))
        await scored(api, theirs.id, 404, name="good", value=1)
        await api.json("GET", f"/runs/{theirs.id}/scores", status=404)
        await api.json("PATCH", f"/runs/{theirs.id}/scores/{made.id}", {"value": 2}, status=404)
        assert await api.json("GET", "/scores") == [] and await api.json("GET", "/scores/sums") == []
        run = await api.running.run("greet")
        await scored(api, run.id, name="good", value=1)
        queries, database = api.running.engine.queries, api.running.engine.database
        later = to_micros(api.running.engine.clock.now()) + 10_000_000
        await database.write(queries["prune"], before=later, keep=1, batch=10)
        await database.write(queries["delete"], before=later, batch=10, read_by=later)
        assert await api.json("GET", "/scores") == []


async def test_what_is_no_score_is_refused() -> None:
    async with serving(AGENTS, workers=0) as api:
        run = await api.running.submit("greet")
        for body in (
            {}, {"name": "a"}, {"name": "a b", "value": 1}, {"name": "a", "value": None}, {"name": "a", "value": []},
            {"name": "a", "value": ""}, {"name": "a", "value": 1e301}, {"name": "a", "value": "\0"},
            {"name": "a", "value": 1, "source": "cat"}, {"name": "a", "value": 1, "colour": 1},
            {"name": "a", "value": 1, "comment": "\0"}, {"name": "a", "value": "x" * 201},
        ):  # fmt: skip
            await api.json("POST", f"/runs/{run.id}/scores", body, status=422)
        for query in ("by=shoe", "from=2024-02-02&to=2024-01-01", "colour=1"):
            await api.json("GET", f"/scores/sums?{query}", status=422)
