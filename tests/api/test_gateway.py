"""/v1 as clients in any language meet it: raw HTTP on a real server, a provider behind it that tells what it got."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest

from fairlead.gateway import Faults, Format, Prices, parse_models
from fairlead.gateway.faults import Fault
from fairlead.gateway.price import usd
from fairlead.gateway.simulate import Simulator
from tests.api.asking import AS_ROOT, BODIES, HELLO, PATHS, PROVIDER_KEY, ROOT, SAID, House, house
from tests.api.serving import listening, serving
from tests.servers import PostgresServer

FORMATS = [form for form in Format if form is not Format.EMBEDDINGS]  # those that speak


def text_of(form: Format, answer: dict[str, Any]) -> str:
    match form:
        case Format.CHAT:
            return answer["choices"][0]["message"]["content"]
        case Format.RESPONSES:
            return answer["output"][0]["content"][0]["text"]
        case Format.MESSAGES:
            return answer["content"][0]["text"]


def pieces_of(form: Format, events: list[Any]) -> str:
    match form:
        case Format.CHAT:
            return "".join(choice["delta"].get("content") or "" for one in events for choice in one.get("choices", []))
        case Format.RESPONSES:
            return "".join(one["delta"] for one in events if one["type"] == "response.output_text.delta")
        case Format.MESSAGES:
            return "".join(one["delta"]["text"] for one in events if one["type"] == "content_block_delta")


async def data_of(answer: httpx.Response) -> AsyncIterator[str]:
    async for line in answer.aiter_lines():
        if line.startswith("data: "):
            yield line.removeprefix("data: ")


async def stream(it: House, form: Format = Format.CHAT, *, headers: dict[str, str] = AS_ROOT, **more: Any) -> list[Any]:
    """The events of a streamed answer; OpenAI's end of a chat is left out, and must be there."""
    body = {"model": "sim/test", **BODIES[form], "stream": True, **more}
    async with it.client.stream("POST", PATHS[form], json=body, headers=headers) as answer:
        assert answer.status_code == 200 and answer.headers["content-type"].startswith("text/event-stream")
        told = [data async for data in data_of(answer)]
    if form is Format.CHAT and "error" not in told[-1]:
        assert told.pop() == "[DONE]"
    return [json.loads(data) for data in told]


def ensure_worded(form: Format, answer: httpx.Response, code: str) -> dict[str, Any]:
    """The error, in the shape that clients of this format read."""
    body = answer.json()
    if form is Format.MESSAGES:
        assert body["type"] == "error" and set(body["error"]) == {"type", "message", "code"}
    else:
        assert set(body["error"]) == {"message", "type", "param", "code"}
    assert body["error"]["code"] == code and body["error"]["message"]
    return body["error"]


# -- answers


@pytest.mark.parametrize("form", FORMATS)
async def test_an_answer_comes_whole_with_what_it_cost(form: Format) -> None:
    async with house() as it:
        bot = await it.key(owner="ann")
        answer = await it.ask(form, headers=bot)
        assert text_of(form, answer.json()) == SAID
        assert (answer.headers["x-fairlead-model"], answer.headers["x-fairlead-cached"]) == ("sim/test", "no")
        [row] = await it.rows()
        assert float(answer.headers["x-fairlead-cost-usd"]) * 1e9 == pytest.approx(row["cost_nano"])
        assert row["cost_nano"] > 0 and (row["user_id"], row["streamed"], row["outcome"]) == ("ann", 0, "ok")
        key = (await it.client.get("/keys/bot", headers=AS_ROOT)).json()
        assert row["key"] == key["id"]


@pytest.mark.parametrize("form", FORMATS)
async def test_a_stream_comes_in_pieces_and_ends_as_its_format_does(form: Format) -> None:
    async with house() as it:
        events = await stream(it, form)
        assert pieces_of(form, events) == SAID
        ends = {Format.RESPONSES: "response.completed", Format.MESSAGES: "message_stop"}
        if form is Format.CHAT:
            assert events[-1]["choices"][0]["finish_reason"] == "stop"
        else:
            assert events[-1]["type"] == ends[form]
        [row] = await it.rows()
        assert (row["streamed"], row["estimated"], row["outcome"]) == (1, 0, "ok") and row["cost_nano"] > 0
        assert 0 < row["first_token_us"] <= row["took_us"]


async def test_the_first_piece_does_not_wait_for_the_last() -> None:
    async with house(Simulator(faults=Faults(next=[Fault.SLOW], gap=timedelta(milliseconds=1)))) as it:  # type: ignore[arg-type]
        body = {"model": "sim/test", "messages": HELLO, "stream": True}
        async with it.client.stream("POST", PATHS[Format.CHAT], json=body, headers=AS_ROOT) as answer:
            async for _ in data_of(answer):
                assert it.provider.simulator.simulation.completed == 0
                break


async def test_usage_is_told_in_a_stream_to_who_asked_for_it() -> None:
    async with house() as it:
        silent = await stream(it)
        assert all(one["choices"] and not one.get("usage") for one in silent)
        told = await stream(it, stream_options={"include_usage": True})
        assert told[-1]["choices"] == [] and told[-1]["usage"]["prompt_tokens"] > 0
        assert all(sent.body["stream_options"]["include_usage"] for sent in it.provider.sent)


@pytest.mark.parametrize("streamed", [False, True])
async def test_clients_of_one_format_are_answered_by_providers_of_the_other(streamed: bool) -> None:
    tool = {"name": "look", "description": "Look.", "parameters": {"type": "object", "properties": {}}}
    async with house() as it:
        chat = {"model": "claude/test", "tools": [{"type": "function", "function": tool}]}
        message = {"model": "chat/test", "tools": [{"name": "look", "input_schema": tool["parameters"]}]}
        if streamed:
            told = await stream(it, Format.CHAT, **chat)
            [call] = [one for event in told for one in event["choices"][0]["delta"].get("tool_calls", [])][:1]
            assert call["function"]["name"] == "look"
            assert told[-1]["choices"][0]["finish_reason"] == "tool_calls"
            told = await stream(it, Format.MESSAGES, **message)
            assert told[1]["content_block"]["name"] == "look"
            assert told[-2]["delta"]["stop_reason"] == "tool_use"
        else:
            choice = (await it.ask(Format.CHAT, **chat)).json()["choices"][0]
            assert choice["message"]["tool_calls"][0]["function"]["name"] == "look"
            answer = (await it.ask(Format.MESSAGES, **message)).json()
            assert (answer["content"][0]["name"], answer["stop_reason"]) == ("look", "tool_use")
        assert [sent.path for sent in it.provider.sent] == ["/v1/messages", "/v1/chat/completions"]


async def two_answers(scope: Any, receive: Any, send: Any) -> None:
    """A provider that gives the two choices it was asked for."""
    choices = [
        {"index": at, "message": {"role": "assistant", "content": f"No {at}"}, "finish_reason": "stop"} for at in (0, 1)
    ]
    usage = {"prompt_tokens": 5, "completion_tokens": 6, "total_tokens": 11}
    body = {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": choices, "usage": usage}
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
    await send({"type": "http.response.body", "body": json.dumps(body).encode()})


async def test_several_choices_come_as_asked_or_are_refused_where_they_can_not() -> None:
    async with (
        listening(two_answers) as url,
        house(providers={"two": {"kind": "openai", "base_url": f"{url}/v1"}}) as it,
    ):
        answer = (await it.ask(model="two/m", n=2)).json()
        assert [one["message"]["content"] for one in answer["choices"]] == ["No 0", "No 1"]
        refused = await it.ask(model="claude/test", n=2, status=400)
        assert "`n`" in ensure_worded(Format.CHAT, refused, "invalid_input")["message"]


# -- what goes in


@pytest.mark.parametrize("model", ["sim/test", "chat/test", "claude/test"])
async def test_of_a_request_only_its_body_reaches_the_provider(model: str) -> None:
    async with house() as it:
        mine = {
            **AS_ROOT, "authorization": f"Bearer {ROOT}", "openai-organization": "org-mine", "x-forwarded-host": "evil",
            "x-base-url": "http://evil", "anthropic-beta": "known-2026-01-01", "cookie": "session=mine",
            "user-agent": "mine/1", "x-fairlead-metadata": "team=mine",
        }  # fmt: skip
        await it.ask(headers=mine, model=model)
        [sent] = it.provider.sent
        told = {**sent.headers}
        assert told.pop("host").startswith("127.0.0.1")
        assert not any(word in str(told) + str(sent.raw) for word in ("mine", "evil", ROOT))
        assert "anthropic-beta" not in told
        key = told.get("authorization", "").removeprefix("Bearer ") or told.get("x-api-key", "")
        assert key == ("" if model == "sim/test" else PROVIDER_KEY)


async def test_a_model_can_not_say_where_it_lives() -> None:
    async with house() as it:
        for model in ("http://evil/v1", "//evil/x", "sim@evil/x", "../sim/x", "/x", "sim/"):
            await it.ask(model=model, status=400 if model in ("//evil/x", "/x", "sim/") else 404)
        assert it.provider.sent == []


@pytest.mark.parametrize("streamed", [False, True])
async def test_a_model_can_not_begin_a_header_of_its_own(streamed: bool) -> None:
    async with house() as it:
        answer = await it.ask(model="sim/x\r\nset-cookie: a=b\r\n\r\nHTTP/1.1", stream=streamed)
        assert "set-cookie" not in answer.headers
        assert "\n" not in answer.headers.get("x-fairlead-model", "")


async def test_labels_are_what_budgets_and_stops_go_by_and_a_keys_own_come_first() -> None:
    async with house() as it:
        await it.client.post("/stops", json={"scope": "metadata:team=blue"}, headers=AS_ROOT)
        await it.client.post("/budgets", json={"scope": "metadata:stage=test", "usd": 0.000001}, headers=AS_ROOT)
        await it.ask()
        stopped = await it.ask(headers={**AS_ROOT, "x-fairlead-metadata": "a=b, team=blue"}, status=403)
        ensure_worded(Format.CHAT, stopped, "calls_stopped")
        poor = await it.ask(headers={**AS_ROOT, "x-fairlead-metadata": "stage=test"}, status=402)
        ensure_worded(Format.CHAT, poor, "budget")
        red = await it.key("red", metadata={"team": "red"})
        await it.ask(headers={**red, "x-fairlead-metadata": "team=blue"})
        blue = await it.key("blue", metadata={"team": "blue"})
        await it.ask(headers={**blue, "x-fairlead-metadata": "team=red"}, status=403)


async def test_a_key_speaks_for_its_owner_and_without_one_the_body_names_the_user() -> None:
    async with house() as it:
        owned, free = await it.key("owned", owner="ann"), await it.key("free")
        await it.ask(headers=owned, user="eve")
        await it.ask(headers=free, user="bob")
        await it.ask(Format.MESSAGES, headers=free, metadata={"user_id": "carl"})
        await it.ask(headers=free, user="two\nlines")
        await it.ask(headers=free, user="x" * 201)
        assert sorted(row["user_id"] or "" for row in await it.rows()) == ["", "", "ann", "bob", "carl"]


async def test_the_cache_is_asked_as_the_header_says() -> None:
    async with house(model_cache="memory") as it:

        async def asked(**headers: str) -> tuple[str, str]:
            answer = await it.ask(temperature=0, headers={**AS_ROOT, **headers})
            return answer.headers["x-fairlead-cached"], answer.headers["x-fairlead-cost-usd"]

        assert (await asked())[0] == "no"
        assert await asked() == ("yes", "0.000000000")
        assert (await asked(**{"x-fairlead-cache": "no"}))[0] == "no"
        chosen = {**AS_ROOT, "x-fairlead-cache": "yes"}
        said = [(await it.ask(temperature=1, headers=chosen)).headers["x-fairlead-cached"] for _ in range(2)]
        assert said == ["no", "yes"]
        assert len(it.provider.sent) == 3
        assert pieces_of(Format.CHAT, await stream(it, temperature=0)) == SAID


TIERS = {tier: f"sim/{tier}" for tier in ("simple", "medium", "complex")}


async def test_a_tier_is_chosen_by_the_header_and_the_answer_says_which() -> None:
    async with house(models=parse_models({"auto": TIERS}, load=str)) as it:
        for tier, model in TIERS.items():
            answer = await it.ask(model="auto", headers={**AS_ROOT, "x-fairlead-complexity": tier})
            assert answer.headers["x-fairlead-model"] == model
        assert (await it.ask(model="auto")).headers["x-fairlead-model"] == "sim/simple"


async def test_tokens_are_counted_without_asking_anybody() -> None:
    async with house() as it:

        async def count(text: str, model: str = "sim/test", status: int = 200) -> int:
            body = {"model": model, "messages": [{"role": "user", "content": text}]}
            answer = await it.client.post("/v1/messages/count_tokens", json=body, headers=AS_ROOT)
            assert answer.status_code == status, answer.text
            return answer.json().get("input_tokens", 0)

        assert 0 < await count("hello") < await count("hello " * 100)
        await count("hello", model="nobody/x", status=404)
        assert it.provider.sent == []


# -- what is refused

BAD = (
    (b"{", 400, "invalid_input"), (b"[]", 400, "invalid_input"), (b"", 400, "invalid_input"),
    (b'{"model": NaN}', 400, "invalid_input"), (b"\xff\xfe", 400, "invalid_input"), (b"{}", 400, "invalid_input"),
    (b'{"model": "sim/test"}', 400, "invalid_input"), (b"[" * 100_000, 400, "invalid_input"),
)  # fmt: skip
WRONG: tuple[tuple[dict[str, Any], int, str], ...] = (
    ({"model": "nothing"}, 404, "configuration"), ({"model": "nobody/x"}, 404, "configuration"),
    ({"model": "openai/gpt-5"}, 404, "configuration"), ({"model": 7}, 400, "invalid_input"),
    ({"stream": "no"}, 400, "invalid_input"), ({"stream": 1.5}, 400, "invalid_input"),
    ({"messages": "hi", "input": 7}, 400, "invalid_input"), ({"tools": "all"}, 400, "invalid_input"),
    ({"max_tokens": "many", "max_output_tokens": "many"}, 400, "invalid_input"),
)  # fmt: skip


@pytest.mark.parametrize("form", FORMATS)
async def test_what_makes_no_sense_is_refused_in_the_words_of_the_format(form: Format) -> None:
    async with house() as it:
        for raw, status, code in BAD:
            answer = await it.client.post(PATHS[form], content=raw, headers=AS_ROOT)
            assert answer.status_code == status, raw[:50]
            ensure_worded(form, answer, code)
        for change, status, code in WRONG:
            ensure_worded(form, await it.ask(form, **{"model": "sim/test", **change}, status=status), code)
        for header in (
            {"x-fairlead-cache": "maybe"}, {"x-fairlead-complexity": "hard"}, {"x-fairlead-metadata": "team"},
            {"x-fairlead-metadata": "=blue"}, {"x-fairlead-metadata": "team="}, {"x-fairlead-metadata": "a b=c"},
            {"x-fairlead-metadata": ",".join(f"l{n}=x" for n in range(21))},
            {"x-fairlead-metadata": f"team={'x' * 201}"},
        ):  # fmt: skip
            ensure_worded(form, await it.ask(form, headers={**AS_ROOT, **header}, status=400), "invalid_input")
        assert it.provider.sent == [] and it.api.said("error") == []


@pytest.mark.parametrize("form", FORMATS)
async def test_a_body_that_is_too_large_is_refused_however_it_is_sent(form: Format) -> None:
    large = 32 * 1024 * 1024 + 1
    async with house() as it:
        at = httpx.URL(it.url)
        reader, writer = await asyncio.open_connection(at.host, at.port)
        head = f"POST {PATHS[form]} HTTP/1.1\r\nhost: x\r\nx-api-key: {ROOT}\r\ncontent-length: {large}\r\n\r\n"
        writer.write(head.encode())
        assert b" 413 " in await reader.readline()
        writer.close()

        async def chunks() -> AsyncIterator[bytes]:
            for _ in range(33):
                yield b" " * 1024 * 1024

        answer = await it.client.post(PATHS[form], content=chunks(), headers=AS_ROOT)
        assert answer.status_code == 413
        error = ensure_worded(form, answer, "too_large")
        assert error["type"] == ("request_too_large" if form is Format.MESSAGES else "invalid_request_error")


async def test_a_large_picture_passes_though_the_api_takes_no_such_body() -> None:
    async with house() as it:
        url = "data:image/png;base64," + "A" * 3 * 1024 * 1024
        content = [{"type": "text", "text": "hello"}, {"type": "image_url", "image_url": {"url": url}}]
        await it.ask(messages=[{"role": "user", "content": content}])


@pytest.mark.parametrize("form", FORMATS)
async def test_who_may_not_ask_is_told_so_in_the_words_of_the_format(form: Format) -> None:
    async with house() as it:
        kinds = {401: "authentication_error", 403: "permission_error"}
        for status, code, holder, model in (
            (401, "unauthorised", {}, "sim/test"),
            (401, "unauthorised", {"x-api-key": "wrong"}, "sim/test"),
            (403, "forbidden", await it.key("viewer", role="viewer"), "sim/test"),
            (403, "forbidden", await it.key("runs", scopes=["runs:write"]), "sim/test"),
            (403, "forbidden", await it.key("other", models=["openai/*", "chat/a"]), "sim/test"),
        ):
            error = ensure_worded(form, await it.ask(form, model=model, headers=holder, status=status), code)
            assert error["type"] == kinds[status]
        await it.ask(form, headers=await it.key("fits", scopes=["models"], models=["sim/*"]))
        assert len(it.provider.sent) == 1


async def test_count_and_list_need_a_key_for_models_too() -> None:
    async with house() as it:
        body = {"model": "sim/test", "messages": HELLO}
        runs = await it.key("runs", scopes=["runs:read"])
        viewer = await it.key("viewer", role="viewer", scopes=["models"])
        for holder, status in (({}, 401), (runs, 403)):
            answer = await it.client.post("/v1/messages/count_tokens", json=body, headers=holder)
            assert answer.status_code == status and answer.json()["type"] == "error"
            assert (await it.client.get("/v1/models", headers=holder)).status_code == status
        assert (await it.client.get("/v1/models", headers=viewer)).status_code == 200


async def test_addresses_that_are_not_there_and_methods_that_are_not_taken() -> None:
    async with house() as it:
        for method, path, status in (
            ("POST", "/v1/images/generations", 404), ("GET", "/v1/", 404), ("GET", "/v1/chat/completions", 405),
            ("DELETE", "/v1/models", 405), ("GET", "/v1/responses/resp_1", 404),
        ):  # fmt: skip
            answer = await it.client.request(method, path, headers=AS_ROOT)
            assert answer.status_code == status
            assert set(answer.json()["error"]) == {"message", "type", "param", "code"}
            taken = {"/v1/chat/completions": "POST", "/v1/models": "GET"}.get(path)
            assert answer.headers.get("allow") == taken
            assert taken is None or answer.json()["error"]["message"].endswith(f"It takes {taken}.")


ALMOST = [
    (Format.CHAT, {"stream": 1}), (Format.CHAT, {"stream_options": []}), (Format.CHAT, {"max_tokens": 2**31}),
    (Format.RESPONSES, {"background": 0}), (Format.RESPONSES, {"prompt": "p_1"}),
    (Format.MESSAGES, {"tools": [{"name": "", "type": "custom"}]}),
    (Format.EMBEDDINGS, {"stream": 0}), (Format.EMBEDDINGS, {"input": [-1]}),
]  # fmt: skip


@pytest.mark.parametrize(("form", "more"), ALMOST)
async def test_what_is_almost_of_the_right_kind_is_refused(form: Format, more: dict[str, Any]) -> None:
    async with house() as it:
        body = {"model": "sim/test", "input": "a"} if form is Format.EMBEDDINGS else BODIES[form]
        path = PATHS.get(form, "/v1/embeddings")
        answer = await it.client.post(path, json={"model": "sim/test", **body, **more}, headers=AS_ROOT)
        assert answer.status_code == 400, answer.text
        ensure_worded(form, answer, "invalid_input")
        assert it.provider.sent == []


# -- what keys allow


async def test_a_key_is_good_at_once_and_its_budget_ends_with_402() -> None:
    async with house(prices=Prices({"sim/*": usd("15", "75")})) as it:
        bot = await it.key(budget_usd={"day": 0.01})  # the bound of one call is about 0.003
        for form in FORMATS:
            served = 0
            limit = "max_output_tokens" if form is Format.RESPONSES else "max_tokens"
            while served < 30:
                answer = await it.client.post(
                    PATHS[form], json={"model": "sim/test", **BODIES[form], limit: 20}, headers=bot
                )
                if answer.status_code != 200:
                    break
                served += 1
            assert answer.status_code == 402 and "retry-after" not in answer.headers
            error = ensure_worded(form, answer, "budget")
            assert error["type"] == ("billing_error" if form is Format.MESSAGES else "invalid_request_error")
            assert "used up" in error["message"]
        spent = sum(row["cost_nano"] for row in await it.rows() if row["key"])
        assert 0 < spent <= 10_000_000


async def test_a_keys_rate_is_told_with_when_to_come_back() -> None:
    async with house(patience=0.5) as it:
        bot = await it.key(requests_per_minute=1)
        answers = await asyncio.gather(
            *(
                it.client.post(
                    PATHS[Format.MESSAGES], json={"model": "sim/test", **BODIES[Format.MESSAGES]}, headers=bot
                )
                for _ in range(3)
            )
        )
        refused = [one for one in answers if one.status_code == 429]
        assert len(refused) == 2
        for one in refused:
            ensure_worded(Format.MESSAGES, one, "model_limited")
            assert 1 <= int(one.headers["retry-after"]) <= 120
        await it.ask()


async def test_nobody_hangs_until_a_turn_that_is_far_away() -> None:
    async with house(patience=600) as it:
        bot = await it.key(requests_per_minute=1)
        await it.ask(headers=bot)
        refused = await it.ask(headers=bot, status=429)
        assert 30 < int(refused.headers["retry-after"]) <= 62


async def test_the_kill_switch_refuses_and_cuts_what_is_under_way() -> None:
    slow = Simulator(faults=Faults(rates={Fault.SLOW: 1.0}, gap=timedelta(milliseconds=2)))
    async with house(slow) as it:
        bot = await it.key()
        scope = {"scope": f"key:{(await it.client.get('/keys/bot', headers=AS_ROOT)).json()['id']}"}
        body = {"model": "sim/test", "messages": HELLO, "stream": True}
        async with it.client.stream("POST", PATHS[Format.CHAT], json=body, headers=bot) as answer:
            told: list[str] = []
            async for data in data_of(answer):
                if not told:
                    assert (await it.client.post("/stops", json=scope, headers=AS_ROOT)).status_code < 300
                told.append(data)
        assert json.loads(told[-1])["error"]["code"] == "calls_stopped"
        error = ensure_worded(Format.CHAT, await it.ask(headers=bot, status=403), "calls_stopped")
        assert "stopped by" in error["message"]


# -- when the provider fails

FAILING = (
    (Fault.RATE_LIMIT, 429, "model_limited", None, "rate_limit_error"),
    (Fault.SERVER_ERROR, 503, "model_unavailable", None, "api_error"),
    (Fault.MALFORMED, 502, "broken_answer", "false", "api_error"),
    (Fault.CUT, 502, "broken_answer", "false", "api_error"),
    (Fault.TIMEOUT, 504, "model_timeout", "false", "timeout_error"),
)


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize(("fault", "status", "code", "should_retry", "kind"), FAILING)
async def test_a_provider_that_fails_before_its_answer_is_told_with_a_status(
    form: Format, fault: Fault, status: int, code: str, should_retry: str | None, kind: str
) -> None:
    faults = Faults(rates={fault: 1.0}, retry_after=timedelta(seconds=7))
    async with house(Simulator(faults=faults), patience=0.7) as it:
        answer = await it.ask(form, status=status)
        error = ensure_worded(form, answer, code)
        if form is Format.MESSAGES:
            assert error["type"] == kind
        assert answer.headers.get("x-should-retry") == should_retry
        assert answer.headers.get("retry-after") == ("7" if fault is Fault.RATE_LIMIT else None)
        if fault in (Fault.RATE_LIMIT, Fault.SERVER_ERROR, Fault.TIMEOUT):
            body = {"model": "sim/test", **BODIES[form], "stream": True}
            streamed = await it.client.post(PATHS[form], json=body, headers=AS_ROOT)
            assert streamed.status_code == status
            ensure_worded(form, streamed, code)


@pytest.mark.parametrize("form", FORMATS)
async def test_a_stream_that_breaks_off_ends_with_an_error_and_is_charged(form: Format) -> None:
    async with house(Simulator(faults=Faults(rates={Fault.CUT: 1.0}))) as it:
        events = await stream(it, form)
        told, end = events[:-1], events[-1]
        assert (piece := pieces_of(form, told)) and SAID.startswith(piece)
        assert end["error"]["code"] == "broken_answer"
        if form is Format.CHAT:
            assert not any(choice["finish_reason"] for one in told for choice in one["choices"])
        else:
            assert end["type"] == "error"
            assert not any(one["type"] in ("message_stop", "response.completed") for one in told)
        [row] = await it.rows()
        assert row["outcome"] == "broken_answer" and row["cost_nano"] > 0 and row["first_token_us"] > 0


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("form", FORMATS)
async def test_who_leaves_takes_the_providers_call_along_and_pays_for_it(form: Format, streamed: bool) -> None:
    faults = Faults(rates={Fault.SLOW: 1.0}, gap=timedelta(milliseconds=2))
    async with house(Simulator(faults=faults)) as it:
        body = {"model": "sim/test", **BODIES[form], "stream": streamed}
        simulator = it.provider.simulator
        if streamed:
            async with it.client.stream("POST", PATHS[form], json=body, headers=AS_ROOT) as answer:
                async for _ in data_of(answer):
                    break
        else:
            asking = asyncio.create_task(it.client.post(PATHS[form], json=body, headers=AS_ROOT))
            await until(lambda: simulator.inflight == 1)
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)
        await until(lambda: simulator.inflight == 0)
        await until(lambda: any(one["endpoint"] == PATHS[form] for one in it.api.said("http_request")))
        [row] = await it.rows()
        assert simulator.simulation.completed == 0
        assert row["cost_nano"] > 0 and row["estimated"] == 1 and row["outcome"] != "ok"


@pytest.mark.parametrize("streamed", [False, True])
async def test_a_call_ends_when_who_asked_is_let_in_no_more(streamed: bool) -> None:
    async with house(Simulator(faults=Faults(rates={Fault.SLOW: 1.0}, gap=timedelta(milliseconds=100)))) as it:
        made = await it.api.json("POST", "/keys", {"name": "bot"}, headers=AS_ROOT, status=201)
        body = {"model": "sim/test", **BODIES[Format.CHAT], "stream": streamed}
        request = it.client.build_request("POST", PATHS[Format.CHAT], json=body, headers={"x-api-key": made["key"]})
        asking = asyncio.create_task(it.client.send(request))
        await until(lambda: it.provider.simulator.inflight == 1)
        await it.api.json("DELETE", "/keys/bot", headers=AS_ROOT)
        answer = await asking
        assert "may come in no more" in answer.text
        assert answer.status_code == 401 or (streamed and '"error"' in answer.text and "[DONE]" not in answer.text)
        await until(lambda: it.provider.simulator.inflight == 0)


async def until(true: Any) -> None:
    async with asyncio.timeout(10):
        while not true():
            await asyncio.sleep(0.005)


async def test_without_its_database_it_says_when_to_come_back_and_not_where_that_is() -> None:
    server = PostgresServer(durable=False)
    url = await asyncio.to_thread(server.start)
    try:
        async with serving({}, workers=0, database_url=url, table=True) as api:
            made = await api.json("POST", "/keys", {"name": "root", "role": "admin"}, status=201)
            await asyncio.to_thread(server.stop)
            for form in FORMATS:
                answer = await api.client.post(
                    PATHS[form], json={"model": "simulated/x", **BODIES[form]}, headers={"x-api-key": made["key"]}
                )
                assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
                ensure_worded(form, answer, "database_unavailable")
                assert "127.0.0.1" not in answer.text and "postgres" not in answer.text
    finally:
        server.remove()


# -- what there is


async def test_models_are_those_declared_and_those_with_a_price_of_providers_with_a_key() -> None:
    models = parse_models({"assistant": {"targets": ["sim/test"]}}, load=str)
    async with house(models=models, providers={"openai": {"api_key_env": "CHAT_KEY"}}) as it:
        listed = (await it.client.get("/v1/models", headers=AS_ROOT)).json()
        names = [one["id"] for one in listed["data"]]
        assert names[0] == "assistant" and "openai/gpt-5-mini" in names and len(names) == len(set(names)) <= 1000
        assert not any(name.startswith("google/") for name in names)  # no such provider
        assert (listed["object"], listed["has_more"], listed["first_id"], listed["last_id"]) == (
            "list", False, names[0], names[-1]
        )  # fmt: skip
        assert {"id", "object", "created", "owned_by", "type", "display_name", "created_at"} <= set(listed["data"][0])
        few = await it.key(models=["openai/gpt-5*"])
        mine = [one["id"] for one in (await it.client.get("/v1/models", headers=few)).json()["data"]]
        assert mine and all(name.startswith("openai/gpt-5") for name in mine)


async def test_a_provider_without_its_key_lists_nothing() -> None:
    async with house() as it:
        names = [one["id"] for one in (await it.client.get("/v1/models", headers=AS_ROOT)).json()["data"]]
        assert names == []
    async with house(providers={"anthropic": {"api_key_env": "CLAUDE_KEY"}}) as it:
        names = [one["id"] for one in (await it.client.get("/v1/models", headers=AS_ROOT)).json()["data"]]
        assert names and all(name.startswith("anthropic/claude") for name in names)


async def test_one_model_is_told_of_by_its_name() -> None:
    async with house() as it:
        for name in ("sim/test", "simulated/any:thing"):
            answer = await it.client.get(f"/v1/models/{name}", headers=AS_ROOT)
            assert (answer.status_code, answer.json()["id"]) == (200, name)
        few = await it.key(models=["openai/*"])
        for name, holder in (("nobody/x", AS_ROOT), ("nothing", AS_ROOT), ("sim/test", few)):
            answer = await it.client.get(f"/v1/models/{name}", headers=holder)
            assert answer.status_code == 404 and "error" in answer.json()
        told = await it.client.get("/v1/models/nothing", headers={**AS_ROOT, "anthropic-version": "2023-06-01"})
        assert told.json()["error"]["type"] == "not_found_error" and told.json()["type"] == "error"
        assert {one["endpoint"] for one in it.api.said("http_request") if "models" in one["endpoint"]} == {"/v1/models"}


# -- embeddings


async def test_a_request_for_embeddings_reaches_the_provider_as_it_came() -> None:
    async with house(model_cache="memory") as it:
        body = {"input": ["a", "b"], "dimensions": 8, "encoding_format": "base64", "user": "ada", "made_up": {"x": 1}}
        answer = await it.client.post("/v1/embeddings", json={"model": "sim/test", **body}, headers=AS_ROOT)
        assert answer.status_code == 200 and answer.headers["x-fairlead-model"] == "sim/test"
        [sent] = it.provider.sent
        assert sent.path == "/v1/embeddings" and sent.body == {"model": "test", **body}
        assert [one["index"] for one in answer.json()["data"]] == [0, 1]
        again = await it.client.post("/v1/embeddings", json={"model": "sim/test", **body}, headers=AS_ROOT)
        assert again.json() == answer.json() and again.headers["x-fairlead-cached"] == "yes"
        [row, hit] = await it.rows()
        assert (row["user_id"], row["cached"], hit["cached"], hit["cost_nano"]) == ("ada", 0, 1, 0)


async def test_a_key_may_not_embed_with_models_that_are_not_its_own() -> None:
    async with house() as it:
        bot = await it.key(models=["sim/test"])
        for model, status in (("sim/test", 200), ("sim/other", 403)):
            answer = await it.client.post("/v1/embeddings", json={"model": model, "input": "a"}, headers=bot)
            assert answer.status_code == status
