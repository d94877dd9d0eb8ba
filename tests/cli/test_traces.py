"""Traces of real processes: set by the environment, sent to a collector, told in the log, absent when not wanted."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import orjson

from fairlead.cli.client import Client
from fairlead.cli.following import events_of
from tests.cli.processes import fairlead, running
from tests.telemetry.collector import collector

TRACE, SPAN, ID = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7", "my-request-0001"

PROJECT = '[project]\nname = "traced"\n\n[agents]\nouter = "agents.py:outer"\ninner = "agents.py:inner"\n'
AGENTS = '''\
import asyncio
from pathlib import Path

from fairlead import tool


@tool(safe_to_repeat=True)
async def look(word: str) -> str:
    """Look it up."""
    return word


async def wait_for(gate):
    while not Path(gate).exists():
        await asyncio.sleep(0.005)


async def inner(input, ctx):
    return await ctx.use_tool(look, {"word": "inner"})


async def outer(input, ctx):
    await ctx.model([{"role": "user", "content": "hello"}], model="simulated/gpt-5.4-mini")
    await asyncio.gather(ctx.use_tool(look, {"word": "a"}), ctx.use_tool(look, {"word": "b"}))
    ctx.log("at the gate")
    await ctx.step("gate", wait_for, input["gate"])
    await ctx.call("inner", {})
    return "done"
'''


def make_project(folder: Path) -> None:
    (folder / "fairlead.toml").write_text(PROJECT)
    (folder / "agents.py").write_text(AGENTS)


def lines(folder: Path, run_id: str) -> list[dict[str, Any]]:
    said = (folder / "stderr.log").read_text().splitlines()
    found = [orjson.loads(line) for line in said if line.startswith("{")]
    return [line for line in found if line.get("run_id") == run_id]


def start(client: Client, folder: Path) -> str:
    sent = {"traceparent": f"00-{TRACE}-{SPAN}-01", "x-request-id": ID}
    body = {"assistant_id": "outer", "input": {"gate": str(folder / "gate")}}
    return client.post("/runs", body, **sent)["run_id"]


def killed_and_resumed(folder: Path, settings: dict[str, str]) -> str:
    """The worker that holds the run is killed; another goes on."""
    with (
        running(folder, "serve", "--port", "0", "--no-worker", **settings) as serve,
        running(folder, "work", "--port", "0", **settings) as work,
    ):
        client = Client(serve.until("listening")["url"])
        work.until("listening")
        run_id = start(client, folder)
        for event in events_of(client, run_id):
            if isinstance(event, dict) and event["type"] == "log":
                break
        work.stop(signal.SIGKILL)
        (folder / "gate").write_text("open")
        with running(folder, "work", "--port", "0", **settings):
            list(events_of(client, run_id))
            assert client.get(f"/runs/{run_id}")["output"] == "done"
    return run_id


async def test_a_run_whose_worker_was_killed_is_one_trace(tmp_path: Path, postgres_url: str) -> None:
    make_project(tmp_path)
    async with collector() as at:
        settings = {
            "DATABASE_URL": postgres_url, "OTEL_EXPORTER_OTLP_ENDPOINT": at.url, "OTEL_SERVICE_NAME": "triage-service",
            "OTEL_EXPORTER_OTLP_HEADERS": "api-key=abc123",
        }  # fmt: skip
        run_id = await asyncio.to_thread(killed_and_resumed, tmp_path, settings)
        await at.until("run outer", "run inner", "POST /runs")
    spans = [span for span in at.spans if span.trace == TRACE]
    names = [span.name for span in spans]
    # What the killed worker had not sent yet is lost with it; what it had recorded says when its attempt was.
    attempts = {span.attributes["fairlead.attempt"]: span for span in spans if span.name == "invoke_agent outer"}
    request, outer, inner = at.one("POST /runs"), at.one("run outer"), at.one("run inner")
    assert request.parent == SPAN and outer.parent == request.id
    assert attempts[1].attributes["error.type"] == "worker_lost"
    assert attempts[1].parent == attempts[2].parent == outer.id
    assert inner.parent == attempts[2].id
    assert "execute_tool look" in names and "queue" in names
    assert {span.attributes.get("fairlead.request.id") for span in (request, outer, inner)} == {ID}
    assert {span.service["service.name"] for span in spans} == {"triage-service"}
    assert {one["api-key"] for one in at.requests} == {"abc123"}
    told = lines(tmp_path, run_id)
    assert "httpcore" not in (tmp_path / "stderr.log").read_text()  # each batch would be ten lines
    assert {"agent_started", "run_resumed", "agent_completed"} <= {one["event"] for one in told}
    # By those who work for it. Who claims it, or declares its worker lost, knows only its id.
    of_run = [one for one in told if one["event"] not in ("run_claimed", "run_lost", "run_submitted")]
    assert {one.get("request_id") for one in of_run} == {ID}
    assert {one.get("trace_id") for one in of_run} == {TRACE}


def test_without_the_extra_the_start_says_what_to_install(tmp_path: Path) -> None:
    make_project(tmp_path)
    (tmp_path / "opentelemetry_blocked").mkdir()
    blocked = tmp_path / "opentelemetry_blocked" / "sitecustomize.py"
    blocked.write_text('import sys\nsys.modules["opentelemetry.proto"] = None\n')
    path = ":".join([str(blocked.parent), *[one for one in sys.path if one]])
    done = fairlead(tmp_path, "serve", "--port", "0", OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:1", PYTHONPATH=path)
    assert done.code != 0
    assert "pip install 'fairlead[otel]'" in done.err
    assert "Traceback" not in done.err


def test_without_an_endpoint_nothing_of_it_is_loaded() -> None:
    code = (
        "import sys; from fairlead.wiring import serving, telemetry, tracing, working; from fairlead.config import "
        "load_settings; from fairlead.clock import SystemClock; "
        "telemetry.open_telemetry(load_settings(environ={}), SystemClock()); "
        "own = {'opentelemetry.proto', 'fairlead.telemetry.otlp', 'fairlead.telemetry.traces'}; "
        "sys.exit(bool(own & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
