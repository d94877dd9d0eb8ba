"""Starting, looking at and moving runs over HTTP."""

from __future__ import annotations

import asyncio
from typing import Any

from tests.api.serving import serving


async def greet(input: Any, ctx: Any) -> str:
    return await ctx.step("greet", lambda: f"Hello, {input}")


async def ask(input: Any, ctx: Any) -> dict[str, Any]:
    decision = await ctx.approve("Go on?", data={"n": 1})
    return {"approved": decision.approved, "comment": decision.comment}


async def fail(input: Any) -> None:
    raise ValueError("no such luck")


async def hang(input: Any) -> None:
    await asyncio.Event().wait()


AGENTS = {"greet": greet, "ask": ask, "fail": fail, "hang": hang}


async def test_an_agent_is_started_and_its_status_ends_with_the_result(database_url: str | None) -> None:
    async with serving(AGENTS, database_url=database_url) as api:
        accepted = await api.json("POST", "/agent/run", {"agent": "greet", "input": "Ada"}, status=202)
        await api.running.ended(accepted["task_id"])
        status = await api.json("GET", accepted["status_url"])
        assert (status["status"], status["progress"], status["result"]) == ("success", 100, "Hello, Ada")
        assert (status["steps"], status["cost_usd"]) == (1, 0.0)


async def test_the_same_idempotency_key_starts_nothing_twice(database_url: str | None) -> None:
    async with serving(AGENTS, workers=0, database_url=database_url) as api:
        body, key = {"agent": "greet", "input": 1}, {"Idempotency-Key": "k"}
        first = await api.client.post("/agent/run", json=body, headers=key)
        again = await api.client.post("/agent/run", json=body, headers=key)
        assert first.json()["task_id"] == again.json()["task_id"]
        assert "idempotency-replayed" not in first.headers
        assert again.headers["idempotency-replayed"] == "true"
        other = await api.json("POST", "/agent/run", {"agent": "ask"}, headers=key, status=409)
        assert other["code"] == "conflict"


async def test_waiting_answers_the_values(database_url: str | None) -> None:
    async with serving(AGENTS, database_url=database_url) as api:
        values = await api.json("POST", "/runs/wait", {"assistant_id": "greet", "input": "Ada"})
        assert values["output"] == "Hello, Ada"
        assert [(one["type"], one["content"]) for one in values["messages"]] == [("human", "Ada"), ("ai", "Hello, Ada")]


async def test_a_failed_run_answers_its_error() -> None:
    async with serving(AGENTS) as api:
        values = await api.json("POST", "/runs/wait", {"assistant_id": "fail"})
        assert values == {"__error__": {"error": "ValueError", "message": "no such luck"}}


async def test_a_run_that_needs_a_person_answers_its_question_and_goes_on_when_answered() -> None:
    async with serving(AGENTS) as api:
        values = await api.json("POST", "/runs/wait", {"assistant_id": "ask"})
        (asked,) = values["__interrupt__"]
        assert asked["value"]["question"] == "Go on?"
        (open_one,) = await api.json("GET", "/approvals")
        assert open_one["id"] == asked["id"]
        answer = {"approved": True, "comment": "fine"}
        await api.json("POST", f"/approvals/{asked['id']}", answer)
        assert await api.json("GET", f"/runs/{open_one['run_id']}/wait") == answer
        assert (await api.json("POST", f"/approvals/{asked['id']}", answer, status=409))["code"] == "conflict"
        assert await api.json("GET", "/approvals") == []


async def test_a_run_without_a_thread_is_found_under_its_own_id() -> None:
    async with serving(AGENTS) as api:
        run = await api.json("POST", "/runs", {"assistant_id": "greet"})
        assert run["thread_id"] == run["run_id"]
        assert (await api.json("GET", f"/threads/{run['run_id']}/runs/{run['run_id']}"))["run_id"] == run["run_id"]
        await api.json("GET", f"/threads/other/runs/{run['run_id']}", status=404)


async def test_runs_are_listed_newest_first_filtered_and_paged(database_url: str | None) -> None:
    async with serving(AGENTS, workers=0, database_url=database_url) as api:
        made = [
            (await api.json("POST", "/runs", {"assistant_id": name, "metadata": {"n": n}}))["run_id"]
            for n, name in enumerate(["greet", "ask", "greet"])
        ]
        assert [one["run_id"] for one in await api.json("GET", "/runs")] == made[::-1]
        assert [one["run_id"] for one in await api.json("GET", "/runs?agent=greet&status=pending")] == [
            made[2],
            made[0],
        ]
        assert [one["run_id"] for one in await api.json("GET", f"/runs?limit=1&before={made[2]}")] == [made[1]]
        assert [one["run_id"] for one in await api.json("GET", "/runs?limit=1&offset=2")] == [made[0]]
        assert await api.json("GET", "/runs?status=error") == []


async def test_a_run_under_way_is_cancelled_within_a_second() -> None:
    async with serving(AGENTS) as api:
        run = await api.json("POST", "/runs", {"assistant_id": "hang"})
        await api.running.until(run["run_id"], "started")
        async with asyncio.timeout(1):
            ended = await api.json("POST", f"/runs/{run['run_id']}/cancel?wait=1", status=202)
        assert (ended["status"], ended["reason"], ended["metadata"]["reason"]) == (
            "interrupted",
            "cancelled",
            "cancelled",
        )
        values = await api.json("GET", f"/runs/{run['run_id']}/wait")
        assert values["__error__"]["error"] == "cancelled"


async def test_a_failed_run_is_retried_and_events_tell_it() -> None:
    async with serving(AGENTS) as api:
        run = await api.running.run("fail")
        again = await api.json("POST", f"/runs/{run.id}/retry")
        assert again["status"] in ("pending", "running")  # a worker may have taken it already
        await api.running.until(run.id, "finished", times=2)
        events = await api.json("GET", f"/runs/{run.id}/events?after=1")
        assert [one["type"] for one in events] == ["started", "finished", "retried", "started", "finished"]
        assert (await api.json("POST", f"/runs/{run.id}/resume", status=409))["code"] == "conflict"


async def test_a_waiting_run_is_moved_to_another_release() -> None:
    async with serving(AGENTS, workers=0) as api:
        run = await api.json("POST", "/runs", {"assistant_id": "greet", "release": "old"})
        moved = await api.json("POST", f"/runs/{run['run_id']}/move", {"release": "dev"})
        assert (run["release"], moved["release"]) == ("old", "dev")


async def test_a_full_queue_refuses_and_says_when_to_come_back() -> None:
    async with serving(AGENTS, workers=0, queue_limit=1) as api:
        await api.json("POST", "/runs", {"assistant_id": "greet"})
        refused = await api.client.post("/runs", json={"assistant_id": "greet"})
        assert (refused.status_code, refused.headers["retry-after"]) == (429, "5")
        assert refused.headers["content-type"] == "application/problem+json"
        assert refused.json()["code"] == "queue_full"


async def test_what_does_not_fit_the_run_is_refused_rather_than_ignored() -> None:
    async with serving(AGENTS) as api:
        for field, value, why in (
            ("webhook", "ftp://x", "http"),
            ("command", {"resume": 1}, "thread"),
            ("interrupt_before", ["model"], "node"),
        ):
            said = await api.json("POST", "/runs", {"assistant_id": "greet", field: value}, status=422)
            assert why in said["detail"]


async def test_workers_and_agents_are_listed() -> None:
    async with serving(AGENTS) as api:
        (worker,) = await api.json("GET", "/workers")
        assert worker["alive"] and worker["agents"] == sorted(AGENTS)
        (found,) = await api.json("POST", "/assistants/search", {"graph_id": "greet"})
        assert (await api.json("GET", f"/assistants/{found['assistant_id']}"))["name"] == "greet"
        assert (await api.json("GET", "/assistants/greet"))["assistant_id"] == found["assistant_id"]
        run = await api.json("POST", "/runs", {"assistant_id": found["assistant_id"]})
        assert run["agent"] == "greet"
        assert len(await api.json("POST", "/assistants/search")) == len(AGENTS)
