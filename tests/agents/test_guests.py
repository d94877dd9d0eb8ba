"""What lies under the HTTP libraries, and what it leaves alone."""

from __future__ import annotations

import pickle
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import httpx
import httpx2
import pytest

from fairlead.agents.frameworks.sdk_transport import lay_under, take_away
from fairlead.agents.guest import Guest, HouseRules, enter
from fairlead.errors import BudgetExceededError
from fairlead.gateway.addresses import addresses
from fairlead.gateway.types import ModelReply, ModelRequest
from fairlead.gateway.usage import NOTHING
from fairlead.telemetry.emit import silent

TRANSPORTS = [(library.AsyncHTTPTransport, "handle_async_request") for library in (httpx, httpx2)]
TRANSPORTS += [(library.HTTPTransport, "handle_request") for library in (httpx, httpx2)]


@pytest.fixture(autouse=True)
def as_it_was() -> Iterator[None]:
    take_away()
    yield
    take_away()


def test_it_is_laid_under_once_and_taken_away_whole() -> None:
    before = [getattr(owner, name) for owner, name in TRANSPORTS]
    lay_under(addresses({}), silent)
    once = [getattr(owner, name) for owner, name in TRANSPORTS]
    lay_under(addresses({}), silent)
    assert [getattr(owner, name) for owner, name in TRANSPORTS] == once
    assert not set(before) & set(once)
    take_away()
    assert [getattr(owner, name) for owner, name in TRANSPORTS] == before


def test_no_library_is_imported_before_its_time_and_each_is_patched_when_it_is() -> None:
    code = """
import sys
from fairlead.agents.frameworks.sdk_transport import lay_under
from fairlead.gateway.addresses import addresses
from fairlead.telemetry.emit import silent
lay_under(addresses({}), silent)
ours = {"httpx", "httpx2", "openai", "anthropic", "pydantic_ai", "requests", "websockets", "aiohttp"}
assert not ours & set(sys.modules), ours & set(sys.modules)
import httpx2, httpx, aiohttp
from websockets.sync.client import connect
for fn in (httpx2.HTTPTransport.handle_request, httpx.AsyncHTTPTransport.handle_async_request,
           aiohttp.ClientSession._request, connect):
    assert hasattr(fn, "__fairlead_original__"), fn
assert type(httpx2.__loader__).__name__ == type(httpx2.__spec__.loader).__name__ == "SourceFileLoader"
"""
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr


def test_a_model_call_outside_of_all_runs_is_told_of_once() -> None:
    heard: list[tuple[str, object]] = []
    lay_under(addresses({}), lambda event, /, **said: heard.append((event, said["address"])))
    for _ in range(2):
        with pytest.raises(httpx2.ConnectError), httpx2.Client(transport=httpx2.HTTPTransport()) as client:
            client.post("http://127.0.0.1:1/v1/chat/completions", json={})
    assert heard == [("llm_ungoverned", "127.0.0.1:1/v1/chat/completions")]


def guest_with(rules: HouseRules) -> Guest:
    async def ask(_: Any) -> Any: ...

    return Guest(ask, rules, timeout=timedelta(1), run_id="r", agent="a", emit=silent)


async def test_a_model_that_the_project_declares_is_meant_by_its_name() -> None:
    guest = guest_with(HouseRules(models=("gpt-5-mini",)))
    assert guest.model("openai", "gpt-5-mini") == "gpt-5-mini"
    assert guest.model("openai", "gpt-5") == "openai/gpt-5"


async def test_a_librarys_error_leads_back_to_ours() -> None:
    guest = guest_with(HouseRules())
    ours = BudgetExceededError("spent")
    response = httpx2.Response(402, headers={"x-fairlead-refusal": guest.refused(ours)})
    theirs = httpx2.HTTPStatusError("402", request=httpx2.Request("POST", "http://x"), response=response)
    wrapped = RuntimeError("the framework's own")
    wrapped.__cause__ = theirs
    assert guest.reason(theirs) is ours
    assert guest.reason(wrapped) is ours
    other = ValueError("of the agent's own")
    assert guest.reason(other) is other


@pytest.mark.parametrize("library", [httpx, httpx2], ids=lambda library: library.__name__)
async def test_an_answer_of_ours_is_a_response_like_the_librarys_own(library: Any) -> None:
    body = {"choices": [], "note": "größer"}

    async def ask(_: ModelRequest) -> ModelReply:
        return ModelReply(body, NOTHING, 5, "openai", "openai/gpt-5")

    lay_under(addresses({}), silent)
    rules = HouseRules(addresses({}))
    enter(Guest(ask, rules, timeout=timedelta(1), run_id="r", agent="a", emit=silent))
    async with library.AsyncClient() as client:
        asked = {"model": "gpt-5", "messages": [{"role": "user", "content": "hi"}]}
        ours = await client.post("https://api.openai.com/v1/chat/completions", json=asked)
    own = library.Response(200, headers=ours.headers, content=ours.content)
    assert [_seen(one) for one in (ours, pickle.loads(pickle.dumps(ours)))] == [_seen(own)] * 2
    assert ours.json() == body and ours.headers["x-fairlead-model"] == "openai/gpt-5"


def _seen(response: Any) -> list[Any]:
    return [
        response.status_code, response.headers.multi_items(), response.content, response.text, response.is_closed,
        response.is_stream_consumed, response.num_bytes_downloaded, list(response.iter_bytes()),
        list(response.iter_lines()), response.encoding, response.reason_phrase,
    ]  # fmt: skip
