"""A run is started on behalf of a key and its owner: their budget, limits and labels hold for what it spends."""

from __future__ import annotations

from typing import Any

from fairlead.agents import Agent, Context
from fairlead.database.sql import parse
from tests.api.serving import Serving, serving

ROOT = "fl_test_root_0123456789"
AS_ROOT = {"X-API-Key": ROOT}


async def delegate(input: Any, ctx: Context) -> Any:
    return await ctx.call("chat", input)


AGENTS = {"chat": Agent("chat", "simulated/echo"), "delegate": delegate}


async def _key(api: Serving, name: str, **more: Any) -> dict[str, str]:
    made = await api.json("POST", "/keys", {"name": name, **more}, status=201, headers=AS_ROOT)
    return {"X-API-Key": made["key"]}


async def _usage(api: Serving) -> list[Any]:
    engine = api.running.engine
    await engine.models.usage.close()
    return list(await engine.database.read(parse("rows", "SELECT * FROM usage", engine.database.dialect)))


async def test_what_a_run_and_its_children_spend_counts_for_its_key_and_owner(database_url: str | None) -> None:
    async with serving(AGENTS, keys=(ROOT,), table=True, database_url=database_url) as api:
        bot = await _key(api, "bot", owner="ann", metadata={"team": "blue"})
        run = await api.json("POST", "/runs", {"assistant_id": "delegate", "input": "hi"}, headers=bot)
        assert (run["user"], run["key"]) == ("ann", "bot")
        await api.json("GET", f"/runs/{run['run_id']}/wait", headers=bot)
        listed = await api.json("GET", "/runs?user=ann", headers=bot)
        assert {one["agent"]: (one["user"], one["key"]) for one in listed} == {
            "delegate": ("ann", "bot"), "chat": ("ann", "bot"),
        }  # fmt: skip
        (row,) = await _usage(api)
        key_id = (await api.json("GET", "/keys", headers=AS_ROOT))[0]["id"]
        assert (row["user_id"], row["key"]) == ("ann", key_id)


async def test_a_keys_spent_budget_ends_its_runs_and_nobody_elses(database_url: str | None) -> None:
    async with serving(AGENTS, keys=(ROOT,), table=True, database_url=database_url) as api:
        poor = await _key(api, "poor", budget_usd={"day": 0.000001})
        ask = {"assistant_id": "chat", "input": "hi"}
        refused = await api.json("POST", "/runs/wait", ask, headers=poor)
        assert refused["__error__"]["error"] == "budget"
        child = await api.json("POST", "/runs/wait", {"assistant_id": "delegate", "input": "hi"}, headers=poor)
        assert "__error__" in child
        assert "output" in await api.json("POST", "/runs/wait", ask, headers=AS_ROOT)


async def test_a_keys_labels_are_what_budgets_go_by_whatever_the_runs_metadata_says() -> None:
    async with serving(AGENTS, keys=(ROOT,), table=True) as api:
        await api.json("POST", "/budgets", {"scope": "metadata:team=blue", "usd": 0.000001}, headers=AS_ROOT)
        blue = await _key(api, "blue", metadata={"team": "blue"})
        ask = {"assistant_id": "chat", "input": "hi", "metadata": {"team": "green"}}
        assert (await api.json("POST", "/runs/wait", ask, headers=blue))["__error__"]["error"] == "budget"
        assert "output" in await api.json("POST", "/runs/wait", ask, headers=AS_ROOT)


async def test_a_key_speaks_for_its_owner_and_who_has_none_may_name_one() -> None:
    async with serving(AGENTS, keys=(ROOT,), table=True) as api:
        bot = await _key(api, "bot", owner="ann")
        ask = {"assistant_id": "chat", "input": "hi", "metadata": {"user": "bob"}}
        assert (await api.json("POST", "/runs", ask, headers=bot))["user"] == "ann"
        named = await api.json("POST", "/runs", ask, headers=AS_ROOT)
        assert (named["user"], named["key"]) == ("bob", None)
        task = await api.json(
            "POST", "/agent/run", {"agent": "chat", "input": "x", "metadata": {"user": "cy"}}, status=202, headers=bot
        )
        assert (await api.json("GET", f"/runs/{task['task_id']}", headers=bot))["user"] == "ann"


async def test_threads_are_found_by_whom_they_are_for(database_url: str | None) -> None:
    async with serving(AGENTS, keys=(ROOT,), table=True, database_url=database_url) as api:
        bot = await _key(api, "bot", owner="ann")
        created = await api.json("POST", "/threads", {}, headers=bot)
        await api.json("POST", "/threads", {}, headers=AS_ROOT)
        await api.json(
            "POST", "/threads/mine/runs/wait",
            {"assistant_id": "chat", "input": "hi", "if_not_exists": "create"}, headers=bot,
        )  # fmt: skip
        found = await api.json("POST", "/threads/search", {"user": "ann"}, headers=bot)
        assert {one["thread_id"] for one in found} == {created["thread_id"], "mine"}
