"""Health in the words of people's monitors."""

from __future__ import annotations

import asyncio
from typing import Any

from fairlead.telemetry.health import Component, Condition
from tests.api.serving import serving
from tests.servers import PostgresServer


async def greet(input: Any) -> str:
    return "hi"


AGENTS = {"greet": greet}


async def test_a_well_process_says_so_in_every_way() -> None:
    async with serving(AGENTS, keys=("k" * 20,)) as api:
        for path in ("/health", "/health/live", "/health/ready", "/ready"):
            health = await api.json("GET", path)
            assert health["status"] == "healthy" and {"timestamp", "version", "components"} <= set(health)
        parts = (await api.json("GET", "/health"))["components"]
        assert {name: part["status"] for name, part in parts.items()} == {
            "database": "healthy", "queue": "healthy", "cache": "disabled", "sandbox_pool": "disabled",
            "ai_service": "configured",
        }  # fmt: skip


async def test_runs_that_nobody_serves_degrade_the_queue_but_not_the_process() -> None:
    async with serving(AGENTS, workers=0) as api:
        await api.json("POST", "/runs", {"assistant_id": "greet"})
        health = await api.json("GET", "/health")
        assert (health["status"], health["components"]["queue"]["status"]) == ("degraded", "degraded")
        assert "no living worker serves 1" in health["components"]["queue"]["message"]


async def test_without_its_database_it_is_alive_and_not_ready_and_tells_no_secret() -> None:
    server = PostgresServer(durable=False)
    url = await asyncio.to_thread(server.start)
    try:
        async with serving(AGENTS, workers=0, database_url=url) as api:
            await asyncio.to_thread(server.stop)
            ready, whole, live, refused = await asyncio.gather(
                *(api.client.get(path) for path in ("/ready", "/health", "/health/live")),
                api.client.post("/runs", json={"assistant_id": "greet"}),
            )
            assert (ready.status_code, ready.json()["status"]) == (503, "unhealthy")
            assert "postgres" not in ready.text
            assert (whole.status_code, live.status_code) == (503, 200)
            assert (refused.status_code, refused.json()["code"]) == (503, "database_unavailable")
            assert "retry-after" in refused.headers
            assert url not in refused.text and "127.0.0.1" not in refused.text
    finally:
        server.remove()


async def test_probes_are_asked_once_for_many_callers_and_may_break() -> None:
    asked = 0

    async def slow() -> Component:
        nonlocal asked
        asked += 1
        await asyncio.sleep(0)
        return Component(Condition.DEGRADED, "slow today")

    async def broken() -> Component:
        raise RuntimeError("token=abc")

    async with serving(AGENTS, workers=0, app={"probes": {"ai_service": slow, "disk": broken}}) as api:
        answers = await asyncio.gather(*(api.client.get("/health") for _ in range(20)))
        assert asked == 1
        assert answers[0].json()["status"] == "degraded"
        assert "token" not in answers[0].text


async def test_metrics_are_those_of_the_process() -> None:
    async with serving(AGENTS, workers=0, app={"metrics": lambda: b"up 1\n"}) as api:
        answer = await api.client.get("/metrics")
        assert answer.text == "up 1\n" and answer.headers["content-type"].startswith("text/plain")
    async with serving(AGENTS, workers=0) as api:
        await api.json("GET", "/metrics", status=404)


async def test_others_are_answered_while_the_api_describes_itself() -> None:
    async with serving(AGENTS, workers=0) as api:
        asked = asyncio.create_task(api.client.get("/docs"))
        await asyncio.sleep(0)  # it begins
        for _ in range(3):
            assert (await api.client.get("/ok")).status_code == 200
        assert not asked.done()
        assert (await asked).text == (await api.client.get("/docs")).text


async def test_the_api_describes_itself() -> None:
    async with serving(AGENTS, workers=0) as api:
        document = await api.json("GET", "/openapi.json")
        run = document["paths"]["/runs"]["post"]
        assert run["requestBody"]["content"]["application/json"]["schema"]["$ref"].endswith("/RunWithoutThread")
        for starts in ("/runs", "/runs/{run_id}/fork"):
            parameters = document["paths"][starts]["post"]["parameters"]
            assert "Idempotency-Key" in [one["name"] for one in parameters], starts
        ids = [one["operationId"] for methods in document["paths"].values() for one in methods.values()]
        assert len(ids) == len(set(ids))
        page = (await api.client.get("/docs")).text
        assert all(path in page for path in document["paths"])
        assert await api.json("GET", "/ok") == {"ok": True}
        assert (await api.json("GET", "/version"))["release"] == "dev"
        assert "version" in await api.json("GET", "/info")
