"""What a conversation keeps for a short while, in memory and in Redis: the same rules."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from fairlead.database.redis_door import RedisDoor
from fairlead.errors import DatabaseUnavailable, InvalidInput
from fairlead.store import Conversations
from fairlead.store.conversations import MOST_BYTES, MOST_KEYS, ConversationStore, MemoryConversations
from fairlead.store.conversations_redis import RedisConversations
from fairlead.testing import MovableClock
from tests.servers import free_port

HOUR = timedelta(hours=1)
OF: Any = {"tenant": "default"}


@pytest.fixture(params=["memory", "redis"])
async def store(request: pytest.FixtureRequest, redis_url: str) -> AsyncIterator[ConversationStore]:
    made: ConversationStore = MemoryConversations(clock=MovableClock())
    if request.param == "redis":
        made = RedisConversations(RedisDoor(redis_url))
    yield made
    await made.aclose()


async def test_values_come_back_as_they_were(store: ConversationStore) -> None:
    kept = Conversations(store, ttl=HOUR)
    values: dict[str, Any] = {"cart": [1, {"a": None}], "name": "Ada \u2713", "": 1, "false": False, "é/{}": 0.5}
    for key, value in values.items():
        if key:
            await kept.put("t1", key, value, **OF)
    del values[""]
    assert await kept.all("t1", **OF) == values
    await kept.put("t1", "cart", [], **OF)
    await kept.delete("t1", "name", **OF)
    await kept.delete("t1", "never there", **OF)
    assert await kept.all("t1", **OF) == {**{k: v for k, v in values.items() if k != "name"}, "cart": []}


async def test_each_conversation_has_its_own(store: ConversationStore) -> None:
    kept = Conversations(store, ttl=HOUR)
    await kept.put("t1", "a", 1, **OF)
    for thread, tenant in (("t2", "default"), ("t1", "other"), ("default/t1", ""), ("1", "default/t")):
        assert await kept.all(thread, tenant=tenant) == {}
    await kept.forget("t2", **OF)
    assert await kept.all("t1", **OF) == {"a": 1}
    await kept.forget("t1", **OF)
    assert await kept.all("t1", **OF) == {}


async def test_what_is_too_much_is_refused_and_harms_nothing(store: ConversationStore) -> None:
    kept = Conversations(store, ttl=HOUR)
    for number in range(MOST_KEYS):
        await kept.put("t1", f"k{number}", number, **OF)
    with pytest.raises(InvalidInput, match="at most 100 keys"):
        await kept.put("t1", "one more", 1, **OF)
    await kept.put("t1", "k7", "again", **OF)
    for key, value in (("", 1), ("k" * 201, 1), ("k1", "x" * MOST_BYTES)):
        with pytest.raises(InvalidInput):
            await kept.put("t1", key, value, **OF)
    assert (await kept.all("t1", **OF))["k7"] == "again"
    assert len(await kept.all("t1", **OF)) == MOST_KEYS


async def test_a_conversation_ends_a_while_after_it_was_last_written_to() -> None:
    clock = MovableClock()
    kept = Conversations(MemoryConversations(clock=clock), ttl=HOUR)
    await kept.put("t1", "a", 1, **OF)
    clock.move(timedelta(minutes=59))
    await kept.put("t1", "b", 2, **OF)
    clock.move(timedelta(minutes=59))
    assert await kept.all("t1", **OF) == {"a": 1, "b": 2}
    clock.move(timedelta(minutes=1))
    assert await kept.all("t1", **OF) == {}
    await kept.put("t1", "c", 3, **OF)
    assert await kept.all("t1", **OF) == {"c": 3}


async def test_redis_ends_it_by_itself(redis_url: str) -> None:
    kept = Conversations(RedisConversations(RedisDoor(redis_url)), ttl=timedelta(milliseconds=80))
    await kept.put("t1", "a", 1, **OF)
    async with asyncio.timeout(5):
        while await kept.all("t1", **OF):
            await asyncio.sleep(0.01)
    await kept.aclose()


async def test_memory_is_bounded_and_what_was_not_written_longest_goes_first() -> None:
    clock = MovableClock()
    kept = Conversations(MemoryConversations(clock=clock, room=4000), ttl=HOUR)
    for thread in ("a", "b", "c"):
        await kept.put(thread, "k", "x" * 700, **OF)
    await kept.put("a", "k", "y" * 700, **OF)
    await kept.put("d", "k", "x" * 700, **OF)
    assert [bool(await kept.all(thread, **OF)) for thread in "abcd"] == [True, False, True, True]
    await kept.put("e", "k", "x" * 8000, **OF)
    assert [bool(await kept.all(thread, **OF)) for thread in "acde"] == [False, False, False, True]


async def test_a_redis_that_is_away_is_told_in_our_words() -> None:
    kept = Conversations(RedisConversations(RedisDoor(f"redis://127.0.0.1:{free_port()}/0")), ttl=HOUR)
    with pytest.raises(DatabaseUnavailable, match="Redis"):
        await kept.all("t1", **OF)
    with pytest.raises(DatabaseUnavailable, match="Redis"):
        await kept.put("t1", "a", 1, **OF)
    await kept.aclose()
