from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from fairlead.clock import SystemClock
from fairlead.errors import DatabaseUnavailable, ModelTimeout, ModelUnavailable
from fairlead.gateway.cache import Cache
from fairlead.gateway.cache_store import CacheStore, MemoryCacheStore
from fairlead.gateway.sink import Sink
from fairlead.gateway.types import Attempt, Caller, Choices, ModelReply, ModelRequest
from fairlead.gateway.usage import Usage
from fairlead.gateway.wire import WIRES, sse
from fairlead.telemetry.catalogue import misfit
from fairlead.testing import MovableClock


class Provider:
    """Answers when `go` is set; fails as often as told."""

    def __init__(self) -> None:
        self.calls = 0
        self.failures = 0
        self.finish = "stop"
        self.go = asyncio.Event()
        self.go.set()
        self.timeouts: list[float] = []

    async def __call__(self, request: ModelRequest) -> ModelReply:
        self.calls += 1
        self.timeouts.append(request.timeout.total_seconds())
        number = self.calls
        await self.go.wait()
        if self.failures:
            self.failures -= 1
            raise ModelUnavailable("500")
        message = {"role": "assistant", "content": f"answer {number} " * 20}
        body = {"choices": [{"index": 0, "message": message, "finish_reason": self.finish}]}
        attempt = Attempt("lab", SystemClock().now(), timedelta(seconds=1), "ok")
        return ModelReply(body, Usage(7, 3), 5000, "lab", "lab/m", (attempt,), timedelta(seconds=1))


class Lab:
    def __init__(self, *, store: CacheStore | None = None, clock: Any = None, **more: Any) -> None:
        self.clock = clock or SystemClock()
        self.provider = Provider()
        self.said: list[tuple[str, dict[str, Any]]] = []
        self.cache = Cache(
            self.provider, store=store or MemoryCacheStore(clock=self.clock), wires=WIRES, clock=self.clock,
            emit=self.emit, **more,
        )  # fmt: skip

    def emit(self, event: str, /, **fields: Any) -> None:
        assert misfit(event, fields) == ""
        self.said.append((event, fields))

    def start(self, request: ModelRequest) -> asyncio.Task[ModelReply]:
        return asyncio.create_task(self.cache(request))


def ask(text: str = "hi", *, seconds: float = 30, tenant: str = "t", **more: Any) -> ModelRequest:
    body = {"messages": [{"role": "user", "content": text}]}
    return ModelRequest("lab/m", body, timedelta(seconds=seconds), caller=Caller(tenant=tenant), **more)


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_a_hit_costs_nothing_and_says_so() -> None:
    it = Lab()
    first = await it.cache(ask())
    await settle()
    again = await it.cache(ask())
    assert (first.cached, first.cost_nano, len(first.attempts)) == (False, 5000, 1)
    assert again == replace(first, cached=True, cost_nano=0, attempts=(), first_token=None)
    assert it.provider.calls == 1
    [(event, told)] = it.said
    assert (event, told["saved_nano"], told["from_flight"]) == ("llm_cache_hit", 5000, False)


async def test_no_tenant_is_answered_from_anothers_cache_nor_from_its_call() -> None:
    it = Lab()
    it.provider.go.clear()
    calls = [it.start(ask(tenant="a")), it.start(ask(tenant="b"))]
    await settle()
    it.provider.go.set()
    await asyncio.gather(*calls)
    await it.cache(ask(tenant="c"))
    assert it.provider.calls == 3


async def test_an_answer_is_given_for_an_hour_and_no_longer() -> None:
    it = Lab(clock=MovableClock())
    await it.cache(ask())
    await settle()
    it.clock.move(timedelta(seconds=3599))
    assert (await it.cache(ask())).cached
    it.clock.move(timedelta(seconds=1))
    assert not (await it.cache(ask())).cached


async def test_what_asks_for_randomness_or_not_to_be_cached_is_asked_each_time() -> None:
    it = Lab()
    hot = replace(ask(), body={**ask().body, "temperature": 0.7})
    for request in (hot, hot, ask(choices=Choices(cache=False)), ask(choices=Choices(cache=False))):
        await it.cache(request)
    assert it.provider.calls == 4
    told = replace(hot, choices=Choices(cache=True))
    await it.cache(told)
    assert (await it.cache(told)).cached


async def test_an_answer_that_was_cut_short_is_not_kept() -> None:
    it = Lab()
    it.provider.finish = "length"
    await it.cache(ask())
    assert not (await it.cache(ask())).cached
    assert it.provider.calls == 2


async def test_an_answer_that_is_too_large_is_not_kept() -> None:
    it = Lab(store=MemoryCacheStore(clock=SystemClock(), most_bytes=100))
    await it.cache(ask())
    await settle()
    assert not (await it.cache(ask())).cached


async def test_identical_calls_at_once_make_one_call() -> None:
    it = Lab()
    it.provider.go.clear()
    calls = [it.start(ask()) for _ in range(20)]
    await settle()
    it.provider.go.set()
    replies = await asyncio.gather(*calls)
    assert it.provider.calls == 1
    assert [reply.cached for reply in replies] == [False] + [True] * 19
    assert sum(reply.cost_nano for reply in replies) == 5000
    assert {reply.body["choices"][0]["message"]["content"] for reply in replies} == {"answer 1 " * 20}
    replies[1].body["choices"].clear()
    assert replies[2].body["choices"]


async def test_when_the_leader_fails_the_others_try_for_themselves_one_after_another() -> None:
    it = Lab()
    it.provider.go.clear()
    it.provider.failures = 2
    calls = [it.start(ask()) for _ in range(5)]
    await settle()
    assert it.provider.calls == 1
    it.provider.go.set()
    outcomes = await asyncio.gather(*calls, return_exceptions=True)
    assert [isinstance(outcome, ModelUnavailable) for outcome in outcomes] == [True, True, False, False, False]
    assert it.provider.calls == 3


async def test_a_leader_that_is_cancelled_hands_over() -> None:
    it = Lab()
    it.provider.go.clear()
    leader, follower, third = it.start(ask()), it.start(ask()), it.start(ask())
    await settle()
    leader.cancel()
    await settle()
    assert it.provider.calls == 2
    it.provider.go.set()
    assert [(await follower).cached, (await third).cached] == [False, True]
    assert it.provider.timeouts[1] < 30


async def test_a_follower_that_is_cancelled_harms_nobody() -> None:
    it = Lab()
    it.provider.go.clear()
    leader, follower, third = it.start(ask()), it.start(ask()), it.start(ask())
    await settle()
    follower.cancel()
    await settle()
    it.provider.go.set()
    assert [(await leader).cached, (await third).cached] == [False, True]


async def test_a_follower_waits_no_longer_than_its_own_time() -> None:
    it = Lab()
    it.provider.go.clear()
    leader = it.start(ask())
    await settle()
    with pytest.raises(ModelTimeout, match="identical"):
        await it.cache(ask(seconds=0.02))
    it.provider.go.set()
    assert not (await leader).cached


async def test_a_hit_and_a_follower_are_streamed_to_who_asked_for_a_stream() -> None:
    it = Lab()
    it.provider.go.clear()
    heard: list[bytes] = []
    said: list[str] = []

    async def keep(events: Sequence[bytes]) -> None:
        heard.extend(events)

    following = [it.start(ask()), it.start(ask(sink=Sink(said.append, keep)))]
    await settle()
    it.provider.go.set()
    await asyncio.gather(*following)
    assert "".join(said) == "answer 1 " * 20
    assert heard[-1] == sse.DONE
    sink = Sink(said.append)
    assert (await it.cache(ask(sink=sink))).cached
    assert "".join(said) == "answer 1 " * 40
    assert sink.told


class Broken:
    """A store that can't be asked."""

    at_once = False

    def __init__(self) -> None:
        self.broken = True
        self.store = MemoryCacheStore(clock=SystemClock())

    async def get(self, key: str) -> bytes | None:
        if self.broken:
            raise DatabaseUnavailable("It is away.")
        return await self.store.get(key)

    async def put(self, key: str, value: bytes, *, tenant: str, keep: timedelta) -> None:
        if self.broken:
            raise DatabaseUnavailable("It is away.")
        await self.store.put(key, value, tenant=tenant, keep=keep)

    async def aclose(self) -> None:
        pass


async def test_a_store_that_cannot_be_asked_is_a_miss_and_told_once() -> None:
    store = Broken()
    it = Lab(store=store)
    for text in "abc":
        await it.cache(ask(text))
    assert it.provider.calls == 3
    assert [event for event, _ in it.said] == ["llm_cache_unreachable"]
    await settle()
    store.broken = False
    await it.cache(ask("d"))
    assert (await it.cache(ask("d"))).cached
    assert [event for event, _ in it.said][1:] == ["llm_cache_reachable", "llm_cache_hit"]


async def test_what_another_version_kept_and_nobody_can_read_is_a_miss() -> None:
    store = MemoryCacheStore(clock=SystemClock())
    it = Lab(store=store)
    await it.cache(ask())
    await settle()
    [key] = store._kept  # pyright: ignore[reportPrivateUsage]
    for value in (b"{}", b"nonsense", b"[]", b'{"body": 1}'):
        await store.put(key, value, tenant="t", keep=timedelta(hours=1))
        assert not (await it.cache(ask())).cached
        await settle()


async def test_closing_waits_for_what_is_being_kept() -> None:
    store = Broken()
    store.broken = False
    it = Lab(store=store)
    await it.cache(ask())
    await it.cache.aclose()
    assert store.store.bytes > 0
