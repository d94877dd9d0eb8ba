"""What an application sends reaches its client as it was meant, or not at all."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from fairlead.gateway.exchange import AT_ONCE
from tests.api.server.raw import read, talking, tell

GET = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"
HEAD = GET.replace(b"GET", b"HEAD")


def start(*headers: tuple[bytes, bytes], status: int = 200) -> dict[str, Any]:
    return {"type": "http.response.start", "status": status, "headers": list(headers)}


def body(data: bytes, *, more: bool = False) -> dict[str, Any]:
    return {"type": "http.response.body", "body": data, "more_body": more}


async def test_a_short_answer_leaves_at_once() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await tell(send, 200, b"hello", (b"x-a", b"100%"))

    async with talking(app) as client:
        for _ in range(20):
            client.send(GET)
            assert await client.reader.read(1000) == (b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\nx-a: 100%\r\n\r\nhello")


@pytest.mark.parametrize("size", [0, 5, 5_000_000])
async def test_a_whole_answer_may_be_one_message(size: int) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert AT_ONCE in scope["extensions"]
        await send({**start((b"content-length", b"%d" % size)), "body": b"x" * size})

    async with talking(app) as client:
        client.send(HEAD + GET)
        assert await client.answer(to_head=True) == (200, {"content-length": str(size)}, b"")
        assert await client.answer() == (200, {"content-length": str(size)}, b"x" * size)


@pytest.mark.parametrize("size", [0, 1, 65_536, 65_537, 5_000_000])
async def test_an_answer_of_any_size_is_whole(size: int) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await tell(send, 200, b"x" * size)

    async with talking(app) as client:
        client.send(GET * 3)
        for _ in range(3):
            assert await client.answer() == (200, {"content-length": str(size)}, b"x" * size)


async def test_an_answer_that_does_not_say_its_length_comes_in_chunks() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(start())
        for piece in (b"one", b"", b"two"):
            await send(body(piece, more=True))
        await send({"type": "http.response.body"})

    async with talking(app) as client:
        client.send(GET * 2)
        for _ in range(2):
            assert await client.answer() == (200, {"transfer-encoding": "chunked"}, b"onetwo")


async def test_the_head_of_a_stream_leaves_before_there_is_an_event() -> None:
    may_go_on = asyncio.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(start())
        await may_go_on.wait()
        await send(body(b"event"))

    async with talking(app) as client:
        client.send(GET)
        assert (await client.head())[0] == 200
        may_go_on.set()
        assert await client.reader.readuntil(b"0\r\n\r\n") == b"5\r\nevent\r\n0\r\n\r\n"


async def test_what_is_asked_for_by_head_has_no_body() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(start((b"content-length", b"5")))
        await send(body(b"he", more=True))
        await send(body(b"llo"))

    async with talking(app) as client:
        client.send(HEAD + GET)
        assert await client.answer(to_head=True) == (200, {"content-length": "5"}, b"")
        assert (await client.answer())[2] == b"hello"


async def test_the_length_of_what_is_asked_for_by_head_need_not_be_told() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(start())
        await send(body(b"hello"))

    async with talking(app) as client:
        client.send(HEAD + GET)
        assert await client.answer(to_head=True) == (200, {}, b"")
        assert (await client.answer())[2] == b"hello"


@pytest.mark.parametrize("status", [204, 304])
async def test_an_answer_that_has_no_body_says_nothing_of_one(status: int) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(start(status=status))
        await send(body(b""))

    async with talking(app) as client:
        client.send(GET * 2)
        for _ in range(2):
            assert await client.answer() == (status, {}, b"")


async def test_an_application_may_close_the_connection() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await tell(send, 200, b"bye", (b"connection", b"Close"))

    async with talking(app) as client:
        client.send(GET * 2)
        assert await client.answer() == (200, {"content-length": "3", "connection": "Close"}, b"bye")
        assert await client.is_closed()


async def fail(send: Any) -> None:
    raise ValueError("planted")


async def say_nothing(send: Any) -> None:
    pass


async def say_less(send: Any) -> None:
    await send(start((b"content-length", b"5")))
    await send(body(b"abc"))


async def say_more(send: Any) -> None:
    await send(start((b"content-length", b"5")))
    await send(body(b"abcdef"))


async def say_no_body(send: Any) -> None:
    await send(start((b"content-length", b"5")))


async def say_body_first(send: Any) -> None:
    await send(body(b"abc"))


async def say_two_lines(send: Any) -> None:
    await send(start((b"x-a", b"b\r\nset-cookie: stolen")))
    await send(body(b"abc"))


async def say_zero(send: Any) -> None:
    await send(start((b"x-a", b"b\0")))
    await send(body(b"abc"))


async def say_no_name(send: Any) -> None:
    await send(start((b"X-A: b\r\nset-cookie", b"stolen")))
    await send(body(b"abc"))


async def say_large_name(send: Any) -> None:
    await send(start((b"Content-Length", b"3")))  # we would not know it
    await send(body(b"abc"))


@pytest.mark.parametrize(
    "does",
    [fail, say_nothing, say_less, say_more, say_no_body, say_body_first, say_two_lines, say_zero, say_no_name,
     say_large_name],
)  # fmt: skip
async def test_an_application_that_fails_before_its_answer_is_said_to(does: Any) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await does(send)

    async with talking(app) as client:
        client.send(GET)
        status, headers, said = await client.answer()
        assert (status, said) == (500, b"Internal Server Error")
        assert headers.keys() == {"content-type", "content-length", "connection"}
        assert await client.is_closed()


async def fail_in_stream(send: Any) -> None:
    await send(start())
    await send(body(b"abc", more=True))
    raise ValueError("planted")


async def end_in_stream(send: Any) -> None:
    await send(start())
    await send(body(b"abc", more=True))


async def start_twice(send: Any) -> None:
    await send(start())
    await send(body(b"abc", more=True))
    await send(start())


@pytest.mark.parametrize("does", [fail_in_stream, end_in_stream, start_twice])
async def test_an_answer_that_has_begun_never_looks_complete(does: Any) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await does(send)

    async with talking(app) as client:
        client.send(GET)
        assert (await client.head())[1] == {"transfer-encoding": "chunked"}
        assert await client.rest() == b"3\r\nabc\r\n"


async def test_an_answer_shorter_than_it_said_never_looks_complete() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(start((b"content-length", b"6")))
        await send(body(b"abc", more=True))
        await send(body(b"d"))

    async with talking(app) as client:
        client.send(GET)
        assert (await client.head())[0] == 200
        assert await client.rest() == b"abc"


async def test_more_than_an_answer_is_an_error_that_does_not_reach_the_client() -> None:
    raised: asyncio.Queue[str] = asyncio.Queue()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await tell(send, 200, b"abc")
        try:
            await send(body(b"def"))
        except RuntimeError as error:
            raised.put_nowait(str(error))

    async with talking(app) as client:
        client.send(GET * 2)
        for _ in range(2):
            assert (await client.answer())[2] == b"abc"
            assert "out of turn" in await raised.get()


async def test_of_a_client_that_leaves_the_application_hears_and_what_it_sends_is_dropped() -> None:
    heard: asyncio.Queue[str] = asyncio.Queue()
    begun = asyncio.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await read(receive)
        await send(start())
        begun.set()
        heard.put_nowait((await receive())["type"])
        for _ in range(10):
            await send(body(b"x" * 100_000, more=True))
        heard.put_nowait((await receive())["type"])

    async with talking(app) as client:
        client.send(GET)
        await begun.wait()
        client.writer.transport.abort()
        assert await heard.get() == "http.disconnect"
        assert await heard.get() == "http.disconnect"


async def test_an_application_that_waits_for_its_client_to_read_hears_that_it_left() -> None:
    ended = asyncio.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(start())
        for _ in range(1000):
            await send(body(b"x" * 100_000, more=True))
        ended.set()

    async with talking(app) as client:
        client.send(GET)
        await asyncio.sleep(0.1)
        assert not ended.is_set()
        client.writer.transport.abort()
        await ended.wait()


async def test_after_its_answer_an_application_hears_of_an_end() -> None:
    heard: asyncio.Queue[str] = asyncio.Queue()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await read(receive)
        waiting = asyncio.create_task(receive())
        await asyncio.sleep(0)
        await tell(send, 200, b"abc")
        heard.put_nowait((await waiting)["type"])
        heard.put_nowait((await receive())["type"])

    async with talking(app) as client:
        client.send(GET)
        assert (await client.answer())[2] == b"abc"
        assert [await heard.get(), await heard.get()] == ["http.disconnect"] * 2
