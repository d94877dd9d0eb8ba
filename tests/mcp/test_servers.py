"""One process and its MCP servers: real programs that behave badly."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from fairlead.agents.mcp import Server
from fairlead.agents.mcp.listed import Listed
from fairlead.agents.mcp.servers import KeptServers
from fairlead.clock import SystemClock
from fairlead.egress import Egress, read_rules
from fairlead.errors import ConfigurationError, ToolFailed, ToolServerDown
from fairlead.wiring.tool_servers import open_tool_servers
from tests.mcp.naughty import PROGRAM, calls, declared, kill, pids, wait_gone
from tests.servers import free_port, wait_for_port

META = {"fairlead/idempotency-key": "k-1"}
Said = list[tuple[str, dict[str, Any]]]


@asynccontextmanager
async def kept(server: Server, *, allow: tuple[str, ...] = ()) -> AsyncIterator[tuple[Kept, Said]]:
    said: Said = []
    egress = Egress(rules=read_rules(allow))
    servers = open_tool_servers(
        {server.name: server}, egress=egress, clock=SystemClock(), emit=lambda event, /, **f: said.append((event, f))
    )
    assert isinstance(servers, KeptServers)
    try:
        yield Kept(servers), said
    finally:
        await servers.close()
        await egress.close()


class Kept:
    def __init__(self, servers: KeptServers) -> None:
        self.servers = servers

    async def tool(self, name: str) -> Listed:
        listing = await self.servers.listing("naughty")
        return next(Listed.from_json("naughty", one) for one in listing if one["name"] == name)

    async def use(self, name: str, **arguments: Any) -> Any:
        return await self.servers.use(await self.tool(name), arguments, META)

    async def until(self, true: Callable[[], bool]) -> None:
        async with asyncio.timeout(10):
            while not true():
                await asyncio.sleep(0.01)


async def test_tools_are_listed_and_used(tmp_path: Path) -> None:
    async with kept(declared(tmp_path)) as (servers, said):
        add = await servers.tool("add")
        assert add.safe_to_repeat and set(add.schema["properties"]) == {"a", "b"}
        assert not (await servers.tool("charge")).safe_to_repeat
        assert await servers.use("add", a=1, b=2) == {"result": 3}
        await servers.use("charge", amount=5)
        assert calls(tmp_path) == ["add", "charge 5 k-1"]
        assert [f["state"] for event, f in said if event == "mcp_server_changed"] == ["healthy"]
    wait_gone(*pids(tmp_path))


async def test_a_server_gets_none_of_our_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-ours")
    async with kept(declared(tmp_path, env={"TOKEN": "theirs"})) as (servers, _):
        seen = await servers.use("environment")
        assert seen["TOKEN"] == "theirs" and "PATH" in seen
        assert "sk-ours" not in seen.values() and "PYTHONPATH" not in seen


async def test_a_call_in_flight_fails_when_its_server_dies_and_the_next_starts_it_again(tmp_path: Path) -> None:
    async with kept(declared(tmp_path)) as (servers, said):
        with pytest.raises(ToolServerDown, match="went away"):
            await servers.use("die")
        assert await servers.use("add", a=1, b=1) == {"result": 2}
        assert len(pids(tmp_path)) == 2
        states = [f["state"] for event, f in said if event == "mcp_server_changed"]
        assert states == ["healthy", "unhealthy", "healthy"]


async def test_an_unsafe_call_in_flight_says_that_it_may_have_had_its_effect(tmp_path: Path) -> None:
    async with kept(declared(tmp_path)) as (servers, _):
        call = asyncio.ensure_future(servers.use("charge_slowly", amount=1))
        await servers.until(lambda: calls(tmp_path) == ["charge_slowly 1"])
        kill(tmp_path)
        with pytest.raises(ToolServerDown, match="may still have had its effect"):
            await call


async def test_a_server_that_dies_alone_is_started_again(tmp_path: Path) -> None:
    async with kept(declared(tmp_path)) as (servers, _):
        servers.servers.wake(["naughty"])
        await servers.until(lambda: servers.servers.conditions()["naughty"].status == "healthy")
        kill(tmp_path)
        await servers.until(lambda: len(pids(tmp_path)) == 2)


async def test_a_hanging_call_can_be_given_up_and_others_go_on(tmp_path: Path) -> None:
    async with kept(declared(tmp_path)) as (servers, _):
        hanging = asyncio.ensure_future(servers.use("hang"))
        await servers.until(lambda: calls(tmp_path) == ["hang"])
        assert await servers.use("add", a=2, b=2) == {"result": 4}
        hanging.cancel()
        with pytest.raises(asyncio.CancelledError):
            await hanging
        assert await servers.use("add", a=2, b=3) == {"result": 5}
        assert len(pids(tmp_path)) == 1


async def test_results_are_bounded_and_a_line_without_end_costs_the_connection(tmp_path: Path) -> None:
    async with kept(declared(tmp_path, max_result=10_000)) as (servers, _):
        assert await servers.use("huge", size=9000) == "x" * 9000
        with pytest.raises(ToolFailed, match="10000 are allowed"):
            await servers.use("huge", size=11_000)
        with pytest.raises(ToolServerDown, match="line of more than"):
            await servers.use("huge", size=17 * 1024**2)
        assert await servers.use("huge", size=10) == "x" * 10


async def test_what_is_no_json_and_stderr_go_into_the_log_without_secrets(tmp_path: Path) -> None:
    server = declared(tmp_path, env={"TOKEN": "hush-hush"}, secrets=("hush-hush",))
    async with kept(server) as (servers, said):
        assert await servers.use("shout") == {"result": "shouted"}
        lines = lambda: [(f["stream"], f["message"]) for event, f in said if event == "mcp_log"]  # noqa: E731
        await servers.until(lambda: ("stderr", "the token is [secret]") in lines())
        assert ("stdout", "this is no JSON") in lines()


async def test_images_come_as_parts_and_errors_as_failures(tmp_path: Path) -> None:
    async with kept(declared(tmp_path)) as (servers, _):
        (image,) = await servers.use("picture")
        assert image["image_url"]["url"].startswith("data:image/png;base64,iVBORw0KGgo")
        with pytest.raises(ToolFailed, match="no such luck"):
            await servers.use("fail")


async def test_a_server_that_cannot_start_says_why(tmp_path: Path) -> None:
    (tmp_path / "refuse").touch()
    async with kept(declared(tmp_path)) as (servers, said):
        with pytest.raises(ToolServerDown, match="exit code 3"):
            await servers.tool("add")
        assert ("stderr", "I will not") in [(f["stream"], f["message"]) for event, f in said if event == "mcp_log"]
    async with kept(declared(tmp_path, command=("no-such-program",))) as (servers, _):
        with pytest.raises(ToolServerDown, match="exit code 127"):
            await servers.tool("add")


async def test_a_slow_start_is_waited_for_and_a_slower_one_is_not(tmp_path: Path) -> None:
    (tmp_path / "slow").write_text("0.5")
    async with kept(declared(tmp_path)) as (servers, _):
        assert await servers.tool("add")
    (tmp_path / "slow").write_text("60")
    async with kept(declared(tmp_path, start_timeout=timedelta(seconds=1))) as (servers, _):
        with pytest.raises(ToolServerDown, match="in time"):
            await servers.tool("add")
    wait_gone(*pids(tmp_path))


async def test_a_changed_list_is_heard_of(tmp_path: Path) -> None:
    async with kept(declared(tmp_path)) as (servers, said):
        assert "grown" not in {one["name"] for one in await servers.servers.listing("naughty")}
        await servers.use("grow")
        async with asyncio.timeout(5):
            while "grown" not in {one["name"] for one in await servers.servers.listing("naughty")}:
                await asyncio.sleep(0.01)
        assert [event for event, _ in said if event == "mcp_tools_changed"]


async def test_a_tool_that_became_another_takes_only_what_fits_it(tmp_path: Path) -> None:
    async with kept(declared(tmp_path)) as (servers, said):
        before = await servers.tool("add")
        gone = Listed("naughty", "vanished", "", {"type": "object"}, True)
        (tmp_path / "other").touch()
        kill(tmp_path)
        await servers.until(lambda: len(pids(tmp_path)) == 2)
        with pytest.raises(ToolFailed, match="has changed since this run began"):
            await servers.servers.use(before, {"a": 1, "b": 2}, META)
        with pytest.raises(ToolFailed, match="no longer has the tool"):
            await servers.servers.use(gone, {}, META)
        assert [f["gone"] for event, f in said if event == "mcp_tool_drifted"] == [False, True]


async def test_tools_are_filtered_and_a_setting_overrides_what_the_server_says(tmp_path: Path) -> None:
    server = declared(tmp_path, include=("add", "charge*"), exclude=("*_slowly",), safe_to_repeat=("charge",))
    async with kept(server) as (servers, _):
        assert {one["name"] for one in await servers.servers.listing("naughty")} == {"add", "charge"}
        assert not (await servers.tool("add")).safe_to_repeat
        assert (await servers.tool("charge")).safe_to_repeat


async def test_whatever_a_server_started_ends_with_it(tmp_path: Path) -> None:
    async with kept(declared(tmp_path)) as (servers, _):
        left = (await servers.use("spawn"))["result"]
    wait_gone(left, *pids(tmp_path))


async def test_a_server_over_http_is_reached_only_where_it_is_allowed(tmp_path: Path) -> None:
    port = free_port()
    process = subprocess.Popen([sys.executable, str(PROGRAM), str(tmp_path), "http", str(port)])
    try:
        wait_for_port(port, seconds=20)
        server = Server("naughty", url=f"http://127.0.0.1:{port}/mcp")
        async with kept(server) as (servers, _):
            with pytest.raises(ToolServerDown, match=r"127\.0\.0\.1"):
                await servers.tool("add")
        async with kept(server, allow=("127.0.0.0/8",)) as (servers, _):
            assert await servers.use("add", a=1, b=2) == {"result": 3}
            with pytest.raises(ToolFailed):
                await servers.use("huge", size=17 * 1024**2)
            hanging = asyncio.ensure_future(servers.use("hang"))
            await servers.until(lambda: "hang" in calls(tmp_path))
            process.kill()
            process.wait()
            with pytest.raises(ToolFailed):
                await hanging
            process = subprocess.Popen([sys.executable, str(PROGRAM), str(tmp_path), "http", str(port)])
            wait_for_port(port, seconds=20)
            assert await servers.use("add", a=2, b=2) == {"result": 4}
    finally:
        process.kill()
        process.wait()


async def test_an_unknown_server_is_refused(tmp_path: Path) -> None:
    async with kept(declared(tmp_path)) as (servers, _):
        with pytest.raises(ConfigurationError, match="no MCP server `other`"):
            await servers.servers.listing("other")
