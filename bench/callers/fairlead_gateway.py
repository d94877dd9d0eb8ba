"""Fairlead's gateway in process, opened as `fairlead serve` opens it, settings in the environment.

`PROJECT MODEL [stream]`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

from bench.callers.protocol import MOST_TOKENS, Call, prompt, run
from fairlead.clock import SystemClock
from fairlead.gateway import Caller, Gateway, ModelRequest, Sink
from fairlead.wiring.engine import open_engine
from fairlead.wiring.garbage import settle_garbage_collector
from fairlead.wiring.project import open_setup
from fairlead.wiring.telemetry import open_telemetry

_TIMEOUT = timedelta(minutes=10)


@asynccontextmanager
async def open_client(project: str, model: str, mode: str = "whole") -> AsyncIterator[Call]:
    setup, clock = open_setup(Path(project)), SystemClock()
    telemetry = open_telemetry(setup.settings, clock)
    setup.load()
    engine = await open_engine(
        setup.settings, setup.agents, providers=setup.providers, models=setup.models, prices=setup.prices, clock=clock,
        emit=telemetry.emit,
    )  # fmt: skip
    settle_garbage_collector()
    try:
        yield _call_of(engine.models.gateway, model, mode)
    finally:
        await engine.close()
        telemetry.close()


def _call_of(gateway: Gateway, model: str, mode: str) -> Call:
    caller = Caller(user="ada", agent="bench", key="bench", metadata={"team": "blue"})

    async def whole(number: int) -> None:
        body = {"messages": prompt(number), "max_tokens": MOST_TOKENS}
        reply = await gateway.complete(ModelRequest(model, body, _TIMEOUT, caller))
        assert reply.message

    async def streamed(number: int) -> None:
        chunks = 0

        async def count(events: Sequence[bytes]) -> None:
            nonlocal chunks
            chunks += len(events)

        body = {"messages": prompt(number), "max_tokens": MOST_TOKENS}
        await gateway.complete(ModelRequest(model, body, _TIMEOUT, caller, sink=Sink(on_data=count)))
        assert chunks

    return streamed if mode == "stream" else whole


if __name__ == "__main__":
    run(open_client)
