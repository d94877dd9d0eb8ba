"""The gateway as its clients have it: on a real server, with a provider behind it that tells what it was sent."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import orjson

from fairlead.database.sql import parse
from fairlead.gateway import Format
from fairlead.gateway.exchange import Receive, Scope, Send
from fairlead.gateway.simulate import Simulator
from tests.api.serving import Serving, listening, serving

ROOT = "fl_test_root_0123456789"
AS_ROOT = {"X-API-Key": ROOT}
PROVIDER_KEY = "sk-the-providers-own"
HELLO: list[dict[str, Any]] = [{"role": "user", "content": "hello"}]
PATHS = {Format.CHAT: "/v1/chat/completions", Format.RESPONSES: "/v1/responses", Format.MESSAGES: "/v1/messages"}
BODIES: dict[Format, dict[str, Any]] = {
    Format.CHAT: {"messages": HELLO},
    Format.RESPONSES: {"input": "hello"},
    Format.MESSAGES: {"messages": HELLO, "max_tokens": 100},
}
SAID = "Simulated answer to: hello"


@dataclass(slots=True)
class Sent:
    """A request as the provider got it."""

    path: str
    headers: dict[str, str]
    raw: bytes

    @property
    def body(self) -> dict[str, Any]:
        return orjson.loads(self.raw)


@dataclass(slots=True)
class Watched:
    """The simulated provider, and what was sent to it."""

    simulator: Simulator = field(default_factory=Simulator)
    sent: list[Sent] = field(default_factory=list[Sent])

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        sent = Sent(scope["path"], headers, b"")
        self.sent.append(sent)

        async def watched() -> dict[str, Any]:
            message = await receive()
            sent.raw += message.get("body", b"")
            return message

        await self.simulator(scope, watched, send)


@dataclass(slots=True)
class House:
    api: Serving
    url: str
    provider: Watched
    client: httpx.AsyncClient

    async def ask(
        self, form: Format = Format.CHAT, *, model: str = "sim/test", status: int = 200,
        headers: Mapping[str, str] = AS_ROOT, **more: Any,
    ) -> httpx.Response:  # fmt: skip
        body = {"model": model, **BODIES[form], **more}
        answer = await self.client.post(PATHS[form], json=body, headers=headers)
        assert answer.status_code == status, (answer.text, self.api.said("error"))
        return answer

    async def key(self, name: str = "bot", **more: Any) -> dict[str, str]:
        """The headers of a new key's holder."""
        made = await self.client.post("/keys", json={"name": name, **more}, headers=AS_ROOT)
        assert made.status_code == 201, made.text
        return {"authorization": f"Bearer {made.json()['key']}"}

    async def rows(self) -> list[Any]:
        """The usage of every try so far."""
        engine = self.api.running.engine
        await engine.models.usage.close()
        return list(await engine.database.read(parse("rows", "SELECT * FROM usage", engine.database.dialect)))


@asynccontextmanager
async def house(
    simulator: Simulator | None = None, *, keys: tuple[str, ...] = (ROOT,), patience: float = 20,
    providers: Mapping[str, Mapping[str, Any]] | None = None, **engine: Any,
) -> AsyncIterator[House]:  # fmt: skip
    """Providers: `sim` speaks all formats, `chat` and `claude` one each and with a key, all the same simulation."""
    provider, app = Watched(simulator or Simulator()), {"model_timeout": timedelta(seconds=patience)}
    async with listening(provider) as behind:  # type: ignore[arg-type]
        tables = {**_tables(behind), **(providers or {})}
        settings = {"ai_service_retry_count": 0, **engine}
        with _folder_with_keys() as root:
            async with (
                serving({}, workers=0, keys=keys, table=True, providers=tables, app=app, root=root, **settings) as api,
                listening(api.app) as url,
                httpx.AsyncClient(base_url=url, timeout=30) as client,
            ):
                yield House(api, url, provider, client)


def _tables(url: str) -> dict[str, Mapping[str, Any]]:
    return {
        "sim": {"kind": "simulated", "url": url},
        "chat": {"kind": "openai", "base_url": f"{url}/v1", "api_key_env": "CHAT_KEY"},
        "claude": {"kind": "anthropic", "base_url": f"{url}/v1", "api_key_env": "CLAUDE_KEY"},
    }


@contextmanager
def _folder_with_keys() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="fairlead-house-") as folder:
        keys = f"CHAT_KEY={PROVIDER_KEY}\nCLAUDE_KEY={PROVIDER_KEY}\n"
        (Path(folder) / ".env.local").write_text(keys)
        yield Path(folder)
