"""The thread protocol on the wire: coming back without loss or repeats, and what nobody should send."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import orjson
import pytest

from fairlead.agents import Agent
from tests.api.serving import Serving, listening, serving
from tests.api.test_thread_protocol import AGENTS, HI
from tests.console.office import slowly

EVERYTHING = ["values", "updates", "messages", "tools", "lifecycle", "input", "checkpoints", "tasks", "custom"]
Event = dict[str, Any]


async def command(api: Serving, method: str, *, status: int = 200, thread: str = "t", **params: Any) -> Any:
    body = {"id": 7, "method": method, "params": params}
    return await api.json("POST", f"/threads/{thread}/commands", body, status=status)


async def start(api: Serving, agent: str = "chat", *, thread: str = "t", **params: Any) -> str:
    given = HI if agent in ("chat", "slow") else {}
    told = await command(api, "run.start", thread=thread, assistant_id=agent, input=given, **params)
    return told["result"]["run_id"]


async def events(answer: httpx.Response) -> AsyncIterator[Event]:
    async for line in answer.aiter_lines():
        if line.startswith("data: "):
            yield orjson.loads(line[6:])


async def follow(
    url: str, until: Callable[[Event], bool], *, thread: str = "t", last: str = "", **body: Any
) -> list[Event]:
    """All that is told until one of them is it."""
    headers = {"last-event-id": last} if last else {}
    found: list[Event] = []
    async with (
        asyncio.timeout(20), httpx.AsyncClient(timeout=None) as client,
        client.stream(
            "POST", f"{url}/threads/{thread}/stream/events", json={"channels": EVERYTHING, **body}, headers=headers
        ) as answer,
    ):  # fmt: skip
        assert answer.status_code == 200, await answer.aread()
        async for event in events(answer):
            found.append(event)
            if until(event):
                break
    return found


def over(event: Event) -> bool:
    return event["params"]["data"].get("event") in ("completed", "failed", "interrupted")


def is_piece(event: Event) -> bool:
    return event["params"]["data"].get("event") == "content-block-delta"


def ends(count: int) -> Callable[[Event], bool]:
    left = iter(range(count - 1, -1, -1))
    return lambda event: over(event) and next(left) == 0


async def _ended(api: Serving, run_id: str) -> None:
    await api.json("GET", f"/threads/t/runs/{run_id}/join")


async def test_whoever_comes_back_gets_exactly_the_rest() -> None:
    async with serving(AGENTS) as api, listening(api.app) as url:
        for agent in ("chat", "fail", "answer"):
            await _ended(api, await start(api, agent))
        whole = await follow(url, ends(3), since=0)
        durable = [one for one in whole if "seq" in one]
        numbers = [one["seq"] for one in durable]
        assert numbers == sorted(set(numbers)) and max(numbers) < 2**53
        assert len({one["event_id"] for one in whole}) == len(whole)
        for place in range(0, len(durable) - 1, 3):
            left = sum(over(one) for one in durable[place + 1 :])
            by_number = await follow(url, ends(left), since=durable[place]["seq"])
            by_name = await follow(url, ends(left), last=durable[place]["event_id"])
            assert [one for one in by_number if "seq" in one] == durable[place + 1 :]
            assert by_name == by_number


async def test_without_a_place_it_is_the_run_under_way_or_the_last_one() -> None:
    async with serving(AGENTS) as api, listening(api.app) as url:
        await _ended(api, await start(api))
        last = await start(api, "answer")
        await _ended(api, last)
        assert {one["event_id"].split(":")[0][:36] for one in await follow(url, over)} == {last}
        hanging = await start(api, "hang")
        assert (await follow(url, lambda _: True))[0]["event_id"].startswith(hanging)


async def test_a_run_that_waits_for_its_turn_is_told_when_it_comes_and_none_before_it_is_told_again() -> None:
    async with serving(AGENTS) as api, listening(api.app) as url:
        await _ended(api, await start(api, "answer"))
        hanging, queued = await start(api, "hang"), await start(api, "answer")
        doomed = await start(api, "answer")
        following = asyncio.create_task(follow(url, ends(3), channels=["lifecycle"]))
        await api.running.until(hanging, "started")
        for run in (doomed, hanging):
            await api.json("POST", f"/threads/t/runs/{run}/cancel", status=202)
        told = [(one["event_id"][:36], one["params"]["data"]["event"]) for one in await following]
        assert told[:2] == [(hanging, "running"), (hanging, "interrupted")]
        assert sorted(told[2:]) == sorted(
            [(queued, "running"), (queued, "completed"), (doomed, "running"), (doomed, "interrupted")]
        )


async def test_pieces_of_a_text_are_the_same_for_whoever_comes_when() -> None:
    async with slowly(60) as providers:
        agents = {"slow": Agent("slow", "openai/x")}
        async with serving(agents, providers=providers) as api, listening(api.app) as url:
            await start(api, "slow")
            early = await follow(url, is_piece, channels=["messages"])
            live, late = await asyncio.gather(follow(url, over), follow(url, over, since=early[0].get("seq", 0)))
            after = await follow(url, over)
        pieces = [[one for one in told if is_piece(one)] for told in (live, late, after)]
        named = [{one["event_id"]: one["params"]["data"]["delta"]["text"] for one in some} for some in pieces]
        assert named[0] == named[1] == named[2] and len(named[0]) > 1
        text = next(one["params"]["data"]["content"]["text"] for one in live
                    if one["params"]["data"].get("event") == "content-block-finish")  # fmt: skip
        assert "".join(named[0].values()) == text
        assert all(one["event_id"] in named[0] for one in early if is_piece(one))


@pytest.mark.parametrize(("body", "status"), [
    ({}, 422), ({"channels": []}, 422), ({"channels": "values"}, 422), ({"channels": [1]}, 422),
    ({"channels": ["values"], "since": -1}, 422), ({"channels": ["values"], "since": 2**60}, 422),
    ({"channels": ["values"], "since": "1"}, 422), ({"channels": ["values"], "depth": -1}, 422),
    ({"channels": ["values"], "namespaces": "x"}, 422), ({"channels": ["values"], "more": 1}, 422),
    ([], 422), ("x", 422),
])  # fmt: skip
async def test_a_subscription_that_is_none_is_refused(body: Any, status: int) -> None:
    async with serving(AGENTS, workers=0) as api:
        await api.json("POST", "/threads", {"thread_id": "t"})
        answer = await api.client.post("/threads/t/stream/events", json=body)
        assert (answer.status_code, answer.json()["status"]) == (status, status)


@pytest.mark.parametrize("path", ["stream/events", "commands"])
async def test_what_is_no_json_or_asks_of_no_thread_is_refused(path: str) -> None:
    async with serving(AGENTS, workers=0) as api:
        good = {"channels": ["values"]} if path == "stream/events" else {"id": 1, "method": "state.get"}
        assert (await api.client.post(f"/threads/nowhere/{path}", json=good)).status_code == 404
        await api.json("POST", "/threads", {"thread_id": "t"})
        for content, kind, status in (
            (b"{", "application/json", 422), (b'{"id": NaN}', "application/json", 422), (b"", "application/json", 422),
            (b"id=1", "application/x-www-form-urlencoded", 415), (b'{"id":1,"id":2}', "application/json", 422),
        ):  # fmt: skip
            answer = await api.client.post(f"/threads/t/{path}", content=content, headers={"content-type": kind})
            assert answer.status_code == status, answer.text
        assert (await api.client.get(f"/threads/t/{path}")).status_code == 405


async def test_a_forged_place_tells_nothing_that_was_told() -> None:
    async with serving(AGENTS) as api, listening(api.app) as url:
        await _ended(api, await start(api, "answer"))
        following = asyncio.create_task(follow(url, over, since=2**53 - 1))
        elsewhere = asyncio.create_task(follow(url, over, last=f"{'0' * 36}:3"))
        await asyncio.sleep(0)
        run = await start(api, "answer", thread="other")
        next_one = await start(api, "answer")
        assert {one["event_id"][:36] for one in await following} == {next_one}
        assert {one["event_id"][:36] for one in await elsewhere} == {next_one}
        assert run != next_one
        answer = await api.client.post(
            "/threads/t/stream/events", json={"channels": ["values"]}, headers={"last-event-id": "forged"}
        )
        assert answer.status_code == 422


@pytest.mark.parametrize(("method", "params", "code"), [
    ("run.begin", {}, "unknown_command"), ("subscription.subscribe", {"channels": ["values"]}, "not_supported"),
    ("input.inject", {}, "not_supported"), ("run.start", {}, "invalid_argument"),
    ("run.start", {"assistant_id": "nobody"}, "invalid_argument"),
    ("run.start", {"assistant_id": "chat", "budget_us": 1}, "invalid_argument"),
    ("run.start", {"assistant_id": "chat", "multitask_strategy": "wait"}, "invalid_argument"),
    ("run.start", {"assistant_id": "chat", "config": {"configurable": {"checkpoint_id": 5}}}, "invalid_argument"),
    ("input.respond", {}, "invalid_argument"), ("input.respond", {"responses": []}, "invalid_argument"),
    ("input.respond", {"interrupt_id": "x", "response": 1}, "no_such_interrupt"),
    ("state.get", {"namespace": ["x"]}, "no_such_namespace"), ("state.get", {"keys": 1}, "invalid_argument"),
    ("state.listCheckpoints", {"before": "x"}, "no_such_checkpoint"), ("agent.getTree", {}, "no_such_run"),
    ("state.fork", {"checkpoint_id": "x"}, "no_such_run"),
])  # fmt: skip
async def test_a_command_that_cannot_be_carried_out_says_why(method: str, params: dict[str, Any], code: str) -> None:
    async with serving(AGENTS, workers=0) as api:
        await api.json("POST", "/threads", {"thread_id": "t"})
        told = await command(api, method, **params)
        assert (told["type"], told["id"], told["error"]) == ("error", 7, code) and told["message"]
        assert await api.json("GET", "/runs") == []


@pytest.mark.parametrize("body", [
    {}, {"id": 1}, {"method": "state.get"}, {"id": -1, "method": "state.get"}, {"id": "1", "method": "state.get"},
    {"id": 1, "method": 2}, {"id": 1, "method": "state.get", "params": []}, {"id": 1, "method": "x", "more": 1},
])  # fmt: skip
async def test_what_is_no_command_is_refused(body: Any) -> None:
    async with serving(AGENTS, workers=0) as api:
        await api.json("POST", "/threads", {"thread_id": "t"})
        assert (await api.client.post("/threads/t/commands", json=body)).status_code == 422


async def test_a_run_starts_under_the_rules_of_all_runs() -> None:
    async with serving(AGENTS, workers=0, keys=("k",), rate_limit=2) as api:
        own = {"x-api-key": "k"}
        body = {"id": 1, "method": "run.start", "params": {"assistant_id": "chat", "multitaskStrategy": "reject"}}
        first = await api.client.post("/threads/t/commands", json=body, headers=own)
        assert first.json()["meta"] == {"thread_id": "t", "applied_through_seq": 0}
        assert (await api.client.post("/threads/t/commands", json=body, headers=own)).status_code == 409
        told = await api.client.post("/threads/u/commands", json=body, headers=own)
        assert told.status_code == 429 and told.headers["retry-after"]
        assert (await api.client.post("/threads/t/commands", json=body)).status_code == 401


async def test_a_run_goes_on_from_an_earlier_state() -> None:
    async with serving(AGENTS) as api:
        await _ended(api, await start(api))
        first = (await command(api, "state.listCheckpoints"))["result"]["checkpoints"][0]
        await _ended(api, await start(api))
        configured = {"configurable": {"checkpoint_id": first["id"], "thread_id": "t"}}
        await _ended(api, await start(api, config=configured))
        values = (await command(api, "state.get", namespace=[], keys=["messages"]))["result"]["values"]
        assert [one["type"] for one in values["messages"]].count("human") == 2
        forked = (await command(api, "state.fork", checkpoint_id=first["id"], input=HI))["result"]
        assert forked["thread_id"] == "t"
        await _ended(api, forked["run_id"])
        tree = (await command(api, "agent.getTree"))["result"]["tree"]
        assert tree == {"namespace": [], "status": "completed", "graph_name": "chat"}
