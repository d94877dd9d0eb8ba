"""A server and two workers, one of them killed: what all of them counted adds up."""

from __future__ import annotations

import time
import urllib.request
from collections import Counter
from pathlib import Path
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from fairlead.cli.client import Client
from tests.cli.processes import Running, running

AGENT = """
import asyncio
import os
from pathlib import Path


async def look(x):
    return x


async def wait(gate):
    while not Path(gate).exists():
        await asyncio.sleep(0.01)


async def dies(input, ctx):
    os.kill(os.getpid(), 9)


async def gates(input, ctx):
    await ctx.step("look", look, 1)
    if input.get("gate"):
        await ctx.step("wait", wait, input["gate"])
    return await ctx.step("again", look, 2)
"""
PROJECT = """
[project]
name = "gates"

[agents]
gates = "gates.py:gates"
dies = "gates.py:dies"
"""


def scrape(url: str) -> Counter[str]:
    with urllib.request.urlopen(f"{url}/metrics", timeout=10) as answer:
        text = answer.read().decode()
    return Counter({
        sample.name + "".join(f",{key}={value}" for key, value in sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    })  # fmt: skip


def ended(client: Client, run_id: str) -> dict[str, Any]:
    for _ in range(600):
        run = client.get(f"/runs/{run_id}")
        if run["status"] in ("success", "error", "timeout", "interrupted"):
            return run
        time.sleep(0.05)
    raise AssertionError(run_id)


def address(process: Running) -> str:
    return process.until("listening")["url"]


def until_active(url: str, number: int) -> Counter[str]:
    for _ in range(400):
        seen = scrape(url)
        if seen["active_agents"] == number:
            return seen
        time.sleep(0.05)
    raise AssertionError(seen["active_agents"])


def test_what_all_processes_counted_adds_up_after_a_kill(tmp_path: Path, postgres_url: str) -> None:
    (tmp_path / "fairlead.toml").write_text(PROJECT)
    (tmp_path / "gates.py").write_text(AGENT)
    settings = {"DATABASE_URL": postgres_url, "FAIRLEAD_LEASE": "2s", "FAIRLEAD_RENEW_EVERY": "500ms"}
    with (
        running(tmp_path, "serve", "--port", "0", **settings) as serve,
        running(tmp_path, "work", "--port", "0", **settings, WORKER_CONCURRENCY="1") as first,
    ):
        client = Client(address(serve))
        run = {"assistant_id": "gates", "metadata": {"intent": "billing"}}
        done = [client.post("/runs", {**run, "input": {}})["run_id"] for _ in range(3)]
        assert {ended(client, run_id)["status"] for run_id in done} == {"success"}
        held = client.post("/runs", {**run, "input": {"gate": str(tmp_path / "gate")}})["run_id"]
        waits = [client.post("/runs", {**run, "input": {}})["run_id"] for _ in range(2)]
        last = until_active(address(first), 1)
        assert scrape(address(serve))["agent_queue_depth"] == 2
        assert scrape(address(serve))["active_agents"] == 0
        first.process.kill()
        with running(tmp_path, "work", "--port", "0", **settings) as second:
            until_active(address(second), 1)
            (tmp_path / "gate").touch()
            assert {ended(client, run_id)["status"] for run_id in (held, *waits)} == {"success"}
            now = until_active(address(second), 0)
            total = last + now + scrape(address(serve))
            assert scrape(address(serve))["agent_queue_depth"] == 0
    of_runs = {name: value for name, value in total.items() if name.startswith("agent_requests_total")}
    assert of_runs == {"agent_requests_total,intent=billing,status=success": 6}
    assert total["agent_latency_seconds_count"] == total["agent_steps_count_count"] == 6
    assert total["http_requests_total,endpoint=/runs,method=POST,status_code=200"] == 6


def test_a_run_that_kills_its_workers_is_counted_once(tmp_path: Path, postgres_url: str) -> None:
    (tmp_path / "fairlead.toml").write_text(PROJECT)
    (tmp_path / "gates.py").write_text(AGENT)
    settings = {"DATABASE_URL": postgres_url, "FAIRLEAD_LEASE": "2s", "FAIRLEAD_RENEW_EVERY": "500ms"}
    with (
        running(tmp_path, "serve", "--port", "0", **settings) as serve,
        running(tmp_path, "work", "--port", "0", **settings, FAIRLEAD_MAX_ATTEMPTS="1", FAIRLEAD_RELEASE="a") as first,
        running(tmp_path, "work", "--port", "0", **settings, FAIRLEAD_MAX_ATTEMPTS="1", FAIRLEAD_RELEASE="b") as second,
        running(tmp_path, "work", "--port", "0", **settings, FAIRLEAD_MAX_ATTEMPTS="1", FAIRLEAD_RELEASE="dev"),
    ):
        client = Client(address(serve))
        run_id = client.post("/runs", {"assistant_id": "dies", "input": {}})["run_id"]
        assert ended(client, run_id)["reason"] == "poison"
        for _ in range(100):
            total = scrape(address(first)) + scrape(address(second)) + scrape(address(serve))
            if total["agent_requests_total,intent=general,status=error"]:
                break
            time.sleep(0.05)
    assert total["agent_requests_total,intent=general,status=error"] == 1
