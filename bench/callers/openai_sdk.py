"""The openai SDK alone. `URL [stream]`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from openai import AsyncOpenAI

from bench.callers.protocol import MOST_TOKENS, Call, prompt, run


@asynccontextmanager
async def open_client(url: str, mode: str = "whole") -> AsyncIterator[Call]:
    async with AsyncOpenAI(base_url=f"{url}/v1", api_key="bench", max_retries=0) as client:
        yield call_of(client, mode)


def call_of(client: AsyncOpenAI, mode: str) -> Call:
    async def whole(number: int) -> None:
        messages: Any = prompt(number)
        reply = await client.chat.completions.create(model="gpt-4o-mini", messages=messages, max_tokens=MOST_TOKENS)
        assert reply.choices

    async def streamed(number: int) -> None:
        messages: Any = prompt(number)
        chunks = 0
        async for _ in await client.chat.completions.create(
            model="gpt-4o-mini", messages=messages, max_tokens=MOST_TOKENS, stream=True
        ):
            chunks += 1
        assert chunks

    return streamed if mode == "stream" else whole


if __name__ == "__main__":
    run(open_client)
