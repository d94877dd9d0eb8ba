from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.api.serving import Serving, serving
from tests.usage import usage_row


async def spend(served: Serving, *rows: dict[str, Any]) -> None:
    usage = served.running.engine.models.usage
    for given in rows:
        usage.add(usage_row(**{"at": datetime.now(UTC), "tokens_in": 100, "cost_nano": 1_500_000_000, **given}))
    await usage.close()


async def test_the_report_is_the_callers_and_in_dollars(tmp_path: Path) -> None:
    async with serving({}, database_url=f"sqlite:///{tmp_path}/test.db", root=tmp_path) as served:
        await spend(
            served, {"user": "ann", "run_id": "r1"}, {"user": None, "saved_nano": 250_000_000}, {"tenant": "acme"}
        )
        told = await served.json("GET", "/costs?from=2h&by=user&by=hour&top=5")
    assert (told["totals"]["calls"], told["totals"]["cost_usd"], told["totals"]["saved_usd"]) == (2, 3.0, 0.25)
    assert [(one["name"], one["cost_usd"]) for one in told["by"]["user"]] == [(None, 1.5), ("ann", 1.5)]
    assert len(told["by"]["hour"]) == len(told["over_time"]) == 3
    assert [(run["run_id"], run["cost_usd"]) for run in told["runs"]] == [("r1", 1.5)]
    assert told["step"] == "hour"


async def test_without_a_question_it_is_the_last_day_by_model_user_and_agent(tmp_path: Path) -> None:
    async with serving({}, database_url=f"sqlite:///{tmp_path}/test.db", root=tmp_path) as served:
        told = await served.json("GET", "/costs")
    assert list(told["by"]) == ["model", "user", "agent"]
    length = datetime.fromisoformat(told["to"]) - datetime.fromisoformat(told["from"])
    assert timedelta(hours=24) <= length <= timedelta(hours=25)


async def test_what_cannot_be_answered_is_refused_in_words(tmp_path: Path) -> None:
    async with serving({}, database_url=f"sqlite:///{tmp_path}/test.db", root=tmp_path) as served:
        for query, words in (
            ("from=soon", "is no time"),
            ("by=colour", "colour"),
            ("top=0", "top"),
            ("since=1d", "since"),
        ):
            told = await served.json("GET", f"/costs?{query}", status=422)
            assert words in told["detail"]


async def test_nobody_reads_costs_without_a_key(tmp_path: Path) -> None:
    async with serving({}, keys=("secret-key",), database_url=f"sqlite:///{tmp_path}/t.db", root=tmp_path) as served:
        await served.json("GET", "/costs", status=401)
        await served.json("GET", "/costs", headers={"x-api-key": "secret-key"})
