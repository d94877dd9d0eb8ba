"""Crons through the official client."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from langgraph_sdk import get_client

from tests.api.serving import listening, serving


async def greet(input: Any) -> str:
    return f"Hello, {input['name']}"


async def test_langgraphs_client_makes_finds_changes_and_removes_crons() -> None:
    async with (
        serving({"greet": greet}, workers=0) as server,
        listening(server.app) as url,
        get_client(url=url, api_key=None) as client,
    ):
        crons = client.crons
        made: Any = await crons.create(
            "greet", schedule="0 9 * * *", input={"name": "Ada"}, timezone="Europe/Vienna", metadata={"team": "a"},
            end_time=datetime(2040, 1, 1, tzinfo=UTC), stream_mode="values", multitask_strategy="enqueue",
        )  # fmt: skip
        assert (made["schedule"], made["timezone"], made["enabled"]) == ("0 9 * * *", "Europe/Vienna", True)
        assert made["next_run_date"] and made["payload"]["input"] == {"name": "Ada"} and len(made["upcoming"]) == 5
        await server.json("POST", "/threads", {"thread_id": "t-1"})
        other: Any = await crons.create_for_thread("t-1", "greet", schedule="*/5 * * * *", input={"name": "Bob"})
        assert other["thread_id"] == "t-1"
        assert [one["cron_id"] for one in await crons.search(metadata={"team": "a"})] == [made["cron_id"]]
        assert await crons.count(assistant_id="greet") == 2
        assert [list(one) for one in await crons.search(thread_id="t-1", select=["cron_id"])] == [["cron_id"]]
        changed: Any = await crons.update(made["cron_id"], schedule="0 10 * * *", enabled=False, end_time=None)
        assert (changed["schedule"], changed["enabled"], changed["end_time"], changed["next_run_date"]) == (
            "0 10 * * *", False, None, None,
        )  # fmt: skip
        assert changed["payload"]["input"] == {"name": "Ada"}
        run = await server.json("POST", f"/runs/crons/{made['cron_id']}/run", {})
        assert (run["status"], run["metadata"]["cron_id"]) == ("pending", made["cron_id"])
        await crons.delete(made["cron_id"])
        await server.json("GET", f"/runs/crons/{made['cron_id']}", status=404)
        assert (await server.json("GET", "/info"))["flags"]["crons"] is True


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"assistant_id": "greet", "schedule": "every day"}, 422),
        ({"assistant_id": "greet", "schedule": "* * * * *", "timezone": "Mars/Olympus"}, 422),
        ({"assistant_id": "nobody", "schedule": "* * * * *"}, 404),
        ({"assistant_id": "greet", "schedule": "* * * * *", "end_time": "tomorrow"}, 422),
        ({"assistant_id": "greet", "schedule": "* * * * *", "missed": "never"}, 422),
        ({"assistant_id": "greet", "schedule": "* * * * *", "interrupt_before": "*"}, 422),
        ({"assistant_id": "greet", "schedule": "* * * * *", "webhook": "ftp://x"}, 422),
    ],
)
async def test_what_can_not_be_taken_is_said_to_be(body: Any, status: int) -> None:
    async with serving({"greet": greet}, workers=0) as server:
        await server.json("POST", "/runs/crons", body, status=status)
        assert await server.json("POST", "/runs/crons/count", {}) == 0
