from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from fairlead.config import StoreSettings
from fairlead.database import Database
from fairlead.errors import InvalidInput, NotJson
from fairlead.store import Items, load_queries
from fairlead.testing import MovableClock

HOUR = timedelta(hours=1)


def items(database: Database, clock: MovableClock, said: list[Any] | None = None, **settings: Any) -> Items:
    def emit(event: str, /, **fields: Any) -> None:
        if said is not None:
            said.append((event, fields))

    return Items(database, load_queries(database.dialect), StoreSettings(**settings), clock=clock, emit=emit)


async def keys(store: Items, *prefix: str, tenant: str = "t", **wanted: Any) -> list[str]:
    return [item.key for item in await store.search(prefix, tenant=tenant, **wanted)]


async def test_what_is_put_comes_back_and_is_replaced(database: Database, clock: MovableClock) -> None:
    store = items(database, clock)
    value = {"b": 1.0, "a": [None, True, "ä ∞ 𝄞", {"deep": -1}], "": ""}
    await store.put(("users", "ada"), "likes", {"old": 1}, tenant="t")
    clock.move(HOUR)
    await store.put(("users", "ada"), "likes", value, tenant="t")
    item = await store.get(["users", "ada"], "likes", tenant="t")
    assert item is not None
    assert (item.value, item.namespace, item.key) == (value, ("users", "ada"), "likes")
    assert item.updated_at - item.created_at == HOUR
    await store.delete(("users", "ada"), "likes", tenant="t")
    await store.delete(("users", "ada"), "likes", tenant="t")
    assert await store.get(("users", "ada"), "likes", tenant="t") is None


async def test_a_tenant_sees_its_own_alone(database: Database, clock: MovableClock) -> None:
    store = items(database, clock)
    await store.put(("n",), "k", {"text": "secret word"}, tenant="a")
    assert await store.get(("n",), "k", tenant="b") is None
    assert await keys(store, tenant="b") == []
    assert await keys(store, tenant="b", query="secret") == []
    assert await store.namespaces(tenant="b") == []
    await store.delete(("n",), "k", tenant="b")
    await store.put(("n",), "k", {"text": "other"}, tenant="b")
    assert await keys(store, tenant="a", query="secret") == ["k"]


async def test_a_prefix_is_whole_labels(database: Database, clock: MovableClock) -> None:
    store = items(database, clock)
    for namespace in (("a",), ("a", "b"), ("ab",), ("a-b",), ("a%",), ("b",)):
        await store.put(namespace, ".".join(namespace), {}, tenant="t")
    assert sorted(await keys(store, "a")) == ["a", "a.b"]
    assert len(await keys(store)) == 6
    assert await keys(store, "a%") == ["a%"]
    assert await keys(store, "a", "b", "c") == []


@pytest.mark.parametrize(
    ("filter", "found"),
    [
        ({}, "abcd"),
        ({"n": 1}, "a"),
        ({"n": 1.0}, "a"),
        ({"n": {"$ne": 1}}, "bcd"),
        ({"n": {"$gt": 1}}, "b"),
        ({"n": {"$gte": 1, "$lt": 2.5}}, "ab"),
        ({"n": {"$lte": 1}}, "a"),
        ({"s": {"$gt": "alpha"}}, "b"),
        ({"s": "alpha"}, "a"),
        ({"n": "1"}, "c"),
        ({"n": None}, "d"),
        ({"gone": None}, "abcd"),
        ({"gone": {"$ne": 1}}, "abcd"),
        ({"gone": {"$gt": 1}}, ""),
        ({"deep": {"x": {"$gt": 4}}}, "b"),
        ({"deep": {"x": 1, "y": [1, {"z": 2}]}}, "a"),
        ({"deep": {"$eq": {"y": [1, {"z": 2}], "x": 1}}}, "a"),
        ({"flag": True}, "a"),
        ({"flag": 1}, ""),
        ({"n": 1, "s": "beta"}, ""),
    ],
)
async def test_a_filter_holds_values_to_conditions(
    database: Database, clock: MovableClock, filter: dict[str, Any], found: str
) -> None:
    store = items(database, clock)
    await store.put(("n",), "a", {"n": 1, "s": "alpha", "deep": {"x": 1, "y": [1, {"z": 2}]}, "flag": True}, tenant="t")
    await store.put(("n",), "b", {"n": 2, "s": "beta", "deep": {"x": 5}, "flag": False}, tenant="t")
    await store.put(("n",), "c", {"n": "1", "deep": 3}, tenant="t")
    await store.put(("n",), "d", {"n": None}, tenant="t")
    assert "".join(sorted(await keys(store, "n", filter=filter))) == found


@pytest.mark.parametrize(
    "filter",
    [{"$gt": 1}, {"a": {"$near": 1}}, {'a"b': 1}, {"": 1}, {"a\0": 1}, {str(n): n for n in range(51)},
     {"a": {"b": {"c": {"d": {"e": {"f": {"g": {"h": {"i": {"j": {"k": 1}}}}}}}}}}}],
)  # fmt: skip
async def test_a_filter_that_is_none_is_refused(
    database: Database, clock: MovableClock, filter: dict[str, Any]
) -> None:
    with pytest.raises(InvalidInput):
        await items(database, clock).search(tenant="t", filter=filter)


async def test_a_search_finds_any_of_the_words_the_best_first(database: Database, clock: MovableClock) -> None:
    store = items(database, clock)
    await store.put(("n",), "one", {"text": "Refunds take ten days", "x": {"y": ["to your card"]}}, tenant="t")
    await store.put(("n",), "two", {"text": "A refund needs a receipt; a refund needs patience"}, tenant="t")
    await store.put(("n",), "three", {"text": "Shipping is free"}, tenant="t")
    assert sorted(await keys(store, query="How do I get a REFUND?")) == ["one", "two"]
    assert (await keys(store, query="refund receipt patience"))[0] == "two"
    assert await keys(store, query="card") == ["one"]
    assert await keys(store, query="refund", filter={"text": "Shipping is free"}) == []
    found = await store.search(tenant="t", query="shipping")
    assert found[0].score is not None and found[0].score > 0
    await store.put(("n",), "three", {"text": "Delivery is free"}, tenant="t")
    assert await keys(store, query="shipping") == []
    await store.delete(("n",), "two", tenant="t")
    assert await keys(store, query="receipt") == []


@pytest.mark.parametrize("query", ["", "?!", '"', "NEAR(", "a AND", "* OR", "col:x", "'; DROP", "the"])
async def test_any_text_may_be_searched_for(database: Database, clock: MovableClock, query: str) -> None:
    store = items(database, clock)
    await store.put(("n",), "k", {"text": "something else"}, tenant="t")
    assert await keys(store, query=query) == []


async def test_only_the_fields_that_are_named_are_searched(database: Database, clock: MovableClock) -> None:
    store = items(database, clock)
    value = {"title": "apple", "body": "pear", "parts": [{"text": "plum"}, {"text": "fig", "no": "quince"}]}
    await store.put(("n",), "some", value, tenant="t", index=["title", "parts[*].text"])
    await store.put(("n",), "none", value, tenant="t", index=False)
    assert [await keys(store, query=word) for word in ("apple", "pear", "plum", "fig", "quince")] == [
        ["some"], [], ["some"], ["some"], [],
    ]  # fmt: skip
    for wrong in ("", ".", "a..b[", "[x]"):
        with pytest.raises(InvalidInput):
            await store.put(("n",), "k", {}, tenant="t", index=[wrong])


async def test_items_end_with_their_time_which_reading_renews(database: Database, clock: MovableClock) -> None:
    said: list[Any] = []
    store = items(database, clock, said)
    for key in ("read", "found", "looked", "left"):
        await store.put(("n",), key, {"key": key}, tenant="t", ttl=HOUR)
    await store.put(("n",), "stays", {}, tenant="t")
    clock.move(HOUR * 0.9)
    assert await store.get(("n",), "read", tenant="t")
    assert await keys(store, filter={"key": "found"}) == ["found"]
    assert await store.get(("n",), "looked", tenant="t", refresh=False)
    clock.move(HOUR * 0.2)
    assert sorted(await keys(store)) == ["found", "read", "stays"]
    assert await store.get(("n",), "left", tenant="t") is None
    assert await store.sweep() is None
    assert said == [("store_swept", {"items": 2})]
    clock.move(HOUR * 2)
    await store.put(("n",), "read", {"again": 1}, tenant="t")
    item = await store.get(("n",), "read", tenant="t")
    assert item is not None and item.created_at == clock.now()


async def test_the_setting_says_how_long_without_being_told(database: Database, clock: MovableClock) -> None:
    store = items(database, clock, default_ttl="1h", refresh_on_read=False)
    await store.put(("n",), "k", {"text": "word"}, tenant="t")
    clock.move(HOUR * 0.9)
    assert await store.get(("n",), "k", tenant="t")
    clock.move(HOUR * 0.2)
    assert await store.get(("n",), "k", tenant="t") is None
    assert await keys(store, query="word") == []
    assert await store.namespaces(tenant="t") == []


async def test_namespaces_by_beginning_ending_and_depth(database: Database, clock: MovableClock) -> None:
    store = items(database, clock)
    for namespace in (("u", "a", "likes"), ("u", "b", "likes"), ("u", "b", "log"), ("u-x",), ("v", "likes")):
        await store.put(namespace, "k", {}, tenant="t")
    assert await store.namespaces(tenant="t", beginning=["u"]) == [
        ("u", "a", "likes"), ("u", "b", "likes"), ("u", "b", "log"),
    ]  # fmt: skip
    assert await store.namespaces(tenant="t", beginning=["u"], depth=2) == [("u", "a"), ("u", "b")]
    assert await store.namespaces(tenant="t", ending=["likes"], limit=1, offset=1) == [("u", "b", "likes")]
    assert await store.namespaces(tenant="t", beginning=["*", "b"], ending=["log"]) == [("u", "b", "log")]
    assert len(await store.namespaces(tenant="t", depth=1)) == 3


@pytest.mark.parametrize("namespace", [(), ("a", ""), ("a.b",), ("\0",), ("x" * 1025,), ("a",) * 33])
async def test_a_namespace_that_is_none_is_refused(
    database: Database, clock: MovableClock, namespace: tuple[str, ...]
) -> None:
    with pytest.raises(InvalidInput):
        await items(database, clock).put(namespace, "k", {}, tenant="t")


async def test_the_longest_names_fit(database: Database, clock: MovableClock) -> None:
    store = items(database, clock)
    await store.put(("ä" * 512,), "k" * 512, {"text": "x y " * 100_000}, tenant="𝄞" * 255)
    assert await store.get(("ä" * 512,), "k" * 512, tenant="𝄞" * 255)
    for key in ("", "k" * 513, "\n"):
        with pytest.raises(InvalidInput):
            await store.put(("n",), key, {}, tenant="t")


async def test_values_that_cannot_be_kept_are_refused(database: Database, clock: MovableClock) -> None:
    store = items(database, clock)
    with pytest.raises(InvalidInput):
        await store.put(("n",), "k", {"a": "nul \0"}, tenant="t")
    with pytest.raises(NotJson):
        await store.put(("n",), "k", {"a": b"bytes"}, tenant="t")
