"""The anthropic SDK alone. `URL`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from anthropic import AsyncAnthropic

from bench.callers.protocol import MOST_TOKENS, Call, prompt, run


@asynccontextmanager
async def open_client(url: str) -> AsyncIterator[Call]:
    async with AsyncAnthropic(base_url=url, api_key="bench", max_retries=0) as client:

        async def whole(number: int) -> None:
            system, user = prompt(number)
            reply = await client.messages.create(
                model="claude-sonnet-4-5", max_tokens=MOST_TOKENS, system=system["content"],
                messages=[{"role": "user", "content": user["content"]}],
            )  # fmt: skip
            assert reply.content

        yield whole


if __name__ == "__main__":
    run(open_client)
