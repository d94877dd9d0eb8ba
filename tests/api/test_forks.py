"""Forking over HTTP: who may, what is answered, what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from fairlead import Context
from fairlead.database.sql import parse
from tests.api.serving import Serving, serving


async def work(input: Any, ctx: Context) -> list[Any]:
    return [input, await ctx.step("a", lambda: 1), await ctx.step("b", lambda: 2)]


async def _ended(api: Serving) -> tuple[str, list[dict[str, Any]]]:
    run = await api.json("POST", "/runs", {"assistant_id": "work", "input": "x"})
    await api.json("GET", f"/runs/{run['run_id']}/wait")
    events = await api.json("GET", f"/runs/{run['run_id']}/events")
    return run["run_id"], [one for one in events if one["type"] == "step"]


async def test_a_fork_is_a_run_that_tells_where_it_comes_from() -> None:
    async with serving({"work": work}) as api:
        run_id, (_, second) = await _ended(api)
        body = {"from_step": second["key"], "result": 20, "input": "y"}
        forked = await api.json("POST", f"/runs/{run_id}/fork", body)
        assert forked["forked_from"] == {"run_id": run_id, "step": second["seq"], "name": "b"}
        assert await api.json("GET", f"/runs/{forked['run_id']}/wait") == {"output": ["y", 1, 20]}
        told = (await api.json("GET", f"/runs/{forked['run_id']}/events"))[1]
        assert (told["type"], told["data"]["run_id"], told["data"]["other_path"]) == ("forked", run_id, True)
        assert (await api.json("GET", f"/runs/{run_id}"))["forked_from"] is None


async def test_the_same_idempotency_key_never_starts_a_second_fork() -> None:
    async with serving({"work": work}) as api:
        run_id, (first, second) = await _ended(api)
        thread = (await api.json("POST", "/threads", {}))["thread_id"]
        in_thread = await api.json("POST", f"/threads/{thread}/runs", {"assistant_id": "work", "input": "x"})
        await api.json("GET", f"/runs/{in_thread['run_id']}/wait")
        for of in (run_id, in_thread["run_id"]):
            path, key = f"/runs/{of}/fork", {"idempotency-key": f"once of {of}"}
            body = {"from_step": second["seq"], "result": 20}
            forked = await api.json("POST", path, body, headers=key)
            again = await api.client.post(path, json=body, headers=key)
            assert (again.status_code, again.headers["idempotency-replayed"]) == (200, "true")
            assert again.json()["run_id"] == forked["run_id"]
            for other in ({"result": 21}, {"from_step": first["seq"]}, {"input": "y"}, {"result": None}):
                await api.json("POST", path, {**body, **other}, headers=key, status=409)
            await api.json("POST", "/runs", {"assistant_id": "work", "input": "x"}, headers=key, status=409)
            await api.json("GET", f"/runs/{forked['run_id']}/wait")
        assert len(await api.json("GET", "/runs")) == 4
        database = api.running.engine.database
        orphans = parse("orphans", "SELECT run_id FROM events WHERE run_id NOT IN (SELECT id FROM runs)", "sqlite")
        assert await database.read(orphans) == []


@pytest.mark.parametrize(
    ("body", "status"),
    [({}, 422), ({"from_step": "none"}, 404), ({"from_step": 1}, 404), ({"from_step": 0}, 422),
     ({"from_step": True}, 422), ({"from_step": None}, 422), ({"from_step": 3, "assistant_id": "none"}, 404),
     ({"from_step": 3, "more": 1}, 422), ({"from_step": 2**40}, 422)],
)  # fmt: skip
async def test_a_bad_fork_starts_nothing(body: dict[str, Any], status: int) -> None:
    async with serving({"work": work}) as api:
        run_id, _ = await _ended(api)
        await api.json("POST", f"/runs/{run_id}/fork", body, status=status)
        assert [run["run_id"] for run in await api.json("GET", "/runs")] == [run_id]


async def test_a_run_that_is_not_there_can_t_be_forked() -> None:
    async with serving({"work": work}) as api:
        await api.json("POST", "/runs/none/fork", {"from_step": 3}, status=404)
