"""`fairlead mcp`, as the SDK's client starts it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import orjson
import pytest
from mcp import Client, MCPError, StdioServerParameters, stdio_client

from tests.cli.processes import fairlead, make_project

AGENTS = '''
from datetime import timedelta


async def count(input, ctx):
    """Counts up."""
    for step in range(3):
        ctx.progress(step / 3 * 100)
    return {"counted": input["to"]}


async def fails(input):
    raise ValueError("no")


async def hangs(input, ctx):
    await ctx.sleep(timedelta(hours=1))
'''
DECLARED = '[agents]\ncount = "agents.py:count"\nfails = "agents.py:fails"\nhangs = "agents.py:hangs"\n'


@pytest.fixture
def project(tmp_path: Path) -> Path:
    make_project(tmp_path)
    declared = tmp_path / "fairlead.toml"
    declared.write_text(declared.read_text().split("[agents]")[0] + DECLARED)
    (tmp_path / "agents.py").write_text(AGENTS)
    return tmp_path


def _started(project: Path, **more: str) -> StdioServerParameters:
    return StdioServerParameters(
        command=sys.executable, args=["-m", "fairlead", "mcp"], cwd=project, env={**os.environ, **more}
    )


@pytest.mark.parametrize("mode", ["legacy", "auto"])
async def test_a_client_has_the_agents_as_tools_without_a_server(project: Path, mode: str) -> None:
    async with Client(stdio_client(_started(project)), mode=mode) as client:  # type: ignore[arg-type]
        assert [tool.name for tool in (await client.list_tools()).tools] == ["count", "fails", "hangs"]
        told = await client.call_tool("count", {"input": {"to": 3}})
        assert told.structured_content == {"counted": 3} or '"counted"' in str(told.content)
        failed = await client.call_tool("fails", {"input": {}})
        assert failed.is_error
        with pytest.raises(MCPError, match="no tool"):
            await client.call_tool("nobody", {})
    runs = orjson.loads(fairlead(project, "runs", "list", "--json").out)
    assert [run["status"] for run in runs] == ["error", "success"]


def test_what_is_under_way_is_cancelled_when_the_program_goes(project: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "fairlead", "mcp"], cwd=project, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdin is not None and process.stdout is not None
    greeting = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}
    _say(process, 1, "initialize", greeting)
    assert orjson.loads(process.stdout.readline())["id"] == 1
    _say(process, 2, "tools/call", {"name": "hangs", "arguments": {"input": {}}})
    process.stdin.write(b"not json\n")
    process.stdin.flush()
    assert orjson.loads(process.stdout.readline())["error"]["code"] == -32700
    _say(process, 3, "ping", {})
    assert orjson.loads(process.stdout.readline()) == {"jsonrpc": "2.0", "id": 3, "result": {}}
    process.stdin.close()
    assert process.wait(30) == 0
    process.stdout.close()
    (run,) = orjson.loads(fairlead(project, "runs", "list", "--json").out)
    assert (run["status"], run["reason"]) == ("interrupted", "cancelled")


def _say(process: subprocess.Popen[bytes], number: int, method: str, params: object) -> None:
    assert process.stdin is not None
    process.stdin.write(orjson.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": params}) + b"\n")
    process.stdin.flush()


def test_nobody_at_the_other_end_is_told_in_the_protocol(project: Path) -> None:
    asked = orjson.dumps({"jsonrpc": "2.0", "id": 7, "method": "tools/list"}) + b"\n"
    done = subprocess.run(
        [sys.executable, "-m", "fairlead", "mcp"], cwd=project, input=asked, capture_output=True, timeout=60,
        env={**os.environ, "FAIRLEAD_URL": "http://127.0.0.1:9"},
    )  # fmt: skip
    (line,) = done.stdout.splitlines()
    answer = orjson.loads(line)
    assert (done.returncode, answer["id"], answer["error"]["code"]) == (0, 7, -32603)
    assert "No Fairlead answers" in answer["error"]["message"]
