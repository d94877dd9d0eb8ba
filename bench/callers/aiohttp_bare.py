"""The least that a call can cost in Python: aiohttp and orjson, and nothing looked at. `URL [stream]`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import orjson

from bench.callers.protocol import MOST_TOKENS, Call, prompt, run


@asynccontextmanager
async def open_client(url: str, mode: str = "whole") -> AsyncIterator[Call]:
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:

        async def whole(number: int) -> None:
            body = {"model": "gpt-4o-mini", "messages": prompt(number), "max_tokens": MOST_TOKENS}
            async with session.post(
                f"{url}/v1/chat/completions", data=orjson.dumps(body), headers={"content-type": "application/json"}
            ) as response:
                assert orjson.loads(await response.read())["choices"]

        async def streamed(number: int) -> None:
            body = {"model": "gpt-4o-mini", "messages": prompt(number), "max_tokens": MOST_TOKENS, "stream": True}
            async with session.post(
                f"{url}/v1/chat/completions", data=orjson.dumps(body), headers={"content-type": "application/json"}
            ) as response:
                last = b""
                async for line in response.content:
                    if line.startswith(b"data: {"):
                        orjson.loads(line[6:])
                    last = line if line.strip() else last
                assert last.startswith(b"data: [DONE]")

        yield streamed if mode == "stream" else whole


if __name__ == "__main__":
    run(open_client)
