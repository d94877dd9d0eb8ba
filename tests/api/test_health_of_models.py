"""/health and /metrics as the application has them: what they say of the model providers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from fairlead.access import Keyring
from fairlead.clock import SystemClock
from fairlead.config import load_settings
from fairlead.gateway import Faults
from fairlead.gateway.faults import Fault
from fairlead.gateway.simulate import Simulator
from fairlead.wiring import open_engine
from fairlead.wiring.application import open_application
from fairlead.wiring.telemetry import open_telemetry
from tests.api.asking import HELLO
from tests.api.serving import listening


@dataclass(slots=True)
class Whole:
    client: httpx.AsyncClient

    async def ask(self, model: str, times: int = 1) -> int:
        for _ in range(times):
            answer = await self.client.post("/v1/chat/completions", json={"model": model, "messages": HELLO})
        return answer.status_code

    async def ai_service(self) -> tuple[str, dict[str, Any]]:
        health = (await self.client.get("/health")).json()
        return health["status"], health["components"]["ai_service"]

    async def healthy(self) -> dict[str, float]:
        """`llm_provider_healthy` by provider."""
        lines = (await self.client.get("/metrics")).text.splitlines()
        told = [line.split('"') for line in lines if line.startswith("llm_provider_healthy{")]
        return {provider: float(value.strip("} ")) for _, provider, value in told}


@asynccontextmanager
async def whole(root: Path, **providers: dict[str, Any]) -> AsyncIterator[Whole]:
    """As `fairlead serve` puts it together."""
    settings = load_settings(root=root, environ={}, database_url=f"sqlite:///{root}/test.db", ai_service_retry_count=0)
    clock = SystemClock()
    telemetry = open_telemetry(settings, clock)
    engine = await open_engine(settings, {}, providers=providers, clock=clock, emit=telemetry.emit)
    app = open_application(engine, keys=Keyring(), metrics=telemetry.metrics.render, stopping=asyncio.Event())
    transport = httpx.ASGITransport(app, raise_app_exceptions=True)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        yield Whole(client)
    await engine.close()
    telemetry.close()


async def test_without_any_key_only_simulated_models_are_there_and_that_is_well(tmp_path: Path) -> None:
    async with whole(tmp_path) as it:
        status, models = await it.ai_service()
        assert (status, models["status"]) == ("healthy", "configured") and "simulated" in models["message"]
        assert await it.healthy() == {"anthropic": 1, "openai": 1, "simulated": 1}


@pytest.mark.parametrize(("others", "condition"), [({}, "unhealthy"), ({"spare": {}}, "degraded")])
async def test_a_provider_that_is_left_alone_is_told_and_the_process_stays_ready(
    tmp_path: Path, others: dict[str, Any], condition: str
) -> None:
    bad = Simulator(faults=Faults(rates={Fault.SERVER_ERROR: 1.0}))
    async with listening(bad) as url:  # type: ignore[arg-type]
        spare = {name: {"kind": "openai", "base_url": f"{url}/v1"} for name in others}
        async with whole(tmp_path, bad={"kind": "openai", "base_url": f"{url}/v1"}, **spare) as it:
            assert await it.healthy() == {"anthropic": 1, "openai": 1, "simulated": 1, "bad": 1} | dict.fromkeys(
                others, 1
            )
            assert await it.ask("bad/test", times=5) == 503
            assert (await it.healthy())["bad"] == 0
            status, models = await it.ai_service()
            assert (status, models["status"]) == ("degraded", condition) and "bad" in models["message"]
            assert (await it.client.get("/health/ready")).json()["status"] == "healthy"
            assert (await it.client.get("/health")).status_code == 200


async def test_a_provider_that_has_answered_is_healthy(tmp_path: Path) -> None:
    async with whole(tmp_path) as it:
        assert await it.ask("simulated/test") == 200
        assert (await it.ai_service())[1] == {"status": "healthy", "message": "answers: simulated"}
