"""litellm's `acompletion`, as its manual has it: no callbacks, no budget. `URL [stream]`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import litellm

from bench.callers.protocol import MOST_TOKENS, Call, prompt, run


@asynccontextmanager
async def open_client(url: str, mode: str = "whole") -> AsyncIterator[Call]:
    same: dict[str, Any] = {
        "model": "openai/gpt-4o-mini",
        "api_base": f"{url}/v1",
        "api_key": "bench",
        "num_retries": 0,
    }

    async def whole(number: int) -> None:
        reply: Any = await litellm.acompletion(messages=prompt(number), max_tokens=MOST_TOKENS, **same)
        assert reply.choices

    async def streamed(number: int) -> None:
        chunks = 0
        async for _ in await litellm.acompletion(  # type: ignore[union-attr]
            messages=prompt(number), max_tokens=MOST_TOKENS, stream=True, **same
        ):
            chunks += 1
        assert chunks

    yield streamed if mode == "stream" else whole


if __name__ == "__main__":
    run(open_client)
