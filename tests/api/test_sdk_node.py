"""LangGraph's own client for JavaScript, unchanged, against Fairlead."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from fairlead import Context
from fairlead.agents import Agent
from tests.api.serving import listening, serving
from tests.runs.receiver import receiving
from tests.servers import node_clients


async def hang(input: Any) -> None:
    await asyncio.Event().wait()


async def ask(input: Any, ctx: Context) -> Any:
    return await ctx.interrupt({"question": "Which colour?"})


async def test_everything_that_langgraphs_client_for_javascript_asks_for() -> None:
    agents = {"chat": Agent("chat", "simulated/echo"), "hang": hang, "ask": ask}
    async with (
        receiving() as receiver, serving(agents, egress_allow="127.0.0.1", poll_every="50ms") as api,
        listening(api.app) as url, asyncio.timeout(60),
    ):  # fmt: skip
        node = await asyncio.create_subprocess_exec(
            "node", "langgraph.mjs", url, "any", f"{receiver.url}/told", cwd=node_clients(),
            stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        out, _ = await node.communicate()
        assert node.returncode == 0, out.decode()
        got = json.loads(out)
        [told] = [one for one in await receiver.until(1) if one.path == "/told"]
        assert (told.json["run_id"], told.json["status"]) == (got["hooked"], "success")
        assert told.headers["webhook-signature"]
        gone = got["gone"]
        await api.running.ended(gone["cancel"])
        assert (await api.json("GET", f"/runs/{gone['cancel']}"))["reason"] == "cancelled"
        assert (await api.json("GET", f"/runs/{gone['continue']}"))["status"] == "running"
    assert got["metadata"] == ["node", 1, True]
    assert got["errors"] == {"assistant": 404, "reject": 409, "deleted": 404, "thread": 404, "agent": 404}
    assert got["assistants"] == {
        "found": ["ours"], "paged": 2, "count": 2, "same": True, "schemas": True, "nodes": True, "subgraphs": {},
        "versions": [2, 1], "latest": "mine",
    }  # fmt: skip
    assert set(got["stream"]["events"]) == {
        "metadata", "debug", "values", "events", "messages", "messages/complete", "updates", "tasks", "checkpoints",
    }  # fmt: skip
    assert got["rejoined"] and got["stream"]["ids"]
    assert (got["wait"], got["runs"], got["run"], got["join"]) == (4, 2, "success", 2)
    assert got["threads"] == {"found": 1, "count": 1, "status": "idle", "history": 4}
    assert (got["checkpoint"], got["copied"], got["forked"], got["batch"], got["stateless"]) == (4, 5, 3, 2, 2)
    assert (got["displaced"], got["queued"], got["later"]) == ("interrupted", "success", "pending")
    assert (got["interrupt"], got["waiting"], got["resumed"]) == (
        [{"question": "Which colour?"}], "interrupted", "blue"
    )  # fmt: skip
    assert got["followed"] == [True, "success"]
    assert (got["crons"], got["item"], got["items"], got["namespaces"]) == ([1, 1], {"a": 1}, 1, [["node", "x"]])
