"""TensorZero's gateway inside the Python client, without its database: no log, no budgets. `URL [stream]`."""

from __future__ import annotations

import os
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tensorzero import AsyncTensorZeroGateway

from bench.callers.protocol import MOST_TOKENS, Call, prompt, run

_CONFIG = """
[gateway.observability]
enabled = false

[models.mini]
routing = ["loopback"]

[models.mini.providers.loopback]
type = "openai"
model_name = "gpt-4o-mini"
api_base = "{url}/v1/"
"""


@asynccontextmanager
async def open_client(url: str, mode: str = "whole") -> AsyncIterator[Call]:
    os.environ["OPENAI_API_KEY"] = "bench"
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "tensorzero.toml"
        config.write_text(_CONFIG.format(url=url))
        opening: Any = AsyncTensorZeroGateway.build_embedded(config_file=str(config), async_setup=True)
        async with await opening as client:
            yield _call_of(client, mode)


def _call_of(client: Any, mode: str) -> Call:
    def asked(number: int) -> dict[str, Any]:
        system, user = prompt(number)
        return {
            "model_name": "mini",
            "input": {"system": system["content"], "messages": [user]},
            "params": {"chat_completion": {"max_tokens": MOST_TOKENS}},
        }

    async def whole(number: int) -> None:
        assert (await client.inference(**asked(number))).content

    async def streamed(number: int) -> None:
        chunks = 0
        async for _ in await client.inference(**asked(number), stream=True):
            chunks += 1
        assert chunks

    return streamed if mode == "stream" else whole


if __name__ == "__main__":
    run(open_client)
