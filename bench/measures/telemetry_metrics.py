"""What a scrape costs once a process has seen much."""

from __future__ import annotations

import time
from datetime import timedelta

from prometheus_client import CollectorRegistry

from bench.figure import Figure, at_most
from bench.place import Place
from fairlead.telemetry.emit import Emitter
from fairlead.telemetry.metrics import Metrics

TITLE = "A scrape of /metrics"
WORK = (
    "A process that has seen 100 agents with an intent each, 20 models of 5 providers, 200 tools, 1 000 tenants, and "
    "80 addresses of the API with 5 statuses."
)
_TOOK = timedelta(milliseconds=1500)


async def measure(place: Place) -> tuple[list[Figure], list[str]]:
    emitter, metrics = Emitter(), Metrics(CollectorRegistry())
    emitter.subscribe(metrics, events=metrics.events)
    for tenant in range(1000):
        _speak(emitter, tenant)
    took: list[float] = []
    for _ in range(place.amount(50)):
        began = time.perf_counter()
        size = len(metrics.render())
        took.append((time.perf_counter() - began) * 1000)
    return [
        Figure("to make it", "ms", took, at_most(50)),
        Figure("its size", "MB", [size / 1024**2], at_most(2)),
    ], []


def _speak(emitter: Emitter, number: int) -> None:
    who = {"run_id": f"run-{number}", "agent": f"agent-{number % 100}", "tenant": f"tenant-{number}"}
    intent, provider, model = f"intent-{number % 100}", f"provider-{number % 5}", f"model-{number % 20}"
    emitter.emit("agent_started", **who, attempt=1, intent=intent)
    emitter.emit("llm_call", **who, provider=provider, model=f"{provider}/{model}", status="ok", took=_TOOK,
                 tokens_in=512, tokens_out=33, cost_nano=120_000)  # fmt: skip
    emitter.emit("tool_result", **who, tool=f"tool-{number % 200}", status=("ok", "error")[number % 2], took=_TOOK)
    emitter.emit("agent_completed", **who, status=("success", "error", "timeout")[number % 3], intent=intent,
                 took=_TOOK, steps=number % 30, cost_nano=120_000)  # fmt: skip
    emitter.emit("database_query", query=f"query-{number % 150}", took=_TOOK)
    for status in (200, 404, 422, 429, 500):
        emitter.emit("http_request", method=("GET", "POST")[number % 2], endpoint=f"/address/{number % 80}",
                     status_code=status, took=_TOOK)  # fmt: skip
