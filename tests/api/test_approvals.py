"""The inbox, by callers with keys of their own."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from fairlead.agents import Escalation
from tests.api.serving import serving

ADMIN = {"x-api-key": "the-key-of-the-settings-0123456789"}


async def careful(input: Any, ctx: Any) -> bool:
    later = [Escalation(timedelta(hours=1), ("role:admin",))]
    return (await ctx.approve("Sure?", who=["user:ada"], escalate=later)).approved


async def test_who_is_not_asked_is_refused_and_sees_so() -> None:
    async with serving({"careful": careful}, keys=(ADMIN["x-api-key"],), table=True) as server:
        keys: dict[str, dict[str, str]] = {}
        for owner in ("ada", "bob"):
            body = {"name": owner, "owner": owner, "role": "operator"}
            made = await server.json("POST", "/keys", body, headers=ADMIN, status=201)
            keys[owner] = {"x-api-key": made["key"]}
        run = await server.running.submit("careful")
        await server.running.until(run.id, "parked")

        found = (await server.json("GET", "/approvals?mine=true", headers=keys["ada"]))[0]
        assert (found["asked"], found["limited"]) == (["user:ada"], True) and found["escalates_at"]
        assert await server.json("GET", "/approvals?mine=true", headers=keys["bob"]) == []
        assert await server.json("GET", "/approvals?role=admin", headers=keys["ada"]) == []
        one = f"/approvals/{found['id']}"
        assert (await server.json("GET", one, headers=keys["bob"]))["question"] == "Sure?"
        await server.json("POST", one, {"approved": True}, headers=keys["bob"], status=403)
        answered = await server.json("POST", one, {"approved": True}, headers=keys["ada"])
        assert (answered["approved"], answered["escalates_at"]) == (True, None)
        await server.json("POST", one, {"approved": False}, headers=keys["ada"], status=409)
        await server.json("GET", "/approvals/nothing", headers=keys["ada"], status=404)
        assert (await server.running.ended(run.id)).output is True
