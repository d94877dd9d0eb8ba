from __future__ import annotations

import asyncio

import pytest

from fairlead.telemetry.collector import FAILURES, collector_at
from tests.listening import listening


class Server:
    """Answers what it is told to answer, and may hang up after it."""

    def __init__(self) -> None:
        self.heard = list[tuple[str, bytes]]()
        self.connections = 0
        self.hangs_up = False
        self.answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nretry-after: 7\r\n\r\nok"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        while head := (await reader.readuntil(b"\r\n\r\n")).decode():
            length = next(line for line in head.lower().split("\r\n") if line.startswith("content-length"))
            self.heard.append((head, await reader.readexactly(int(length.partition(":")[2]))))
            writer.write(self.answer)
            if self.hangs_up:
                writer.close()
                return


async def test_one_connection_carries_all_and_says_what_was_answered() -> None:
    server = Server()
    async with listening(server.serve) as port:
        collector = collector_at(f"http://127.0.0.1:{port}/v1/traces?x=1")
        for body in (b"first", b"x" * 1_000_000):
            answer = await asyncio.to_thread(collector.post, body, {"api-key": "k"})
            assert (answer.status, answer.headers["Retry-After"], answer.content) == (200, "7", b"ok")
        collector.close()
    assert [body for _, body in server.heard] == [b"first", b"x" * 1_000_000]
    assert server.heard[0][0].startswith("POST /v1/traces?x=1 HTTP/1.1\r\n")
    assert "api-key: k\r\n" in server.heard[0][0]
    assert server.connections == 1


async def test_a_collector_that_hung_up_in_between_is_called_again() -> None:
    server = Server()
    server.hangs_up = True
    async with listening(server.serve) as port:
        collector = collector_at(f"http://127.0.0.1:{port}/v1/traces")
        for _ in range(3):
            assert (await asyncio.to_thread(collector.post, b"it", {})).status == 200
            await asyncio.sleep(0.05)
        collector.close()
    assert server.connections == 3


@pytest.mark.parametrize("answer", [b"", b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\nhalf"])
async def test_half_an_answer_is_a_failure_and_the_next_is_asked_anew(answer: bytes) -> None:
    server = Server()
    whole, server.answer, server.hangs_up = server.answer, answer, True
    async with listening(server.serve) as port:
        collector = collector_at(f"http://127.0.0.1:{port}/v1/traces")
        with pytest.raises(FAILURES):
            await asyncio.to_thread(collector.post, b"it", {})
        server.answer = whole
        assert (await asyncio.to_thread(collector.post, b"it", {})).content == b"ok"
        collector.close()


async def test_a_proxy_or_a_password_in_the_address_is_heeded(monkeypatch: pytest.MonkeyPatch) -> None:
    server = Server()
    async with listening(server.serve) as port:
        known = collector_at(f"http://user:word@127.0.0.1:{port}/v1/traces")
        assert (await asyncio.to_thread(known.post, b"it", {})).status == 200
        known.close()
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{port}")
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        behind = collector_at("http://collector.invalid/v1/traces")
        assert (await asyncio.to_thread(behind.post, b"it", {})).status == 200
        behind.close()
    assert "authorization: basic" in server.heard[0][0].lower()
    assert server.heard[1][0].startswith("POST http://collector.invalid/v1/traces HTTP/1.1\r\n")


@pytest.mark.parametrize("headers", [{"x-a": "1\r\nx-b: 2"}, {"x a": "1"}, {"x-a": "1\n"}])
def test_what_is_no_header_is_sent_to_nobody(headers: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="header can't have"):
        collector_at("http://127.0.0.1:9/v1/traces").post(b"", headers)
