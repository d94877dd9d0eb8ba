"""HTTP/1.1 as clients speak it, well or badly: each gets the answers that are due to it, and nobody else's."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import orjson
import pytest

from tests.api.server.raw import Client, Echo, read, talking, tell

GET = b"GET /a?b=c HTTP/1.1\r\nhost: x\r\n\r\n"
POST = b"POST /p HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n\r\nhello"
CHUNKED = (
    b"PUT /c HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\nx-sum: 1\r\n\r\n"
)
MANY = GET + POST + CHUNKED + GET
SAID_OF_MANY = [
    {"method": "GET", "path": "/a", "query": "b=c", "body": ""},
    {"method": "POST", "path": "/p", "query": "", "body": "hello"},
    {"method": "PUT", "path": "/c", "query": "", "body": "abcde"},
    {"method": "GET", "path": "/a", "query": "b=c", "body": ""},
]


async def said(client: Client) -> Any:
    status, _, body = await client.answer()
    assert status == 200, body
    return orjson.loads(body)


async def test_an_application_is_told_what_was_asked() -> None:
    echo = Echo()
    async with talking(echo) as client:
        client.send(
            b"POST /caf%C3%A9/%2F?q=%20&r HTTP/1.1\r\nHost: x\r\nX-Two: a\r\nx-two: b\r\ncontent-length: 2\r\n\r\nhi"
        )
        assert (await said(client))["path"] == "/café//"
    scope = echo.scopes[0]
    assert scope["raw_path"] == b"/caf%C3%A9/%2F" and scope["query_string"] == b"q=%20&r"
    assert scope["headers"] == [(b"host", b"x"), (b"x-two", b"a"), (b"x-two", b"b"), (b"content-length", b"2")]
    assert (scope["type"], scope["method"], scope["http_version"], scope["scheme"]) == ("http", "POST", "1.1", "http")
    assert scope["client"][0] == scope["server"][0] == "127.0.0.1"


async def test_requests_may_come_cut_anywhere() -> None:
    async with talking(Echo()) as client:
        for place in range(1, len(MANY)):
            client.send(MANY[:place])
            await asyncio.sleep(0)
            client.send(MANY[place:])
            assert [await said(client) for _ in SAID_OF_MANY] == SAID_OF_MANY


async def test_requests_may_come_byte_by_byte() -> None:
    async with talking(Echo()) as client:
        client.writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for place in range(len(MANY)):
            client.send(MANY[place : place + 1])
            await asyncio.sleep(0)
        assert [await said(client) for _ in SAID_OF_MANY] == SAID_OF_MANY


async def test_hundreds_of_requests_may_come_at_once() -> None:
    async with talking(Echo()) as client:
        client.send(MANY * 500)
        for _ in range(500):
            assert [await said(client) for _ in SAID_OF_MANY] == SAID_OF_MANY


async def test_a_request_is_not_begun_before_the_one_before_it_is_answered() -> None:
    begun: list[str] = []
    first = asyncio.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        begun.append(scope["path"])
        body, _ = await read(receive)
        if scope["path"] == "/a":
            await first.wait()
        await tell(send, 200, body)

    async with talking(app) as client:
        client.send(GET + POST[:-2])
        while begun != ["/a"]:
            await asyncio.sleep(0.001)
        await asyncio.sleep(0.02)
        client.send(POST[-2:])
        assert begun == ["/a"]
        first.set()
        assert (await client.answer())[2] == b""
        assert (await client.answer())[2] == b"hello"
        assert begun == ["/a", "/p"]


async def test_a_trailer_is_no_header_of_the_next_request() -> None:
    echo = Echo()
    async with talking(echo) as client:
        client.send(CHUNKED + GET)
        await said(client)
        await said(client)
    assert [name for scope in echo.scopes for name, _ in scope["headers"]] == [b"host", b"transfer-encoding", b"host"]


async def test_a_body_is_handed_on_as_it_comes() -> None:
    got: asyncio.Queue[bytes] = asyncio.Queue()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        while True:
            message = await receive()
            got.put_nowait(message["body"])
            if not message["more_body"]:
                return await tell(send, 200, b"")

    async with talking(app) as client:
        client.send(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 6\r\n\r\nab")
        assert await got.get() == b"ab"
        client.send(b"cd")
        assert await got.get() == b"cd"
        client.send(b"ef")
        assert await got.get() == b"ef"
        assert (await client.answer())[0] == 200


async def test_whoever_sends_more_than_is_read_has_to_wait() -> None:
    may_read = asyncio.Event()
    size = 50_000_000

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await may_read.wait()
        body, _ = await read(receive)
        await tell(send, 200, b"%d" % len(body))

    async with talking(app) as client:
        client.send(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n" % size)
        client.send(b"x" * size)
        before = -1
        while (waiting := client.writer.transport.get_write_buffer_size()) != before or waiting == size:
            before = waiting
            await asyncio.sleep(0.1)
        assert waiting > size / 2
        may_read.set()
        assert (await client.answer())[2] == b"%d" % size


async def test_a_body_that_nobody_reads_does_not_become_the_next_request() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await tell(send, 200, scope["path"].encode())

    async with talking(app) as client:
        client.send(b"POST /big HTTP/1.1\r\nhost: x\r\ncontent-length: 1000000\r\n\r\n" + GET * 10)
        assert (await client.answer())[2] == b"/big"
        client.send(b"x" * (1_000_000 - len(GET) * 10) + GET)
        assert (await client.answer())[2] == b"/a"


@pytest.mark.parametrize("half", [POST[:-2], CHUNKED[:-30]])
async def test_of_a_body_that_is_cut_the_application_is_told(half: bytes) -> None:
    ended: asyncio.Queue[str] = asyncio.Queue()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        ended.put_nowait((await read(receive))[1])
        await tell(send, 200, b"nobody gets it")

    async with talking(app) as client:
        client.send(half)
        await client.writer.drain()
        client.writer.close()
        assert await ended.get() == "http.disconnect"


async def test_a_client_that_waits_to_be_asked_for_its_body_is_asked_once() -> None:
    ask = POST[:-5].replace(b"\r\n\r\n", b"\r\nExpect: 100-Continue\r\n\r\n")
    async with talking(Echo()) as client:
        for _ in range(2):
            client.send(ask)
            assert await client.reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
            client.send(b"hello")
            assert (await said(client))["body"] == "hello"
        client.send(ask + b"hello")  # it did not wait
        assert (await said(client))["body"] == "hello"
        client.send(ask.replace(b"HTTP/1.1", b"HTTP/1.0") + b"hello")
        assert (await said(client))["body"] == "hello"


async def test_a_client_is_not_asked_for_a_body_that_nobody_wants() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await tell(send, 413, b"")

    async with talking(app) as client:
        client.send(POST[:-5].replace(b"\r\n\r\n", b"\r\nexpect: 100-continue\r\n\r\n"))
        assert (await client.answer())[0] == 413


@pytest.mark.parametrize(
    "bad",
    [
        b"nonsense\r\n\r\n",
        b"GET / HTTP/1.1\r\nno colon\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: a\r\n bad: folded\r\n\r\n",
        b"GET /\x01 HTTP/1.1\r\n\r\n",
        b"GET http:///x HTTP/1.1\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\nhost: x\r\n\r\n",
        b"CONNECT x:443 HTTP/1.1\r\nhost: x\r\n\r\n",
        b"CONNECT / HTTP/1.1\r\nhost: x\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"POST / HTTP/1.1\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab",
        b"POST / HTTP/1.1\r\ncontent-length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\ncontent-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\ntransfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    ],
)
async def test_what_is_no_request_is_refused_after_the_answers_that_are_due(bad: bytes) -> None:
    echo = Echo()
    async with talking(echo) as client:
        client.send(GET + POST + bad + GET)
        assert [await said(client), await said(client)] == SAID_OF_MANY[:2]
        status, headers, body = await client.answer()
        assert (status, headers["connection"], body) == (400, "close", b"Invalid HTTP request received.")
        assert await client.is_closed()
    assert len(echo.scopes) == 2


async def test_a_body_that_is_none_is_refused_and_its_application_told() -> None:
    ended: asyncio.Queue[str] = asyncio.Queue()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        ended.put_nowait((await read(receive))[1])
        await tell(send, 200, b"nobody gets it")

    async with talking(app) as client:
        client.send(CHUNKED[:-20] + b"zz\r\nnonsense")
        assert (await client.answer())[0] == 400
        assert await client.is_closed()
        assert await ended.get() == "http.disconnect"


async def test_nothing_is_said_into_the_middle_of_an_answer() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"one", "more_body": True})
        await read(receive)

    async with talking(app) as client:
        client.send(CHUNKED[:-20])
        await client.head()
        client.send(b"zz\r\nnonsense")
        assert await client.rest() == b"3\r\none\r\n"


@pytest.mark.parametrize(
    ("begin", "more"),
    [
        (b"GET / HTTP/1.1\r\nx: ", b"x" * 1000),
        (b"GET / HTTP/1.1\r\n", b"x: y\r\n" * 100),
        (b"GET /", b"x" * 1000),
        (b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n0\r\n", b"x: y\r\n" * 100),
        (b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n1;x=", b"x" * 1000),
    ],
)
async def test_a_head_without_end_is_refused(begin: bytes, more: bytes) -> None:
    async with talking(Echo()) as client:
        client.send(begin)
        sent = 0
        while not client.reader.at_eof() and sent < 2_000_000:
            client.send(more)
            sent += len(more)
            await asyncio.sleep(0)
            if client.reader._buffer:  # type: ignore[attr-defined]
                break
        status, headers, _ = await client.answer()
        assert (status, headers["connection"]) == (431, "close")
        assert sent < 1_500_000


async def test_a_body_in_tiny_pieces_is_no_head_without_end() -> None:
    async with talking(Echo()) as client:
        client.send(b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n")
        for _ in range(200):
            client.send(b"1\r\nx\r\n" * 100)
            await client.writer.drain()
        client.send(b"0\r\n\r\n")
        assert (await said(client))["body"] == "x" * 20_000


@pytest.mark.parametrize("ask", [GET, POST, CHUNKED])
async def test_an_upgrade_is_not_made_and_the_connection_serves_on(ask: bytes) -> None:
    upgrade = ask.replace(b"\r\n\r\n", b"\r\nconnection: upgrade, http2-settings\r\nupgrade: h2c\r\n\r\n", 1)
    async with talking(Echo()) as client:
        client.send(upgrade)
        first = await said(client)
        assert first in SAID_OF_MANY
        client.send(upgrade + POST + upgrade)
        assert await said(client) == first
        assert (await said(client))["body"] == "hello"
        assert await said(client) == first
        for place in range(len(upgrade)):
            client.send(upgrade[place : place + 1])
            await asyncio.sleep(0)
        assert await said(client) == first


async def test_thousands_of_upgrades_in_one_read_are_answered() -> None:
    upgrade = b"GET /a HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n"
    async with talking(Echo()) as client:
        client.send(upgrade * 2000)
        for _ in range(2000):
            assert (await client.answer())[0] == 200


async def test_a_connection_is_closed_when_its_client_says_so() -> None:
    async with talking(Echo()) as client:
        client.send(POST.replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n") + GET)
        status, headers, body = await client.answer()
        assert (status, headers["connection"]) == (200, "close")
        assert orjson.loads(body)["body"] == "hello"
        assert await client.is_closed()


async def test_the_body_of_a_last_request_may_come_late() -> None:
    async with talking(Echo()) as client:
        client.send(POST[:-5].replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n"))
        await asyncio.sleep(0.01)
        client.send(b"hel")
        await asyncio.sleep(0.01)
        client.send(b"lo")
        assert (await said(client))["body"] == "hello"
        assert await client.is_closed()


async def test_a_client_of_http_1_0_gets_no_chunks_and_the_end_with_the_connection() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert scope["http_version"] == "1.0"
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"one", "more_body": True})
        await send({"type": "http.response.body", "body": b"two"})

    async with talking(app) as client:
        client.send(b"GET / HTTP/1.0\r\n\r\n")
        status, headers = await client.head()
        assert (status, headers) == (200, {"connection": "close"})
        assert await client.rest() == b"onetwo"


async def test_a_quiet_connection_is_closed_and_one_that_works_is_not() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await asyncio.sleep(0.5)  # longer than a connection may be quiet
        await tell(send, 200, b"")

    async with talking(app, keep_alive=0.2) as client:
        for _ in range(2):
            client.send(GET)
            assert (await client.answer())[0] == 200
            await asyncio.sleep(0.1)
        loop = asyncio.get_running_loop()
        before = loop.time()
        assert await client.is_closed()
        assert loop.time() - before < 2


@pytest.mark.parametrize("half", [b"G", b"GET /a HTTP/1.1\r\nhost: x\r\nx-a", POST[:-1]])
async def test_half_a_request_is_waited_for_and_then_refused(half: bytes) -> None:
    async with talking(Echo(), patience=0.3) as client:
        client.send(GET)
        await said(client)
        client.send(half)
        assert (await client.head())[0] == 408
        assert b"did not come in time" in await client.rest()


async def test_a_head_that_drips_has_no_more_time_than_one_that_stops() -> None:
    async with talking(Echo(), patience=0.5) as client:
        answer = asyncio.create_task(client.head())
        client.send(b"GET /")
        while not answer.done():
            client.send(b"a")
            await asyncio.sleep(0.05)
        assert answer.result()[0] == 408


async def test_a_client_that_says_nothing_is_left() -> None:
    async with talking(Echo(), patience=0.2) as client:
        assert await client.is_closed()


async def test_a_body_may_come_slowly_and_a_connection_waits_as_long_as_its_answer_takes() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        body, _ = await read(receive)
        await asyncio.sleep(0.8)  # longer than a client may
        await tell(send, 200, body)

    async with talking(app, patience=0.4) as client:
        client.send(POST[:-5])
        for letter in b"hello":
            await asyncio.sleep(0.1)
            client.send(bytes((letter,)))
        assert (await client.answer())[::2] == (200, b"hello")


async def test_a_client_that_is_made_to_wait_is_not_at_fault() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await asyncio.sleep(0.8)
        body, _ = await read(receive)
        await tell(send, 200, b"%d" % len(body))

    async with talking(app, patience=0.3) as client:
        size = 4 << 20  # more than is held
        client.send(b"POST /p HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n" % size + bytes(size))
        assert (await client.answer())[::2] == (200, b"%d" % size)


async def test_a_connection_is_kept_while_it_is_used_now_and_then() -> None:
    async with talking(Echo(), keep_alive=0.3) as client:
        for _ in range(8):
            client.send(GET)
            await said(client)
            await asyncio.sleep(0.1)


async def test_when_the_server_stops_quiet_connections_are_closed_and_open_requests_answered() -> None:
    may_end = asyncio.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["path"] == "/a":
            await may_end.wait()
        await tell(send, 200, scope["path"].encode())

    async with talking(app) as client:
        host, port = client.writer.get_extra_info("peername")
        quiet_reader, quiet_writer = await asyncio.open_connection(host, port)
        quiet_writer.write(POST)
        await quiet_reader.readuntil(b"/p")
        client.send(GET + POST)
        await asyncio.sleep(0.05)
        client.server.stop()
        assert await quiet_reader.read() == b""
        quiet_writer.close()
        may_end.set()
        status, headers, body = await client.answer()
        assert (status, headers["connection"], body) == (200, "close", b"/a")
        assert await client.is_closed()  # nothing was done of what waited
        with pytest.raises(OSError):
            await asyncio.open_connection(host, port)


async def test_when_the_grace_is_over_an_open_request_ends() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await asyncio.Event().wait()

    async with talking(app, grace=1) as client:
        client.send(GET)
        await asyncio.sleep(0.05)
        client.server.stop()
        assert (await client.answer())[0] == 500
        assert await client.is_closed()
