"""Runs that use tools of MCP servers: recorded like any other, on both databases where a process dies."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import psutil

from fairlead import testing
from fairlead.agents import Agent, Context
from fairlead.cli.client import Client
from fairlead.errors import ConfigurationError
from fairlead.gateway import Reply, ToolCall
from fairlead.runs.run import Reason, Status
from tests.cli.processes import running
from tests.mcp.naughty import PROGRAM, calls, declared, kill, pids, wait_gone
from tests.servers import wait_until

PROVIDERS = {"simulated": {"policy": "tests.mcp.test_runs:policy"}}


def policy(messages: list[dict[str, Any]], tools: list[dict[str, Any]]) -> Reply | str:
    """Uses the tool it is told, once, and says what came of it."""
    last = messages[-1]
    if last["role"] == "tool":
        return f"tool said {last['content']}"
    if isinstance(last["content"], list):
        return f"saw {[part['type'] for part in last['content']]}"
    name, _, arguments = last["content"].partition(" ")
    return Reply(tool_calls=[ToolCall(name, json.loads(arguments or "{}"))])


def naughty_add(a: int) -> int:
    return a


async def charge(input: Any, ctx: Context) -> Any:
    """Charges with the tool that `input` names."""
    tools = {tool.name: tool for tool in await ctx.mcp("naughty")}
    return await ctx.use_tool(tools[input["tool"]], {"amount": input["amount"]})


async def test_a_native_agent_uses_a_servers_tools(tmp_path: Path, database_url: str | None) -> None:
    agents = {"chat": Agent("chat", "simulated/test", mcp=["naughty"])}
    async with testing.engine(
        agents, mcp={"naughty": declared(tmp_path)}, providers=PROVIDERS, database_url=database_url
    ) as engine:
        run = await engine.run("chat", 'add {"a": 1, "b": 2}')
        assert run.output == 'tool said {"result":3}'
        kinds = [(e.kind, e.name) for e in await engine.events(run.id, "step") if e.kind != "model"]
        assert kinds == [("step", "mcp:naughty"), ("tool", "add")]
        assert (await engine.run("chat", 'add {"a": "no number", "b": 2}')).output.startswith(
            'tool said {"error":"invalid_input"'
        )
        assert (await engine.run("chat", "fail")).output.startswith('tool said {"error":"tool_failed"')
        assert (await engine.run("chat", "picture")).output == "saw ['text', 'image_url']"


async def test_a_name_that_is_taken_gets_the_servers_before_it(tmp_path: Path) -> None:
    def add(a: int, b: int) -> int:
        """Ours."""
        return 1000

    agents = {"chat": Agent("chat", "simulated/test", tools=[add], mcp=["naughty"])}  # type: ignore[list-item]
    async with testing.engine(agents, mcp={"naughty": declared(tmp_path)}, providers=PROVIDERS) as engine:
        assert (await engine.run("chat", 'naughty_add {"a": 1, "b": 2}')).output == 'tool said {"result":3}'
        assert (await engine.run("chat", 'add {"a": 1, "b": 2}')).output == "tool said 1000"


async def test_a_callable_and_its_blocking_twin_may_ask_for_tools(tmp_path: Path) -> None:
    def blocking(input: Any, ctx: Any) -> Any:
        (add,) = [tool for tool in ctx.mcp("naughty") if tool.name == "add"]
        return ctx.use_tool(add, {"a": 20, "b": 3})

    async with testing.engine({"blocking": blocking, "charge": charge}, mcp={"naughty": declared(tmp_path)}) as engine:
        assert (await engine.run("blocking")).output == {"result": 23}
        run = await engine.run("charge", {"tool": "charge", "amount": 7})
        assert run.output == {"result": "charged 7"}
        (line,) = calls(tmp_path)[-1:]
        assert line.startswith(f"charge 7 {run.id}:")


async def test_an_unsafe_call_is_not_made_again_when_its_worker_has_died(
    tmp_path: Path, database_url: str | None
) -> None:
    servers = {"naughty": declared(tmp_path)}
    async with testing.engine({"charge": charge}, mcp=servers, database_url=database_url) as engine:
        submitted = await engine.submit("charge", {"tool": "charge_slowly", "amount": 9})
        await engine.until(submitted.id, "intent")
        async with asyncio.timeout(10):
            while calls(tmp_path) != ["charge_slowly 9"]:
                await asyncio.sleep(0.01)
        await engine.crash(engine.workers[0])
        await engine.start_worker()
        run = await engine.ended(submitted.id)
        assert (run.status, run.reason) == (Status.INTERRUPTED, Reason.OUTCOME_UNKNOWN)
        assert calls(tmp_path) == ["charge_slowly 9"]


async def test_a_resumed_run_sees_the_tools_it_began_with(tmp_path: Path) -> None:
    async def twice(input: Any, ctx: Context) -> Any:
        (add,) = [tool for tool in await ctx.mcp("naughty") if tool.name == "add"]
        if (await ctx.approve("go on?")).approved:
            return sorted(add.signature.schema["properties"]), await ctx.use_tool(add, {"a": 1, "b": 2})
        return None

    async with testing.engine({"twice": twice}, mcp={"naughty": declared(tmp_path)}) as engine:
        waiting = await engine.run("twice")
        (tmp_path / "other").touch()
        kill(tmp_path)
        async with asyncio.timeout(10):
            while len(pids(tmp_path)) < 2:
                await asyncio.sleep(0.01)
        (question,) = await engine.engine.control.approvals(run_id=waiting.id)
        await engine.engine.control.answer(question.id, True, by="ada")
        run = await engine.ended(waiting.id)
        assert run.error is not None and run.error["error"] == "tool_failed"
        assert "has changed since this run began" in run.error["message"]


async def test_a_server_that_is_not_there_fails_the_run_with_its_reason(tmp_path: Path) -> None:
    (tmp_path / "refuse").touch()
    agents = {"chat": Agent("chat", "simulated/test", mcp=["naughty"])}
    async with testing.engine(agents, mcp={"naughty": declared(tmp_path)}, providers=PROVIDERS) as engine:
        run = await engine.run("chat", "add {}")
        assert run.error is not None and run.error["error"] == "tool_server_down"
        (tmp_path / "refuse").unlink()
        await engine.engine.control.retry(run.id)
        assert (await engine.ended(run.id)).output.startswith("tool said")


async def test_a_server_nobody_declared_fails_the_run() -> None:
    async with testing.engine({"charge": charge}) as engine:
        run = await engine.run("charge", {"tool": "charge", "amount": 1})
        assert run.error is not None and run.error["error"] == ConfigurationError.code


def test_a_killed_worker_leaves_no_server_behind_and_charges_once(tmp_path: Path) -> None:
    """kill -9 of the worker in the middle of an unsafe call: the run stops for a person, and the servers are gone."""
    (tmp_path / "fairlead.toml").write_text(
        '[agents]\ncharge = "agent.py:charge"\n'
        f'[mcp.naughty]\ncommand = "{sys.executable}"\nargs = ["{PROGRAM}", "{tmp_path}"]\n'
    )
    (tmp_path / "agent.py").write_text(
        "async def charge(input, ctx):\n"
        "    tools = {tool.name: tool for tool in await ctx.mcp('naughty')}\n"
        "    left = await ctx.use_tool(tools['spawn'], {})\n"
        "    ctx.log('left', pid=left['result'])\n"
        "    return await ctx.use_tool(tools['charge_slowly'], {'amount': input})\n"
    )
    with running(tmp_path, "dev", "--port", "0", "--no-reload") as dev:
        client = Client(dev.until("listening")["url"])
        worker = dev.until("worker_ready")["pid"]
        run_id = client.post("/runs", {"assistant_id": "charge", "input": 3})["run_id"]
        wait_until(lambda: calls(tmp_path) == ["charge_slowly 3"], seconds=30)
        health = client.get("/health")["components"]["mcp"]
        assert health == {"status": "healthy", "message": "1 servers"}
        below = [one.pid for one in psutil.Process(worker).children(recursive=True)]
        assert pids(tmp_path)[0] in below
        os.kill(worker, signal.SIGKILL)
        wait_gone(*below)
        wait_until(lambda: client.get(f"/runs/{run_id}")["status"] == "interrupted", seconds=30)
        assert client.get(f"/runs/{run_id}")["metadata"]["reason"] == "outcome_unknown"
        assert calls(tmp_path) == ["charge_slowly 3"]
