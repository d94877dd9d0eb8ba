from __future__ import annotations

import gzip
import os
from datetime import timedelta

import httpcore2
import httpx2
import pytest

from fairlead.egress import Egress, Rules, read_rules
from fairlead.egress.transport import TRANSLATED
from fairlead.errors import EgressBroken, EgressRefused, EgressTimeout, EgressUnreachable
from tests.egress.network import HONEST, ok, redirect, serving, world


async def test_an_answer_is_given_whole_whatever_its_status() -> None:
    async with world() as (egress, server, _):
        server.answers["/gone"] = b"HTTP/1.1 410 Gone\r\nX-Why: moved\r\ncontent-length: 3\r\n\r\nbye"
        answer = await egress.request("POST", "http://example.com/gone", content=b"{}", headers={"x-a": "b"})
        assert (answer.status, answer.headers["x-why"], answer.body) == (410, "moved", b"bye")
        assert b"x-a: b" in server.asked[0].lower() and b"accept-encoding: identity" in server.asked[0].lower()


async def test_the_system_reads_names_and_the_loopback_is_refused() -> None:
    async with serving() as server:
        egress = Egress(rules=Rules())
        with pytest.raises(EgressRefused, match=r"localhost \(.*\) may not be called: it is loopback"):
            await egress.request("GET", f"http://localhost:{server.port}/")
        await egress.close()
        assert server.asked == []


async def test_the_loopback_answers_once_it_is_allowed() -> None:
    async with serving() as server:
        egress = Egress(rules=read_rules(["127.0.0.0/8"]))
        assert (await egress.request("GET", f"http://127.0.0.1:{server.port}/")).body == b"hello"
        await egress.close()


@pytest.mark.parametrize(
    "url",
    ["", "example.com", "ftp://example.com/", "file:///etc/passwd", "http://", "http:///x", "http://a:b@example.com/",
     "http://exa mple.com/", "http://example.com:99999/", "http://[::1/", "http://\u2488\ufe0f/", "unix:/run/x",
     "http://example.com/" + "a" * 9000],
)  # fmt: skip
async def test_what_is_no_address_to_call_is_refused(url: str) -> None:
    async with world() as (egress, _, wires):
        with pytest.raises((EgressRefused, EgressUnreachable)):
            await egress.request("GET", url)
        assert wires.reached == []


async def test_a_silent_server_costs_the_whole_time_and_no_more() -> None:
    async with world() as (egress, server, _):
        server.answers["/"] = b""
        with pytest.raises(EgressTimeout, match=r"http://example.com did not answer within 0.2 s"):
            await egress.request("GET", "http://example.com/", timeout=timedelta(milliseconds=200))


async def test_a_longer_answer_is_an_error_or_is_cut() -> None:
    async with world() as (egress, server, _):
        server.answers["/"] = ok(b"x" * 5000)
        with pytest.raises(EgressBroken, match="longer than 1000 bytes"):
            await egress.request("GET", "http://example.com/", max_bytes=1000)
        assert (await egress.request("GET", "http://example.com/", max_bytes=1000, cut=True)).body == b"x" * 1000
        assert len((await egress.request("GET", "http://example.com/", max_bytes=5000)).body) == 5000


async def test_headers_without_end_are_an_error() -> None:
    async with world() as (egress, server, _):
        server.answers["/"] = b"HTTP/1.1 200 OK\r\n" + b"x-y: %s\r\n" % (b"z" * 1000) * 200 + b"\r\n"
        with pytest.raises(EgressBroken):
            await egress.request("GET", "http://example.com/")


async def test_a_compressed_answer_is_never_unpacked() -> None:
    bomb = gzip.compress(b"0" * 1_000_000)
    async with world() as (egress, server, _):
        server.answers["/"] = ok(bomb, b"content-encoding: gzip\r\n")
        with pytest.raises(EgressBroken, match="compressed"):
            await egress.request("GET", "http://example.com/")
        assert (await egress.request("GET", "http://example.com/", cut=True)).body == bomb
        async with egress.client() as client:
            with pytest.raises(EgressBroken, match="compressed"):
                await client.get("http://example.com/")


async def test_an_answer_that_breaks_off_is_no_answer() -> None:
    async with world() as (egress, server, _):
        server.answers["/"] = b"HTTP/1.1 200 OK\r\ncontent-length: 50\r\nconnection: close\r\n\r\nhalf"
        with pytest.raises(EgressBroken):
            await egress.request("GET", "http://example.com/")


async def test_a_name_that_nobody_knows_cannot_be_reached() -> None:
    async with world() as (egress, _, _):
        with pytest.raises(EgressUnreachable, match=r"no-such-name\.invalid"):
            await egress.request("GET", "http://no-such-name.invalid/secret-path?token=1")


async def test_a_redirect_is_an_answer_unless_the_caller_chooses() -> None:
    async with world() as (egress, server, _):
        server.answers["/a"] = redirect("/b")
        assert (await egress.request("GET", "http://example.com/a")).status == 302
        followed = await egress.request("GET", "http://example.com/a", redirects=1)
        assert (followed.body, followed.url) == (b"hello", "http://example.com/b")
        assert (await egress.request("POST", "http://example.com/a", redirects=1)).status == 302


async def test_a_redirect_to_another_host_does_not_carry_the_callers_headers() -> None:
    async with world({"other.example": [[HONEST]]}) as (egress, server, _):
        server.answers["/a"] = redirect("http://other.example/b")
        await egress.request("GET", "http://example.com/a", headers={"authorization": "Bearer x"}, redirects=1)
        assert b"Bearer x" in server.asked[0] and b"Bearer x" not in server.asked[1]


async def test_redirects_end() -> None:
    async with world() as (egress, server, _):
        server.answers["/a"] = redirect("/a")
        assert (await egress.request("GET", "http://example.com/a", redirects=3)).status == 302
        assert len(server.asked) == 4


async def test_a_library_gets_the_same_check_and_its_own_errors() -> None:
    async with world() as (egress, server, wires), egress.client(headers={"x-key": "k"}) as client:
        assert (await client.get("http://example.com/")).text == "hello"
        with pytest.raises(EgressRefused):
            await client.get("http://10.0.0.1/")
        server.answers["/cut"] = b"HTTP/1.1 200 OK\r\ncontent-length: 50\r\nconnection: close\r\n\r\nhalf"
        with pytest.raises(httpx2.RemoteProtocolError):
            await client.get("http://example.com/cut")
        assert wires.reached == [HONEST, HONEST] or wires.reached == [HONEST]


async def test_closing_a_librarys_client_leaves_the_connections_of_others() -> None:
    async with world() as (egress, _, wires):
        async with egress.client() as client:
            await client.get("http://example.com/")
        await egress.request("GET", "http://example.com/")
        assert wires.reached == [HONEST]


async def test_a_proxy_of_the_environment_is_not_used() -> None:
    before = dict(os.environ)
    os.environ.update({"HTTP_PROXY": "http://127.0.0.1:9", "ALL_PROXY": "http://127.0.0.1:9"})
    try:
        async with world() as (egress, _, wires), egress.client() as client:
            assert (await client.get("http://example.com/")).text == "hello"
            assert (await egress.request("GET", "http://example.com/")).body == b"hello"
            assert wires.reached == [HONEST]
    finally:
        os.environ.clear()
        os.environ.update(before)


def test_every_error_of_the_library_below_is_translated() -> None:
    theirs = {
        kind for name, kind in vars(httpcore2).items()
        if isinstance(kind, type) and issubclass(kind, Exception) and name != "ConnectionNotAvailable"
    }  # fmt: skip
    assert theirs == set(TRANSLATED)
    for their, our in TRANSLATED.items():
        assert their.__name__ == our.__name__


async def test_a_stream_may_go_on_but_no_event_of_it_without_end() -> None:
    stream = b"content-type: text/event-stream\r\n"
    async with world() as (egress, server, _):
        server.answers["/many"] = ok(b"data: 1234567890\n\n" * 1000, stream)
        server.answers["/long"] = ok(b"data: 1\n\n" + b"data: " + b"x" * 5000 + b"\n\n", stream)
        server.answers["/plain"] = ok(b"data: 1234567890\n\n" * 1000)
        async with egress.client(max_bytes=1000) as client:
            assert len((await client.get("http://example.com/many")).content) == 18_000
            for path in ("long", "plain"):
                with pytest.raises(EgressBroken, match="longer than 1000 bytes"):
                    await client.get(f"http://example.com/{path}")
        with pytest.raises(EgressBroken):  # whoever gathers it all is not given more than they said
            await egress.request("GET", "http://example.com/many", max_bytes=1000)
