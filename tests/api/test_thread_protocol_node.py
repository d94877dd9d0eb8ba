"""LangGraph's thread protocol through its own client for JavaScript, unchanged, and what its pages stand on."""

from __future__ import annotations

import asyncio
import json

from tests.api.serving import listening, serving
from tests.api.test_thread_protocol import AGENTS
from tests.servers import node_clients


async def test_what_langgraphs_client_for_javascript_does_with_a_thread() -> None:
    async with serving(AGENTS, keys=("any",)) as api, listening(api.app) as url, asyncio.timeout(60):
        node = await asyncio.create_subprocess_exec(
            "node", "threads.mjs", url, "any", cwd=node_clients(), stdout=asyncio.subprocess.PIPE
        )
        out, _ = await node.communicate()
        assert node.returncode == 0, out.decode()
        got = json.loads(out)
    call = ["look_up", {"word": "hi"}, "hi: a thing"]
    assert got["chat"] == {
        "run": 1, "messages": ["human", "ai", "tool", "ai"], "ids": True, "usage": True,
        "replies": ["", "Simulated answer after 1 tool calls. Last result: hi: a thing"],
        "calls": [call, call],  # the client tells a call when it begins and when it has ended
    }  # fmt: skip
    assert (got["late"][0], got["late"][-1], got["rising"]) == ("lifecycle", "lifecycle", True)
    assert [got["late"].count(name) for name in ("updates", "tasks", "checkpoints")] == [3, 6, 4]
    assert (got["tree"], got["state"], got["checkpoints"]) == (0, ["messages", "output"], 4)
    assert (got["inject"], got["forged"]) == ("not_supported", "no_such_interrupt")
    assert (got["turns"], got["question"], got["answered"]) == (2, {"question": "Which colour?"}, {"said": "blue"})
    assert got["page"] == {
        "messages": ["human", "ai", "tool", "ai"], "loading": False, "turns": 2, "again": True,
        "asked": [{"question": "Which colour?"}], "said": "red", "failed": "Error: no such luck",
        "stopped": "interrupted",
    }  # fmt: skip
    assert got["ui"] == [404, "not_found"]
