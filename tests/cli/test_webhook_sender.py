"""The process that sends webhooks is killed in the middle of it: what it had in hand is sent again, and in order."""

from __future__ import annotations

import asyncio
import signal
import sqlite3
from collections.abc import AsyncIterator, Sequence
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from fairlead.cli.client import Client
from tests.cli.processes import Running, running
from tests.runs.receiver import receiving

pytestmark = pytest.mark.journey
_QUIET = b""  # the receiver takes it, and answers nothing

PROJECT = """
[project]
name = "asking"

[agents]
ask = "ask.py:ask"
fail = "ask.py:fail"
"""
AGENT = """
async def ask(input, ctx):
    return (await ctx.approve("Really?")).approved


def fail(input):
    raise ValueError(input)
"""
IN_ORDER = ["approval.requested", "approval.answered", "run.success"]


async def test_a_killed_sender_loses_no_delivery_and_keeps_their_order(tmp_path: Path, database_url: str) -> None:
    (tmp_path / "fairlead.toml").write_text(PROJECT)
    (tmp_path / "ask.py").write_text(AGENT)
    async with receiving() as receiver:
        receiver.answers["/told"] = [_QUIET]
        async with _working(tmp_path, database_url) as (client, sender):
            hook = {"url": f"{receiver.url}/told", "types": IN_ORDER}
            await asyncio.to_thread(client.post, "/webhooks", hook)
            run = (await asyncio.to_thread(client.post, "/runs", {"assistant_id": "ask"}))["run_id"]
            [first] = await receiver.until(1)
            [approval] = await asyncio.to_thread(client.get, "/approvals", run_id=run)
            await asyncio.to_thread(client.post, f"/approvals/{approval['id']}", {"approved": True})
            await asyncio.to_thread(client.get, f"/runs/{run}/wait")
            later = {"assistant_id": "fail", "webhook": f"{receiver.url}/later"}
            await asyncio.to_thread(client.post, "/runs", later)
            # The sender has looked for what is due since, and left alone what has its turn after the first.
            assert [one.path for one in await receiver.until(2)] == ["/told", "/later"]
            await _until_pending(database_url, IN_ORDER)
            await asyncio.to_thread(sender.stop, signal.SIGKILL)
        receiver.release.set()
        assert await _pending(database_url) == [(kind, 1 if kind == IN_ORDER[0] else 0) for kind in IN_ORDER]
        receiver.answers.clear()
        await _let_the_lease_run_out(database_url)
        async with _working(tmp_path, database_url):
            _, _, *then = await receiver.until(2 + len(IN_ORDER))
            assert [one.json["type"] for one in then] == IN_ORDER
            assert then[0].headers["webhook-id"] == first.headers["webhook-id"]
            assert (then[0].raw, len({one.headers["webhook-id"] for one in then})) == (first.raw, len(IN_ORDER))
            await _until_pending(database_url, [])
    assert len(receiver.got) == 2 + len(IN_ORDER)


@asynccontextmanager
async def _working(folder: Path, database_url: str) -> AsyncIterator[tuple[Client, Running]]:
    """The API, and the process that sends: a server on SQLite does so itself."""
    settings = {"FAIRLEAD_EGRESS_ALLOW": "127.0.0.1", "DATABASE_URL": database_url}
    with ExitStack() as stack:
        serve = stack.enter_context(running(folder, "serve", "--port", "0", **settings))
        client, sender = Client((await asyncio.to_thread(serve.until, "listening"))["url"]), serve
        if not database_url.startswith("sqlite"):
            sender = stack.enter_context(running(folder, "work", "--port", "0", **settings))
        yield client, sender


async def _pending(url: str) -> list[tuple[str, int]]:
    asked = "SELECT type, attempts FROM deliveries WHERE status = 'pending' ORDER BY number"
    return [(kind, attempts) for kind, attempts in await _rows(url, asked)]


async def _until_pending(url: str, kinds: Sequence[str]) -> None:
    async with asyncio.timeout(15):
        while [kind for kind, _ in await _pending(url)] != kinds:
            await asyncio.sleep(0.05)


async def _let_the_lease_run_out(url: str) -> None:
    """As a minute does."""
    await _rows(url, "UPDATE deliveries SET next_at = 0 WHERE status = 'pending'")


async def _rows(url: str, statement: str) -> Sequence[Any]:
    if url.startswith("sqlite:///"):
        with sqlite3.connect(url.removeprefix("sqlite:///")) as database:
            return database.execute(statement).fetchall()
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetch(statement)
    finally:
        await connection.close()
