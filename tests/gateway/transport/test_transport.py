"""The transport over real sockets: what the door promises, and what only shows when connections are kept."""

from __future__ import annotations

import asyncio
import socket
import ssl
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from fairlead.errors import BrokenAnswer, FairleadError, ModelRefused, ModelTimeout, ModelUnavailable
from fairlead.gateway.http1_dial import dial
from fairlead.gateway.transport import NeverSent, Post
from fairlead.gateway.transport_http1 import Http1Transport
from tests.listening import listening

Speak = Callable[["Visitor"], Awaitable[None]]
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


class Visitor:
    """One connection, as its server sees it."""

    def __init__(self, number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.number = number
        self.reader, self.writer = reader, writer
        self.heads: list[bytes] = []
        self.gone = asyncio.Event()

    async def hear(self) -> bytes:
        """The next request; raises IncompleteReadError when there is none."""
        head = await self.reader.readuntil(b"\r\n\r\n")
        self.heads.append(head)
        return await self.reader.readexactly(int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0]))

    async def until_gone(self) -> None:
        try:
            while await self.reader.read(65536):
                pass
        except ConnectionError:
            pass
        self.gone.set()


class Server:
    def __init__(self, speak: Speak) -> None:
        self.speak = speak
        self.visitors: list[Visitor] = []
        self.url = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        visitor = Visitor(len(self.visitors), reader, writer)
        self.visitors.append(visitor)
        try:
            await self.speak(visitor)
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            visitor.gone.set()


@asynccontextmanager
async def server(speak: Speak, *, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1") -> AsyncIterator[Server]:
    it = Server(speak)
    name = f"[{host}]" if ":" in host else "localhost" if tls else host
    async with listening(it.serve, host, tls=tls) as port:
        it.url = f"http{'s' if tls else ''}://{name}:{port}/v1"
        yield it


@asynccontextmanager
async def transport(trust: ssl.SSLContext | None = None) -> AsyncIterator[Http1Transport]:
    it = Http1Transport(trust=trust)
    try:
        yield it
    finally:
        await it.aclose()


def post(url: str, body: bytes = b"{}", *, seconds: float = 5, **headers: str) -> Post:
    return Post(url, headers, body, timedelta(seconds=seconds))


def always(answer: bytes) -> Speak:
    async def speak(visitor: Visitor) -> None:
        while True:
            await visitor.hear()
            visitor.writer.write(answer)

    return speak


def once_then(answer: bytes, then: Speak) -> Speak:
    """The first connection does as told after its first answer; every other one answers."""

    async def speak(visitor: Visitor) -> None:
        if visitor.number:
            await always(OK)(visitor)
        await visitor.hear()
        visitor.writer.write(answer)
        await then(visitor)

    return speak


async def bodies(it: Http1Transport, url: str, times: int) -> list[bytes]:
    return [(await it.post_json(post(url))).body for _ in range(times)]


async def streamed(it: Http1Transport, sent: Post) -> bytes:
    async with it.post_stream(sent) as stream:
        return await stream.rest()


async def test_the_request_is_http_as_it_should_be() -> None:
    bodies: list[bytes] = []

    async def speak(visitor: Visitor) -> None:
        bodies.append(await visitor.hear())
        visitor.writer.write(OK)

    async with server(speak) as at, transport() as it:
        await it.post_json(post(f"{at.url}/chat?x=1", b'{"a": 1}', Authorization="Bearer k"))
    lines = at.visitors[0].heads[0].decode().split("\r\n")
    assert lines[0] == "POST /v1/chat?x=1 HTTP/1.1" and bodies == [b'{"a": 1}']
    assert f"host: {at.url.removeprefix('http://').removesuffix('/v1')}" in lines
    assert {"authorization: Bearer k", "content-length: 8", "accept-encoding: identity"} <= set(lines)


async def test_a_connection_is_used_again() -> None:
    async with server(always(OK)) as at, transport() as it:
        assert await bodies(it, at.url, 5) == [b"ok"] * 5
        assert await streamed(it, post(at.url)) == b"ok"
    assert len(at.visitors) == 1


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok",
        b"HTTP/1.0 200 OK\r\nconnection: keep-alive\r\ncontent-length: 2\r\n\r\nok",
        b"HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok",
        OK + b"x",
        OK + OK,
        OK + b"HTTP/1.1 200 OK\r\n",
    ],
)
async def test_a_connection_that_is_to_be_closed_or_says_more_than_it_was_asked_is_not(answer: bytes) -> None:
    async with server(once_then(answer, Visitor.until_gone)) as at, transport() as it:
        assert await bodies(it, at.url, 2) == [b"ok", b"ok"]
        assert len(at.visitors) == 2
        async with asyncio.timeout(5):
            await at.visitors[0].gone.wait()


async def test_what_comes_between_two_requests_answers_neither() -> None:
    said = asyncio.Event()

    async def smuggle(visitor: Visitor) -> None:
        await said.wait()
        visitor.writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil")
        await visitor.until_gone()

    async with server(once_then(OK, smuggle)) as at, transport() as it:
        assert await bodies(it, at.url, 1) == [b"ok"]
        said.set()
        async with asyncio.timeout(5):
            await at.visitors[0].gone.wait()
        assert await bodies(it, at.url, 1) == [b"ok"]


async def test_a_server_that_speaks_before_it_is_asked_is_not_heard() -> None:
    async def speak(visitor: Visitor) -> None:
        visitor.writer.write(OK)
        await visitor.hear()
        await visitor.until_gone()

    async with server(speak) as at, transport() as it:
        try:
            said = (await it.post_json(post(at.url, seconds=1))).body
        except ModelUnavailable:
            return
        # It came after we had sent: then nothing tells it from an answer, but it is none of the next request's.
        assert said == b"ok"


async def test_a_kept_connection_that_was_closed_meanwhile_costs_nothing_but_a_new_one() -> None:
    async def close_when_asked(visitor: Visitor) -> None:
        await visitor.hear()
        visitor.writer.transport.abort()

    async with server(once_then(OK, close_when_asked)) as at, transport() as it:
        assert await bodies(it, at.url, 2) == [b"ok", b"ok"]
    assert len(at.visitors) == 2


async def test_that_is_tried_once_only_and_never_on_a_new_connection() -> None:
    async def first_then_never(visitor: Visitor) -> None:
        await visitor.hear()
        if visitor.number == 0:
            visitor.writer.write(OK)
            await visitor.hear()
        visitor.writer.transport.abort()

    async with server(first_then_never) as at, transport() as it:
        await it.post_json(post(at.url))
        with pytest.raises(ModelUnavailable, match="before an answer") as caught:
            await it.post_json(post(at.url))
        assert not isinstance(caught.value.__cause__, NeverSent)
    assert len(at.visitors) == 2


async def test_nor_when_a_byte_of_the_answer_had_come() -> None:
    async def begin(visitor: Visitor) -> None:
        await visitor.hear()
        visitor.writer.write(b"H")
        await visitor.writer.drain()

    async with server(once_then(OK, begin)) as at, transport() as it:
        await it.post_json(post(at.url))
        with pytest.raises(ModelUnavailable):
            await it.post_json(post(at.url))
    assert len(at.visitors) == 1


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1;x=y\r\no\r\n1\r\nk\r\n0\r\nx-trailer: 1\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n" + OK,
        b"\r\n" + OK,
    ],
)
async def test_chunks_trailers_and_news_before_an_answer_are_understood(answer: bytes) -> None:
    async with server(always(answer)) as at, transport() as it:
        for _ in range(2):
            said = await it.post_json(post(at.url))
            assert (said.status, said.body) == (200, b"ok")
            assert "x-trailer" not in said.headers and "link" not in said.headers
            assert await streamed(it, post(at.url)) == b"ok"
    assert len(at.visitors) == 1


async def test_bytes_may_come_one_by_one() -> None:
    async def speak(visitor: Visitor) -> None:
        await visitor.hear()
        for byte in b"HTTP/1.1 200 OK\r\nx-a: b\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n":
            visitor.writer.write(bytes([byte]))
            await visitor.writer.drain()
            await asyncio.sleep(0)
        await visitor.until_gone()

    async with server(speak) as at, transport() as it:
        said = await it.post_json(post(at.url))
        assert (said.body, said.headers["x-a"]) == (b"ok", "b")


@pytest.mark.parametrize("status", [b"204 No Content", b"304 Not Modified"])
async def test_an_answer_that_has_no_body_ends_with_its_head(status: bytes) -> None:
    async with server(always(b"HTTP/1.1 %b\r\n\r\n" % status)) as at, transport() as it:
        assert [(await it.post_json(post(at.url))).body for _ in range(2)] == [b"", b""]
    assert len(at.visitors) == 1


async def test_a_body_without_a_length_ends_with_the_connection() -> None:
    async def speak(visitor: Visitor) -> None:
        await visitor.hear()
        visitor.writer.write(b"HTTP/1.1 200 OK\r\n\r\nok")

    async with server(speak) as at, transport() as it:
        assert await bodies(it, at.url, 2) == [b"ok", b"ok"]


async def test_unless_the_connection_broke() -> None:
    async def speak(visitor: Visitor) -> None:
        await visitor.hear()
        visitor.writer.write(b"HTTP/1.1 200 OK\r\n\r\nok")
        await visitor.writer.drain()
        sock = visitor.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")  # close is a reset
        visitor.writer.transport.abort()

    async with server(speak) as at, transport() as it:
        with pytest.raises((BrokenAnswer, ModelUnavailable)):
            await it.post_json(post(at.url))


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nok", ModelUnavailable),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\nok", ModelUnavailable),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", BrokenAnswer),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\nok", BrokenAnswer),
        (b"HTTP/1.1 101 Switching Protocols\r\nupgrade: h2c\r\nconnection: upgrade\r\n\r\n", ModelUnavailable),
        (b"HTTP/2 200\r\n\r\n", ModelUnavailable),
        (b"SSH-2.0-x\r\n", ModelUnavailable),
        (b"HTTP/1.1 200 OK\r\nx: " + b"y" * 200_000, ModelUnavailable),
        (b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 10_000, ModelUnavailable),
        (b"HTTP/1.1 103 Hm\r\n\r\n" * 10_000, ModelUnavailable),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\nx: " + b"y" * 200_000, BrokenAnswer),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1;" + b"y" * 600_000, BrokenAnswer),
    ],
)
async def test_what_is_not_sound_or_too_large_is_refused_and_the_connection_closed(
    answer: bytes, error: type[FairleadError]
) -> None:
    async def speak(visitor: Visitor) -> None:
        await visitor.hear()
        visitor.writer.write(answer)
        await visitor.until_gone()

    async with server(speak) as at, transport() as it:
        with pytest.raises(error):
            await it.post_json(post(at.url))
        with pytest.raises(error):
            await streamed(it, post(at.url))
        async with asyncio.timeout(5):
            await asyncio.gather(*(visitor.gone.wait() for visitor in at.visitors))
    assert len(at.visitors) == 2


@pytest.mark.parametrize(
    "sent",
    [
        post("http://127.0.0.1:1/v1\r\nx: y"),
        post("http://127.0.0.1:1/a b"),
        post("http://user:password@127.0.0.1:1/"),
        post("http://127.0.0.1:99999/"),
        post("ftp://127.0.0.1/"),
        post("http:///v1"),
        post("http://127.0.0.1:1/", **{"x-a": "b\r\nx-c: d"}),
        post("http://127.0.0.1:1/", **{"x-a\r\nx-c": "d"}),
        post("http://127.0.0.1:1/", **{"x-a": "b\x00"}),
        post("http://127.0.0.1:1/", **{"x-a": "ü\u2028"}),
        post("http://127.0.0.1:1/", **{"Content-Length": "7"}),
        post("http://127.0.0.1:1/", **{"transfer-encoding": "chunked"}),
    ],
)
async def test_what_would_be_another_request_is_never_sent(sent: Post) -> None:
    async with transport() as it:
        with pytest.raises(ModelRefused) as caught:
            await it.post_json(sent)
        assert isinstance(caught.value.__cause__, NeverSent)


async def test_hundreds_of_calls_at_a_time_each_get_their_own_answer() -> None:
    async def echo(visitor: Visitor) -> None:
        while True:
            body = await visitor.hear()
            await asyncio.sleep(0)
            visitor.writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body))

    async with server(echo) as at, transport() as it:
        for _ in range(3):
            sent = [b"%d" % number for number in range(200)]
            said = await asyncio.gather(*(it.post_json(post(at.url, one)) for one in sent))
            assert [one.body for one in said] == sent
    assert len(at.visitors) <= 200


async def test_an_answer_that_comes_before_all_was_sent_is_taken_and_the_connection_closed() -> None:
    async def refuse_early(visitor: Visitor) -> None:
        await visitor.reader.readuntil(b"\r\n\r\n")
        visitor.writer.write(b"HTTP/1.1 413 Too Large\r\ncontent-length: 2\r\n\r\nno")
        await visitor.gone.wait()

    async with server(refuse_early) as at, transport() as it:
        said = await it.post_json(post(at.url, b"x" * 30_000_000))
        assert (said.status, said.body) == (413, b"no")
        await it.post_json(post(at.url, b"x" * 30_000_000))
    assert len(at.visitors) == 2


async def test_a_provider_waits_for_whoever_reads_slowly() -> None:
    sent = 0

    async def flood(visitor: Visitor) -> None:
        nonlocal sent
        await visitor.hear()
        visitor.writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 8000000\r\n\r\n")
        for _ in range(80):
            visitor.writer.write(b"x" * 100_000)
            await visitor.writer.drain()
            sent += 100_000

    async with server(flood) as at, transport() as it, it.post_stream(post(at.url, seconds=30)) as stream:
        before = -1
        while sent != before:  # until it gets no further
            before = sent
            await asyncio.sleep(0.05)
        assert sent < 8_000_000
        assert len(await stream.rest()) == 8_000_000


async def test_a_stream_that_says_it_is_over_leaves_its_connection_to_the_next() -> None:
    left = asyncio.Event()

    async def speak(visitor: Visitor) -> None:
        while True:
            await visitor.hear()
            visitor.writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nDONE\r\n")
            await left.wait()
            left.clear()
            visitor.writer.write(b"0\r\n\r\n")

    async with server(speak) as at, transport() as it:
        for _ in range(2):
            async with it.post_stream(post(at.url)) as stream:
                assert await anext(aiter(stream.pieces)) == b"DONE"
            left.set()
            await asyncio.sleep(0.02)
    assert len(at.visitors) == 1


async def test_a_stream_that_goes_on_after_it_was_left_is_closed() -> None:
    async def speak(visitor: Visitor) -> None:
        await visitor.hear()
        visitor.writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            visitor.writer.write(b"x" * 1000)
            await visitor.writer.drain()
            await asyncio.sleep(0)

    async with server(speak) as at, transport() as it:
        async with it.post_stream(post(at.url)) as stream:
            await anext(aiter(stream.pieces))
        async with asyncio.timeout(0.5):
            await at.visitors[0].gone.wait()


async def head_only(visitor: Visitor) -> None:
    await visitor.hear()
    visitor.writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nbegin")
    await visitor.until_gone()


async def no_head(visitor: Visitor) -> None:
    await visitor.hear()
    await visitor.until_gone()


@pytest.mark.parametrize("speak", [no_head, head_only])
@pytest.mark.parametrize("kept", [False, True])
async def test_a_cancelled_call_is_off_the_wire_at_once(speak: Speak, kept: bool) -> None:
    async def first_ok(visitor: Visitor) -> None:
        if kept:
            await visitor.hear()
            visitor.writer.write(OK)
        await speak(visitor)

    async with server(first_ok) as at, transport() as it:
        for call in (lambda: it.post_json(post(at.url)), lambda: streamed(it, post(at.url))):
            if kept:
                await it.post_json(post(at.url))
            task = asyncio.ensure_future(call())
            while not at.visitors or len(at.visitors[-1].heads) < 1 + kept:
                await asyncio.sleep(0.001)
            task.cancel()
            async with asyncio.timeout(0.5):
                await at.visitors[-1].gone.wait()
            assert (await asyncio.wait({task})) and task.cancelled()


async def test_a_call_that_is_cancelled_while_it_connects_leaves_nothing_open() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        # Nobody accepts: the second or third connection is never made.
        fillers = [socket.socket() for _ in range(4)]
        for one in fillers:
            one.setblocking(False)
            one.connect_ex(full.getsockname())
        async with transport() as it:
            task = asyncio.ensure_future(it.post_json(post(f"http://127.0.0.1:{full.getsockname()[1]}/")))
            await asyncio.sleep(0.05)
            task.cancel()
            await asyncio.wait({task})
            assert task.cancelled()
        for one in fillers:
            one.close()


async def test_the_total_time_bounds_connecting_too() -> None:
    async def no_handshake(visitor: Visitor) -> None:
        await visitor.until_gone()

    async with server(no_handshake) as at, transport() as it:
        with pytest.raises(ModelTimeout):
            await it.post_json(post(at.url.replace("http://", "https://"), seconds=0.5))
        async with asyncio.timeout(5):
            while not at.visitors:
                await asyncio.sleep(0.001)
            await at.visitors[0].gone.wait()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Path]]:
    folder = tmp_path_factory.mktemp("tls")
    key, cert = folder / "key.pem", folder / "cert.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", cert],
        check=True, capture_output=True,
    )  # fmt: skip
    yield key, cert


def tls_server(certificate: tuple[Path, Path]) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate[1], certificate[0])
    return context


async def test_over_tls_it_is_the_same(certificate: tuple[Path, Path]) -> None:
    names: list[str | None] = []
    context = tls_server(certificate)
    context.sni_callback = lambda _, name, __: names.append(name)
    trust = ssl.create_default_context(cafile=str(certificate[1]))
    async with server(always(OK), tls=context) as at, transport(trust) as it:
        assert await bodies(it, at.url, 3) == [b"ok"] * 3
        assert await streamed(it, post(at.url)) == b"ok"
        assert len(at.visitors) == 1 and names == ["localhost"]
    async with server(no_head, tls=context) as at, transport(trust) as it:
        task = asyncio.ensure_future(it.post_json(post(at.url)))
        while not at.visitors or not at.visitors[0].heads:
            await asyncio.sleep(0.001)
        task.cancel()
        async with asyncio.timeout(0.5):
            await at.visitors[0].gone.wait()


async def test_a_certificate_that_nobody_vouches_for_is_refused_unless_ssl_cert_file_names_it(
    certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with server(always(OK), tls=tls_server(certificate)) as at:
        async with transport() as it:
            with pytest.raises(ModelUnavailable, match=r"No connection.*certificate") as caught:
                await it.post_json(post(at.url))
            assert isinstance(caught.value.__cause__, NeverSent)
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate[1]))
        async with transport() as it:
            assert await bodies(it, at.url, 1) == [b"ok"]
            with pytest.raises(ModelUnavailable, match="No connection"):
                await it.post_json(post(at.url.replace("localhost", "127.0.0.1")))


async def test_an_address_of_version_6_is_reached() -> None:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("this machine has no IPv6")
    async with server(always(OK), host="::1") as at, transport() as it:
        assert await bodies(it, at.url, 1) == [b"ok"]
    assert at.visitors[0].heads[0].count(b"host: [::1]:") == 1


async def test_of_a_host_with_several_addresses_the_first_that_answers_is_taken() -> None:
    async with server(always(OK)) as at:  # localhost may also be ::1, where nobody listens
        sock = await dial("localhost", int(at.url.split(":")[2].split("/")[0]))
        assert sock.getpeername()[0] == "127.0.0.1"
        sock.close()


async def test_a_closed_transport_takes_no_more_calls_and_ends_those_under_way() -> None:
    async with server(no_head) as at, transport() as it:
        task = asyncio.ensure_future(it.post_json(post(at.url)))
        while not at.visitors or not at.visitors[0].heads:
            await asyncio.sleep(0.001)
        await it.aclose()
        with pytest.raises(ModelUnavailable):
            await task
        with pytest.raises(ModelUnavailable):
            await it.post_json(post(at.url))
    assert len(at.visitors) == 1
