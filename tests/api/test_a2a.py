"""Agents over A2A 1.0: the SDK's client against a real server and worker, and whatever else may come."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import httpx
import orjson
import pytest
from a2a.client import A2ACardResolver, ClientConfig, ClientFactory
from a2a.types.a2a_pb2 import (
    CancelTaskRequest,
    GetTaskRequest,
    ListTasksRequest,
    Message,
    Part,
    Role,
    SendMessageConfiguration,
    SendMessageRequest,
    SubscribeToTaskRequest,
    TaskState,
)
from a2a.utils.errors import TaskNotCancelableError, TaskNotFoundError, UnsupportedOperationError
from google.protobuf.json_format import MessageToDict, ParseDict
from google.protobuf.timestamp_pb2 import Timestamp

from fairlead.agents import Agent, Context
from fairlead.database.sql import parse
from tests.api.serving import Serving, listening, serving


async def count(input: Any, ctx: Context) -> Any:
    """Counts up."""
    ctx.progress(50, "half")
    return {"given": input}


async def hang(input: Any) -> None:
    await asyncio.Event().wait()


async def fail(input: Any) -> None:
    raise ValueError("no such luck")


async def ask(input: Any, ctx: Context) -> Any:
    decision = await ctx.approve("Really?")
    return f"{decision.approved} {decision.comment}"


AGENTS = {"chat": Agent("chat", "simulated/echo"), "count": count, "hang": hang, "fail": fail, "ask": ask}


@asynccontextmanager
async def client_of(url: str, assistant: str, *, streaming: bool = True) -> AsyncIterator[Any]:
    async with httpx.AsyncClient(timeout=30) as http:
        card = await A2ACardResolver(http, f"{url}/a2a/{assistant}").get_agent_card()
        yield ClientFactory(ClientConfig(httpx_client=http, streaming=streaming)).create(card)


def message(text: str = "", **more: Any) -> Message:
    parts = more.pop("parts", None) or [Part(text=text)]
    return Message(message_id=more.pop("message_id", uuid4().hex), role=Role.ROLE_USER, parts=parts, **more)


async def send(client: Any, said: Message, **configuration: Any) -> list[dict[str, Any]]:
    request = SendMessageRequest(message=said, configuration=SendMessageConfiguration(**configuration))
    return [MessageToDict(one) for one in [one async for one in client.send_message(request)]]


async def test_a_conversation_through_the_sdks_client(database_url: str | None) -> None:
    async with serving(AGENTS, database_url=database_url) as api, listening(api.app) as url:  # noqa: SIM117
        async with client_of(url, "chat", streaming=False) as client:
            (told,) = await send(client, message("hello"))
            task = told["task"]
            assert task["status"]["state"] == "TASK_STATE_COMPLETED"
            assert task["artifacts"][0]["parts"] == [{"text": "Simulated answer to: hello"}]
            assert task["history"][0]["parts"] == [{"text": "hello"}]
            (again,) = await send(client, message("more", context_id=task["contextId"]))
            assert again["task"]["contextId"] == task["contextId"]
            got = await client.get_task(GetTaskRequest(id=task["id"]))
            assert got.id == task["id"]
            listed = await client.list_tasks(ListTasksRequest(context_id=task["contextId"], page_size=1))
            assert [one.id for one in listed.tasks] == [again["task"]["id"]] and listed.next_page_token
            rest = await client.list_tasks(
                ListTasksRequest(context_id=task["contextId"], page_size=1, page_token=listed.next_page_token)
            )
            assert [one.id for one in rest.tasks] == [task["id"]] and not rest.next_page_token
            done = await client.list_tasks(ListTasksRequest(status=TaskState.TASK_STATE_FAILED))
            assert not done.tasks


async def test_a_stream_has_the_task_its_progress_and_its_artifact(database_url: str | None) -> None:
    async with serving(AGENTS, database_url=database_url) as api, listening(api.app) as url:  # noqa: SIM117
        async with client_of(url, "count") as client:
            part = ParseDict({"data": {"to": 3}}, Part())
            told = await send(client, message(parts=[part]))
            assert "task" in told[0]
            texts = [
                one["statusUpdate"]["status"].get("message", {}).get("parts") for one in told if "statusUpdate" in one
            ]
            assert [{"text": "half"}] in texts
            (artifact,) = [one["artifactUpdate"]["artifact"] for one in told if "artifactUpdate" in one]
            assert artifact["parts"] == [{"data": {"given": {"to": 3}}}]
            assert told[-1]["statusUpdate"]["status"]["state"] == "TASK_STATE_COMPLETED"


async def test_a_task_that_wants_input_is_answered_by_a_message_to_it(database_url: str | None) -> None:
    async with serving(AGENTS, database_url=database_url) as api, listening(api.app) as url:  # noqa: SIM117
        async with client_of(url, "ask", streaming=False) as client:
            (asked,) = await send(client, message("go"))
            task = asked["task"]
            assert task["status"]["state"] == "TASK_STATE_INPUT_REQUIRED"
            assert task["status"]["message"]["parts"][0]["text"].startswith("Really?")
            with pytest.raises(Exception, match="yes or no"):
                await send(client, message("maybe", task_id=task["id"]))
            (done,) = await send(client, message("yes, do it", task_id=task["id"]))
            assert done["task"]["artifacts"][0]["parts"] == [{"text": "True do it"}]
            with pytest.raises(UnsupportedOperationError):
                await send(client, message("yes", task_id=task["id"]))


async def test_a_task_is_followed_and_cancelled() -> None:
    async with serving(AGENTS) as api, listening(api.app) as url, client_of(url, "hang", streaming=False) as client:
        (started,) = await send(client, message("go"), return_immediately=True)
        task_id = started["task"]["id"]
        await api.running.until(task_id, "started")

        async def follow() -> list[Any]:
            return [MessageToDict(one) async for one in client.subscribe(SubscribeToTaskRequest(id=task_id))]

        following = asyncio.ensure_future(follow())
        cancelled = await client.cancel_task(CancelTaskRequest(id=task_id))
        assert cancelled.status.state == TaskState.TASK_STATE_CANCELED
        told = await following if not following.done() or following.exception() is None else []
        assert not told or told[-1].get("statusUpdate", {}).get("status", {}).get("state") == "TASK_STATE_CANCELED"
        with pytest.raises(TaskNotCancelableError):
            await client.cancel_task(CancelTaskRequest(id=task_id))
        with pytest.raises(TaskNotFoundError):
            await client.get_task(GetTaskRequest(id="nowhere"))


@pytest.mark.parametrize("protocol", ["a2a", "a2a-rest", "mcp"])
async def test_a_stream_that_can_not_go_on_ends_with_an_error_of_its_protocol(protocol: str) -> None:
    said = {"messageId": uuid4().hex, "role": "ROLE_USER", "parts": [{"text": "go"}]}
    asked: dict[str, Any] = {"jsonrpc": "2.0", "id": 7, "method": "SendStreamingMessage", "params": {"message": said}}
    path, headers = "/a2a/hang", {"A2A-Version": "1.0", "accept": "application/json, text/event-stream"}
    if protocol == "a2a-rest":
        path, asked = "/a2a/hang/message:stream", {"message": said}
    if protocol == "mcp":
        path, asked = "/mcp", {**asked, "method": "tools/call", "params": {"name": "hang", "arguments": {}}}
    async with serving(AGENTS) as api, listening(api.app) as url, httpx.AsyncClient(timeout=30) as http:  # noqa: SIM117
        async with http.stream("POST", url + path, json=asked, headers=headers) as answer:
            assert answer.headers["content-type"].startswith("text/event-stream"), (await answer.aread()).decode()
            (run,) = await api.running.engine.control.list()
            await api.running.until(run.id, "started")
            database = api.running.engine.database
            await database.write(parse("gone", "DELETE FROM runs", database.dialect))
            told = [orjson.loads(line[6:]) async for line in answer.aiter_lines() if line.startswith("data: ")]
    error = told[-1]["error"]
    if protocol == "a2a-rest":
        assert (error["code"], error["details"][0]["reason"]) == (404, "TASK_NOT_FOUND")
    else:
        assert (told[-1]["id"], error["code"]) == (7, -32001 if protocol == "a2a" else -32602)
    assert run.id in error["message"]


async def test_tasks_are_listed_by_state_context_and_time(database_url: str | None) -> None:
    async with serving(AGENTS, database_url=database_url, workers=0) as api, listening(api.app) as url:  # noqa: SIM117
        async with client_of(url, "count", streaming=False) as client:
            sent = [await send(client, message(str(n)), return_immediately=True) for n in range(5)]
            ids = [one["task"]["id"] for (one,) in sent]
            await api.running.engine.control.cancel(ids[0])

            async def listed(**wanted: Any) -> tuple[list[str], int]:
                found = await client.list_tasks(ListTasksRequest(**wanted))
                return [one.id for one in found.tasks], found.total_size

            assert await listed() == (ids[::-1], 5)
            assert await listed(page_size=2) == (ids[:2:-1], 5)
            assert await listed(status=TaskState.TASK_STATE_CANCELED) == (ids[:1], 1)
            assert await listed(status=TaskState.TASK_STATE_SUBMITTED, page_size=1) == (ids[-1:], 4)
            for state in ("WORKING", "COMPLETED", "FAILED", "INPUT_REQUIRED", "REJECTED"):
                assert await listed(status=TaskState.Value(f"TASK_STATE_{state}")) == ([], 0)
            (two,) = sent[2]
            assert await listed(context_id=two["task"]["contextId"]) == (ids[2:3], 1)
            after = Timestamp()
            after.FromDatetime((await api.running.engine.control.get(ids[3])).created_at)
            assert await listed(status_timestamp_after=after) == ([ids[4], ids[0]], 2)
            other = await api.json("POST", "/a2a/hang", request("ListTasks", {}))
            assert other["result"] == {"tasks": [], "nextPageToken": "", "pageSize": 50, "totalSize": 0}


async def test_a_failed_run_is_a_failed_task_and_the_same_message_the_same_task() -> None:
    async with serving(AGENTS) as api, listening(api.app) as url, client_of(url, "fail", streaming=False) as client:
        said = message("go", message_id="m-1")
        (failed,) = await send(client, said)
        assert failed["task"]["status"]["state"] == "TASK_STATE_FAILED"
        assert "no such luck" in failed["task"]["status"]["message"]["parts"][0]["text"]
        (again,) = await send(client, said)
        assert again["task"]["id"] == failed["task"]["id"]


async def test_images_reach_a_native_agent() -> None:
    async with serving(AGENTS) as api, listening(api.app) as url, client_of(url, "chat", streaming=False) as client:
        parts = [Part(text="what is this?"), Part(raw=b"\x89PNG", media_type="image/png")]
        (told,) = await send(client, message(parts=parts))
        run = await api.running.engine.control.get(told["task"]["id"])
        assert run.input["messages"][0]["content"][1]["image_url"]["url"] == "data:image/png;base64,iVBORw=="


async def test_a_file_that_is_no_base64_reaches_no_agent() -> None:
    async with serving(AGENTS) as api:
        for name in ("chat", "fail"):  # a native one, and a callable
            for raw in ("\x84", "abc", "====", "YQ==\n", "YQ=="):
                body = orjson.dumps(sending(parts=[{"raw": raw}]))
                answer = (await api.client.post(f"/a2a/{name}", content=body)).json()
                assert ("result" in answer) is (raw == "YQ=="), (name, raw, answer)


def request(method: Any, params: Any = None) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": 1, "method": method, **({} if params is None else {"params": params})}


def sending(**more: Any) -> dict[str, Any]:
    said = {"messageId": "m", "role": "ROLE_USER", "parts": [{"text": "hi"}], **more}
    return request("SendMessage", {"message": said})


BAD: list[tuple[Any, int]] = [
    ([], -32600),
    ("x", -32600),
    ({}, -32600),
    ([request("GetTask", {"id": "x"})], -32600),
    ({**request("GetTask"), "id": 1.5}, -32600),
    (request("NoSuch"), -32601),
    (request("message/send"), -32009),
    (request("GetTask", []), -32600),
    (request("GetTask"), -32602),
    (request("GetTask", {"id": 7}), -32602),
    (request("GetTask", {"id": "nowhere"}), -32001),
    (request("GetTask", {"id": "a\0b"}), -32001),
    (request("CancelTask", {"id": "nowhere"}), -32001),
    (request("ListTasks", {"pageSize": 0}), -32602),
    (request("ListTasks", {"pageSize": "many"}), -32602),
    (request("ListTasks", {"contextId": "a\0b"}), -32602),
    (request("ListTasks", {"pageToken": "../x"}), -32602),
    (request("SendMessage"), -32602),
    (sending(parts=[]), -32602),
    (sending(parts=[{}]), -32602),
    (sending(parts=[{"text": "a", "url": "b"}]), -32602),
    (sending(parts=[{"text": None}]), -32602),
    (sending(parts=[{"raw": "not base64!"}]), -32602),
    (sending(role="ROLE_AGENT"), -32602),
    (sending(messageId=""), -32602),
    (sending(contextId="not/safe"), -32602),
    (sending(taskId="nowhere"), -32001),
    (request("GetExtendedAgentCard"), -32004),
    (request("ListTaskPushNotificationConfigs", {"taskId": "x"}), -32001),
]


async def test_bad_requests_get_the_protocols_own_errors(database_url: str | None) -> None:
    async with serving(AGENTS, database_url=database_url) as api:
        for body, code in BAD:
            answer = await api.client.post("/a2a/chat", content=orjson.dumps(body))
            assert answer.status_code == (400 if code == -32600 else 200), (body, answer.text)
            assert answer.json().get("error", {}).get("code") == code, (body, answer.text)
        for raw in (b"", b"{", b'{"a": NaN}', b'{"jsonrpc": "2.0", "id": 1, "method": "\\ud800"}', b"[" * 100_000):
            answer = await api.client.post("/a2a/chat", content=raw)
            assert answer.json()["error"]["code"] == -32700, raw[:20]
        assert (await api.client.post("/a2a/chat", content=b"x" * 3_000_000)).status_code == 413
        assert (await api.client.post("/a2a/nobody", json=request("ListTasks"))).status_code == 404
        old = await api.json("POST", "/a2a/chat", request("ListTasks"), headers={"a2a-version": "0.3"})
        assert old["error"]["code"] == -32009
        assert (await api.json("POST", "/a2a/chat", request("ListTasks"), headers={"a2a-version": "1.0.2"}))["result"]
        assert await api.running.engine.control.list() == []


async def test_cards_tell_where_and_how(database_url: str | None) -> None:
    root = "root-key-0123456789"
    async with serving(AGENTS, keys=(root,), table=True, database_url=database_url) as api:
        headers = {"x-api-key": root}
        card = await api.json("GET", "/.well-known/agent-card.json?assistant_id=count", headers=headers)
        assert card == await api.json("GET", "/a2a/count/.well-known/agent-card.json", headers=headers)
        assert card["description"] == "Counts up." and card["capabilities"]["streaming"]
        assert card["supportedInterfaces"][0]["url"].startswith("http://localhost/a2a/")
        assert set(card["securitySchemes"]) == {"key", "bearer"}
        await api.json("GET", "/.well-known/agent-card.json", status=404, headers=headers)
        await api.json("GET", "/.well-known/agent-card.json?assistant_id=nobody", status=404, headers=headers)
        await api.json("GET", "/.well-known/agent-card.json?assistant_id=count", status=401)


async def test_another_tenant_and_a_viewer_are_kept_out(database_url: str | None) -> None:
    root = "root-key-0123456789"
    async with serving(AGENTS, keys=(root,), table=True, database_url=database_url) as api:
        mine = {"x-api-key": root}
        sent = await api.json("POST", "/a2a/count", sending(), headers=mine)
        task = {"id": sent["result"]["task"]["id"]}
        viewer = await _key(api, name="eye", role="viewer")
        assert (await api.json("POST", "/a2a/count", request("GetTask", task), headers=viewer))["result"]
        await api.json("POST", "/a2a/count", sending(), status=403, headers=viewer)
        await api.json("POST", "/a2a/count", request("CancelTask", task), status=403, headers=viewer)
        other = await _key(api, name="other", tenant="other")
        found = await api.json("POST", "/a2a/count", request("GetTask", task), headers=other)
        assert found["error"]["code"] == -32001
        assert (await api.json("POST", "/a2a/chat", request("GetTask", task), headers=mine))["error"]["code"] == -32001


async def _key(api: Serving, **wanted: Any) -> dict[str, str]:
    headers = {"x-api-key": "root-key-0123456789"}
    made = await api.json("POST", "/keys", wanted, status=201, headers=headers)
    return {"authorization": f"Bearer {made['key']}"}
