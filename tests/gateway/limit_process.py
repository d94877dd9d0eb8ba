"""A process that calls as fast as its limits let it: `python -m tests.gateway.limit_process URL REQUESTS SECONDS`.

Prints the wall clock's microseconds of each call that went, one a line, and `ready` before the first.
"""

from __future__ import annotations

import asyncio
import os
import sys
from datetime import timedelta

from fairlead.clock import SystemClock
from fairlead.gateway.limit import Limit
from fairlead.gateway.limits import Limits
from fairlead.gateway.rate import Rate, Rates
from fairlead.gateway.types import ModelReply, ModelRequest
from fairlead.gateway.usage import Usage
from fairlead.telemetry.emit import silent
from tests.gateway.sharing import open_store


async def main(url: str, requests: int, seconds: float) -> None:
    clock = SystemClock()
    async with open_store(url) as store:
        limits = Limits(Rates(Rate(requests, None)), store=store, process=str(os.getpid()), clock=clock, emit=silent)

        async def answer(request: ModelRequest) -> ModelReply:
            print(clock.micros(), flush=True)
            return ModelReply({}, Usage(1, 1), 0, "lab", request.model)

        call = Limit(answer, limits=limits, expect=lambda _: 0, clock=clock, emit=silent)
        print("ready", flush=True)
        sys.stdin.readline()
        asked = ModelRequest("lab/m", {}, timedelta(minutes=5))
        callers = [asyncio.create_task(_forever(call, asked)) for _ in range(8)]
        await asyncio.sleep(seconds)
        for caller in callers:
            caller.cancel()
        await asyncio.gather(*callers, return_exceptions=True)
        await limits.aclose()


async def _forever(call: Limit, asked: ModelRequest) -> None:
    while True:
        await call(asked)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3])))
